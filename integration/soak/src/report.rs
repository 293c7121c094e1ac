//! The counts, and how they are printed.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::memory::Memory;

/// A number that many tasks increase.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one client counts.
#[derive(Debug, Default)]
pub struct ClientCounts {
    /// Events that were as expected.
    pub events: Count,
    /// Comments that were seen, by a client that reads blocks.
    pub comments: Count,
    /// Bytes of bodies.
    pub bytes: Count,
    /// Responses that opened a stream.
    pub connections: Count,
    /// Connections that ended before there was a response.
    pub unanswered: Count,
    /// Events that the end of a connection has cut, and that were checked as far as they came.
    pub unfinished: Count,
    /// How often the server said that events are lost for this client.
    pub gone: Count,
    /// How many were lost.
    pub missed: Count,
    /// The number of the newest event that it has got or was told of.
    pub last: Count,
}

/// What the client of the hostile endpoint counts.
#[derive(Debug, Default)]
pub struct HostileCounts {
    pub rounds: Count,
    pub bytes: Count,
    pub events: Count,
    pub comments: Count,
    /// Blocks that were refused, each with the right error.
    pub refused: Count,
}

/// All counts of a run.
#[derive(Debug)]
pub struct Counts {
    pub clients: Vec<Arc<ClientCounts>>,
    pub hostile: HostileCounts,
    /// Events published.
    pub published: Count,
    /// Connections that the proxy broke.
    pub cuts: Count,
}

impl Counts {
    pub fn new(clients: usize) -> Counts {
        Counts {
            clients: (0..clients).map(|_| Arc::default()).collect(),
            hostile: HostileCounts::default(),
            published: Count::default(),
            cuts: Count::default(),
        }
    }

    /// All events that were checked.
    pub fn events(&self) -> u64 {
        self.sum(|client| &client.events) + self.hostile.events.get()
    }

    fn bytes(&self) -> u64 {
        self.sum(|client| &client.bytes) + self.hostile.bytes.get()
    }

    fn connections(&self) -> u64 {
        self.sum(|client| &client.connections) + self.hostile.rounds.get()
    }

    fn sum(&self, count: impl Fn(&ClientCounts) -> &Count) -> u64 {
        self.clients.iter().map(|client| count(client).get()).sum()
    }

    /// The counts so far, in one line.
    pub fn line(&self, elapsed: Duration, memory: &Memory) -> String {
        format!(
            "{:>4} s  {} events  {}  {} connections  {} cuts  {} gone  {} refused  heap {}, at most {}",
            elapsed.as_secs(),
            Grouped(self.events()),
            Size(self.bytes()),
            Grouped(self.connections()),
            Grouped(self.cuts.get()),
            Grouped(self.sum(|client| &client.gone)),
            Grouped(self.hostile.refused.get()),
            Size(Memory::now()),
            Size(memory.peak()),
        )
    }

    /// The table at the end.
    pub fn table(&self, elapsed: Duration, memory: &Memory) -> String {
        let fewest = self.clients.iter().map(|client| client.events.get()).min().unwrap_or_default();
        let [first, _, last] = memory.thirds();
        let number = |number: u64| Grouped(number).to_string();
        let size = |size: u64| Size(size).to_string();
        let rows = [
            ("seconds", number(elapsed.as_secs())),
            ("events published", number(self.published.get())),
            ("events checked", number(self.events())),
            ("fewest of one client", number(fewest)),
            ("unfinished, checked as far as they came", number(self.sum(|client| &client.unfinished))),
            ("comments seen", number(self.sum(|client| &client.comments) + self.hostile.comments.get())),
            ("bytes received", size(self.bytes())),
            ("connections opened", number(self.connections())),
            ("connections that broke before the response", number(self.sum(|client| &client.unanswered))),
            ("connections that the proxy cut", number(self.cuts.get())),
            ("told that events are gone", number(self.sum(|client| &client.gone))),
            ("events gone", number(self.sum(|client| &client.missed))),
            ("hostile rounds", number(self.hostile.rounds.get())),
            ("hostile events, whole", number(self.hostile.events.get())),
            ("hostile blocks, refused", number(self.hostile.refused.get())),
            ("peak heap", size(memory.peak())),
            ("peak heap, first third", size(first.peak)),
            ("peak heap, last third", size(last.peak)),
            ("mean heap, first third", size(first.mean())),
            ("mean heap, last third", size(last.mean())),
            ("peak resident set", Memory::peak_resident().map_or("unknown".to_owned(), size)),
        ];
        let lines = rows.map(|(name, value)| format!("| {name:<42} | {value:>11} |\n"));
        format!("| {:<42} | {:>11} |\n|{:-<44}|{:->13}\n{}", "", "", "", ":|", lines.concat())
    }
}

/// A number with a comma before each three digits.
struct Grouped(u64);

impl Display for Grouped {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
        formatter.pad(&groups.collect::<Vec<_>>().join(","))
    }
}

/// A number of bytes, in MiB.
struct Size(u64);

impl Display for Size {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / (1024 * 1024 / 10);
        formatter.pad(&format!("{}.{} MiB", Grouped(tenths / 10), tenths % 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(Grouped(0).to_string(), "0");
        assert_eq!(Grouped(1_234_567).to_string(), "1,234,567");
        assert_eq!(Size(1024 * 1024 * 3 / 2).to_string(), "1.5 MiB");
    }
}
