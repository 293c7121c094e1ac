//! The state that all parts of a run share.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::expected::Series;
use crate::report::Counts;

/// The run: its events, its counts, and whether it is ending.
///
/// Once it is, nothing more is published, no client is slow and no connection is cut, so that every client reaches the
/// newest event. A client that does not is stuck.
#[derive(Debug)]
pub struct Run {
    pub series: Series,
    pub counts: Counts,
    ending: watch::Sender<bool>,
}

impl Run {
    pub fn new(seed: u64, clients: usize) -> Run {
        Run { series: Series { seed }, counts: Counts::new(clients), ending: watch::Sender::new(false) }
    }

    /// From now on, the run is ending.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    pub fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Sleeps, but no longer than until the run is ending.
    pub async fn sleep(&self, pause: Duration) {
        let mut ending = self.ending.subscribe();
        // An error only says that all of the pause has passed.
        let _ = timeout(pause, ending.wait_for(|ending| *ending)).await;
    }
}
