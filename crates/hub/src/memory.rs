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

/// How many topics whose logs were dropped are remembered.
const DROPPED: usize = 10_000;

/// How long a publisher waits for readers that are far behind, before they count as gone.
const READER_PATIENCE: Duration = Duration::from_millis(50);

/// Logs in memory: they are lost with the process, and then no id is known.
#[derive(Debug)]
pub struct Memory {
    logs: Mutex<Logs>,
    changed: Notify,
    looked: Notify,
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
    dropped: Dropped,
    /// When those were looked for last that are idle.
    looked: Option<Instant>,
    /// How many logs there were, which makes the ids of each differ from those of the others.
    made: u64,
}

/// What has changed since the last read of one reader, so that the next need not look at all topics.
#[derive(Debug, Default)]
struct Reader {
    mark: u64,
    /// How many events, and bytes of them, were published to each topic.
    changed: HashMap<Topic, (usize, usize)>,
    /// Topics that have changed before and are not read.
    skipped: HashSet<Topic>,
}

/// The topics whose logs were dropped, each with how many were dropped until then.
#[derive(Debug, Default)]
struct Dropped {
    count: u64,
    by_topic: HashMap<Topic, u64>,
    order: VecDeque<(Topic, u64)>,
    /// The last one that is no longer remembered.
    forgotten: u64,
}

#[derive(Debug)]
struct Log {
    replay: ReplayBuffer<CountedIds>,
    /// The id before the first event.
    start: Id,
    /// The ids of the latest events that were published once, by their names, and these names, the oldest first.
    once: HashMap<Arc<str>, Id>,
    names: VecDeque<Arc<str>>,
    used: Instant,
    published: Instant,
}

impl Memory {
    /// Logs that keep so much each.
    #[must_use]
    pub fn new(mut kept: Kept) -> Memory {
        // The newest event of a topic that is read is kept in any case.
        (kept.topics, kept.events) = (kept.topics.max(1), kept.events.max(1));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = format!("{:x}{:04x}", now.as_millis(), fastrand::u16(..));
        let (logs, changed, looked) = (Mutex::default(), Notify::new(), Notify::new());
        Memory { logs, changed, looked, kept, clock: Instant::now(), epoch }
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = self.kept.idle {
            logs.drop_idle(idle);
        }
        logs
    }

    /// The id before the first event of a topic that has no log: `0` where others have the number of their log, and how many logs
    /// were dropped before.
    fn start(&self, dropped: u64) -> Id {
        Id::new(&format!("{}.0-{dropped}", self.epoch))
    }

    /// How many logs were dropped before, if this is the id before the first event of a topic without a log.
    fn dropped_before(&self, id: &str) -> Option<u64> {
        let dropped = id.strip_prefix(&*self.epoch)?.strip_prefix(".0-")?;
        dropped.parse::<u64>().ok().filter(|number| number.to_string() == dropped)
    }

    fn page_of(&self, logs: &mut Logs, topic: &str, after: After<'_>, most: usize) -> Page {
        let log = logs.by_topic.get_mut(topic);
        if let After::Id(id) = after
            && let Some(before) = self.dropped_before(id)
        {
            return match log {
                _ if logs.dropped.is_since(topic, before) => Page::Unknown,
                None => Page::Entries(Vec::new()),
                Some(log) => {
                    let start = log.start.clone();
                    log.page(self.clock.elapsed(), After::Id(start.as_str()), most)
                }
            };
        }
        match (log, after) {
            (Some(log), after) => log.page(self.clock.elapsed(), after, most),
            (None, After::Start) => Page::Entries(Vec::new()),
            (None, After::Id(_)) => Page::Unknown,
        }
    }

    /// A new log.
    fn new_log(&self, made: u64) -> Result<Log, EngineError> {
        let replay = ReplayBuffer::counted(format_args!("{}.{made}", self.epoch))
            .map_err(|error| EngineError::refused("the log of a topic", error))?;
        // The newest is kept in any case: it is no larger than that, but for its id.
        let replay =
            replay.with_max_events(self.kept.events.max(1)).with_max_bytes(self.kept.bytes.saturating_add(256));
        let replay = replay.with_max_age(self.kept.age.unwrap_or(Duration::MAX));
        let (start, now) = (Id::new(&format!("{}.{made}-0", self.epoch)), Instant::now());
        Ok(Log { replay, start, once: HashMap::new(), names: VecDeque::new(), used: now, published: now })
    }

    /// Appends an event, and says whether a reader must be told.
    fn publish(&self, topic: &str, event: Event<'_>, once: Option<&str>) -> Result<(Id, bool), EngineError> {
        let mut logs = self.logs();
        if !logs.by_topic.contains_key(topic) {
            // Readers know best which may be dropped, but they may be slow.
            let most = if logs.readers.is_empty() { self.kept.topics } else { self.kept.topics.saturating_mul(2) };
            logs.drop_oldest(most.saturating_sub(1), |_| false);
            logs.made += 1;
            let log = self.new_log(logs.made)?;
            logs.by_topic.insert(topic.into(), log);
        }
        let Logs { by_topic, readers, .. } = &mut *logs;
        let log = by_topic.get_mut(topic).ok_or_else(|| EngineError::refused("the log of a topic", "it is gone"))?;
        if let Some(id) = once.and_then(|name| log.once.get(name)) {
            return Ok((id.clone(), false));
        }
        log.replay.advance(self.clock.elapsed());
        let bytes = event.encoded_len();
        log.replay.publish(event);
        (log.used, log.published) = (Instant::now(), Instant::now());
        let id = log.newest();
        if let Some(name) = once {
            log.remember(name.into(), id.clone());
        }
        let is_noted = note(readers, &topic.into(), (1, bytes));
        Ok((id, is_noted || by_topic.len() > self.kept.topics))
    }

    /// Whether so much was published to this topic since a reader has read that events may be dropped before it reads them.
    fn is_far_ahead(&self, topic: &str) -> bool {
        self.logs().readers.iter().any(|reader| self.is_far_behind(reader, topic))
    }

    fn is_far_behind(&self, reader: &Reader, topic: &str) -> bool {
        reader.changed.get(topic).is_some_and(|&(events, bytes)| {
            events >= (self.kept.events / 2).max(1) || bytes >= (self.kept.bytes / 2).max(1)
        })
    }

    /// The entries after each cursor that has some.
    fn look(&self, cursors: &Cursors) -> Read {
        let mut logs = self.logs();
        logs.drop_oldest(self.kept.topics, |topic| cursors.get(topic).is_some());
        let Reader { changed, mut skipped, .. } = logs.take_reader(cursors);
        let (mut read, mut left) = (Read::new(), HashMap::new());
        for topic in changed.into_keys() {
            let Some(id) = cursors.get(&topic) else {
                skipped.insert(topic);
                continue;
            };
            let page = self.page_of(&mut logs, &topic, After::Id(id.as_str()), ENTRIES_PER_READ);
            match page {
                Page::Entries(entries) if entries.is_empty() => {}
                page => {
                    if matches!(&page, Page::Entries(entries) if entries.len() == ENTRIES_PER_READ) {
                        left.insert(topic.clone(), (0, 0));
                    }
                    read.push((topic, page));
                }
            }
        }
        if logs.readers.len() == READERS {
            logs.readers.pop_front();
        }
        logs.readers.push_back(Reader { mark: cursors.mark(), changed: left, skipped });
        drop(logs);
        self.looked.notify_waiters();
        read
    }
}

/// Notes for all who read that so much was published to a topic. Returns whether one of them must be told.
fn note(readers: &mut VecDeque<Reader>, topic: &Topic, (events, bytes): (usize, usize)) -> bool {
    let mut is_noted = false;
    for reader in readers.iter_mut().filter(|reader| !reader.skipped.contains(topic)) {
        let changed = reader.changed.entry(topic.clone()).or_default();
        *changed = (changed.0.saturating_add(events), changed.1.saturating_add(bytes));
        is_noted = true;
    }
    is_noted
}

impl Logs {
    /// From now on, those who read look at this topic.
    fn watch(&mut self, topic: &str) {
        let topic = Topic::from(topic);
        for reader in &mut self.readers {
            reader.skipped.remove(&topic);
        }
        note(&mut self.readers, &topic, (0, 0));
    }

    /// What is known of this reader. One that is not looks at all of its topics.
    fn take_reader(&mut self, cursors: &Cursors) -> Reader {
        let place = self.readers.iter().position(|reader| reader.mark == cursors.mark());
        place.and_then(|place| self.readers.remove(place)).unwrap_or_else(|| Reader {
            changed: cursors.iter().map(|(topic, _)| (topic.clone(), (0, 0))).collect(),
            ..Reader::default()
        })
    }

    fn drop_log(&mut self, topic: &Topic) {
        self.by_topic.remove(topic);
        self.dropped.note(topic);
        for reader in &mut self.readers {
            reader.skipped.remove(topic);
        }
        note(&mut self.readers, topic, (0, 0));
    }

    /// Drops the logs that were not used for longest, down to so many; those that are read only if there are no others.
    fn drop_oldest(&mut self, most: usize, is_read: impl Fn(&Topic) -> bool) {
        let Some(surplus) = self.by_topic.len().checked_sub(most).filter(|&surplus| surplus > 0) else { return };
        // Some more at a time, since all are looked at.
        let surplus = surplus.max(most / 16);
        let mut oldest: Vec<_> =
            self.by_topic.iter().map(|(topic, log)| (is_read(topic), log.used, topic.clone())).collect();
        oldest.sort_unstable();
        for (is_read, _, topic) in oldest.into_iter().take(surplus) {
            if !is_read || self.by_topic.len() > most {
                self.drop_log(&topic);
            }
        }
    }

    /// Drops the logs to which nothing was published for so long. Looks at all of them, but seldom.
    fn drop_idle(&mut self, idle: Duration) {
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now.duration_since(looked) < idle / 8) {
            return;
        }
        self.looked = Some(now);
        let is_idle = |log: &Log| now.duration_since(log.published) >= idle;
        let idle: Vec<Topic> =
            self.by_topic.iter().filter(|(_, log)| is_idle(log)).map(|(topic, _)| topic.clone()).collect();
        for topic in idle {
            self.drop_log(&topic);
        }
    }
}

impl Dropped {
    fn note(&mut self, topic: &Topic) {
        self.count += 1;
        self.by_topic.insert(topic.clone(), self.count);
        self.order.push_back((topic.clone(), self.count));
        if self.order.len() > DROPPED
            && let Some((topic, count)) = self.order.pop_front()
        {
            self.forgotten = count;
            if self.by_topic.get(&topic) == Some(&count) {
                self.by_topic.remove(&topic);
            }
        }
    }

    /// Whether a log of this topic was dropped, or may have been, after so many others.
    fn is_since(&self, topic: &str, before: u64) -> bool {
        before < self.forgotten || before > self.count || self.by_topic.get(topic).is_some_and(|&count| count > before)
    }
}

impl Log {
    fn page(&mut self, now: Duration, after: After<'_>, most: usize) -> Page {
        self.used = Instant::now();
        self.replay.advance(now);
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
        self.replay.last_event_id().map_or_else(|| self.start.clone(), |id| Id::new(id.as_str()))
    }
}

impl Engine for Memory {
    /// Waits while those who read are so far behind that they would lose events.
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(async move {
            loop {
                let mut looked = core::pin::pin!(self.looked.notified());
                looked.as_mut().enable();
                if !self.is_far_ahead(topic) {
                    break;
                }
                if tokio::time::timeout(READER_PATIENCE, looked).await.is_err() {
                    // If they are not gone, they look at everything.
                    self.logs().readers.retain(|reader| !self.is_far_behind(reader, topic));
                }
            }
            let (id, is_told) = self.publish(topic, event, once)?;
            if is_told {
                self.changed.notify_waiters();
            }
            // Others must have their turn, whoever publishes in a row.
            tokio::task::coop::consume_budget().await;
            Ok(id)
        })
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        let mut logs = self.logs();
        let newest = match logs.by_topic.get(topic) {
            Some(log) => log.newest(),
            None => self.start(logs.dropped.count),
        };
        logs.watch(topic);
        Box::pin(core::future::ready(Ok(newest)))
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        let mut logs = self.logs();
        let page = self.page_of(&mut logs, topic, after, most);
        if most == 0 {
            logs.watch(topic);
        }
        Box::pin(core::future::ready(Ok(page)))
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
        let mut cursors = Cursors::default();
        for number in 0..1000 {
            follow(&memory, &mut cursors, &number.to_string()).await;
        }
        assert_eq!(read(&memory, &mut cursors).await, None);
        let changed = || memory.logs().readers.iter().map(|reader| reader.changed.len()).collect::<Vec<_>>();
        assert_eq!(changed(), [0]);
        // A topic that nobody reads is noted once.
        memory.append("of nobody", Event::new("x"), None).await.unwrap();
        assert_eq!((changed(), read(&memory, &mut cursors).await, changed()), (vec![1], None, vec![0]));
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
        let mut cursors = Cursors::default();
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
        let mut cursors = Cursors::default();
        follow(&memory, &mut cursors, "a").await;
        for _ in 0..ENTRIES_PER_READ + 2 {
            memory.append("a", Event::new("x"), None).await.unwrap();
        }
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), ENTRIES_PER_READ)]));
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("a".into(), 2)]));
        assert_eq!(read(&memory, &mut cursors).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_or_asks_makes_no_log_and_what_is_read_is_dropped_last() {
        let memory = Memory::new(Kept { topics: 32, ..Kept::default() });
        let mut cursors = Cursors::default();
        for topic in ["read", "empty"] {
            follow(&memory, &mut cursors, topic).await;
        }
        assert!(memory.logs().by_topic.is_empty());
        memory.append("read", Event::new("x"), None).await.unwrap();
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("read".into(), 1)]));
        for topic in 0..200 {
            tokio::time::advance(Duration::from_secs(1)).await;
            memory.append(&topic.to_string(), Event::new("x"), None).await.unwrap();
            assert!(memory.logs().by_topic.len() < 64, "also if nobody reads meanwhile");
            if topic % 7 == 0 {
                assert_eq!(read(&memory, &mut cursors).await, None);
                assert!(memory.logs().by_topic.len() <= 32);
            }
        }
        memory.append("read", Event::new("x"), None).await.unwrap();
        assert_eq!(read(&memory, &mut cursors).await, Some(vec![("read".into(), 1)]));
        // There are so many that nothing else is left to drop.
        for topic in 0..40 {
            memory.append(&format!("also read {topic}"), Event::new("x"), None).await.unwrap();
            follow(&memory, &mut cursors, &format!("also read {topic}")).await;
        }
        let gone = read(&memory, &mut cursors).await.unwrap();
        assert!(
            gone.iter().all(|(_, entries)| *entries == usize::MAX) && memory.logs().by_topic.len() <= 32,
            "{gone:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_before_the_first_event_is_known_until_the_log_was_dropped() {
        let memory = Memory::new(Kept { idle: Some(Duration::from_secs(80)), ..Kept::default() });
        let start = memory.newest("a").await.unwrap();
        let entries = async |topic: &str| match memory.page(topic, After::Id(start.as_str()), 9).await.unwrap() {
            Page::Entries(entries) => Some(entries.len()),
            Page::Unknown => None,
        };
        assert_eq!(entries("a").await, Some(0));
        for topic in ["a", "b", "a"] {
            memory.append(topic, Event::new("x"), None).await.unwrap();
        }
        assert_eq!((entries("a").await, entries("b").await), (Some(2), Some(1)));
        tokio::time::advance(Duration::from_secs(50)).await;
        memory.append("a", Event::new("x"), None).await.unwrap();
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!((entries("a").await, entries("b").await, entries("c").await), (Some(3), None, Some(0)));
        for wrong in [".0-00", ".0-99", ".0-", ".1-9", "", ".0-0x"] {
            let id = format!("{}{wrong}", memory.epoch);
            assert_eq!(memory.page("a", After::Id(&id), 9).await.unwrap(), Page::Unknown, "{id}");
        }
        // What was dropped is not remembered for ever.
        for topic in 0..=DROPPED {
            memory.append(&topic.to_string(), Event::new("x"), None).await.unwrap();
        }
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(entries("c").await, None);
        assert!(memory.logs().dropped.by_topic.len() <= DROPPED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_publisher_waits_for_those_who_read_and_not_for_those_who_are_gone() {
        let memory = Arc::new(Memory::new(Kept { events: 10, ..Kept::default() }));
        let mut cursors = Cursors::default();
        follow(&memory, &mut cursors, "a").await;
        assert_eq!(read(&memory, &mut cursors).await, None);
        let (publisher, start) = (Arc::clone(&memory), Instant::now());
        let publishing = tokio::spawn(async move {
            for _ in 0..100 {
                publisher.append("a", Event::new("x"), None).await.unwrap();
            }
        });
        let mut seen = 0;
        while seen < 100 {
            let [(_, entries)] = read(&memory, &mut cursors).await.unwrap()[..] else { panic!() };
            assert!(entries <= 5, "{entries}");
            seen += entries;
        }
        publishing.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "a read ends the wait");
        // Nobody reads any more.
        let start = Instant::now();
        for _ in 0..100 {
            memory.append("a", Event::new("x"), None).await.unwrap();
        }
        assert!((50..60).contains(&start.elapsed().as_millis()), "it has waited once");
    }

    #[tokio::test(start_paused = true)]
    async fn several_readers_each_read_everything() {
        let memory = Memory::new(Kept::default());
        let mut all: Vec<Cursors> = (0..READERS + 3).map(|_| Cursors::default()).collect();
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
        let mut cursors = Cursors::default();
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
