//! `sse-inspect check`: each verdict, on servers that are good or wrong in one way, and on servers by other authors.

mod foreign;
mod good;
mod head;
mod http;
mod load;
mod nginx;
mod stream;
mod support;
