//! Event streams as bodies of HTTP messages, for what speaks [`http_body::Body`]: hyper, axum, tonic, tower-http.
//!
//! **A server** answers with an [`EventBody`]:
//!
//! ```
//! use std::convert::Infallible;
//! use futures_util::Stream;
//! use sse_wire::{Event, body::EventBody};
//!
//! fn response(
//!     events: impl Stream<Item = Event>,
//!     every_15_seconds: impl Stream, // such as tokio_stream's `IntervalStream`
//! ) -> http::Response<impl http_body::Body<Error = Infallible>> {
//!     let body = EventBody::new(events).keep_alive(every_15_seconds);
//!     http::Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
//! }
//! # let never = futures_util::stream::empty::<()>();
//! # assert_eq!(response(futures_util::stream::empty(), never).status(), 200);
//! ```
//!
//! **A client** reads any body through a [`DataStream`]:
//!
//! ```
//! use futures_util::StreamExt;
//! use sse_wire::{Event, body::{DataStream, EventBody}, stream::TransportExt};
//! # use futures_util::FutureExt;
//!
//! # async {
//! # let body = EventBody::new(futures_util::stream::iter([Event::new("hello").to_shared()]));
//! let mut events = DataStream::new(body).events();
//! while let Some(event) = events.next().await {
//!     assert_eq!(event?.data(), "hello");
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }.now_or_never().unwrap();
//! ```

mod chunk;
mod read;
mod write;

pub use chunk::{Chunk, IntoChunk};
pub use read::DataStream;
pub use write::{EventBody, NoTicks};
