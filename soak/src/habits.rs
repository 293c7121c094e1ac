//! What kinds of clients there are.

use std::fmt::{self, Display, Formatter};

use fastrand::Rng;

/// By what the events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `EventSource::next_event`.
    Borrowed,
    /// `EventSource::next_event_shared`.
    Shared,
    /// `EventSource::next_item`.
    Items,
    /// `EventSource::next_item_shared`.
    SharedItems,
    /// One of the four, another one for each chunk.
    Mixed,
    /// The stream adapter, `stream::EventStream`, which one parser goes through.
    Stream,
}

/// The four that `EventSource` has.
pub const METHODS: [Reading; 4] = [Reading::Borrowed, Reading::Shared, Reading::Items, Reading::SharedItems];

const ALL: [Reading; 6] =
    [Reading::Borrowed, Reading::Shared, Reading::Items, Reading::SharedItems, Reading::Mixed, Reading::Stream];

/// How one client behaves.
#[expect(clippy::struct_excessive_bools, reason = "each habit comes with every other")]
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub reading: Reading,
    /// Waits before it reads on.
    pub slow: bool,
    /// Cuts what it reads further before it is parsed.
    pub recuts: bool,
    /// Stays away for long now and then.
    pub naps: bool,
    /// Asks by HTTP 1.0: a body ends where the connection does, so that a cut looks like a good end.
    pub old_http: bool,
}

impl Habits {
    /// Of the client with this number. Every kind of reading comes with every habit, if there are enough clients.
    pub fn of(client: usize, chance: &mut Rng) -> Habits {
        let mut is_one_in = |clients: u32| chance.u32(..clients) == 0;
        Habits {
            reading: ALL[client % ALL.len()],
            slow: is_one_in(6),
            recuts: is_one_in(3),
            naps: is_one_in(8),
            old_http: is_one_in(3),
        }
    }
}

impl Display for Habits {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.reading)?;
        let habits = [(self.slow, "slow"), (self.recuts, "recuts"), (self.naps, "naps"), (self.old_http, "HTTP 1.0")];
        habits.iter().filter(|(has, _)| *has).try_for_each(|(_, name)| write!(formatter, ", {name}"))
    }
}
