//! What the page shows of the servers: where the events are kept, and what happened lately.

use std::collections::VecDeque;

use futures_util::{Stream, StreamExt};
use serde::Serialize;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::store::Store;

/// How much of what happened is shown to a new page.
const LATELY: usize = 10;

pub(crate) struct Board(watch::Sender<Shown>);

#[derive(Clone, Serialize)]
struct Shown {
    /// Where the events are kept.
    engine: String,
    /// Whether there is a Redis that can be broken.
    has_redis: bool,
    happened: VecDeque<Happened>,
    /// How much has happened since the start.
    count: u64,
}

#[derive(Clone, Serialize)]
struct Happened {
    number: u64,
    text: String,
}

impl Board {
    pub(crate) fn new(store: &Store) -> Board {
        let (engine, has_redis) = (store.to_string(), store.redis().is_some());
        Board(watch::Sender::new(Shown { engine, has_redis, happened: VecDeque::new(), count: 0 }))
    }

    /// Tells all pages what has happened.
    pub(crate) fn tell(&self, text: impl Into<String>) {
        self.0.send_modify(|shown| {
            shown.count += 1;
            shown.happened.push_back(Happened { number: shown.count, text: text.into() });
            if shown.happened.len() > LATELY {
                shown.happened.pop_front();
            }
        });
    }

    /// All of it as JSON, now and at each change.
    pub(crate) fn changes(&self) -> impl Stream<Item = serde_json::Result<String>> + use<> {
        WatchStream::new(self.0.subscribe()).map(|shown| serde_json::to_string(&shown))
    }
}
