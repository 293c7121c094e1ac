//! Tests of the public interface.

mod attacks;
#[cfg(feature = "http-body")]
mod body;
mod bounds;
mod client;
#[cfg(feature = "codec")]
mod codec;
mod conformance;
mod connections;
mod counts;
mod drive;
mod endings;
mod facts;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "std")]
mod io;
mod oracle;
mod policy;
mod properties;
mod replay;
#[cfg(feature = "stream")]
mod script;
mod simulation;
#[cfg(feature = "stream")]
mod stream;
