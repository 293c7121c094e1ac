//! What was measured, as it is saved.

use serde::{Deserialize, Serialize};

use crate::environment::Environment;

/// Everything that one run found out.
#[derive(Serialize, Deserialize)]
pub struct Results {
    pub environment: Environment,
    pub parsing: Vec<Row>,
    pub encoding: Vec<Row>,
}

/// What was given to all of them.
#[derive(Serialize, Deserialize)]
pub struct Row {
    /// The corpus, or the event that was encoded.
    pub what: String,
    /// How the corpus was cut.
    pub cut: Option<String>,
    pub cells: Vec<Cell>,
}

/// How long one of them took for it.
#[derive(Serialize, Deserialize)]
pub struct Cell {
    pub who: String,
    pub kind: Kind,
    /// The median over the rounds, in nanoseconds for one event.
    pub time: Option<f64>,
    /// Why there is no time, for the table.
    pub instead: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Ours,
    Peer,
    Limit,
}

impl Row {
    pub fn time(&self, who: &str) -> Option<f64> {
        self.cells.iter().find(|cell| cell.who == who)?.time
    }

    /// The fastest peer and its time.
    pub fn best_peer(&self) -> Option<(&str, f64)> {
        let peers = self.cells.iter().filter(|cell| cell.kind == Kind::Peer);
        let times = peers.filter_map(|cell| Some((&*cell.who, cell.time?)));
        times.min_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// How many times as long the fastest peer takes.
    pub fn ratio(&self, who: &str) -> Option<f64> {
        Some(self.best_peer()?.1 / self.time(who)?)
    }

    pub fn is(&self, what: &str, cut: &str) -> bool {
        self.what == what && self.cut.as_deref() == Some(cut)
    }
}
