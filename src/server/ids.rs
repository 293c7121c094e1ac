//! Where the ids of a replay buffer come from, and how the number of an event is found by its id.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{Display, Write};

use crate::http;
use crate::names::EventId;

/// The ids of the events of one buffer. Events are numbered from 1, in the order in which they were published.
///
/// Sealed: the module is private, so that the trait cannot be named outside.
pub trait Ids {
    /// The number of the event with this id.
    ///
    /// Every event that is held, and the one that was pushed out last, is found. The number may also be that of an event
    /// that is no longer held, or not yet published.
    fn number(&self, id: &str) -> Option<u64>;

    /// The number of the newest event, which is how many there were.
    fn newest(&self) -> u64;

    /// The id of the newest event, or of the place before the first one, if it has an id.
    fn last(&self) -> Option<EventId<'_>>;

    /// The oldest event is pushed out. Returns the bytes that were held for its id.
    fn push_out(&mut self) -> usize;
}

/// The ids that events have already: for a [`ReplayBuffer`](super::ReplayBuffer) made by [`new`](super::ReplayBuffer::new).
#[derive(Debug, Default)]
pub struct OwnIds {
    /// Of the events that are held, the oldest first.
    held: VecDeque<Arc<str>>,
    /// Of the event that was pushed out last.
    pushed_out: Option<Arc<str>>,
    /// The numbers of all of the above. A tree, since no choice of ids can make it slow.
    numbers: BTreeMap<Arc<str>, u64>,
    newest: u64,
}

impl OwnIds {
    pub(super) fn push(&mut self, id: &str) {
        let id = Arc::<str>::from(id);
        self.newest += 1;
        self.numbers.insert(Arc::clone(&id), self.newest);
        self.held.push_back(id);
    }
}

impl Ids for OwnIds {
    fn number(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    fn newest(&self) -> u64 {
        self.newest
    }

    fn last(&self) -> Option<EventId<'_>> {
        self.held.back().or(self.pushed_out.as_ref()).map(|id| EventId::trusted(id))
    }

    fn push_out(&mut self) -> usize {
        let Some(id) = self.held.pop_front() else { return 0 };
        shrink(&mut self.held);
        let size = id.len();
        if let Some(before) = self.pushed_out.replace(id) {
            self.numbers.remove(&before);
        }
        size
    }
}

/// Ids that count: `{epoch}-1`, `{epoch}-2`, and so on. `{epoch}-0` is the place before the first event.
///
/// Use it by itself in servers that keep no events, or keep them elsewhere; a [`ReplayBuffer`](super::ReplayBuffer) made by
/// [`counted`](super::ReplayBuffer::counted) counts with it.
///
/// `epoch` makes these ids differ from all others, above all from those before a restart of the server. Use the time of the
/// start, if it is precise enough, or a random text; if there are several streams, add the name of the stream. Two different
/// epochs have no id in common.
///
/// ```
/// use sse_wire::Event;
/// use sse_wire::server::CountedIds;
///
/// let mut ids = CountedIds::new("prices-1732000000")?;
/// assert_eq!(Event::new("42").with_id(ids.next_id()).encode(), "id: prices-1732000000-1\ndata: 42\n\n");
/// assert_eq!(ids.next_id(), "prices-1732000000-2");
/// # Ok::<(), sse_wire::server::ReplayError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CountedIds {
    /// `{epoch}-{newest}`.
    // Invariant: an `EventId`.
    last: String,
    /// Where the number starts.
    start: usize,
    newest: u64,
}

impl CountedIds {
    /// Ids that begin with `epoch`.
    ///
    /// # Errors
    ///
    /// [`ReplayError::UnfitId`] if `epoch` begins with a space or a tab, or holds a control character.
    pub fn new(epoch: impl Display) -> Result<CountedIds, ReplayError> {
        let last = format!("{epoch}-0");
        if !http::carries(last.as_bytes()) {
            return Err(ReplayError::UnfitId);
        }
        let start = last.len() - "0".len();
        Ok(CountedIds { last, start, newest: 0 })
    }

    /// The next id, borrowed until the one after it. Never fails.
    pub fn next_id(&mut self) -> EventId<'_> {
        self.newest += 1;
        self.last.truncate(self.start);
        // Writing to a string never fails.
        let _ = write!(self.last, "{}", self.newest);
        EventId::trusted(&self.last)
    }
}

impl Ids for CountedIds {
    fn number(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(&self.last[..self.start])?;
        // `parse` would accept a sign and leading zeros, which no id has. 0 is the place before the first event.
        if number != "0" && number.starts_with(['0', '+']) { None } else { number.parse().ok() }
    }

    fn newest(&self) -> u64 {
        self.newest
    }

    fn last(&self) -> Option<EventId<'_>> {
        Some(EventId::trusted(&self.last))
    }

    fn push_out(&mut self) -> usize {
        0
    }
}

/// Why an event could not be published, or ids cannot be counted: clients could not reconnect with such an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The event has no id, or an empty one.
    #[error("the event has no id to be replayed by")]
    MissingId,
    /// The id is that of another event, which is held or was pushed out last.
    #[error("the id is that of an earlier event")]
    DuplicateId,
    /// No header brings the id back as it is: it begins or ends with a space or a tab, or holds a control character
    /// ([RFC 9110, 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)).
    #[error("no header carries the id: a space or a tab at an end, or a control character")]
    UnfitId,
}

/// Releases memory once most of it is unused. The steps are large, so that the cost for each event is constant.
pub(super) fn shrink<T>(held: &mut VecDeque<T>) {
    const FEW: usize = 64;
    if held.len() < held.capacity() / 4 {
        held.shrink_to(FEW.max(2 * held.len()));
    }
}
