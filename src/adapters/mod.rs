//! The parser and the encoder behind the traits that others have settled on, each behind a feature of its own.

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
