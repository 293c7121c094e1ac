//! A feed that survives cut connections, and the restart of its server.
//!
//! It teaches replay. `publish` holds one lock while it puts an event into the buffer and hands it to the subscribers;
//! `subscribe` holds the same lock while it asks for what was missed and subscribes: between the two nothing falls out,
//! and nothing comes twice.
//!
//! A client whose last event ID is not known, because the buffer was lost, is sent `gone`, with the newest id, so that it
//! is up to date with that. What came before it would have to fetch from elsewhere; the page begins to count anew.
//!
//! **A slow client** that is `RING` events behind has a gap. Its connection is ended, and it comes back for what it
//! missed, if the buffer still has that.

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
use sse_wire::{Encoder, Event, FieldError};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

/// How many events a client may be behind.
const RING: usize = 64;

/// How long clients wait before they come back.
const RECONNECTION_TIME: Duration = Duration::from_millis(300);

#[derive(Serialize)]
struct Number {
    number: u64,
}

/// What one run of the server has.
struct State {
    replay: ReplayBuffer<CountedIds>,
    live: broadcast::Sender<Bytes>,
    number: u64,
    /// Cancelled to cut the connections that there are.
    cut: CancellationToken,
}

impl State {
    /// Ids begin with the time, so that no two runs have one in common.
    fn new() -> Result<State, Failure> {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        let (replay, live) = (ReplayBuffer::counted(epoch)?, broadcast::Sender::new(RING));
        Ok(State { replay, live, number: 0, cut: CancellationToken::new() })
    }

    fn publish(&mut self) -> Result<(), Failure> {
        self.number += 1;
        let bytes = self.replay.publish(&Event::json(&Number { number: self.number })?);
        // Where nobody listens, the buffer has it.
        let _ = self.live.send(bytes);
        Ok(())
    }

    /// What to send at once to a client with this last event ID.
    fn missed(&self, last_event_id: &[u8]) -> Result<Vec<Bytes>, FieldError> {
        if last_event_id.is_empty() {
            // A new client: from now on.
            return Ok(Vec::new());
        }
        match self.replay.since(last_event_id) {
            Ok(missed) => Ok(missed.cloned().collect()),
            Err(unknown) => {
                let gone = unknown.to_string();
                let gone = Event::new(gone.as_str()).with_name("gone")?.with_id(self.replay.last_event_id())?;
                Ok(vec![Encoder::new().encode(&gone)])
            }
        }
    }
}

/// The feed, for all who publish and subscribe.
#[derive(Clone)]
struct Feed(Arc<Mutex<State>>);

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events that a client missed, and then those to come, until its connection is cut.
    fn subscribe(&self, last_event_id: &[u8]) -> Result<impl Stream<Item = Result<Bytes, Failure>> + use<>, Failure> {
        let (missed, live, cut) = {
            let state = self.state();
            (state.missed(last_event_id)?, state.live.subscribe(), state.cut.clone())
        };
        let first = Encoder::new().retry(RECONNECTION_TIME);
        let now = stream::iter([first].into_iter().chain(missed)).map(Ok);
        // The only error is that it lagged. It breaks the connection.
        let live = BroadcastStream::new(live).map(|bytes| bytes.map_err(Failure::from));
        let uncut = now.chain(live).take_until(cut.cancelled_owned());
        // As a broken wire leaves it: half an event, which nobody may take for a whole one, and no end.
        let half = Bytes::from_static(b"id: never\ndata: {\"numb");
        Ok(uncut.chain(stream::iter([Ok(half), Err("the connection was cut".into())])))
    }

    /// Cuts all connections; those to come are not.
    fn cut(&self) {
        mem::take(&mut self.state().cut).cancel();
    }

    /// What a restart of the process would do: the buffer is lost, the numbers begin anew, the connections break.
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
/// If there is no time to be had for the ids.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Result<Router, Failure> {
    let feed = Feed(Arc::new(Mutex::new(State::new()?)));
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(publish(beat / 4, feed.clone())));
    let shutdown = shutdown.clone();
    let (cut, restart) = (feed.clone(), feed.clone());
    let answer = async move |headers: HeaderMap| -> Result<Response, StatusCode> {
        let last_event_id = headers.get(LAST_EVENT_ID).map_or(&b""[..], |id| id.as_bytes());
        let events = feed.subscribe(last_event_id).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(event_stream(events, &shutdown))
    };
    Ok(Router::new()
        .route("/feed/events", get(answer))
        .route("/feed/cut", post(async move || cut.cut()))
        .route("/feed/restart", post(async move || restart.restart().map_err(|error| error.to_string()))))
}

/// One number each `pause`.
async fn publish(pause: Duration, feed: Feed) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(pause);
    loop {
        interval.tick().await;
        feed.state().publish()?;
    }
}
