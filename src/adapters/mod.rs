//! The parser and the encoder behind the traits that others have settled on. They stand on the public interface alone.

#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "std")]
pub mod io;
#[cfg(feature = "json")]
mod json;
