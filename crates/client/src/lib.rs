//! A client for Server-Sent Events (`text/event-stream`) on [reqwest](https://docs.rs/reqwest): for tokio, and for wasm32 in the
//! browser.
//!
//! | for | there is |
//! |---|---|
//! | one response, such as the answer of a language model | [`ResponseExt::event_stream`], an [`EventStream`] |
//! | events over as many connections as it takes | [`RequestBuilderExt::eventsource`], an [`EventSource`] |
//!
//! ```no_run
//! use sse_wire_client::{BoxError, ResponseExt};
//!
//! async fn print(request: reqwest::RequestBuilder) -> Result<(), BoxError> {
//!     let mut events = request.send().await?.event_stream()?;
//!     while let Some(event) = events.next().await {
//!         println!("{}", event?.data());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The [README](https://docs.rs/crate/sse-wire-client) has a program for each, and tables for those who come from another crate.
//! What events, ids and reconnection times are, and what a hostile server can do, is in the docs of [`sse_wire`].
//!
//! **In scope**: requests and responses of reqwest, timers, and what [`sse_wire::client`] decides.
//! **Out of scope**: TLS, proxies, redirects, HTTP/2 and compression, which are reqwest's.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What can go wrong, what is seen of it, and what happens next, with the test that shows it.
///
#[doc = include_str!("faults.md")]
#[cfg(all(doc, not(doctest)))]
pub mod faults {}

mod activity;
mod error;
mod event_source;
mod event_stream;
mod ext;
mod lines;
mod platform;
mod request;

pub use activity::Activity;
pub use error::{BoxError, Error, ErrorKind};
pub use event_source::{Event, EventSource, ResponseHead};
pub use event_stream::{EventStream, NotAnEventStream, StreamError};
pub use ext::{RequestBuilderExt, ResponseExt};
pub use request::{Attempt, IdIn, RequestError};
pub use sse_wire::client::{
    CloseReason, InvalidMimeType, NextTry, ReadyState, Reconnect, Rejection, Repeat, Responses,
};
pub use sse_wire::{Block, OwnedEvent, ParseError, Parser};
