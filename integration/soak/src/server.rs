//! The server: publishes at a pace, and answers with event streams.
//!
//! Nothing is queued for a connection. Each one looks up in the replay buffer what comes after the event that it sent last,
//! and waits if there is nothing. So a slow client costs no more than a fast one. When its connection looks again, the
//! events may be gone, and then the client is told so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use fastrand::Rng;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::body::EventBody;
use sse_wire::http::last_event_id;
use sse_wire::server::{CountedIds, ReplayBuffer};
use sse_wire::{Event, EventId, EventName, FieldError, OwnedEvent};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bounds::Bounds;
use crate::expected::Series;
use crate::failure::Failure;
use crate::hostile;
use crate::run::Run;

/// The name of the first event for a client that has seen none. Its data is the newest id.
pub const BEGIN: EventName<'static> = EventName::from_static("begin");

/// The name of the event for a client whose id is not known, or no longer. Its data is the newest id.
pub const GONE: EventName<'static> = EventName::from_static("gone");

/// What the replay buffer holds at most: some seconds of the stream.
const MAX_EVENTS: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// About how many events a second are published at most.
pub const MAX_RATE: u8 = 250;

/// How often a stream without events sends a keep-alive.
const KEEP_ALIVE_PERIOD: Duration = Duration::from_millis(250);

/// The events that were published.
#[derive(Debug)]
struct History {
    replay: ReplayBuffer<CountedIds>,
    /// How many events it must hold.
    bounds: Bounds,
}

impl History {
    /// Publishes, and then checks which ids are known. Clients alone would not show that a buffer drops events too early:
    /// they would be told that events are gone, which is no failure.
    fn publish(&mut self, series: Series, number: u64, event: &OwnedEvent) -> Result<(), Failure> {
        self.bounds.publish(self.replay.publish(event).len());
        let held = self.bounds.held();
        let known = |missed: usize| {
            let last = number.checked_sub(u64::try_from(missed).ok()?)?;
            self.replay.since(series.id(last)).ok().map(|missed| missed.len())
        };
        // Number 0 is no event.
        let oldest = if u64::try_from(held) == Ok(number) { held - 1 } else { held };
        match (known(oldest), known(held + 1)) {
            (Some(missed), None) if missed == oldest => Ok(()),
            seen => {
                let expected = format!("{held} events to be held");
                Err(Failure::new(format!("publishing event {number}"), expected, format!("{seen:?}")))
            }
        }
    }
}

/// The stream that clients follow.
#[derive(Debug)]
pub struct Feed {
    series: Series,
    history: Mutex<History>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
}

impl Feed {
    /// A feed with one event, so that there is always a newest id.
    pub fn new(series: Series) -> Result<Feed, Failure> {
        let replay = ReplayBuffer::counted(series.epoch()).map_err(|error| Failure::error("the epoch", &error))?;
        let replay = replay.with_max_events(MAX_EVENTS).with_max_bytes(MAX_BYTES);
        let history = Mutex::new(History { replay, bounds: Bounds::new(MAX_EVENTS, MAX_BYTES) });
        let feed = Feed { series, history, newest: watch::Sender::new(0) };
        feed.publish()?;
        Ok(feed)
    }

    /// The number of the newest event.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    fn publish(&self) -> Result<(), Failure> {
        let number = self.newest() + 1;
        self.history().publish(self.series, number, &self.series.published(number))?;
        self.newest.send_replace(number);
        Ok(())
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything after this id, without end.
    fn events(self: Arc<Self>, last_event_id: Vec<u8>) -> impl Stream<Item = Bytes> {
        let newest = self.newest.subscribe();
        let subscription = Subscription { feed: self, newest, last_event_id };
        stream::unfold(subscription, async |mut subscription| {
            let bytes = subscription.next().await?;
            Some((bytes, subscription))
        })
    }
}

/// One connection.
struct Subscription {
    feed: Arc<Feed>,
    newest: watch::Receiver<u64>,
    /// Of the event that was sent last.
    last_event_id: Vec<u8>,
}

impl Subscription {
    /// The next event; `None` once there will be no more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // An event that is published after this ends the wait below.
            self.newest.borrow_and_update();
            if let Some(bytes) = self.look() {
                return Some(bytes);
            }
            self.newest.changed().await.ok()?;
        }
    }

    /// The event after the one that was sent last, if there is one.
    fn look(&mut self) -> Option<Bytes> {
        let history = self.feed.history();
        let newest = history.replay.last_event_id().unwrap_or(EventId::from_static(""));
        let Ok(mut missed) = history.replay.since(&self.last_event_id) else {
            let name = if self.last_event_id.is_empty() { BEGIN } else { GONE };
            let event = Event::new(newest.as_str()).with_name(name).with_id(newest);
            self.last_event_id = newest.as_str().into();
            return Some(event.encode());
        };
        let bytes = missed.next()?.clone();
        let later = u64::try_from(missed.len()).unwrap_or(u64::MAX);
        let series = self.feed.series;
        let number = series.number(newest.as_str()).map_or(0, |newest| newest - later);
        self.last_event_id = series.id(number).into();
        Some(bytes)
    }
}

/// Publishes until the run is ending: in bursts, with pauses, some of them long. `rate` is about how many a second.
pub async fn publish(run: Arc<Run>, feed: Arc<Feed>, rate: u8) -> Result<(), Failure> {
    let mut chance = Rng::with_seed(run.series.seed);
    let period = |rate: u8| Duration::from_secs(1) / u32::from(rate);
    let slower = period(rate).saturating_sub(period(MAX_RATE));
    while !run.is_ending() {
        let burst = chance.u32(1..30);
        for _ in 0..burst {
            feed.publish()?;
            run.counts.published.set(feed.newest());
        }
        let pause = if chance.u32(..50) == 0 { 1000 } else { chance.u64(..60) };
        run.sleep(Duration::from_millis(pause) + slower * burst).await;
    }
    Ok(())
}

/// Answers requests until it is dropped.
pub async fn serve(listener: TcpListener, feed: Arc<Feed>) -> Result<(), Failure> {
    let series = feed.series;
    let answer = async move |headers: HeaderMap| {
        let last_event_id = last_event_id(&headers).unwrap_or_default().to_vec();
        let body = EventBody::new(feed.events(last_event_id).map(Ok::<_, FieldError>));
        body.with_keep_alive(KEEP_ALIVE_PERIOD, sleep).into_response().map(Body::new)
    };
    // Without keep-alives, which could make a block larger than its limit: what is expected is exact.
    let answer_hostile = async move |Path(round): Path<u64>| {
        EventBody::new(hostile::pieces(series, round)).into_response().map(Body::new)
    };
    let routes = Router::new().route("/events", get(answer)).route("/hostile/{round}", get(answer_hostile));
    let listener = listener.tap_io(|connection| {
        // An error does not matter: it would only be slower.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, routes).await.map_err(|error| Failure::error("the server", &error))
}
