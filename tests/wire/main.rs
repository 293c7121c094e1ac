//! The crate's tests from outside: what any user of it could see.

mod conformance;
mod connections;
mod counts;
mod drive;
mod facts;
#[cfg(feature = "std")]
mod io;
mod oracle;
mod properties;
