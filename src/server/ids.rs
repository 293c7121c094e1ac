//! Where the ids of a replay buffer come from, and how the number of an event is found by its id.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use core::fmt::{Display, Write};

use bytestring::ByteString;

use super::replay::give_back;
use crate::field::{Field, FieldError};

/// Sealed: the module is private, so nobody else can name the trait.
pub trait Ids {
    /// The number of the event with this id, counting from 1.
    ///
    /// It may be that of an event that is long gone or still to come, but every event that is held, and the one that
    /// was pushed out last, is found.
    fn number(&self, id: &str) -> Option<u64>;

    /// The id of the newest event; empty if there was none.
    fn last(&self) -> &str;

    /// The oldest event is pushed out. Returns the bytes that were held for its id.
    fn push_out(&mut self) -> usize;
}

/// The ids are the events' own: a [`ReplayBuffer`](super::ReplayBuffer) made by [`new`](super::ReplayBuffer::new).
#[derive(Debug, Default)]
pub struct OwnIds {
    // Of the events that are held, the oldest first.
    held: VecDeque<ByteString>,
    // Of the event that was pushed out last.
    pushed_out: Option<ByteString>,
    // Of all of the above. A tree, as no choice of ids can make it slow.
    numbers: BTreeMap<ByteString, u64>,
}

impl OwnIds {
    pub(super) fn push(&mut self, id: &str, number: u64) {
        let id = ByteString::from(id);
        self.numbers.insert(id.clone(), number);
        self.held.push_back(id);
    }
}

impl Ids for OwnIds {
    fn number(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    fn last(&self) -> &str {
        self.held.back().or(self.pushed_out.as_ref()).map_or("", |id| id)
    }

    fn push_out(&mut self) -> usize {
        let Some(id) = self.held.pop_front() else { return 0 };
        give_back(&mut self.held);
        let size = id.len();
        if let Some(forgotten) = self.pushed_out.replace(id) {
            self.numbers.remove(&forgotten);
        }
        size
    }
}

/// The ids are counted: a [`ReplayBuffer`](super::ReplayBuffer) made by [`counted`](super::ReplayBuffer::counted).
#[derive(Debug)]
pub struct CountedIds {
    // `{epoch}-{number}`, without the number before the first event.
    last: String,
    // Where the number starts.
    start: usize,
}

impl CountedIds {
    pub(super) fn new(epoch: impl Display) -> Result<CountedIds, FieldError> {
        let last = format!("{epoch}-");
        Field::Id.check(&last)?;
        let start = last.len();
        Ok(CountedIds { last, start })
    }

    /// The id of the event with this number, which is the newest now.
    pub(super) fn push(&mut self, number: u64) -> &str {
        self.last.truncate(self.start);
        // Writing to a string never fails.
        let _ = write!(self.last, "{number}");
        &self.last
    }
}

impl Ids for CountedIds {
    fn number(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(&self.last[..self.start])?;
        // `parse` would take a sign and leading zeros, which were never written.
        if number.starts_with(['0', '+']) { None } else { number.parse().ok() }
    }

    fn last(&self) -> &str {
        if self.last.len() == self.start { "" } else { &self.last }
    }

    fn push_out(&mut self) -> usize {
        0
    }
}
