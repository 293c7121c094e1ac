//! What a hub needs from whatever holds the logs of its topics.

use core::fmt;
use core::pin::Pin;
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use sse_wire::Event;

/// A future that goes to other threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The name of a topic.
pub type Topic = Arc<str>;

/// The id of an entry, which is the id of its event. Only an engine knows what is in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Arc<str>);

impl Id {
    /// An id that an engine has given.
    #[must_use]
    pub fn new(id: &str) -> Id {
        Id(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Id,
    /// The event as it is sent, with its id.
    pub bytes: Bytes,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After<'a> {
    /// At the first entry that is held.
    Start,
    /// At the entry after this one. It comes from a client, and may be anything.
    Id(&'a str),
}

/// A part of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The entries that follow, the oldest first, without a gap: as many as were asked for, or all that there are.
    Entries(Vec<Entry>),
    /// It is not known what followed: the id was never given, or entries after it are gone.
    Unknown,
}

/// The topics that are read, and the id of the entry of each that was read last.
#[derive(Debug)]
pub struct Cursors {
    ids: HashMap<Topic, Id>,
    mark: u64,
}

impl Cursors {
    /// The id of this topic, if it is read.
    #[must_use]
    pub fn get(&self, topic: &str) -> Option<&Id> {
        self.ids.get(topic)
    }

    /// All topics and ids, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Topic, &Id)> {
        self.ids.iter()
    }

    /// How many topics are read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// A number for engines that note which topics have changed, so that a read need not look at all of them: if a read has the number
    /// of the one before, each of its topics was in that one, or its [newest](Engine::newest) id has been asked for since.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.mark
    }

    pub(crate) fn insert(&mut self, topic: Topic, id: Id) {
        self.ids.insert(topic, id);
    }

    /// Takes a topic that was left out for a time.
    pub(crate) fn insert_again(&mut self, topic: Topic, id: Id) {
        self.mark = new_mark();
        self.ids.insert(topic, id);
    }

    /// Moves the cursor of a topic on, if it is read.
    pub(crate) fn set(&mut self, topic: &str, id: Id) -> bool {
        self.ids.get_mut(topic).map(|cursor| *cursor = id).is_some()
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        self.ids.remove(topic);
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Topic, Id)> + '_ {
        self.ids.drain()
    }
}

impl Default for Cursors {
    fn default() -> Self {
        Cursors::from_iter([])
    }
}

/// For the tests of an engine.
impl FromIterator<(Topic, Id)> for Cursors {
    fn from_iter<I: IntoIterator<Item = (Topic, Id)>>(cursors: I) -> Self {
        Cursors { ids: cursors.into_iter().collect(), mark: new_mark() }
    }
}

/// A number that no other reader has.
fn new_mark() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

/// How many subscribers each node has.
pub type Presence = BTreeMap<String, usize>;

/// What was read of each topic that had something.
pub type Read = Vec<(Topic, Page)>;

/// Holds a log of entries for each topic, and gives each entry its id.
///
/// A log only grows at its end, and loses entries only at its start. If it loses others, as after a failover, [`page`](Engine::page)
/// must no longer know the ids that are lost.
///
/// One that wraps another must pass on all methods, also those that have a default.
pub trait Engine: Send + Sync + 'static {
    /// Appends an event, and returns the id that it got. An id that the event has already is replaced.
    ///
    /// `once` is a name for this event: another with the same name, within a time that the engine knows, is not appended
    /// again, and has the same id.
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>>;

    /// The id of the newest entry; of a log without one, an id that stands for the place before the first.
    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>>;

    /// At most `most` entries. With 0, whether the place is known.
    ///
    /// An id is known if its entry is held, or is the newest that there was. Both are looked up in one step.
    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>>;

    /// Waits until there are entries after at least one of these, and returns them, up to some number; [`Page::Unknown`] if entries
    /// may be missing between. May return without any after some seconds, and must return soon after `interrupt` is ready.
    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>>;

    /// How many topics one [`read`](Engine::read) may have. If there are more, several reads wait at the same time. No limit unless an
    /// engine has one.
    fn topics_per_read(&self) -> usize {
        usize::MAX
    }

    /// Tells all nodes how many subscribers this node has of each of these topics. It counts for so long, unless it is told again.
    ///
    /// Does nothing unless an engine for many nodes implements it.
    fn announce<'a>(
        &'a self,
        node: &'a str,
        counts: &'a [(Topic, usize)],
        lasts: Duration,
    ) -> BoxFuture<'a, Result<(), EngineError>> {
        let _ = (node, counts, lasts);
        Box::pin(core::future::ready(Ok(())))
    }

    /// The nodes that have subscribers of this topic, as far as they have [announced](Engine::announce) it, and how many.
    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Presence, EngineError>> {
        let _ = topic;
        Box::pin(core::future::ready(Ok(Presence::new())))
    }
}

/// An engine that several hubs share.
impl<E: Engine + ?Sized> Engine for Arc<E> {
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        (**self).append(topic, event, once)
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        (**self).newest(topic)
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        (**self).page(topic, after, most)
    }

    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        (**self).read(cursors, interrupt)
    }

    fn topics_per_read(&self) -> usize {
        (**self).topics_per_read()
    }

    fn announce<'a>(
        &'a self,
        node: &'a str,
        counts: &'a [(Topic, usize)],
        lasts: Duration,
    ) -> BoxFuture<'a, Result<(), EngineError>> {
        (**self).announce(node, counts, lasts)
    }

    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Presence, EngineError>> {
        (**self).presence(topic)
    }
}

/// Why an engine could not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct EngineError {
    what: Arc<str>,
    cause: Arc<str>,
    is_lasting: bool,
}

impl EngineError {
    /// The engine cannot be reached, or not now. The hub asks again. `what` says what was asked for, with the topic if there is one.
    #[must_use]
    pub fn unreachable(what: impl fmt::Display, cause: impl fmt::Display) -> EngineError {
        EngineError { what: what.to_string().into(), cause: cause.to_string().into(), is_lasting: false }
    }

    /// The engine refuses: a setting, a permission or a type is wrong. If it was asked about one topic, the others are not touched.
    #[must_use]
    pub fn refused(what: impl fmt::Display, cause: impl fmt::Display) -> EngineError {
        EngineError { what: what.to_string().into(), cause: cause.to_string().into(), is_lasting: true }
    }

    /// Whether the engine refuses: nothing was done, and asking again is futile until somebody changes a setting, a permission or a key.
    /// What passes by itself, such as memory that is full, is no refusal.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.is_lasting
    }
}
