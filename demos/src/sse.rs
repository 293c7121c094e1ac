//! The response of every application: an event stream with keep-alives, which ends when the server does.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use sse_wire::body::{BodyItem, DataStream, EventBody};
use sse_wire::http::RESPONSE_HEADERS;
use tokio::time::Instant;
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;

/// Any error. In a stream it breaks the connection, so that clients see that the stream was cut.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How often a keep-alive is sent while there is nothing else to send.
const KEEP_ALIVE_PERIOD: Duration = Duration::from_secs(15);

/// Sends what `items` yields, each item at once, until it ends or `shutdown` is cancelled.
///
/// When the client disconnects, the server drops the body, and `items` with it: whatever produces them stops at once.
pub fn event_stream<S>(items: S, shutdown: &CancellationToken) -> Response
where
    S: Stream<Item: BodyItem<Error: Into<Failure>>> + Send + 'static,
{
    let items = items.take_until(shutdown.clone().cancelled_owned());
    // The first tick of an `interval` is due at once.
    let ticks = tokio::time::interval_at(Instant::now() + KEEP_ALIVE_PERIOD, KEEP_ALIVE_PERIOD);
    let body = EventBody::new(items).with_keep_alive(IntervalStream::new(ticks));
    // A body of axum has `Bytes` as its data, and that of an `OwnedEvent` is another type.
    (RESPONSE_HEADERS, Body::from_stream(DataStream::new(body))).into_response()
}
