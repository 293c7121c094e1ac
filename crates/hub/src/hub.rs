//! Topics and their subscribers.

use core::fmt;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sse_wire::Event;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::engine::{After, BoxFuture, Engine, EngineError, Id, Page, Presence, Topic};
use crate::follow::Follower;
use crate::limits::Limits;
use crate::live::{Live, Place};
use crate::memory::Memory;
use crate::subscription::{Begin, Start, Subscription, bounded};
use crate::trace;

/// How long a subscriber of a new topic waits for the engine.
const OPENING: Duration = Duration::from_secs(5);

/// Publishes events to topics, and has their subscribers. Cheap to clone. Subscriptions keep it alive.
///
/// ```
/// use sse_wire::Event;
/// use sse_wire_hub::{Hub, Limits, Start};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
///
/// let hub = Hub::in_memory(Limits::default());
/// let first = hub.publish("orders", Event::new("one")).await?;
/// hub.publish("orders", Event::new("two")).await?;
/// // A client that comes back, and has seen the first one.
/// let mut events = hub.subscribe("orders", Start::After(first.as_str())).await?;
/// hub.publish("orders", Event::new("three")).await?;
/// for data in ["two", "three"] {
///     let bytes = events.next().await.unwrap();
///     assert!(bytes.ends_with(format!("data: {data}\n\n").as_bytes()));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

pub(crate) struct Inner {
    node: String,
    pub(crate) runtime: Handle,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) limits: Limits,
    topics: Mutex<Topics>,
    pages: Semaphore,
    pub(crate) counters: Counters,
    shutdown: Mutex<Option<Duration>>,
    /// The last error while topics were followed, if nothing was answered since.
    pub(crate) failure: Mutex<Option<EngineError>>,
}

#[derive(Default)]
pub(crate) struct Topics {
    pub(crate) live: HashMap<Topic, Arc<Live>>,
    subscribers: usize,
    pub(crate) followers: Vec<Follower>,
}

/// What has happened on this node since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) published: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) gone: AtomicU64,
    pub(crate) lagged: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// What a hub does on this node: see [`Hub::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Topics that have subscribers now.
    pub topics: usize,
    /// Subscribers now.
    pub subscribers: usize,
    /// Events that were published here.
    pub published: u64,
    /// Events that were delivered, each to one subscriber.
    pub delivered: u64,
    /// Subscriptions that ended since events were gone.
    pub gone: u64,
    /// How often a subscriber was further behind than the node holds events.
    pub lagged: u64,
    /// Pages that were fetched from the engine for subscribers.
    pub pages: u64,
    /// Errors of the engine while topics were followed.
    pub failures: u64,
}

/// Why there is no subscription.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// What followed the client's last event ID is not known. The server decides: send [`gone_event`](crate::gone_event) with this
    /// position, answer 204, or subscribe it with [`Start::Kept`] or [`Start::Live`].
    #[error("the last event ID is unknown")]
    Unknown {
        /// The id of the newest event: whoever has this one is up to date.
        newest: Id,
    },
    /// The name of the topic is empty, or longer than [`Limits::name`].
    #[error("the name of the topic is empty or too long")]
    Name,
    /// There are as many topics or subscribers as the [`Limits`] allow. Answer 503.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// The hub is shutting down. Answer 503.
    #[error("the hub is shutting down")]
    Shutdown,
    /// The engine has failed. Answer 503.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an event was not published.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The name of the topic, or that of the event, is empty, or longer than [`Limits::name`].
    #[error("the name of the topic or of the event is empty or too long")]
    Name,
    /// The event is larger than what is kept of a topic ([`Kept::bytes`](crate::Kept::bytes)), so that nobody could catch up.
    #[error("the event has {bytes} bytes, and of a topic {most} are kept")]
    TooLarge {
        /// The bytes of the event, encoded.
        bytes: usize,
        /// The most that it may have.
        most: usize,
    },
    /// The engine has failed. Unless it has [refused](EngineError::is_refusal), the event may have been appended all the same: publish
    /// it by [`publish_once`](Hub::publish_once), and it can be tried again.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl PublishError {
    /// Whether the same event may be published if it is tried again later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, PublishError::Engine(error) if !error.is_refusal())
    }
}

impl Hub {
    /// A hub for one node: topics are kept in memory, and are lost with the process.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, in which its tasks run.
    #[must_use]
    pub fn in_memory(limits: Limits) -> Hub {
        let engine = Memory::new(limits.kept.clone());
        Hub::with_engine(engine, limits)
    }

    /// A hub for many nodes: topics are kept in the Redis at this URL, such as `redis://127.0.0.1/`, and all nodes that use it share
    /// them.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the URL is none, or if the server cannot be reached.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub async fn redis(url: &str, limits: Limits) -> Result<Hub, EngineError> {
        let engine = crate::Redis::connect(url, limits.kept.clone()).await?;
        Ok(Hub::with_engine(engine, limits))
    }

    /// A hub on this engine, which keeps as much as [`Limits::kept`] says.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, in which its tasks run.
    #[must_use]
    pub fn with_engine(engine: impl Engine, limits: Limits) -> Hub {
        let announce = limits.announce;
        let inner = Arc::new(Inner {
            runtime: Handle::current(),
            node: format!("{:016x}", fastrand::u64(..)),
            engine: Arc::new(engine),
            pages: Semaphore::new(limits.pages.max(1)),
            limits,
            topics: Mutex::default(),
            counters: Counters::default(),
            shutdown: Mutex::default(),
            failure: Mutex::default(),
        });
        if let Some(period) = announce {
            inner.runtime.spawn(announce_often(Arc::downgrade(&inner), period));
        }
        Hub(inner)
    }

    /// Publishes an event, and returns the id that it got, in place of its own if it has one.
    ///
    /// If the future is dropped before it is ready, the event may be published or not, as after an error.
    ///
    /// ```
    /// # use sse_wire::{Event, EventName};
    /// # async fn publish(hub: &sse_wire_hub::Hub) -> Result<(), sse_wire_hub::PublishError> {
    /// const PAID: EventName = EventName::from_static("paid");
    /// let order = r#"{"id":7,"total":1999}"#; // any text; for values of serde there is `OwnedEvent::json` of `sse-wire`
    /// let id = hub.publish("orders", Event::new(order).with_name(PAID)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError`]: never is an event lost without one.
    pub async fn publish(&self, topic: &str, event: impl Into<Event<'_>>) -> Result<Id, PublishError> {
        self.append(topic, event.into(), None).await
    }

    /// As [`publish`](Hub::publish), but if an event of this name was published to the topic before, nothing is published, and the id
    /// is that of the first, whatever the data. So a publisher can try again after an error.
    ///
    /// The name is the publisher's, and must be another for each event of the topic: the key of a row, or a random number that is
    /// made before the first try. The engine in memory remembers the latest 1,024 of a topic, that on Redis ten minutes.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use sse_wire::Event;
    /// # use sse_wire_hub::{Hub, PublishError};
    /// # async fn publish(hub: &Hub) -> Result<(), PublishError> {
    /// for _ in 0..5 {
    ///     match hub.publish_once("orders", Event::new("7 was paid"), "order 7 paid").await {
    ///         Ok(_) => return Ok(()),
    ///         Err(error) if error.is_passing() => tokio::time::sleep(Duration::from_secs(1)).await,
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`publish`](Hub::publish).
    pub async fn publish_once(&self, topic: &str, event: impl Into<Event<'_>>, name: &str) -> Result<Id, PublishError> {
        self.append(topic, event.into(), Some(name)).await
    }

    async fn append(&self, topic: &str, event: Event<'_>, once: Option<&str>) -> Result<Id, PublishError> {
        if !self.0.is_name(topic) || !once.is_none_or(|name| self.0.is_name(name)) {
            return Err(PublishError::Name);
        }
        let (bytes, most) = (event.encoded_len(), self.0.limits.kept.bytes);
        if bytes > most {
            return Err(PublishError::TooLarge { bytes, most });
        }
        let id = self.0.engine.append(topic, event, once).await?;
        self.0.counters.published.fetch_add(1, Relaxed);
        Ok(id)
    }

    /// Subscribes to a topic: first what came after `start`, then what is published.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]. A last event ID that is not known is one of them, and what then is the server's choice.
    pub async fn subscribe(&self, topic: &str, start: Start<'_>) -> Result<Subscription, SubscribeError> {
        if !self.0.is_name(topic) {
            return Err(SubscribeError::Name);
        }
        let seat = self.0.join(topic)?;
        let (times_gone, newest, end) = seat.opened().await?;
        let begin = match start {
            Start::Live => Begin { taken: VecDeque::new(), last: Some(newest), number: Some(end), has_head: true },
            Start::Kept => Begin { taken: VecDeque::new(), last: None, number: None, has_head: false },
            Start::After(id) => {
                // Most come back soon, and need no question to the engine.
                let place = seat.live.state().after(id);
                let last = Some(Id::new(id));
                if let Place::Number(number) = place {
                    Begin { taken: VecDeque::new(), last, number: Some(number), has_head: false }
                } else {
                    match self.0.page(seat.live.topic.clone(), last.clone()).await? {
                        Page::Unknown => return Err(SubscribeError::Unknown { newest }),
                        Page::Entries(entries) => {
                            let taken = bounded(entries, self.0.limits.taken_bytes).into();
                            Begin { taken, last, number: None, has_head: false }
                        }
                    }
                }
            }
        };
        Ok(Subscription::new(seat, times_gone, begin))
    }

    /// How many subscribers a topic has on this node.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> usize {
        self.0.topics().live.get(topic).map_or(0, |live| live.state().subscribers())
    }

    /// How many subscribers a topic has on each node that has some: on this one now, and on those that set [`Limits::announce`] as they
    /// have told last.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine does not answer.
    pub async fn presence(&self, topic: &str) -> Result<Presence, EngineError> {
        let mut presence = self.0.engine.presence(topic).await?;
        presence.remove(self.node());
        let here = self.subscribers(topic);
        if here > 0 {
            presence.insert(self.node().into(), here);
        }
        Ok(presence)
    }

    /// The name of this node in [`presence`](Hub::presence): 16 random characters.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// What happens on this node.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (topics, subscribers) = {
            let topics = self.0.topics();
            (topics.live.len(), topics.subscribers)
        };
        let counters = &self.0.counters;
        Stats {
            topics,
            subscribers,
            published: counters.published.load(Relaxed),
            delivered: counters.delivered.load(Relaxed),
            gone: counters.gone.load(Relaxed),
            lagged: counters.lagged.load(Relaxed),
            pages: counters.pages.load(Relaxed),
            failures: counters.failures.load(Relaxed),
        }
    }

    /// Ends all subscriptions, each with a reconnection time (`retry`) that is a random part of `spread`, so that clients do not all
    /// come back at once; and takes no others.
    pub fn shutdown(&self, spread: Duration) {
        *self.0.shutdown.lock().unwrap_or_else(PoisonError::into_inner) = Some(spread);
        let (live, subscribers): (Vec<_>, _) = {
            let topics = self.0.topics();
            (topics.live.values().cloned().collect(), topics.subscribers)
        };
        trace::shutdown(subscribers);
        for live in live {
            live.change(|_| ());
        }
    }

    /// Whether [`shutdown`](Hub::shutdown) was called.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.0.shutdown_spread().is_some()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// A subscriber's place at a topic: it leaves when this is dropped.
pub(crate) struct Seat {
    pub(crate) hub: Arc<Inner>,
    pub(crate) live: Arc<Live>,
    pub(crate) subscriber: usize,
}

impl Seat {
    /// Waits until the engine has said where the topic ends. Returns how often it has begun anew, the id of its newest event, and
    /// the number of the next.
    async fn opened(&self) -> Result<(u64, Id, u64), SubscribeError> {
        let opened = core::future::poll_fn(|cx| {
            let mut state = self.live.state();
            if let Some((id, number)) = state.end() {
                return core::task::Poll::Ready(Ok((state.times_gone, id.clone(), number)));
            }
            if let Some(refusal) = &state.refusal {
                return core::task::Poll::Ready(Err(refusal.clone()));
            }
            state.wake_later(self.subscriber, cx.waker());
            core::task::Poll::Pending
        });
        match tokio::time::timeout(OPENING, opened).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(self
                .hub
                .failure()
                .unwrap_or_else(|| EngineError::unreachable("following a topic", "no answer"))
                .into()),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(&self.live, self.subscriber);
    }
}

impl Inner {
    pub(crate) fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_name(&self, topic: &str) -> bool {
        !topic.is_empty() && topic.len() <= self.limits.name
    }

    pub(crate) fn shutdown_spread(&self) -> Option<Duration> {
        *self.shutdown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of a topic, once it is its turn.
    pub(crate) fn page(
        self: &Arc<Self>,
        topic: Topic,
        after: Option<Id>,
    ) -> BoxFuture<'static, Result<Page, EngineError>> {
        let hub = Arc::clone(self);
        Box::pin(async move {
            // It is an error only once the semaphore is closed, which it never is.
            let _permit = hub.pages.acquire().await.ok();
            hub.counters.pages.fetch_add(1, Relaxed);
            let after = after.as_ref().map_or(After::Start, |id| After::Id(id.as_str()));
            hub.engine.page(&topic, after, hub.limits.page.max(1)).await
        })
    }

    /// One more subscriber of a topic, which is followed from now on.
    fn join(self: &Arc<Self>, topic: &str) -> Result<Seat, SubscribeError> {
        if self.shutdown_spread().is_some() {
            return Err(SubscribeError::Shutdown);
        }
        let mut topics = self.topics();
        if topics.subscribers >= self.limits.subscribers {
            return Err(SubscribeError::TooMany("subscribers"));
        }
        let live = if let Some(live) = topics.live.get(topic) {
            Arc::clone(live)
        } else {
            if topics.live.len() >= self.limits.topics {
                return Err(SubscribeError::TooMany("topics"));
            }
            let topic = Topic::from(topic);
            let follower = Follower::add(&topic, &mut topics.followers, self);
            let live = Arc::new(Live::new(topic.clone(), follower));
            topics.live.insert(topic, Arc::clone(&live));
            live
        };
        topics.subscribers += 1;
        let subscriber = live.state().add_subscriber();
        Ok(Seat { hub: Arc::clone(self), live, subscriber })
    }

    /// A subscriber leaves. With the last one, the topic is no longer followed.
    pub(crate) fn leave(&self, live: &Arc<Live>, subscriber: usize) {
        let mut topics = self.topics();
        topics.subscribers -= 1;
        if live.state().remove_subscriber(subscriber) == 0 {
            topics.live.remove(&live.topic);
            topics.followers[live.follower].remove(&live.topic);
        }
    }

    fn failure(&self) -> Option<EngineError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for follower in &self.topics().followers {
            follower.wake();
        }
    }
}

/// Tells the engine how many subscribers the topics have, until the hub is dropped.
async fn announce_often(hub: Weak<Inner>, period: Duration) {
    let (mut told, mut has_failed): (HashSet<Topic>, bool) = (HashSet::new(), false);
    loop {
        tokio::time::sleep(period).await;
        let Some(inner) = hub.upgrade() else { return };
        let mut counts: Vec<(Topic, usize)> = {
            let topics = inner.topics();
            topics.live.iter().map(|(topic, live)| (topic.clone(), live.state().subscribers())).collect()
        };
        let now: HashSet<Topic> = counts.iter().map(|(topic, _)| topic.clone()).collect();
        counts.extend(told.difference(&now).map(|topic| (topic.clone(), 0)));
        if !counts.is_empty() {
            match inner.engine.announce(&inner.node, &counts, period.saturating_mul(3)).await {
                Ok(()) => (told, has_failed) = (now, false),
                // Those that have none any more are told again.
                Err(error) => {
                    if !core::mem::replace(&mut has_failed, true) {
                        trace::not_announced(&error);
                    }
                    told.extend(now);
                }
            }
        }
    }
}
