//! The wire protocol of Server-Sent Events (`text/event-stream`): an incremental [`Parser`] and an [`Encoder`] that do
//! no I/O, and fit any transport.
//!
//! The reference is the WHATWG HTML standard, [chapter 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//!
//! **In scope**: bytes to events and events to bytes, at any cut of the stream into chunks, and what the protocol decides
//! around them: reconnection ([`client`]) and replay ([`server`]).
//! **Out of scope**: HTTP, TLS, timers, redirects: a full client or server.
//! [`stream`], [`body`], [`io`], [`codec`] and [`http`] plug it into what transports already speak.
//!
//! # A client
//!
//! Call [`next_event`](Parser::next_event) until it returns `None`, then bring the next chunk.
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
//!     let mut chunk = &buffer[..read];
//!     while let Some(event) = parser.next_event(&mut chunk)? {
//!         println!("{} ({}): {}", event.name(), event.last_event_id(), event.data());
//!     }
//! }
//! # assert_eq!(parser.last_event_id(), "7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Those events borrow from `buffer`: no allocation, no copy. With [`Bytes`](bytes::Bytes) chunks, as HTTP libraries
//! hand them out, [`next_event_shared`](Parser::next_event_shared) gives events that outlive the chunk and go to other
//! threads and tasks.
//!
//! # A server
//!
//! Build an event, encode it once, and send the same bytes to everyone.
//!
//! ```
//! use sse_wire::{Encoder, Event, KEEP_ALIVE};
//!
//! # use std::io::Write;
//! # let mut subscribers = [vec![], vec![]];
//! # let reading = String::from("42.17");
//! let mut encoder = Encoder::new();
//! let event = Event::new(reading).with_name("price".into())?.with_id("7".into())?;
//! let bytes = encoder.encode(&event);
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(&bytes)?;
//! }
//! // Now and then, so that nobody between here and there takes the connection for dead:
//! for subscriber in &mut subscribers {
//!     subscriber.write_all(KEEP_ALIVE)?;
//! }
//! # assert_eq!(subscribers[0], b"event: price\nid: 7\ndata: 42.17\n\n:\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`encode_into`](Encoder::encode_into) appends to a buffer of the caller's,
//! [`into_buf`](Event::into_buf) makes a [`Buf`](bytes::Buf) whose data is never copied, and
//! [`writer`](Encoder::writer) takes data that comes in pieces. [`http`] has the headers that both sides send.
//!
//! Nothing that a user puts into an event can forge another field or event: [`Event::with_name`] and
//! [`Event::with_id`] refuse what their field cannot carry, data may hold anything, and so encoding cannot fail.
//!
//! # Relays and inspectors
//!
//! [`LineParser`] shows every line, comments and unknown fields included; [`Parser::next_item`] shows the comments
//! between the events, for clients that want to see signs of life.
//!
//! # What it promises
//!
//! - Every byte sequence is an event stream: no panic, and no error but the size limit (16 MiB for one event unless
//!   [set otherwise](ParserBuilder::max_event_size)), which refuses one block and lets the caller go on.
//! - Events, errors and the state at the end do not depend on how the stream was cut into chunks.
//! - Linear time, also one byte at a time: each byte is looked at once for line ends, and twice at most where chunks are
//!   of 64 bytes and less.
//! - Borrowed parsing does not allocate once its buffers have grown (those for names and ids to 1 KiB, that for data to some
//!   60); the parser never keeps a caller's chunk alive.
//! - `#![forbid(unsafe_code)]`; no clock, no I/O, no randomness.
//!
#![doc = include_str!("bounds.md")]
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | the fastest line-end scan that the processor offers, chosen at run time, vectored writes of an [`EncodedEvent`], and [`io`]: events out of a blocking reader and into a writer; without it the crate is `no_std` + `alloc` |
//! | `codec` | no | [`codec`]: events over any `AsyncRead` and `AsyncWrite`, by `tokio-util` |
//! | `http-body` | no | [`body`]: bodies of HTTP messages from streams of events, and back, for hyper, axum and others |
//! | `json` | no | JSON as data: [`Event::json`], [`Event::parse_json`], and with `std` [`Encoder::encode_json`] |
//! | `simd` | yes | the UTF-8 check by `simdutf8`: several times faster on text that is not ASCII |
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
pub mod client;
mod encoder;
mod event;
mod field;
pub mod http;
mod line;
#[cfg(test)]
mod looked_at;
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
pub use bytestring::ByteString;
pub use encoder::{DataWriter, EncodedEvent, Encoder, KEEP_ALIVE};
pub use event::Event;
pub use field::{Field, FieldError};
pub use parser::{Item, Line, LineParser, ParseError, ParseErrorKind, Parser, ParserBuilder};

/// The examples of the README compile.
#[cfg(all(doctest, feature = "codec", feature = "http-body", feature = "json"))]
#[doc = include_str!("../README.md")]
struct Readme;
