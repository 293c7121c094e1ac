//! The kinds of clients.

use std::fmt::{self, Display, Formatter};

use fastrand::Rng;

/// By which methods a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `next_event` of the reader that `EventSource::feed` returns.
    Borrowed,
    /// `owned` of the same reader.
    Owned,
    /// `EventSource::feed_bytes`.
    Bytes,
    /// `next_block` of the reader that `EventSource::feed` returns.
    Blocks,
    /// `owned_blocks` of the same reader.
    OwnedBlocks,
    /// One of the five, another one for each chunk.
    Mixed,
    /// The stream adapter, `stream::EventStream`, with one parser for all connections.
    Stream,
    /// The `EventSource` of `sse-wire-client`, which connects by itself.
    Source,
    /// The same, with comments.
    SourceWithComments,
}

/// The five that `EventSource` has.
pub const METHODS: [Reading; 5] =
    [Reading::Borrowed, Reading::Owned, Reading::Bytes, Reading::Blocks, Reading::OwnedBlocks];

const ALL: [Reading; 9] = [
    Reading::Borrowed,
    Reading::Owned,
    Reading::Bytes,
    Reading::Blocks,
    Reading::OwnedBlocks,
    Reading::Mixed,
    Reading::Stream,
    Reading::Source,
    Reading::SourceWithComments,
];

/// Those of `sse-wire-client`.
const SOURCES: [Reading; 2] = [Reading::Source, Reading::SourceWithComments];

impl Reading {
    /// Whether the client sees blocks without an event, and so keep-alives.
    pub fn sees_blocks(self) -> bool {
        matches!(self, Reading::Blocks | Reading::OwnedBlocks)
    }
}

/// How one client behaves.
#[expect(clippy::struct_excessive_bools, reason = "every combination occurs")]
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub reading: Reading,
    /// Waits before each read.
    pub slow: bool,
    /// Cuts chunks further before they are parsed.
    pub recuts: bool,
    /// Waits long before some of its connections.
    pub naps: bool,
    /// Uses HTTP 1.0: a body ends with the connection, so that a cut looks like a proper end.
    pub old_http: bool,
}

impl Habits {
    /// Of the client with this number. With enough clients, every kind of reading occurs with every habit.
    pub fn of(client: usize, only_sources: bool, chance: &mut Rng) -> Habits {
        let readings = if only_sources { &SOURCES[..] } else { &ALL };
        let mut is_one_in = |clients: u32| chance.u32(..clients) == 0;
        Habits {
            reading: readings[client % readings.len()],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_reading_occurs_unless_only_sources_are_asked_for() {
        let readings = |only_sources| {
            let mut chance = Rng::with_seed(7);
            (0..18).map(move |client| Habits::of(client, only_sources, &mut chance).reading).collect::<Vec<_>>()
        };
        assert!(ALL.iter().all(|reading| readings(false).contains(reading)));
        assert!(readings(true).iter().all(|reading| SOURCES.contains(reading)));
        assert!(SOURCES.iter().all(|reading| readings(true).contains(reading)));
    }
}
