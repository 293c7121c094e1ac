//! The latest events, for clients that reconnect.

use alloc::collections::{VecDeque, vec_deque};
use core::fmt::Display;
use core::iter::FusedIterator;
use core::time::Duration;

use bytes::Bytes;

use super::ids::{CountedIds, Ids, OwnIds, ReplayError, shrink};
use crate::event::Event;
use crate::http;
use crate::lines::Lines;
use crate::names::EventId;

/// How many events are held unless set otherwise.
const DEFAULT_MAX_EVENTS: usize = 1024;

/// How many bytes are held unless set otherwise.
const DEFAULT_MAX_BYTES: usize = 1024 * 1024;

/// The latest events of a stream, encoded, for clients that reconnect with a last event ID ([9.2.4]).
///
/// [`publish`](ReplayBuffer::publish) encodes an event, holds it, and returns the bytes to send to every subscriber.
/// [`since`](ReplayBuffer::since) returns the events that a client missed: never the event that the client names, and never
/// with a gap. If an event in between is gone, the id is [unknown](UnknownId). The [module](super) shows how live events
/// follow a replay.
///
/// ```
/// use sse_wire::server::{ReplayBuffer, UnknownId};
/// use sse_wire::{Event, EventId};
///
/// let mut replay = ReplayBuffer::new().with_max_events(2);
/// for (id, data) in [("a", "one"), ("b", "two"), ("c", "three"), ("d", "four")] {
///     let bytes = replay.publish(Event::new(data).with_id(EventId::new(id)?))?;
///     // ... and send `bytes` to every subscriber.
/// }
/// // Clients that saw `b` last missed `c` and `d`. Of what came after `a`, `b` is gone.
/// assert_eq!(replay.since("b")?.len(), 2);
/// assert!(replay.since("c")?.eq(["id: d\ndata: four\n\n"]));
/// assert_eq!(replay.since("d")?.len(), 0);
/// assert_eq!(replay.since("a").unwrap_err(), UnknownId);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Ids
///
/// Events come with their ids, in a buffer made by [`new`](ReplayBuffer::new), or get [counted](ReplayBuffer::counted) ones;
/// the type says which. An id is a place in one stream: have one buffer for each stream, or for each session, with ids of
/// its own.
///
/// Ids must come back from clients as they are. The header drops spaces and tabs at both ends and cannot carry control
/// characters: such ids are refused.
///
/// Events that need no replay, such as reports of progress, need not be published here: [encoded](Event::encode) without an
/// id, they leave the client's last event ID as it is. Events that are stored elsewhere can be published once more when the
/// server starts, so that their ids are known again.
///
/// # Bounds
///
/// It holds at most 1024 events and 1 MiB, unless [set](ReplayBuffer::with_max_events)
/// [otherwise](ReplayBuffer::with_max_bytes), and of [any age](ReplayBuffer::with_max_age) unless set; the oldest are pushed
/// out. An event counts with its encoded bytes, and, if it came with its id, with those of the id once more, since that is
/// held apart. Each event is held in memory of exactly its size, which the subscribers share. Besides, each event takes up
/// to 330 bytes that do not count, and the buffer 4 KiB.
///
/// The id of the event that was pushed out last is still known, since all events after it are held. It does not count.
///
/// An event that is larger than the bound is published as any other, but pushes out all others and itself. Its id is known:
/// the client that got it is up to date. An id before it is unknown, since not all events after that id are held.
///
/// [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
#[derive(Debug)]
pub struct ReplayBuffer<I = OwnIds> {
    ids: I,
    /// The oldest first. The last one is the newest of `ids`.
    held: VecDeque<Held>,
    /// The bytes that count.
    size: usize,
    /// Never goes back.
    now: Nanoseconds,
    max_events: usize,
    max_bytes: usize,
    max_age: Nanoseconds,
}

/// An event that is held.
#[derive(Clone, Debug)]
struct Held {
    bytes: Bytes,
    /// When it was published.
    time: Nanoseconds,
}

/// Enough for 584 years, in half the size of a [`Duration`], since each event has one.
type Nanoseconds = u64;

fn nanoseconds(time: Duration) -> Nanoseconds {
    Nanoseconds::try_from(time.as_nanos()).unwrap_or(Nanoseconds::MAX)
}

impl ReplayBuffer {
    /// An empty buffer for events that have ids already. Allocates no memory before it is used.
    #[must_use]
    pub fn new() -> ReplayBuffer {
        ReplayBuffer::default()
    }

    /// Encodes the event, holds it, and returns its bytes, to be sent to every subscriber. Pushes out the oldest events if
    /// they exceed the bounds.
    ///
    /// The id must never be used for another event. Takes O(log n) comparisons of ids if n events are held.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] if the event has no id or an empty one, or one that no header brings back as it is; or if its id is still
    /// [known](ReplayBuffer::since): that of an event that is held, or of the one that was pushed out last. The buffer is then
    /// as it was before.
    pub fn publish<'a>(&mut self, event: impl Into<Event<'a>>) -> Result<Bytes, ReplayError> {
        let event = event.into();
        let id = event.id().filter(|id| !id.is_empty()).ok_or(ReplayError::MissingId)?;
        if !http::carries(id.as_bytes()) {
            return Err(ReplayError::UnfitId);
        }
        if self.ids.number(id).is_some() {
            return Err(ReplayError::DuplicateId);
        }
        let bytes = event.encode();
        self.ids.push(id);
        self.hold(&bytes, id.len());
        Ok(bytes)
    }
}

impl ReplayBuffer<CountedIds> {
    /// An empty buffer that gives each event an id: `{epoch}-1`, `{epoch}-2`, and so on. [`CountedIds`] says what an epoch is.
    ///
    /// ```
    /// use sse_wire::Event;
    /// use sse_wire::server::ReplayBuffer;
    ///
    /// let mut replay = ReplayBuffer::counted("prices-1732000000")?;
    /// assert_eq!(replay.publish(Event::new("x")), "id: prices-1732000000-1\ndata: x\n\n");
    /// assert_eq!(replay.since("prices-1732000000-1")?.len(), 0);
    /// assert!(replay.since("prices-1731999999-1").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReplayError::UnfitId`] if `epoch` begins with a space or a tab, or holds a control character.
    pub fn counted(epoch: impl Display) -> Result<Self, ReplayError> {
        CountedIds::new(epoch).map(ReplayBuffer::with_ids)
    }

    /// Encodes the event with the next id, holds it, and returns its bytes, to be sent to every subscriber. Pushes out the
    /// oldest events if they exceed the bounds.
    ///
    /// Replaces the event's own id, if any. Beside the encoding it takes constant time, amortized. Never fails.
    pub fn publish<'a>(&mut self, event: impl Into<Event<'a>>) -> Bytes {
        let bytes = event.into().with_id(self.ids.next_id()).encode();
        self.hold(&bytes, 0);
        bytes
    }
}

impl<I: Ids> ReplayBuffer<I> {
    fn with_ids(ids: I) -> Self {
        ReplayBuffer {
            ids,
            held: VecDeque::new(),
            size: 0,
            now: 0,
            max_events: DEFAULT_MAX_EVENTS,
            max_bytes: DEFAULT_MAX_BYTES,
            max_age: Nanoseconds::MAX,
        }
    }

    /// The same buffer, holding at most so many events; 1024 unless set. Pushes out what is too much.
    ///
    /// With 0 it holds none, and knows only the newest id.
    #[must_use]
    pub fn with_max_events(mut self, max_events: usize) -> Self {
        self.set_max_events(max_events);
        self
    }

    /// The same buffer, holding at most so many bytes of events, as [counted above](ReplayBuffer#bounds); 1 MiB unless
    /// set. Pushes out what is too much.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.set_max_bytes(max_bytes);
        self
    }

    /// The same buffer, holding only events that are no older than this; [`Duration::MAX`], which is no limit, unless set.
    /// Pushes out what is too old.
    ///
    /// [`advance`](ReplayBuffer::advance) tells the time. Without it, no event grows older.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.set_max_age(max_age);
        self
    }

    /// Sets how many events are held at most, as [`with_max_events`](ReplayBuffer::with_max_events) does.
    pub fn set_max_events(&mut self, max_events: usize) {
        self.max_events = max_events;
        self.push_out();
    }

    /// Sets how many bytes are held at most, as [`with_max_bytes`](ReplayBuffer::with_max_bytes) does.
    pub fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        self.push_out();
    }

    /// Sets how old an event that is held may be, as [`with_max_age`](ReplayBuffer::with_max_age) does.
    pub fn set_max_age(&mut self, max_age: Duration) {
        self.max_age = nanoseconds(max_age);
        self.push_out();
    }

    /// Tells the time: `now` is how long ago the caller's clock was started, whenever that was. What is published next has
    /// this time, and what is older than the [greatest age](ReplayBuffer::with_max_age) is pushed out.
    ///
    /// Call it before you publish, and before you look up what a client missed, which does not ask for the time. Without a
    /// greatest age there is no need to call it. Until the first call the time is zero.
    ///
    /// A time before the latest one is ignored, so that a clock that goes back pushes nothing out; the events that are
    /// published until it has caught up are held for longer.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use sse_wire::Event;
    /// use sse_wire::server::{ReplayBuffer, UnknownId};
    ///
    /// let started = Instant::now();
    /// let mut replay = ReplayBuffer::counted("e")?.with_max_age(Duration::from_secs(60));
    /// replay.advance(started.elapsed());
    /// replay.publish(Event::new("one"));
    /// replay.publish(Event::new("two"));
    ///
    /// replay.advance(started.elapsed() + Duration::from_secs(61));
    /// assert_eq!(replay.all().len(), 0);
    /// assert_eq!(replay.since("e-1").unwrap_err(), UnknownId);
    /// // Nothing came after this one.
    /// assert_eq!(replay.since("e-2")?.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(nanoseconds(now));
        self.push_out();
    }

    /// The events after the one with this id, the oldest first; none if the client is up to date.
    ///
    /// `last_event_id` is the value of the header, as text or as bytes. The ids that are known are those of the events
    /// that are held, and of the one that was pushed out last. Whatever the client sends, it takes O(log n) comparisons of ids
    /// if n events are held, and one for counted ids.
    ///
    /// # Errors
    ///
    /// [`UnknownId`] if events after it are gone, or if it is not an id of this buffer. The empty id, that of clients that
    /// have seen none, is never known. The [server decides](super#an-id-that-is-not-known) what to do then.
    pub fn since(&self, last_event_id: impl AsRef<[u8]>) -> Result<Replay<'_>, UnknownId> {
        let id = core::str::from_utf8(last_event_id.as_ref()).map_err(|_| UnknownId)?;
        let number = self.ids.number(id).ok_or(UnknownId)?;
        // A counted id may be that of an event not yet published, or no longer held: `None` in the first or the second step.
        let missed = self.ids.newest().checked_sub(number).and_then(|missed| usize::try_from(missed).ok());
        let start = missed.and_then(|missed| self.held.len().checked_sub(missed)).ok_or(UnknownId)?;
        Ok(Replay(self.held.range(start..)))
    }

    /// All events that are held, the oldest first: for a new client, if it should get them.
    #[must_use]
    pub fn all(&self) -> Replay<'_> {
        Replay(self.held.iter())
    }

    /// The id of the newest event, held or not. Before the first event, a buffer that counts has `{epoch}-0`, and one whose
    /// events have ids already has none.
    ///
    /// Right after an event was published, it is that event's id. A client with this last event ID is up to date. A server
    /// may send it to a new client at once ([`Head`](crate::Head)), so that a client that comes back can be told from a new
    /// one.
    #[must_use]
    pub fn last_event_id(&self) -> Option<EventId<'_>> {
        self.ids.last()
    }

    /// Holds the event that was published last, if there is room for it.
    fn hold(&mut self, bytes: &Bytes, id_size: usize) {
        self.size += bytes.len() + id_size;
        self.held.push_back(Held { bytes: bytes.clone(), time: self.now });
        self.push_out();
    }

    /// Pushes out the oldest events that exceed the bounds.
    fn push_out(&mut self) {
        while let Some(oldest) = self.held.front()
            && (self.held.len() > self.max_events
                || self.size > self.max_bytes
                // No event is newer than the time, which never goes back.
                || self.now - oldest.time > self.max_age)
        {
            self.size -= oldest.bytes.len() + self.ids.push_out();
            self.held.pop_front();
        }
        shrink(&mut self.held);
    }
}

impl Default for ReplayBuffer {
    fn default() -> Self {
        ReplayBuffer::with_ids(OwnIds::default())
    }
}

/// Encoded events to send to a client, the oldest first: an iterator over [`Bytes`], cheap to clone.
///
/// [`len`](ExactSizeIterator::len) says how many there are, [`with_ids`](Replay::with_ids) which.
#[derive(Clone, Debug)]
pub struct Replay<'a>(vec_deque::Iter<'a, Held>);

impl<'a> Replay<'a> {
    /// The same events, each with its id, which is read from the encoded bytes and not copied. For a server that does not send
    /// every event to every client: see [Events that are not for every client](super#events-that-are-not-for-every-client).
    #[must_use]
    pub fn with_ids(self) -> impl DoubleEndedIterator<Item = (EventId<'a>, &'a Bytes)> + ExactSizeIterator + Clone {
        self.map(|bytes| (id(bytes), bytes))
    }
}

/// The id of an encoded event that has one: an `id` line comes first, or after the `event` line.
fn id(bytes: &[u8]) -> EventId<'_> {
    let value = Lines::new(bytes).find_map(|line| line.strip_prefix(b"id: "));
    // Always UTF-8: it was written from text.
    EventId::trusted(value.and_then(|value| core::str::from_utf8(value).ok()).unwrap_or_default())
}

impl<'a> Iterator for Replay<'a> {
    type Item = &'a Bytes;

    fn next(&mut self) -> Option<&'a Bytes> {
        self.0.next().map(|held| &held.bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Replay<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|held| &held.bytes)
    }
}

impl ExactSizeIterator for Replay<'_> {}

impl FusedIterator for Replay<'_> {}

/// It is not known what came after the event with this id: it was never published here, or events after it are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the last event ID is unknown")]
pub struct UnknownId;
