//! The same exchanges with two clients: see `tests/exchanges`.
