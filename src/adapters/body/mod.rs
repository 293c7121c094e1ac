//! Event streams as bodies of HTTP messages, for libraries that use [`http_body::Body`]: hyper, axum, tonic, tower-http.
//!
//! **A server** answers with an [`EventBody`]:
//!
//! ```
//! use std::time::Duration;
//! use futures_util::Stream;
//! use sse_wire::{OwnedEvent, body::EventBody};
//!
//! fn response(events: impl Stream<Item = OwnedEvent>) -> http::Response<impl http_body::Body> {
//!     EventBody::new(events).with_keep_alive(Duration::from_secs(15), tokio::time::sleep).into_response()
//! }
//! # assert_eq!(response(futures_util::stream::empty()).headers()["content-type"], "text/event-stream");
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
//! # let body = EventBody::new(futures_util::stream::iter([Event::new("hello").into_owned()]));
//! let mut events = DataStream::new(body).events();
//! while let Some(event) = events.next().await {
//!     assert_eq!(event?.data(), "hello");
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }.now_or_never().unwrap().unwrap();
//! ```
//!
//! **A relay** can pass on the bytes of another server as they come, and still report an error:
//!
//! ```
//! use bytes::Bytes;
//! use futures_util::{Stream, StreamExt, stream};
//! use sse_wire::body::{DataStream, EventBody, Piece};
//! use sse_wire::{Event, EventName};
//! # use futures_util::FutureExt;
//!
//! const ERROR: EventName = EventName::from_static("error");
//!
//! fn relay(upstream: impl Stream<Item = std::io::Result<Bytes>>) -> impl http_body::Body {
//!     EventBody::new(upstream.map(|chunk| match chunk {
//!         Ok(chunk) => Piece::Raw(chunk),
//!         Err(error) => Event::new(&error.to_string()).with_name(ERROR).into(),
//!     }))
//! }
//! # let chunks = [Ok("data: {\"half\": \"a J".into()), Err(std::io::Error::other("broken"))];
//! # let sent = DataStream::new(Box::pin(relay(stream::iter(chunks))));
//! # let sent: Vec<_> = sent.map(|sent| sent.unwrap_or_default()).collect().now_or_never().unwrap();
//! # assert_eq!(sent.concat(), b"data: {\"half\": \"a J\0\nevent: cut\n\nevent: error\ndata: broken\n\n");
//! ```
//!
//! # A block that was cut
//!
//! If the upstream of that relay fails within a block, what was sent of the block cannot be taken back. There are three ways
//! to go on:
//!
//! 1. **Send something else after it**, as above. The block must be ended first, or the two would become one. Before a piece
//!    that begins a block, an [`EventBody`] ends the one that [`Piece::Raw`] has left open:
//!
//!    - A line that was cut gets a NUL and its line end. Clients ignore an id with NUL, a retry time with NUL, and a field
//!      whose name has one ([9.2.6]); JSON cannot hold a NUL, so that a cut line is never valid JSON.
//!    - Then comes `event: cut`, and the blank line. If some data was sent, clients dispatch it as an event of the name `cut`
//!      (or [a name that you set](EventBody::with_cut_name)): listeners for other names, `message` included, never see it, but
//!      a client that ignores names does. If none was sent, clients dispatch nothing.
//!    - An id line and a retry line of that block take effect if they were sent whole. Clients that reconnect and go on from
//!      that id then miss the event that it belongs to.
//!
//! 2. **End the body with an error** ([`EventBody`] does if its source yields one). Clients discard the unfinished block, its
//!    id included, and connect again. This is right where clients go on from the last event ID.
//! 3. **Never send half a block**: relay `upstream.blocks()` ([`TransportExt::blocks`](crate::stream::TransportExt::blocks)),
//!    whose items are whole, and any event may follow. Each block is then held until it is complete.
//!
//! [`Tail`] tells where blocks end in bytes that do not pass through an [`EventBody`].
//!
//! [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

#[cfg(feature = "gzip")]
mod gzip;
mod keep_alive;
mod piece;
mod raw_start;
mod read;
mod response;
mod tail;
mod vectored;
mod write;

#[cfg(feature = "gzip")]
#[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
pub use gzip::GzipBody;
pub use piece::{BodyItem, Piece};
pub use read::DataStream;
pub use tail::Tail;
pub use vectored::VectoredBody;
pub use write::EventBody;
