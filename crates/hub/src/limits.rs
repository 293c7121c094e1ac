//! What a hub may hold.

use core::time::Duration;

/// What a hub holds at most, on one node. All of it can be set.
///
/// ```
/// use std::time::Duration;
/// use sse_wire_hub::Limits;
///
/// let mut limits = Limits::default();
/// limits.kept.events = 5000;
/// limits.kept.idle = Some(Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What is kept of each topic for clients that come back. With several nodes, all must have the same.
    pub kept: Kept,
    /// Topics with subscribers. 10,000 unless set.
    pub topics: usize,
    /// Subscribers of all topics. 100,000 unless set.
    pub subscribers: usize,
    /// Bytes of the name of a topic, and of an event that is [published once](crate::Hub::publish_once). 256 unless set.
    pub name: usize,
    /// Events that the node holds of each topic with subscribers, for those that are a little behind. 256 unless set.
    pub live_events: usize,
    /// Bytes of these events. 1 MiB unless set; the newest event is held in any case.
    pub live_bytes: usize,
    /// Events that one subscriber gets from the engine at a time when it is further behind, at least 1. 100 unless set.
    pub page: usize,
    /// How many pages are fetched at the same time, at least 1. 16 unless set.
    pub pages: usize,
    /// Bytes of events that are held for one subscriber until its connection takes them. 64 KiB unless set; one event is held in any
    /// case.
    pub taken_bytes: usize,
    /// What is done with a subscriber that is further behind than `live_events`.
    pub slow: Slow,
    /// How often this node tells the others how many subscribers its topics have, for [`Hub::presence`](crate::Hub::presence). What a
    /// node has told counts for three times as long. Never unless set.
    pub announce: Option<Duration>,
}

/// What is kept of each topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// Events. The newest is kept in any case. 1024 unless set.
    pub events: usize,
    /// Bytes of events, which an engine may exceed somewhat. No event may be larger. 1 MiB unless set.
    pub bytes: usize,
    /// How old an event may be. No limit unless set.
    pub age: Option<Duration>,
    /// How long a topic is kept to which nothing is published; then it is dropped, and none of its ids is known any more. Must be longer
    /// than any silence of a topic that goes on. For ever unless set.
    pub idle: Option<Duration>,
    /// Topics that are kept in memory; the one that was not used for longest is dropped. 10,000 unless set. Not for engines that
    /// keep logs elsewhere.
    pub topics: usize,
}

/// What is done with a subscriber that does not keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It gets what it missed from the engine, as long as that keeps it.
    #[default]
    CatchesUp,
    /// Its stream ends: it comes back with its last event ID. [`Limits::live_events`] must be more than what is published in a burst.
    IsCut,
}

impl Default for Kept {
    fn default() -> Self {
        Kept { events: 1024, bytes: 1024 * 1024, age: None, idle: None, topics: 10_000 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            kept: Kept::default(),
            topics: 10_000,
            subscribers: 100_000,
            name: 256,
            live_events: 256,
            live_bytes: 1024 * 1024,
            page: 100,
            pages: 16,
            taken_bytes: 64 * 1024,
            slow: Slow::CatchesUp,
            announce: None,
        }
    }
}
