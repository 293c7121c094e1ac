//! Random numbers: the smallest server.
//!
//! It shows how to make and send events: with an id, with JSON as data, and with a name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_wire::{EventId, EventName, OwnedEvent};
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

const STATUS: EventName<'_> = EventName::from_static("status");

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
    let answer = move || async move { event_stream(numbers(beat), &shutdown) };
    Router::new().route("/numbers/events", get(answer))
}

/// One number a beat, and before every fifth a `status` event.
fn numbers(beat: Duration) -> impl Stream<Item = Result<OwnedEvent, Failure>> {
    let ticks = IntervalStream::new(tokio::time::interval(beat)).enumerate();
    ticks.flat_map(|(sent, _)| {
        let status = (sent % STATUS_EVERY == 0).then(|| Ok(status(sent)));
        stream::iter(status.into_iter().chain([number()]))
    })
}

fn number() -> Result<OwnedEvent, Failure> {
    let id = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let data = Number { id, number: fastrand::u32(..1000) };
    Ok(OwnedEvent::json(EventId::new(&id.to_string())?, &data)?)
}

fn status(sent: usize) -> OwnedEvent {
    OwnedEvent::new(STATUS, format!("{sent} numbers so far"))
}
