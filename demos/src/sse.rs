//! The response of every application: an event stream with keep-alives, which ends when the server does.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use sse_wire::body::{BodyItem, EventBody};
use tokio_util::sync::CancellationToken;

/// Any error. In a stream it breaks the connection, so that clients see that the stream was cut.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long a stream is silent before a keep-alive is sent.
const KEEP_ALIVE_PERIOD: Duration = Duration::from_secs(15);

/// Sends what `items` yields, each item at once, until it ends or `shutdown` is cancelled.
///
/// When the client disconnects, the server drops the body, and `items` with it: whatever produces them stops at once.
pub fn event_stream<S>(items: S, shutdown: &CancellationToken) -> Response
where
    S: Stream<Item: BodyItem<Error: Into<Failure>>> + Send + 'static,
{
    let items = items.take_until(shutdown.clone().cancelled_owned());
    let body = EventBody::new(items).with_keep_alive(KEEP_ALIVE_PERIOD, tokio::time::sleep);
    body.into_response().map(Body::new)
}
