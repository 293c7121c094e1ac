//! How many events a replay buffer must hold: its bounds once more, computed from sums alone.

use std::collections::VecDeque;

/// The sizes of the latest events.
#[derive(Debug)]
pub struct Bounds {
    max_events: usize,
    max_bytes: u64,
    /// For the newest event, those that may be held, and the one before them: the bytes of all events up to it.
    totals: VecDeque<u64>,
}

impl Bounds {
    /// The bounds of a buffer that holds at most so many events, and so many bytes.
    pub fn new(max_events: usize, max_bytes: usize) -> Bounds {
        let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        Bounds { max_events, max_bytes, totals: VecDeque::from([0]) }
    }

    /// An event of so many bytes was published.
    pub fn publish(&mut self, bytes: usize) {
        self.totals.push_back(self.newest_total() + u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.totals.len() > self.max_events + 1 {
            self.totals.pop_front();
        }
    }

    /// How many of the newest events are held. So many events, and no more, can be replayed.
    pub fn held(&self) -> usize {
        let newest = self.newest_total();
        let gone = self.totals.partition_point(|total| newest - total > self.max_bytes);
        self.totals.len() - 1 - gone
    }

    fn newest_total(&self) -> u64 {
        self.totals.back().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_bound_is_not_held() {
        let mut bounds = Bounds::new(3, 100);
        let held = [60, 10, 40, 50, 20, 101, 100].map(|bytes| {
            bounds.publish(bytes);
            bounds.held()
        });
        assert_eq!(held, [1, 2, 2, 3, 2, 0, 1]);
    }
}
