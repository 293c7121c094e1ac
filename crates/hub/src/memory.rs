//! The engine for one node: logs in memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sse_wire::Event;
use sse_wire::server::{CountedIds, ReplayBuffer, UnknownId};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::engine::{After, BoxFuture, Cursors, Engine, EngineError, Entry, Id, Page, Read, Topic};
use crate::limits::Kept;

/// How many entries of a topic one read returns at most.
const ENTRIES_PER_READ: usize = 256;

/// How many readers are known. One that is not looks at all of its topics, and is known again.
const READERS: usize = 64;

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
    /// Who reads, by their marks, the one who has begun last at the end.
    readers: VecDeque<Reader>,
    /// When those were looked for last that are idle.
    looked: Option<Instant>,
    /// How many logs there were, which makes the ids of each differ from those of the others.
    made: u64,
}

/// The topics that have changed since the last read of one reader, so that the next need not look at all of them.
#[derive(Debug)]
struct Reader {
    mark: u64,
    changed: HashSet<Topic>,
}

#[derive(Debug)]
struct Log {
    replay: ReplayBuffer<CountedIds>,
    /// The ids of the latest events that were published once, by their names, and these names, the oldest first.
    once: HashMap<Arc<str>, Id>,
    names: VecDeque<Arc<str>>,
    used: Instant,
    published: Instant,
    /// Whether anybody has ever asked where it ends, to read it from there.
    is_watched: bool,
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

    /// Calls `use_log` with the log of this topic, which is made if there is none.
    fn with_log<T>(&self, topic: &str, use_log: impl FnOnce(&mut Log) -> T) -> Result<T, EngineError> {
        let mut logs = self.logs();
        self.drop_idle(&mut logs);
        if !logs.by_topic.contains_key(topic) {
            let made = self.made(&mut logs)?;
            logs.by_topic.insert(topic.into(), made);
        }
        let log =
            logs.by_topic.get_mut(topic).ok_or_else(|| EngineError::refused("the log of a topic", "it is gone"))?;
        log.used = Instant::now();
        log.replay.advance(self.clock.elapsed());
        Ok(use_log(log))
    }

    /// Drops the logs to which nothing was published for too long. Looks at all of them, but seldom.
    fn drop_idle(&self, logs: &mut Logs) {
        let Some(idle) = self.kept.idle else { return };
        let now = Instant::now();
        if logs.looked.is_some_and(|looked| now.duration_since(looked) < idle / 8) {
            return;
        }
        logs.looked = Some(now);
        let Logs { by_topic, readers, .. } = logs;
        by_topic.retain(|topic, log| {
            let is_kept = now.duration_since(log.published) < idle;
            if !is_kept {
                note(readers, topic);
            }
            is_kept
        });
    }

    /// A new log. If there are too many, the one that was not used for longest is dropped.
    fn made(&self, logs: &mut Logs) -> Result<Log, EngineError> {
        let Logs { by_topic, readers, made, .. } = logs;
        if by_topic.len() >= self.kept.topics
            && let Some((topic, _)) = by_topic.iter().min_by_key(|(_, log)| log.used)
        {
            let topic = topic.clone();
            note(readers, &topic);
            by_topic.remove(&topic);
        }
        *made += 1;
        let replay = ReplayBuffer::counted(format_args!("{}.{made}", self.epoch))
            .map_err(|error| EngineError::refused("the log of a topic", error))?;
        let replay = replay.with_max_events(self.kept.events).with_max_bytes(self.kept.bytes);
        let replay = replay.with_max_age(self.kept.age.unwrap_or(Duration::MAX));
        let (once, names) = (HashMap::new(), VecDeque::new());
        let now = Instant::now();
        Ok(Log { replay, once, names, used: now, published: now, is_watched: false })
    }

    /// From now on, what is published to this topic is noted for those who read.
    fn watch(&self, topic: &str) {
        let mut logs = self.logs();
        let Logs { by_topic, readers, .. } = &mut *logs;
        if let Some(log) = by_topic.get_mut(topic) {
            log.is_watched = true;
            note(readers, &topic.into());
        }
    }

    /// The entries after each cursor that has some.
    fn look(&self, cursors: &Cursors) -> Read {
        let now = self.clock.elapsed();
        let mut logs = self.logs();
        let Logs { by_topic, readers, .. } = &mut *logs;
        let reader = if let Some(place) = readers.iter().position(|reader| reader.mark == cursors.mark()) {
            &mut readers[place]
        } else {
            if readers.len() == READERS {
                readers.pop_front();
            }
            let changed = cursors.iter().map(|(topic, _)| topic.clone()).collect();
            readers.push_back(Reader { mark: cursors.mark(), changed });
            let last = readers.len() - 1;
            &mut readers[last]
        };
        let mut read = Read::new();
        reader.changed.retain(|topic| {
            let Some(id) = cursors.get(topic) else { return false };
            // A log that was dropped meanwhile knows no id.
            let page = by_topic.get_mut(topic).map_or(Page::Unknown, |log| {
                (log.used, log.is_watched) = (Instant::now(), true);
                log.replay.advance(now);
                log.page(After::Id(id.as_str()), ENTRIES_PER_READ)
            });
            let is_full = matches!(&page, Page::Entries(entries) if entries.len() == ENTRIES_PER_READ);
            if !matches!(&page, Page::Entries(entries) if entries.is_empty()) {
                read.push((topic.clone(), page));
            }
            is_full
        });
        read
    }
}

/// Notes for all who read that a topic has changed.
fn note(readers: &mut VecDeque<Reader>, topic: &Topic) {
    for reader in readers {
        reader.changed.insert(topic.clone());
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

    /// Remembers the name of an event that was published once, in place of the oldest.
    fn remember(&mut self, name: Arc<str>, id: Id) {
        if self.names.len() == NAMES
            && let Some(oldest) = self.names.pop_front()
        {
            self.once.remove(&oldest);
        }
        self.names.push_back(Arc::clone(&name));
        self.once.insert(name, id);
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
            if let Some(id) = once.and_then(|name| log.once.get(name)) {
                return (id.clone(), false);
            }
            log.replay.publish(event);
            log.published = log.used;
            let id = log.newest();
            if let Some(name) = once {
                log.remember(name.into(), id.clone());
            }
            (id, log.is_watched)
        });
        if let Ok((_, true)) = appended {
            note(&mut self.logs().readers, &topic.into());
            self.changed.notify_waiters();
        }
        Box::pin(core::future::ready(appended.map(|(id, _)| id)))
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        let newest = self.with_log(topic, |log| log.newest());
        self.watch(topic);
        Box::pin(core::future::ready(newest))
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        let page = self.with_log(topic, |log| log.page(after, most));
        if most == 0 {
            self.watch(topic);
        }
        Box::pin(core::future::ready(page))
    }

    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a read finds now; `None` if it waits.
    async fn read(memory: &Memory, cursors: &mut Cursors) -> Option<Vec<(String, usize)>> {
        let read = memory.read(cursors, Box::pin(core::future::pending()));
        let read = tokio::time::timeout(Duration::from_secs(1), read).await.ok()?.unwrap();
        let found = read.into_iter().map(|(topic, page)| match page {
            Page::Unknown => (topic.to_string(), usize::MAX),
            Page::Entries(entries) => {
                cursors.insert(topic.clone(), entries.last().unwrap().id.clone());
                (topic.to_string(), entries.len())
            }
        });
        Some(found.collect())
    }

    async fn follow(memory: &Memory, cursors: &mut Cursors, topic: &str) {
        cursors.insert(topic.into(), memory.newest(topic).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_looks_only_at_topics_that_have_changed() {
        let memory = Memory::new(Kept::default());
        let mut cursors = Cursors::new();
        for number in 0..1000 {
            follow(&memory, &mut cursors, &number.to_string()).await;
        }
        assert_eq!(read(&memory, &mut cursors).await, None);
        let changed = || memory.logs().readers.iter().map(|reader| reader.changed.len()).collect::<Vec<_>>();
        assert_eq!(changed(), [0]);
        for topic in ["7", "of nobody", "7"] {
            memory.append(topic, Event::new("x"), None).await.unwrap();
        }
        assert_eq!(changed(), [1]);
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("7".into(), 2)]));
        assert_eq!(read(&memory, &mut cursors).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_between_the_question_where_to_begin_and_the_first_read_is_read() {
        let memory = Memory::new(Kept::default());
        let mut cursors = Cursors::new();
        follow(&memory, &mut cursors, "a").await;
        // Others are read meanwhile.
        follow(&memory, &mut cursors, "b").await;
        memory.append("b", Event::new("x"), None).await.unwrap();
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("b".into(), 1)]));
        memory.append("a", Event::new("x"), None).await.unwrap();
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), 1)]));
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_one_read_returns_is_read_by_the_next() {
        let memory = Memory::new(Kept::default());
        let mut cursors = Cursors::new();
        follow(&memory, &mut cursors, "a").await;
        for _ in 0..ENTRIES_PER_READ + 2 {
            memory.append("a", Event::new("x"), None).await.unwrap();
        }
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), ENTRIES_PER_READ)]));
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), 2)]));
        assert_eq!(read(&memory, &mut cursors).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_was_dropped_while_it_was_read_is_unknown() {
        let memory = Memory::new(Kept { topics: 2, ..Kept::default() });
        let mut cursors = Cursors::new();
        follow(&memory, &mut cursors, "read").await;
        assert_eq!(read(&memory, &mut cursors).await, None);
        for topic in ["1", "2", "3"] {
            tokio::time::advance(Duration::from_secs(1)).await;
            memory.append(topic, Event::new("x"), None).await.unwrap();
        }
        assert_eq!(memory.logs().by_topic.len(), 2);
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("read".into(), usize::MAX)]));
    }

    #[tokio::test(start_paused = true)]
    async fn several_readers_each_read_everything() {
        let memory = Memory::new(Kept::default());
        let mut all: Vec<Cursors> = (0..READERS + 3).map(|_| Cursors::new()).collect();
        for cursors in &mut all {
            for topic in ["a", "b"] {
                follow(&memory, cursors, topic).await;
            }
        }
        for topic in ["a", "b", "a"] {
            memory.append(topic, Event::new("x"), None).await.unwrap();
            for cursors in &mut all {
                assert_eq!(read(&memory, cursors).await, Some(vec![(topic.into(), 1)]));
            }
        }
        assert_eq!(memory.logs().readers.len(), READERS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_to_which_nothing_is_published_is_dropped_if_that_is_set() {
        let memory = Memory::new(Kept { idle: Some(Duration::from_secs(80)), ..Kept::default() });
        let mut cursors = Cursors::new();
        follow(&memory, &mut cursors, "a").await;
        for _ in 0..3 {
            memory.append("a", Event::new("x"), None).await.unwrap();
            assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), 1)]));
            tokio::time::advance(Duration::from_secs(70)).await;
        }
        memory.append("b", Event::new("x"), None).await.unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        // Whoever asks for any topic has those dropped that are idle.
        memory.append("b", Event::new("x"), None).await.unwrap();
        assert_eq!(memory.logs().by_topic.len(), 1);
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), usize::MAX)]));
    }

    #[tokio::test]
    async fn the_latest_names_of_events_that_were_published_once_are_remembered() {
        let memory = Memory::new(Kept::default());
        let publish = async |name: usize| memory.append("a", Event::new("x"), Some(&name.to_string())).await.unwrap();
        let first = publish(0).await;
        for name in 1..NAMES {
            publish(name).await;
        }
        assert_eq!(publish(0).await, first);
        publish(NAMES).await;
        assert_ne!(publish(0).await, first, "it was the oldest");
    }
}
