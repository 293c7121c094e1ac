//! What the tasks of a hub share: its topics, and the places of their subscribers.

use core::mem;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use crate::engine::{After, BoxFuture, Engine, EngineError, Id, Page, Topic};
use crate::error::SubscribeError;
use crate::limits::Limits;
use crate::live::Live;
use crate::trace;

/// How long a subscriber of a new topic waits for the engine.
const OPENING: Duration = Duration::from_secs(5);

/// A hub on this node.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) runtime: Handle,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) limits: Limits,
    topics: Mutex<Topics>,
    pages: Semaphore,
    pub(crate) counters: Counters,
    shutdown: Mutex<Option<Duration>>,
    /// The last error while topics were followed, if nothing was answered since.
    failure: Mutex<Option<EngineError>>,
}

#[derive(Default)]
pub(crate) struct Topics {
    pub(crate) live: HashMap<Topic, Arc<Live>>,
    pub(crate) subscribers: usize,
    pub(crate) followers: Vec<Follower>,
}

impl Topics {
    /// Has a topic followed by the first that has room for it, or by a new one. Returns its place, and for a new one what it waits for.
    fn follow(&mut self, topic: &Topic, most: usize) -> (usize, Option<Arc<Notify>>) {
        let place = self.followers.iter().position(|follower| follower.followed < most.max(1));
        let place = place.unwrap_or(self.followers.len());
        let mut new = None;
        if place == self.followers.len() {
            self.followers.push(Follower::default());
            new = Some(Arc::clone(&self.followers[place].changed));
        }
        self.followers[place].add(topic);
        (place, new)
    }
}

/// What is told to a task that follows some of the topics, as many as the engine reads at a time.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// What the task was not told yet.
    added: Vec<Topic>,
    removed: Vec<Topic>,
    followed: usize,
    /// A topic was added or removed, or the hub is dropped.
    changed: Arc<Notify>,
}

impl Follower {
    fn add(&mut self, topic: &Topic) {
        self.followed += 1;
        self.added.push(topic.clone());
        self.wake();
    }

    fn remove(&mut self, topic: &Topic) {
        self.followed -= 1;
        self.removed.push(topic.clone());
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_one();
    }

    /// The topics that were removed, and those that were added, since this was asked last.
    pub(crate) fn news(&mut self) -> (Vec<Topic>, Vec<Topic>) {
        (mem::take(&mut self.removed), mem::take(&mut self.added))
    }
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

/// A subscriber's place at a topic: it leaves when this is dropped.
pub(crate) struct Seat {
    pub(crate) node: Arc<Node>,
    pub(crate) live: Arc<Live>,
    pub(crate) subscriber: usize,
}

impl Seat {
    /// Waits until the engine has said where the topic ends. Returns how often it has begun anew, the id of its newest event, and
    /// the number of the next.
    pub(crate) async fn opened(&self) -> Result<(u64, Id, u64), SubscribeError> {
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
                .node
                .failure()
                .unwrap_or_else(|| EngineError::unreachable("following a topic", "no answer"))
                .into()),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.node.leave(&self.live, self.subscriber);
    }
}

impl Node {
    pub(crate) fn new(engine: Arc<dyn Engine>, limits: Limits) -> Node {
        Node {
            name: format!("{:016x}", fastrand::u64(..)),
            runtime: Handle::current(),
            engine,
            topics: Mutex::default(),
            pages: Semaphore::new(limits.pages.max(1)),
            limits,
            counters: Counters::default(),
            shutdown: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    pub(crate) fn shutdown(&self, spread: Duration) {
        *self.shutdown.lock().unwrap_or_else(PoisonError::into_inner) = Some(spread);
        let (live, subscribers): (Vec<_>, _) = {
            let topics = self.topics();
            (topics.live.values().cloned().collect(), topics.subscribers)
        };
        trace::shutdown(subscribers);
        for live in live {
            live.change(|_| ());
        }
    }

    pub(crate) fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_name(&self, topic: &str) -> bool {
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
        let node = Arc::clone(self);
        Box::pin(async move {
            // It is an error only once the semaphore is closed, which it never is.
            let _permit = node.pages.acquire().await.ok();
            node.counters.pages.fetch_add(1, Relaxed);
            let after = after.as_ref().map_or(After::Start, |id| After::Id(id.as_str()));
            node.engine.page(&topic, after, node.limits.page.max(1)).await
        })
    }

    /// One more subscriber of a topic, which is followed from now on: if there is a notification, by a new task that waits for it.
    pub(crate) fn join(self: &Arc<Self>, topic: &str) -> Result<(Seat, Option<Arc<Notify>>), SubscribeError> {
        if self.shutdown_spread().is_some() {
            return Err(SubscribeError::Shutdown);
        }
        let mut topics = self.topics();
        if topics.subscribers >= self.limits.subscribers {
            return Err(SubscribeError::TooMany("subscribers"));
        }
        let mut new_follower = None;
        let live = if let Some(live) = topics.live.get(topic) {
            Arc::clone(live)
        } else {
            if topics.live.len() >= self.limits.topics {
                return Err(SubscribeError::TooMany("topics"));
            }
            let topic = Topic::from(topic);
            let follower;
            (follower, new_follower) = topics.follow(&topic, self.engine.topics_per_read());
            let live = Arc::new(Live::new(topic.clone(), follower));
            topics.live.insert(topic, Arc::clone(&live));
            live
        };
        topics.subscribers += 1;
        let subscriber = live.state().add_subscriber();
        Ok((Seat { node: Arc::clone(self), live, subscriber }, new_follower))
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

    /// Notes whether the engine has answered.
    pub(crate) fn note(&self, failure: Option<EngineError>) {
        if failure.is_some() {
            self.counters.failures.fetch_add(1, Relaxed);
        }
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some() && failure.is_none() {
            trace::recovered();
        }
        *last = failure;
    }

    fn failure(&self) -> Option<EngineError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for follower in &self.topics().followers {
            follower.wake();
        }
    }
}
