//! The wire protocol of Server-Sent Events (`text/event-stream`): an incremental [`Parser`] and an encoder that do no I/O and
//! fit any transport.
//!
//! The reference is the WHATWG HTML standard, [chapter 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//!
//! **In scope**: bytes to events and events to bytes, at any cut of the stream into chunks, and what the protocol decides
//! around them: reconnection ([`client`]) and replay ([`server`]).
//! **Out of scope**: HTTP, TLS, timers, redirects: a full client or server.
//!
//! # A client
//!
//! [`feed`](Parser::feed) the parser a chunk, read events until there is no more, then feed the next chunk.
//!
//! ```
//! use std::io::Read;
//! use sse_wire::{Parser, http};
//!
//! # let (status, content_type) = (200, "text/event-stream");
//! # let mut body: &[u8] = b": hi\n\nevent: price\nid: 7\ndata: 42.17\n\n";
//! if status != 200 || !http::is_event_stream(content_type) {
//!     return Err(format!("not an event stream: status {status}, {content_type}").into());
//! }
//! let mut parser = Parser::new();
//! let mut buffer = [0; 16 * 1024];
//! loop {
//!     let read = body.read(&mut buffer)?;
//!     if read == 0 {
//!         break;
//!     }
//!     let mut events = parser.feed(&buffer[..read]);
//!     while let Some(event) = events.next_event()? {
//!         println!("{} ({}): {}", event.name(), event.last_event_id(), event.data());
//!     }
//! }
//! # assert_eq!(parser.last_event_id(), "7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Those events borrow from `buffer`: no allocation, no copy. [`Feed::owned`] and [`Parser::feed_bytes`] are ordinary
//! iterators of events that go to other threads and tasks.
//!
//! # A server
//!
//! Build an event, encode it once, and send the same bytes to everyone.
//!
//! ```
//! use sse_wire::{Event, EventId, EventName, KEEP_ALIVE};
//!
//! const PRICE: EventName = EventName::from_static("price"); // checked when compiling
//!
//! # use std::io::Write;
//! # let mut subscribers = [vec![], vec![]];
//! # let reading = String::from("42.17");
//! let event = Event::new(&reading).with_name(PRICE).with_id(EventId::new("7")?);
//! let bytes = event.encode();
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(&bytes)?;
//! }
//! // Every 15 seconds or so, so that nothing between server and client closes a silent connection:
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(KEEP_ALIVE)?;
//! }
//! # assert_eq!(subscribers[0], b"event: price\nid: 7\ndata: 42.17\n\n:\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to go
//!
//! | to | see |
//! |---|---|
//! | read the stream of a language model | [`guide::llm`] |
//! | write a server with axum or hyper | [`guide::server`], [`body`] |
//! | reconnect, and replay what a client missed | [`guide::resume`], [`client`], [`server`] |
//! | pass on the stream of another server, or inspect it | [`guide::relay`], [`Block`], [`LineParser`] |
//! | come from another crate | [`guide::migrate`] |
//! | use it with async streams, blocking I/O, tokio's codecs | [`stream`], [`io`], [`codec`] |
//! | write many events into one piece of memory, or data in pieces | [`Encoder`] |
//! | send large data without a copy | [`OwnedEvent::into_buf`], [`Event::as_buf`] |
//! | know what a hostile peer can make the process hold | [`guide::bounds`] |
//!
//! # What it promises
//!
//! - Every byte sequence is an event stream: no panic, and no error but the limits (16 MiB for one event unless
//!   [set otherwise](Parser::with_max_event_size)). A block that exceeds one is an error, once; then the stream goes on.
//! - Events, errors and the state at the end do not depend on how the stream was cut into chunks.
//! - Nothing that a user puts into an event can forge another field or event: [`EventName`] and [`EventId`] refuse what
//!   their field cannot carry, data may hold anything, and so encoding cannot fail.
//! - Time is linear and memory is [bounded](guide::bounds), also one byte at a time. An owned event of less than 2 KiB costs
//!   one allocation, a borrowed one usually none.
//! - `#![forbid(unsafe_code)]`; no clock, no randomness, and no I/O but on the readers and writers that [`io`] is given.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | the fastest search for line ends that the processor offers, chosen at run time, vectored writes of an [`EncodedEvent`], and [`io`]; without it the crate is `no_std` + `alloc` |
//! | `simd` | yes | the UTF-8 check by `simdutf8` and the search for line ends by `wide`: up to several times faster |
//! | `stream` | no | [`stream`]: streams of chunks (reqwest's `bytes_stream`) to streams of events, and back |
//! | `http-body` | no | [`body`]: bodies of HTTP messages from streams of events, and back, for hyper, axum and others |
//! | `gzip` | no | [`EventBody::into_gzip_response`](body::EventBody::into_gzip_response): bodies that are compressed for the clients that ask for it |
//! | `codec` | no | [`codec`]: events over any `AsyncRead` and `AsyncWrite`, by `tokio-util` |
//! | `retry-after` | no | [`http::retry_after`], for clients: its dates are read by `httpdate` |
//! | `json` | no | JSON as data: [`OwnedEvent::json`], [`Event::parse_json`], [`Encoder::push_json`] |
//! | `serde` | no | [`OwnedEvent`] as a value that serde writes and reads |

#![forbid(unsafe_code)]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The links to what a feature adds are checked where every feature is.
#![cfg_attr(
    not(all(feature = "codec", feature = "gzip", feature = "json", feature = "retry-after")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;

mod adapters;
mod block;
pub mod client;
mod decode;
mod encoder;
mod event;
mod field;
// Documentation only. Its examples use other libraries, so they are compiled in `integration/adapters`.
#[cfg(all(doc, not(doctest)))]
pub mod guide;
pub mod http;
mod line_parser;
mod lines;
#[cfg(test)]
mod looked_at;
mod names;
mod owned;
mod parser;
pub mod server;

#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub use adapters::body;
#[cfg(feature = "codec")]
#[cfg_attr(docsrs, doc(cfg(feature = "codec")))]
pub use adapters::codec;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use adapters::io;
#[cfg(feature = "stream")]
#[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
pub use adapters::stream;
pub use block::{Block, BlockLine, BlockLines, OwnedBlock};
pub use bytestring::ByteString;
pub use encoder::{Comment, DataWriter, Encode, EncodedEvent, Encoder, KEEP_ALIVE};
pub use event::{Event, Head};
pub use field::Field;
pub use line_parser::{Line, LineFeed, LineParser};
pub use names::{EventId, EventName, FieldError};
pub use owned::{EventParts, OwnedEvent};
pub use parser::{Feed, FeedBytes, OwnedBlocks, OwnedEvents, ParseError, ParseErrorKind, Parser};
