//! A feed that survives cut connections, and the restart of its server.
//!
//! It shows how to replay. `publish` holds a lock while it puts an event into the buffer and sends it to the subscribers;
//! `subscribe` holds the same lock while it looks up the missed events and subscribes. So no event is lost between the
//! two, and none is sent twice.
//!
//! A client whose last event ID is unknown, because the buffer was lost, is sent `gone` with the newest id, so that it is
//! up to date after it. It would have to fetch the missed events from elsewhere; the page starts to count again.
//!
//! **A slow client** that is more than `RING` events behind has a gap. Its connection is broken; it reconnects and gets
//! what it missed, if the buffer still holds that.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_wire::http::LAST_EVENT_ID;
use sse_wire::server::{CountedIds, ReplayBuffer};
use sse_wire::{Event, EventName, Head, OwnedEvent};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

/// How many events a client may be behind.
const RING: usize = 64;

/// How long clients wait before they reconnect: a block without an event.
const RECONNECTION_TIME: Head<'_> = Head::new().with_retry(Duration::from_millis(300));

const GONE: EventName<'_> = EventName::from_static("gone");

/// What a broken connection leaves behind: half an event, which no client may take for a whole one.
const HALF: Bytes = Bytes::from_static(b"id: never\ndata: {\"numb");

#[derive(Serialize)]
struct Number {
    number: u64,
}

/// The state of one run of the server.
struct State {
    replay: ReplayBuffer<CountedIds>,
    live: broadcast::Sender<Bytes>,
    number: u64,
    /// Cancelled to cut all current connections.
    cut: CancellationToken,
}

impl State {
    /// Ids begin with the time, so that no two runs have an id in common.
    fn new() -> Result<State, Failure> {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        let (replay, live) = (ReplayBuffer::counted(epoch)?, broadcast::Sender::new(RING));
        Ok(State { replay, live, number: 0, cut: CancellationToken::new() })
    }

    fn publish(&mut self) -> Result<(), Failure> {
        self.number += 1;
        let bytes = self.replay.publish(&OwnedEvent::json(Head::new(), &Number { number: self.number })?);
        // An error means that there are no subscribers. The buffer has the event.
        let _ = self.live.send(bytes);
        Ok(())
    }

    /// What to send at once to a client with this last event ID.
    fn missed(&self, last_event_id: &[u8]) -> Vec<Bytes> {
        if last_event_id.is_empty() {
            // A new client: from now on.
            return Vec::new();
        }
        match self.replay.since(last_event_id) {
            Ok(missed) => missed.cloned().collect(),
            Err(unknown) => {
                let newest = self.replay.last_event_id();
                vec![Event::new(&unknown.to_string()).with_name(GONE).with_optional_id(newest).encode()]
            }
        }
    }
}

/// The feed, shared by the publisher and all requests.
#[derive(Clone)]
struct Feed(Arc<Mutex<State>>);

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events that a client missed, and then new ones, until its connection is cut.
    fn subscribe(&self, last_event_id: &[u8]) -> impl Stream<Item = Result<Bytes, Failure>> + use<> {
        let (missed, live, cut) = {
            let state = self.state();
            (state.missed(last_event_id), state.live.subscribe(), state.cut.clone())
        };
        let first = [RECONNECTION_TIME.encode()].into_iter().chain(missed);
        // The only error is that the client is too far behind. It breaks the connection.
        let live = BroadcastStream::new(live).map(|bytes| bytes.map_err(Failure::from));
        let until_cut = stream::iter(first).map(Ok).chain(live).take_until(cut.cancelled_owned());
        until_cut.chain(stream::iter([Ok(HALF), Err("the connection was cut".into())]))
    }

    /// Cuts all current connections.
    fn cut(&self) {
        mem::take(&mut self.state().cut).cancel();
    }

    /// As a restart of the process: the buffer is lost, the numbers start again at 1, and the connections break.
    fn restart(&self) -> Result<(), Failure> {
        let new = State::new()?;
        mem::replace(&mut *self.state(), new).cut.cancel();
        Ok(())
    }
}

/// `GET /feed/events`, `POST /feed/cut` and `POST /feed/restart`. Starts to publish.
///
/// # Errors
///
/// If the system's clock is before 1970: ids are made of the time.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Result<Router, Failure> {
    let feed = Feed(Arc::new(Mutex::new(State::new()?)));
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(publish(beat / 4, feed.clone())));
    let shutdown = shutdown.clone();
    let (cut, restart) = (feed.clone(), feed.clone());
    let answer = async move |headers: HeaderMap| -> Result<Response, StatusCode> {
        let last_event_id = headers.get(LAST_EVENT_ID).map_or(&b""[..], |id| id.as_bytes());
        let events = feed.subscribe(last_event_id);
        Ok(event_stream(events, &shutdown))
    };
    Ok(Router::new()
        .route("/feed/events", get(answer))
        .route("/feed/cut", post(async move || cut.cut()))
        .route("/feed/restart", post(async move || restart.restart().map_err(|error| error.to_string()))))
}

/// Publishes a number every `pause`.
async fn publish(pause: Duration, feed: Feed) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(pause);
    loop {
        interval.tick().await;
        feed.state().publish()?;
    }
}
