//! Where a stream comes from.

pub mod http;
