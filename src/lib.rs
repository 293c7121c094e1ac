//! The wire protocol of Server-Sent Events (`text/event-stream`): an incremental [`Parser`] and a zero-copy encoder that do
//! no I/O, and fit any transport.
//!
//! The reference is the WHATWG HTML standard, [chapter 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//!
//! **In scope**: bytes to events and events to bytes, at any cut of the stream into chunks, and what the protocol decides
//! around them: reconnection ([`client`]) and replay ([`server`]).
//! **Out of scope**: HTTP, TLS, timers, redirects: a full client or server.
//! [`stream`], [`body`], [`io`], [`codec`] and [`http`] connect it to what transports already speak.
//!
//! # A client
//!
//! [`feed`](Parser::feed) the parser a chunk, read events until there is no more, then feed the next chunk.
//!
//! ```
//! use std::io::Read;
//! use sse_wire::Parser;
//!
//! # let mut connection: &[u8] = b": hi\n\nevent: price\nid: 7\ndata: 42.17\n\n";
//! let mut parser = Parser::new();
//! let mut buffer = [0; 16 * 1024];
//! loop {
//!     let read = connection.read(&mut buffer)?;
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
//! const PRICE: EventName = EventName::from_static("price");
//!
//! # use std::io::Write;
//! # let mut subscribers = [vec![], vec![]];
//! # let reading = String::from("42.17");
//! let event = Event::new(&reading).with_name(PRICE).with_id(EventId::new("7")?);
//! let bytes = event.encode();
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(&bytes)?;
//! }
//! // Now and then, so that nobody takes the connection for dead:
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(KEEP_ALIVE)?;
//! }
//! # assert_eq!(subscribers[0], b"event: price\nid: 7\ndata: 42.17\n\n:\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Encoder`] puts many events into one piece of memory, and takes data that comes in pieces; [`Event::as_buf`] and
//! [`OwnedEvent::into_buf`] are [`Buf`](bytes::Buf)s whose data is never copied. [`http`] has the headers that both sides send.
//!
//! Nothing that a user puts into an event can forge another field or event: [`EventName`] and [`EventId`] refuse what their
//! field cannot carry, data may hold anything, and so encoding cannot fail.
//!
//! # Relays and inspectors
//!
//! [`Feed::next_block`] shows everything that a block says, with or without an event, and a [`Block`] can be encoded again.
//! [`LineParser`] shows every line as bytes.
//!
//! # What it promises
//!
//! - Every byte sequence is an event stream: no panic, and no error but the limits (16 MiB for one event unless
//!   [set otherwise](Parser::with_max_event_size)), which refuse one block and let the caller go on.
//! - Events, errors and the state at the end do not depend on how the stream was cut into chunks.
//! - Linear time, also one byte at a time: each byte is searched for line ends once, and twice at most in chunks of 64 bytes
//!   and less.
//! - Borrowed parsing does not allocate once its buffers have grown, unless a block is cut that has a name or an id of more
//!   than 1 KiB, or data of more than some 60. An owned event of less than 2 KiB costs one allocation, a larger one one for
//!   each of its texts. The parser never keeps a chunk alive.
//! - `#![forbid(unsafe_code)]`; no clock, no I/O, no randomness.
//!
#![doc = include_str!("bounds.md")]
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | the fastest search for line ends that the processor offers, chosen at run time, vectored writes of an [`EncodedEvent`], and [`io`]: events out of a blocking reader and into a writer; without it the crate is `no_std` + `alloc` |
//! | `codec` | no | [`codec`]: events over any `AsyncRead` and `AsyncWrite`, by `tokio-util` |
//! | `http-body` | no | [`body`]: bodies of HTTP messages from streams of events, and back, for hyper, axum and others |
//! | `json` | no | JSON as data: [`OwnedEvent::json`], [`Event::parse_json`], [`Encoder::push_json`] |
//! | `serde` | no | [`OwnedEvent`] as a value that serde writes and reads |
//! | `simd` | yes | the UTF-8 check by `simdutf8` and the search for line ends by `wide`: up to several times faster |
//! | `stream` | no | [`stream`]: streams of chunks (reqwest's `bytes_stream`) to streams of events, and back |

#![forbid(unsafe_code)]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The links to what a feature adds are checked where every feature is.
#![cfg_attr(
    not(all(feature = "codec", feature = "http-body", feature = "json")),
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

/// The examples of the README compile.
#[cfg(all(doctest, feature = "codec", feature = "http-body", feature = "json"))]
#[doc = include_str!("../README.md")]
struct Readme;
