//! A clock for everyone.
//!
//! It teaches to broadcast: each event is encoded once, and all subscribers are given the same [`Bytes`]. Who goes away is
//! no longer counted, because the server drops the body, and with it the receiver.
//!
//! **A slow client** slows nobody down, since the ticker waits for no one, and takes no memory, since all receivers share
//! one ring of `RING` chunks. Once it is that far behind, it skips to now, and is told how many events it missed: for a
//! clock, old times are of no use. The feed decides otherwise.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use sse_wire::{Encoder, Event};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

/// How many chunks a client may be behind.
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

/// At each beat, the time and the number of those who are told.
async fn tick(beat: Duration, ticks: broadcast::Sender<Bytes>) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(beat);
    let mut encoder = Encoder::new();
    loop {
        interval.tick().await;
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let time = encoder.encode_json(&Event::new(""), &Time { timestamp })?;
        let count = ticks.receiver_count().to_string();
        let subscribers = encoder.encode(&Event::new(count.as_str()).with_name("subscribers")?);
        for bytes in [time, subscribers] {
            // Where nobody listens there is nobody to miss it.
            let _ = ticks.send(bytes);
        }
    }
}

fn subscription(ticks: &broadcast::Sender<Bytes>) -> impl Stream<Item = Result<Bytes, Failure>> + use<> {
    BroadcastStream::new(ticks.subscribe()).map(|bytes| match bytes {
        Ok(bytes) => Ok(bytes),
        Err(BroadcastStreamRecvError::Lagged(missed)) => {
            let missed = missed.to_string();
            Ok(Encoder::new().encode(&Event::new(missed.as_str()).with_name("skipped")?))
        }
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
            addresses.push(subscription.next().await.unwrap().unwrap().as_ptr());
        }
        assert_eq!(addresses[0], addresses[1], "nothing was encoded or copied for one of them");
    }

    #[tokio::test]
    async fn who_is_too_slow_skips_to_now_and_is_told() {
        let ticks = broadcast::Sender::new(RING);
        let mut slow = subscription(&ticks);
        for number in 0..RING + 3 {
            ticks.send(Bytes::from(number.to_string())).unwrap();
        }
        assert_eq!(slow.next().await.unwrap().unwrap(), "event: skipped\ndata: 3\n\n");
        assert_eq!(slow.next().await.unwrap().unwrap(), "3");
    }
}
