//! The engine for one node: logs in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sse_wire::Event;
use sse_wire::server::{CountedIds, ReplayBuffer, UnknownId};
use tokio::sync::Notify;

use crate::engine::{After, BoxFuture, Engine, EngineError, Entry, Id, Page, Read, Topic};
use crate::limits::Kept;

/// How many entries of a topic one read returns at most.
const ENTRIES_PER_READ: usize = 256;

/// How many names of events that were published once are remembered for each topic.
const NAMES: usize = 1024;

/// Logs in memory: they are lost with the process, and then no id is known.
#[derive(Debug)]
pub struct Memory {
    logs: Mutex<Logs>,
    changed: Notify,
    kept: Kept,
    clock: Instant,
    /// Makes the ids differ from those of other runs.
    epoch: String,
}

#[derive(Debug, Default)]
struct Logs {
    by_topic: HashMap<Topic, Log>,
    /// How many logs there were, which makes the ids of each differ from those of the others.
    made: u64,
}

#[derive(Debug)]
struct Log {
    replay: ReplayBuffer<CountedIds>,
    /// The names of the latest events that were published once, and their ids.
    once: Vec<(String, Id)>,
    used: Instant,
}

impl Memory {
    /// Logs that keep so much each.
    #[must_use]
    pub fn new(kept: Kept) -> Memory {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = format!("{:x}{:04x}", now.as_millis(), fastrand::u16(..));
        Memory { logs: Mutex::default(), changed: Notify::new(), kept, clock: Instant::now(), epoch }
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `use_log` with the log of this topic, which is made if there is none; then the one that was not used for longest is
    /// dropped if there are too many.
    fn with_log<T>(&self, topic: &str, use_log: impl FnOnce(&mut Log) -> T) -> Result<T, EngineError> {
        let now = Instant::now();
        let mut logs = self.logs();
        if !logs.by_topic.contains_key(topic) {
            if logs.by_topic.len() >= self.kept.topics
                && let Some(oldest) =
                    logs.by_topic.iter().min_by_key(|(_, log)| log.used).map(|(topic, _)| topic.clone())
            {
                logs.by_topic.remove(&oldest);
            }
            logs.made += 1;
            let replay = ReplayBuffer::counted(format_args!("{}.{}", self.epoch, logs.made))
                .map_err(|error| EngineError::refused("the log of a topic", error))?;
            let replay = replay.with_max_events(self.kept.events).with_max_bytes(self.kept.bytes);
            let replay = replay.with_max_age(self.kept.age.unwrap_or(Duration::MAX));
            logs.by_topic.insert(topic.into(), Log { replay, once: Vec::new(), used: now });
        }
        let log =
            logs.by_topic.get_mut(topic).ok_or_else(|| EngineError::refused("the log of a topic", "it is gone"))?;
        log.used = now;
        log.replay.advance(self.clock.elapsed());
        Ok(use_log(log))
    }

    /// The entries after each cursor that has some.
    fn look(&self, cursors: &[(Topic, Id)]) -> Read {
        let mut read = Read::new();
        for (topic, id) in cursors {
            // A log that was dropped meanwhile knows no id.
            let page = self.with_log(topic, |log| log.page(After::Id(id.as_str()), ENTRIES_PER_READ));
            match page.unwrap_or(Page::Unknown) {
                Page::Entries(entries) if entries.is_empty() => {}
                page => read.push((topic.clone(), page)),
            }
        }
        read
    }
}

impl Log {
    fn page(&self, after: After<'_>, most: usize) -> Page {
        let replay = match after {
            After::Start => self.replay.all(),
            After::Id(id) => match self.replay.since(id) {
                Ok(replay) => replay,
                Err(UnknownId) => return Page::Unknown,
            },
        };
        let entry = |(id, bytes): (sse_wire::EventId<'_>, &bytes::Bytes)| Entry {
            id: Id::new(id.as_str()),
            bytes: bytes.clone(),
        };
        Page::Entries(replay.with_ids().take(most).map(entry).collect())
    }

    fn newest(&self) -> Id {
        Id::new(self.replay.last_event_id().map_or("", |id| id.as_str()))
    }
}

impl Engine for Memory {
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        let appended = self.with_log(topic, |log| {
            if let Some(name) = once
                && let Some((_, id)) = log.once.iter().find(|(of, _)| of == name)
            {
                return id.clone();
            }
            log.replay.publish(event);
            let id = log.newest();
            if let Some(name) = once {
                if log.once.len() == NAMES {
                    log.once.remove(0);
                }
                log.once.push((name.to_owned(), id.clone()));
            }
            id
        });
        self.changed.notify_waiters();
        Box::pin(core::future::ready(appended))
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(core::future::ready(self.with_log(topic, |log| log.newest())))
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        Box::pin(core::future::ready(self.with_log(topic, |log| log.page(after, most))))
    }

    fn read<'a>(
        &'a self,
        cursors: &'a [(Topic, Id)],
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            let mut interrupt = interrupt;
            loop {
                // From here on a change is noticed.
                let changed = self.changed.notified();
                let mut changed = core::pin::pin!(changed);
                changed.as_mut().enable();
                let read = self.look(cursors);
                if !read.is_empty() {
                    return Ok(read);
                }
                let is_interrupted = core::future::poll_fn(|cx| {
                    if interrupt.as_mut().poll(cx).is_ready() {
                        return core::task::Poll::Ready(true);
                    }
                    changed.as_mut().poll(cx).map(|()| false)
                });
                if is_interrupted.await {
                    return Ok(Read::new());
                }
            }
        })
    }
}
