//! What all parts of a run share.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::expected::Series;
use crate::report::Counts;

/// The run: its events, its counts, and whether it comes to its end.
///
/// When it does, nothing more is published, nobody is slow any more and no connection is cut, so that every client gets to
/// the newest event. One that does not is stuck.
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

    /// It comes to its end.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    pub fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Sleeps, but not beyond the beginning of the end.
    pub async fn sleep(&self, pause: Duration) {
        let mut ending = self.ending.subscribe();
        // That it took too long is what is wanted.
        let _ = timeout(pause, ending.wait_for(|ending| *ending)).await;
    }
}
