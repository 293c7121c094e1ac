//! The answer that all applications give: an event stream, with signs of life, that ends when the server does.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sse_wire::body::EventBody;
use sse_wire::http::RESPONSE_HEADERS;
use tokio::time::Instant;
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;

/// Whatever goes wrong. It breaks the connection, so that no client takes the end for a good one.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How often a quiet stream shows that it is alive.
const KEEP_ALIVE_PERIOD: Duration = Duration::from_secs(15);

/// Sends what `chunks` yields, each item as it comes, until it ends or `shutdown` comes.
///
/// When the client goes away, the server drops the body, and `chunks` with it: whatever makes them stops there and then.
pub fn event_stream(
    chunks: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
    shutdown: &CancellationToken,
) -> Response {
    let chunks = chunks.take_until(shutdown.clone().cancelled_owned());
    // The first tick of an `interval` is due at once.
    let ticks = tokio::time::interval_at(Instant::now() + KEEP_ALIVE_PERIOD, KEEP_ALIVE_PERIOD);
    let body = EventBody::new(chunks).keep_alive(IntervalStream::new(ticks));
    (RESPONSE_HEADERS, Body::new(body)).into_response()
}
