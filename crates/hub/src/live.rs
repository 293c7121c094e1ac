//! The newest events of one topic on one node, which all of its subscribers share.
//!
//! Events are numbered from the one at which the topic was opened. A subscriber that has the number of its next event reads it here,
//! as long as it is held. What must hold: the events here are a contiguous run of the topic's log.

use core::task::Waker;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use slab::Slab;

use crate::engine::{EngineError, Entry, Id, Topic};
use crate::limits::Limits;

/// A topic with subscribers.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) topic: Topic,
    /// The place of the one who follows it.
    pub(crate) follower: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The run of the log that is shared; `None` until the engine has said where the topic ends.
    run: Option<Run>,
    /// How often the topic has begun anew, since what its subscribers had seen was gone.
    pub(crate) times_gone: u64,
    /// How often anything has changed.
    pub(crate) changes: u64,
    /// Why the engine refuses to answer for this topic, if it does.
    pub(crate) refusal: Option<EngineError>,
    wakers: Slab<Option<Waker>>,
}

#[derive(Debug)]
struct Run {
    /// The id before the first event that is held.
    before: Id,
    /// The number of the first event that is held.
    first: u64,
    held: VecDeque<Entry>,
    bytes: usize,
    numbers: HashMap<Id, u64>,
}

impl Live {
    pub(crate) fn new(topic: Topic, follower: usize) -> Live {
        let state = State { run: None, times_gone: 0, changes: 0, refusal: None, wakers: Slab::new() };
        Live { topic, follower, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes all subscribers.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers: Vec<Waker> = {
            let mut state = self.state();
            change(&mut state);
            state.changes += 1;
            state.wakers.iter_mut().filter_map(|(_, waker)| waker.take()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Where the next event of a subscriber is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has this number.
    Number(u64),
    /// Not here, or not yet: the topic has not come to it, or it is no longer held.
    Elsewhere,
}

impl State {
    /// The topic is followed from after this id.
    pub(crate) fn open(&mut self, newest: Id) {
        self.refusal = None;
        self.run = Some(Run { before: newest, first: 0, held: VecDeque::new(), bytes: 0, numbers: HashMap::new() });
    }

    /// What the subscribers have seen is gone.
    pub(crate) fn gone(&mut self) {
        self.times_gone += 1;
        self.run = None;
    }

    pub(crate) fn push(&mut self, entries: Vec<Entry>, limits: &Limits) {
        let Some(run) = &mut self.run else { return };
        for entry in entries {
            run.numbers.insert(entry.id.clone(), run.next());
            run.bytes += entry.bytes.len();
            run.held.push_back(entry);
        }
        while run.held.len() > limits.live_events || run.bytes > limits.live_bytes && run.held.len() > 1 {
            let Some(entry) = run.held.pop_front() else { break };
            run.numbers.remove(&entry.id);
            run.bytes -= entry.bytes.len();
            run.first += 1;
            run.before = entry.id;
        }
    }

    /// The id of the newest event, and the number of the next. `None` until the topic is open.
    pub(crate) fn end(&self) -> Option<(&Id, u64)> {
        let run = self.run.as_ref()?;
        Some((run.held.back().map_or(&run.before, |entry| &entry.id), run.next()))
    }

    /// Where the first event is that was published since the topic was opened, if that is still held.
    pub(crate) fn first(&self) -> Place {
        match &self.run {
            Some(run) if run.first == 0 => Place::Number(0),
            _ => Place::Elsewhere,
        }
    }

    /// Where the event after this id is.
    pub(crate) fn after(&self, id: &str) -> Place {
        let Some(run) = &self.run else { return Place::Elsewhere };
        if run.before.as_str() == id {
            return Place::Number(run.first);
        }
        run.numbers.get(&Id::new(id)).map_or(Place::Elsewhere, |number| Place::Number(number + 1))
    }

    /// The events from this number on, at most so many. `None` if the first of them is no longer held.
    pub(crate) fn from(&self, number: u64, most: usize) -> Option<impl Iterator<Item = &Entry>> {
        let run = self.run.as_ref()?;
        let skipped = usize::try_from(number.checked_sub(run.first)?).ok()?;
        Some(run.held.range(skipped.min(run.held.len())..).take(most))
    }

    /// A place for the waker of one subscriber.
    pub(crate) fn add_subscriber(&mut self) -> usize {
        self.wakers.insert(None)
    }

    /// Wakes this subscriber at the next change.
    pub(crate) fn wake_later(&mut self, subscriber: usize, waker: &Waker) {
        self.wakers[subscriber] = Some(waker.clone());
    }

    /// Returns how many are left.
    pub(crate) fn remove_subscriber(&mut self, subscriber: usize) -> usize {
        self.wakers.try_remove(subscriber);
        self.wakers.len()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.wakers.len()
    }
}

impl Run {
    fn next(&self) -> u64 {
        self.first + self.held.len() as u64
    }
}
