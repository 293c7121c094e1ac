//! A clock for everyone.
//!
//! It shows how to broadcast: each beat is encoded once, and all subscribers share the same [`Bytes`]. A client that
//! disconnects is no longer counted, because the server drops the body, and the receiver with it.
//!
//! **A slow client** does not slow down the others, since the ticker never waits, and takes no additional memory, since all
//! receivers share one ring of `RING` beats. A client that is further behind skips to the current time, and is told how many
//! beats it missed: old times are of no use. The feed does it differently.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use sse_wire::{Encoder, Event, EventName, Head};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

const SUBSCRIBERS: EventName<'_> = EventName::from_static("subscribers");
const SKIPPED: EventName<'_> = EventName::from_static("skipped");

/// How many beats a client may be behind.
const RING: usize = 16;

#[derive(Serialize)]
struct Time {
    /// Milliseconds since 1970.
    timestamp: u128,
}

/// `GET /clock/events`. Starts the ticker.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Router {
    let ticks = broadcast::Sender::new(RING);
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(tick(beat, ticks.clone())));
    let shutdown = shutdown.clone();
    Router::new().route("/clock/events", get(async move || event_stream(subscription(&ticks), &shutdown)))
}

/// Sends the time and the number of subscribers at each beat.
async fn tick(beat: Duration, ticks: broadcast::Sender<Bytes>) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(beat);
    let mut encoder = Encoder::new();
    loop {
        interval.tick().await;
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        encoder.push_json(Head::new(), &Time { timestamp })?;
        encoder.push(Event::new(&ticks.receiver_count().to_string()).with_name(SUBSCRIBERS));
        // An error means that there are no subscribers.
        let _ = ticks.send(encoder.take());
    }
}

fn subscription(ticks: &broadcast::Sender<Bytes>) -> impl Stream<Item = Bytes> + use<> {
    BroadcastStream::new(ticks.subscribe()).map(|beat| match beat {
        Ok(bytes) => bytes,
        Err(BroadcastStreamRecvError::Lagged(missed)) => Event::new(&missed.to_string()).with_name(SKIPPED).encode(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_subscribers_share_the_same_bytes() {
        let ticks = broadcast::Sender::new(RING);
        let mut subscriptions = [subscription(&ticks), subscription(&ticks)];
        ticks.send(Bytes::from(String::from("data: x\n\n"))).unwrap();
        let mut addresses = Vec::new();
        for subscription in &mut subscriptions {
            addresses.push(subscription.next().await.unwrap().as_ptr());
        }
        assert_eq!(addresses[0], addresses[1], "nothing was encoded or copied for one of them");
    }

    #[tokio::test]
    async fn a_client_that_is_too_slow_skips_to_the_current_time_and_is_told() {
        let ticks = broadcast::Sender::new(RING);
        let mut slow = subscription(&ticks);
        for number in 0..RING + 3 {
            ticks.send(Bytes::from(number.to_string())).unwrap();
        }
        assert_eq!(slow.next().await.unwrap(), "event: skipped\ndata: 3\n\n");
        assert_eq!(slow.next().await.unwrap(), "3");
    }
}
