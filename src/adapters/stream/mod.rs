//! Event streams as [`Stream`](futures_core::Stream)s: chunks to events, and events to chunks.
//!
//! **A client** calls [`events`](TransportExt::events) on what its HTTP library streams, such as the `bytes_stream()` of a
//! reqwest response:
//!
//! ```
//! use futures_util::StreamExt;
//! use sse_wire::stream::{StreamError, TransportExt};
//! # use futures_util::FutureExt;
//! # let chunks = ["id: 1\ndata: hel", "lo\n\n"].map(Ok::<_, std::io::Error>);
//! # let bytes_stream = futures_util::stream::iter(chunks);
//!
//! # async {
//! let mut events = bytes_stream.events();
//! while let Some(event) = events.next().await {
//!     match event {
//!         Ok(event) => println!("{}: {}", event.name(), event.data()),
//!         // One block was too large. The next is read.
//!         Err(StreamError::Parse(error)) => eprintln!("skipped: {error}"),
//!         // The connection broke: connect again, from this id on.
//!         Err(error) => eprintln!("{error}; the last id was {:?}", events.last_event_id()),
//!     }
//! }
//! # assert_eq!(events.last_event_id(), "1");
//! # }.now_or_never().unwrap();
//! ```
//!
//! **A relay** that passes on whole blocks, comments and unknown fields included, uses [`blocks`](TransportExt::blocks)
//! instead.
//!
//! **A server** calls [`encoded`](EncodeExt::encoded) on a stream of events, and passes the stream of [`Bytes`] to the HTTP
//! library. For hyper, axum and others that take an `http_body::Body`, the `body` module (feature `http-body`) does this
//! without copying large data, and with keep-alives.
//!
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use futures_util::{Stream, StreamExt};
//! use sse_wire::{Event, stream::EncodeExt};
//!
//! fn ticker(prices: impl Stream<Item = f64>) -> impl Stream<Item = Result<Bytes, Infallible>> {
//!     prices.map(|price| Event::new(&price.to_string()).into_owned()).encoded()
//! }
//! # use futures_util::FutureExt;
//! # let sent = std::pin::pin!(ticker(futures_util::stream::iter([42.17]))).next().now_or_never();
//! # assert_eq!(sent, Some(Some(Ok(Bytes::from("data: 42.17\n\n")))));
//! ```
//!
//! [`Bytes`]: bytes::Bytes

mod encode;
mod error;
mod parse;
mod transport;

pub use encode::{EncodeExt, EncodeItem, EncodedStream};
pub use error::StreamError;
pub use parse::{BlockStream, EventStream, Parts};
pub use transport::{Chunk, Transport, TransportExt};
