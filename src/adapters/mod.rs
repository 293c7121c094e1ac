//! The parser and the encoder for the traits of other crates, one feature for each.

#[cfg(feature = "http-body")]
pub mod body;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "std")]
pub mod io;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "stream")]
pub mod stream;
