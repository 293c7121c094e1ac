//! Which ids a replay buffer must know: a second reading of its bounds, by sums and nothing else.

use std::collections::VecDeque;

/// The sizes of the latest events.
#[derive(Debug)]
pub struct Bounds {
    max_events: usize,
    max_bytes: u64,
    /// The bytes of all events up to one, for the newest event, those that may be held, and the one before them.
    totals: VecDeque<u64>,
}

impl Bounds {
    /// Of a buffer that holds at most so many events, and so many bytes.
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

    /// Whether a client is to be sent all of the newest events, so many of them.
    pub fn holds(&self, missed: u64) -> bool {
        let last = usize::try_from(missed).ok().and_then(|missed| self.totals.len().checked_sub(missed + 1));
        let total = last.and_then(|last| self.totals.get(last));
        total.is_some_and(|total| self.newest_total() - total <= self.max_bytes)
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
        for bytes in [60, 10, 40, 50] {
            bounds.publish(bytes);
        }
        assert_eq!([0, 1, 2, 3, 4, 5].map(|missed| bounds.holds(missed)), [true, true, true, true, false, false]);
        bounds.publish(20);
        assert_eq!([0, 1, 2, 3].map(|missed| bounds.holds(missed)), [true, true, true, false]);
    }
}
