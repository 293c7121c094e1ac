//! The client's side of the protocol, around a stream: which response opens it, when to connect again and after how long,
//! and when to stop ([9.2.2], [9.2.3]).
//!
//! An [`EventSource`] does no I/O, has no clock and draws no random numbers: the caller passes in statuses, bytes, the time
//! and random numbers, and it returns decisions. Times are [`Duration`](core::time::Duration)s since some start of the
//! caller's choice, such as `start.elapsed()` of an `Instant`.
//!
//! **In scope**: the headers of the request, the check of the response, events (it has a [`Parser`](crate::Parser)),
//! reconnection, and closing.
//!
//! **Out of scope**: HTTP, redirects (the HTTP client follows them), timers, sockets, CORS.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use sse_wire::client::{EventSource, ReceiveError};
//! # struct Response { status: u16, content_type: &'static str, chunks: Vec<&'static [u8]> }
//! # let mut responses = vec![
//! #     Response { status: 204, content_type: "", chunks: vec![] },
//! #     Response { status: 200, content_type: "text/event-stream", chunks: vec![b"id: 1\ndata: x\n\nda", b"ta: lost"] },
//! # ];
//! # let mut get = |headers: Vec<(&'static str, Vec<u8>)>| { assert!(headers.len() >= 2); responses.pop().unwrap() };
//! # let sleep = |_: Duration| ();
//! # let random = || 7;
//!
//! let clock = Instant::now();
//! let mut source = EventSource::new();
//! let reason = loop {
//!     let headers = source.request_headers().map(|(name, value)| (name, value.to_vec())).collect();
//!     let response = get(headers);
//!     if source.response(response.status, response.content_type, clock.elapsed()).is_ok() {
//!         'body: for chunk in response.chunks {
//!             let mut events = source.feed(chunk);
//!             loop {
//!                 match events.next_event() {
//!                     Ok(Some(event)) => println!("{}: {}", event.name(), event.data()),
//!                     Ok(None) => break,
//!                     Err(ReceiveError::Parse(error)) => eprintln!("skipped: {error}"),
//!                     // The source is closed by an end event.
//!                     Err(_) => break 'body,
//!                 }
//!             }
//!         }
//!     }
//!     match source.disconnected(clock.elapsed()) {
//!         Ok(next) => sleep(next.wait(random())),
//!         Err(reason) => break reason,
//!     }
//! };
//! assert_eq!(reason.to_string(), "204 No Content: the server wants no more connections");
//! ```
//!
//! [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//! [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model

mod event_source;
mod feed;
mod reconnect;
mod response;
mod state;

pub use event_source::EventSource;
pub use feed::{Feed, FeedBytes, OwnedBlocks, OwnedEvents, ReceiveError};
pub use reconnect::{NextTry, Reconnect};
pub use response::{Answer, InvalidMimeType, Rejection, Responses};
pub use state::{CloseReason, ReadyState, Repeat};
