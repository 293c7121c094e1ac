//! Adapters to the traits of others, each behind its own feature. They stand on the public interface of the crate.

#[cfg(feature = "http-body")]
pub mod body;
#[cfg(feature = "stream")]
pub mod stream;
