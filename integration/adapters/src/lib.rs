//! This crate holds only tests: `tests/` has one file for each library or use.
