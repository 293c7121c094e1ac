//! The parser and the encoder behind the traits that others have settled on, each behind its own feature. They stand on the
//! public interface alone.

#[cfg(feature = "http-body")]
pub mod body;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "std")]
pub mod io;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "stream")]
pub mod stream;
