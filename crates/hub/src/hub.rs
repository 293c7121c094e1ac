//! A hub, as its users have it.

use core::fmt;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sse_wire::Event;

use crate::engine::{Engine, EngineError, Id, Page, Presence, Topic};
use crate::error::{PublishError, SubscribeError};
use crate::follow::follow;
use crate::limits::Limits;
use crate::live::Place;
use crate::memory::Memory;
use crate::node::Node;
use crate::subscription::{Begin, Start, Subscription, bounded};
use crate::trace;

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
pub struct Hub(Arc<Node>);

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
        let node = Arc::new(Node::new(Arc::new(engine), limits));
        if let Some(period) = node.limits.announce {
            node.runtime.spawn(announce_often(Arc::downgrade(&node), period));
        }
        Hub(node)
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
        let (seat, new_follower) = self.0.join(topic)?;
        if let Some(changed) = new_follower {
            self.0.runtime.spawn(follow(Arc::downgrade(&self.0), seat.live.follower, changed));
        }
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
        &self.0.name
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
        self.0.shutdown(spread);
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

/// Tells the engine how many subscribers the topics have, until the hub is dropped.
async fn announce_often(hub: Weak<Node>, period: Duration) {
    let (mut told, mut has_failed): (HashSet<Topic>, bool) = (HashSet::new(), false);
    loop {
        tokio::time::sleep(period).await;
        let Some(node) = hub.upgrade() else { return };
        let mut counts: Vec<(Topic, usize)> = {
            let topics = node.topics();
            topics.live.iter().map(|(topic, live)| (topic.clone(), live.state().subscribers())).collect()
        };
        let now: HashSet<Topic> = counts.iter().map(|(topic, _)| topic.clone()).collect();
        counts.extend(told.difference(&now).map(|topic| (topic.clone(), 0)));
        if !counts.is_empty() {
            match node.engine.announce(&node.name, &counts, period.saturating_mul(3)).await {
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
