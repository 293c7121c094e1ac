//! A client for Server-Sent Events on [reqwest], natively with tokio and in the browser.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

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
pub use sse_wire::client::{CloseReason, NextTry, ReadyState, Reconnect, Rejection, Repeat, Responses};
pub use sse_wire::{OwnedEvent, ParseError, Parser};
