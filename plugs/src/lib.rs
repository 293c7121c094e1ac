//! What `sse-wire` meets in real use: see `tests/`.
