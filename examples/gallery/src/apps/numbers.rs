//! Random numbers: the smallest server.
//!
//! It teaches how events are made and sent: an id, JSON as data, and events with a name beside those without.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_wire::Event;
use sse_wire::stream::EncodeExt;
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

/// After how many numbers there is a `status` event.
const STATUS_EVERY: usize = 5;

#[derive(Serialize)]
struct Number {
    /// Milliseconds since 1970.
    id: u128,
    number: u32,
}

/// `GET /numbers/events`.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Router {
    let shutdown = shutdown.clone();
    let answer = move || async move { event_stream(numbers(beat).encoded(), &shutdown) };
    Router::new().route("/numbers/events", get(answer))
}

/// One number a beat, after a `status` event, and one more of these now and then.
fn numbers(beat: Duration) -> impl Stream<Item = Result<Event, Failure>> {
    let ticks = IntervalStream::new(tokio::time::interval(beat)).enumerate();
    ticks.flat_map(|(sent, _)| {
        let status = (sent % STATUS_EVERY == 0).then(|| status(sent));
        stream::iter(status.into_iter().chain([number()]))
    })
}

fn number() -> Result<Event, Failure> {
    let id = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok(Event::json(&Number { id, number: fastrand::u32(..1000) })?.with_id(id.to_string().into())?)
}

fn status(sent: usize) -> Result<Event, Failure> {
    Ok(Event::new(format!("{sent} numbers so far").into()).with_name("status".into())?)
}
