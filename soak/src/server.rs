//! The server: publishes at a pace, and answers with event streams.
//!
//! Nothing is queued for a connection. Each one asks the replay buffer for what comes after the event that it sent last,
//! and waits when there is nothing. A slow reader so costs no more than a fast one: when it asks at last, what it wants may
//! be gone, and then it is told so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use fastrand::Rng;
use futures_util::{Stream, stream};
use sse_wire::body::EventBody;
use sse_wire::http::{LAST_EVENT_ID, RESPONSE_HEADERS};
use sse_wire::server::{CountedIds, ReplayBuffer};
use sse_wire::{Encoder, Event, FieldError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::IntervalStream;

use crate::bounds::Bounds;
use crate::expected::Series;
use crate::failure::Failure;
use crate::hostile;
use crate::run::Run;

/// The name of the first event for a client that has seen none. Its data is the newest id.
pub const BEGIN: &str = "begin";

/// The name of the event for a client whose id is not known, or no longer. Its data is the newest id.
pub const GONE: &str = "gone";

/// What the replay buffer holds at most: some seconds of the stream.
const MAX_EVENTS: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How often a stream on which nothing happens shows that it is alive.
const KEEP_ALIVE_PERIOD: Duration = Duration::from_millis(250);

/// What was published.
#[derive(Debug)]
struct History {
    replay: ReplayBuffer<CountedIds>,
    /// What it must know.
    bounds: Bounds,
}

impl History {
    /// Publishes, and checks which ids are known then: a buffer that forgets too early would only show as clients that are
    /// told so, which is nothing wrong by itself.
    fn publish(&mut self, series: Series, number: u64, event: &Event<String>) -> Result<(), Failure> {
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

/// What there is to be followed.
#[derive(Debug)]
pub struct Feed {
    series: Series,
    history: Mutex<History>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
}

impl Feed {
    /// With the first event, so that there is always a newest id.
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
        let failure = |error| Failure::error(format!("publishing event {number}"), &error);
        let event = self.series.published(number).map_err(failure)?;
        self.history().publish(self.series, number, &event)?;
        self.newest.send_replace(number);
        Ok(())
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that comes after this id, for ever.
    fn events(self: Arc<Self>, last_event_id: Vec<u8>) -> impl Stream<Item = Result<Bytes, FieldError>> {
        let newest = self.newest.subscribe();
        let subscription = Subscription { feed: self, newest, last_event_id };
        stream::try_unfold(subscription, async |mut subscription| {
            let bytes = subscription.next().await?;
            Ok(bytes.map(|bytes| (bytes, subscription)))
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
    async fn next(&mut self) -> Result<Option<Bytes>, FieldError> {
        loop {
            // What is published after this wakes the wait below.
            self.newest.borrow_and_update();
            if let Some(bytes) = self.look()? {
                return Ok(Some(bytes));
            }
            if self.newest.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The event after the one that was sent last, if there is one.
    fn look(&mut self) -> Result<Option<Bytes>, FieldError> {
        let history = self.feed.history();
        let newest = history.replay.last_event_id();
        let Ok(mut missed) = history.replay.since(&self.last_event_id) else {
            let name = if self.last_event_id.is_empty() { BEGIN } else { GONE };
            let event = Event::new(newest).with_name(name)?.with_id(newest)?;
            self.last_event_id = newest.into();
            return Ok(Some(Encoder::new().encode(&event)));
        };
        let Some(bytes) = missed.next() else { return Ok(None) };
        let later = u64::try_from(missed.len()).unwrap_or(u64::MAX);
        let series = self.feed.series;
        let number = series.number(newest).map_or(0, |newest| newest - later);
        self.last_event_id = series.id(number).into();
        Ok(Some(bytes.clone()))
    }
}

/// Publishes until the run comes to its end: in bursts, with pauses, some of them long.
pub async fn publish(run: Arc<Run>, feed: Arc<Feed>) -> Result<(), Failure> {
    let mut chance = Rng::with_seed(run.series.seed);
    while !run.is_ending() {
        for _ in 0..chance.u32(1..30) {
            feed.publish()?;
            run.counts.published.set(feed.newest());
        }
        let pause = if chance.u32(..50) == 0 { 1000 } else { chance.u64(..60) };
        sleep(Duration::from_millis(pause)).await;
    }
    Ok(())
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, feed: Arc<Feed>) -> Result<(), Failure> {
    let series = feed.series;
    let answer = async move |headers: HeaderMap| {
        let last_event_id = headers.get(LAST_EVENT_ID).map(|id| id.as_bytes().to_vec());
        event_stream(feed.events(last_event_id.unwrap_or_default()), KEEP_ALIVE_PERIOD)
    };
    let answer_hostile =
        async move |Path(round): Path<u64>| event_stream(hostile::pieces(series, round), hostile::KEEP_ALIVE_PERIOD);
    let routes = Router::new().route("/events", get(answer)).route("/hostile/{round}", get(answer_hostile));
    let listener = listener.tap_io(|connection| {
        // It would only be slower without.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, routes).await.map_err(|error| Failure::error("the server", &error))
}

fn event_stream(
    chunks: impl Stream<Item = Result<Bytes, FieldError>> + Send + 'static,
    keep_alive_period: Duration,
) -> Response {
    let ticks = tokio::time::interval_at(Instant::now() + keep_alive_period, keep_alive_period);
    let body = EventBody::new(chunks).keep_alive(IntervalStream::new(ticks));
    (RESPONSE_HEADERS, Body::new(body)).into_response()
}
