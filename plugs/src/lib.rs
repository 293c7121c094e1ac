//! Nothing but tests: `tests/` has one file for each use.
