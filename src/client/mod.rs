//! What the protocol decides on the client's side, around a stream: which response opens it, when to connect again and
//! after how long, and when it is over ([9.2.2], [9.2.3]).
//!
//! An [`EventSource`] does no I/O. It has no clock and draws no random numbers: statuses, bytes, durations and randomness
//! are passed in, and decisions come out as values.
//!
//! **In scope**: the headers of the request, the check of the response, events (by a [`Parser`](crate::Parser) of its own),
//! reconnection, and the end.
//! **Out of scope**: HTTP, redirects (the HTTP client follows them), timers, sockets, CORS.
//!
//! ```
//! use std::time::Duration;
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
//! let mut source = EventSource::new();
//! let why = loop {
//!     let headers = source.request_headers().map(|(name, value)| (name, value.to_vec())).collect();
//!     let response = get(headers);
//!     let mut open_for = Duration::ZERO;
//!     if source.response(response.status, response.content_type).is_ok() {
//!         'body: for mut chunk in response.chunks {
//!             loop {
//!                 match source.next_event(&mut chunk) {
//!                     Ok(Some(event)) => println!("{}: {}", event.name(), event.data()),
//!                     Ok(None) => break,
//!                     Err(ReceiveError::Parse(error)) => eprintln!("skipped {error}"),
//!                     // The end event came.
//!                     Err(_) => break 'body,
//!                 }
//!             }
//!         }
//!         open_for = Duration::from_secs(9); // as your clock says
//!     }
//!     match source.disconnected(open_for, random()) {
//!         Ok(wait) => sleep(wait),
//!         Err(why) => break why,
//!     }
//! };
//! assert_eq!(why.to_string(), "204 No Content: the server wants no more connections");
//! ```
//!
//! [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//! [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model

mod event_source;
mod reconnect;
mod response;

pub use event_source::{Closed, EventSource, EventSourceBuilder, ReadyState, ReceiveError};
pub use reconnect::Reconnect;
pub use response::Rejection;
