//! What a node asks its engine next, and what the answers mean. No I/O, no clock.
//!
//! A node follows the end of each topic that has subscribers. For each there is a cursor, the id of the entry that it has read last.
//!
//! 1. A new topic has none: the engine is asked for its [newest](Ask::Newest) id. From there the topic is followed.
//! 2. All topics that have one are [read](Ask::Read) by one request, which waits for entries.
//! 3. After an error of the engine, a cursor may be that of an entry which no longer exists: after a failover, reading would go on
//!    as if nothing had happened. So each is [checked](Ask::Check) first. If it is unknown, the topic is [gone](Told::Gone) for
//!    all of its subscribers, and begins anew.
//! 4. What the engine refuses for one topic does not keep others waiting: that topic is asked for again later.
//!
//! What must hold: between [`Told::Opened`] and [`Told::Gone`], the entries of a topic are a contiguous run of its log.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::engine::{Cursors, EngineError, Entry, Id, Page, Read, Topic};

/// How long to wait after the first error in a row; it doubles with each.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait, and that of a topic for which the engine refuses to answer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What to ask the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Newest(Topic),
    Check(Topic, Id),
    /// All [cursors](Tail::cursors).
    Read,
}

/// What an answer says about a topic.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// It is followed from here on.
    Opened(Topic, Id),
    Entries(Topic, Vec<Entry>),
    /// What its subscribers have seen is not, or no longer, the end of its log.
    Gone(Topic),
    /// The engine refuses to answer.
    Refused(Topic, EngineError),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Ask(Ask),
    /// Nothing before this time, unless a topic is added.
    Wait(Duration),
    /// Nothing until a topic is added.
    Idle,
}

/// The cursors of a node. A topic is in one of the first three.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    new: BTreeSet<Topic>,
    unchecked: BTreeMap<Topic, Id>,
    cursors: Cursors,
    /// When to ask again for topics for which the engine refuses to answer.
    refused: HashMap<Topic, Duration>,
    errors: u32,
    not_before: Duration,
}

impl Tail {
    /// Follows a topic. If it is followed already, nothing changes.
    pub(crate) fn add(&mut self, topic: &Topic) {
        if self.cursors.get(topic).is_none() && !self.unchecked.contains_key(topic) {
            self.new.insert(topic.clone());
        }
    }

    /// Follows a topic no longer. An answer about it is ignored.
    pub(crate) fn remove(&mut self, topic: &str) {
        self.new.remove(topic);
        self.unchecked.remove(topic);
        self.cursors.remove(topic);
        self.refused.remove(topic);
    }

    /// The topics to be read, and the last id of each.
    pub(crate) fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    pub(crate) fn next(&self, now: Duration) -> Next {
        let is_due = |topic: &Topic| self.refused.get(topic).is_none_or(|&at| at <= now);
        let is_followed = !(self.new.is_empty() && self.unchecked.is_empty() && self.cursors.is_empty());
        if is_followed && now < self.not_before {
            Next::Wait(self.not_before)
        } else if let Some((topic, id)) = self.unchecked.iter().find(|(topic, _)| is_due(topic)) {
            Next::Ask(Ask::Check(topic.clone(), id.clone()))
        } else if let Some(topic) = self.new.iter().find(|topic| is_due(topic)) {
            Next::Ask(Ask::Newest(topic.clone()))
        } else if !self.cursors.is_empty() {
            Next::Ask(Ask::Read)
        } else {
            self.refused.values().min().map_or(Next::Idle, |&at| Next::Wait(at))
        }
    }

    /// The answer to [`Ask::Newest`].
    pub(crate) fn newest(&mut self, topic: Topic, id: Id) -> Option<Told> {
        self.refused.remove(&topic);
        self.new.remove(&topic).then(|| {
            self.cursors.insert(topic.clone(), id.clone());
            Told::Opened(topic, id)
        })
    }

    /// The answer to [`Ask::Check`], which is a page of no entries.
    pub(crate) fn checked(&mut self, topic: Topic, page: &Page) -> Option<Told> {
        self.refused.remove(&topic);
        let id = self.unchecked.remove(&topic)?;
        match page {
            Page::Entries(_) => {
                self.cursors.insert_again(topic, id);
                None
            }
            Page::Unknown => Some(self.gone(topic)),
        }
    }

    /// The answer to [`Ask::Read`].
    pub(crate) fn read(&mut self, read: Read) -> Vec<Told> {
        self.errors = 0;
        let mut told = Vec::new();
        for (topic, page) in read {
            match page {
                Page::Unknown if self.cursors.get(&topic).is_some() => told.push(self.gone(topic)),
                Page::Unknown => {}
                Page::Entries(entries) => {
                    let Some(last) = entries.last() else { continue };
                    if self.cursors.set(&topic, last.id.clone()) {
                        told.push(Told::Entries(topic, entries));
                    }
                }
            }
        }
        told
    }

    fn gone(&mut self, topic: Topic) -> Told {
        self.cursors.remove(&topic);
        self.new.insert(topic.clone());
        Told::Gone(topic)
    }

    /// Whether an answer still stands: its topic was not removed, or removed and added again, since.
    pub(crate) fn is_current(&self, told: &Told) -> bool {
        match told {
            Told::Opened(topic, _) | Told::Entries(topic, _) => self.cursors.get(topic).is_some(),
            Told::Gone(topic) => self.new.contains(topic),
            Told::Refused(topic, _) => self.refused.contains_key(topic),
        }
    }

    /// The engine refuses to answer for one topic: it is asked again later.
    pub(crate) fn refused(&mut self, topic: Topic, error: EngineError, now: Duration) -> Told {
        self.refused.insert(topic.clone(), now.saturating_add(LONGEST_WAIT));
        Told::Refused(topic, error)
    }

    /// The engine has failed at this time: whatever it was asked for, it is asked again later.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.unchecked.extend(self.cursors.drain());
        let wait = SHORTEST_WAIT.saturating_mul(2_u32.saturating_pow(self.errors)).min(LONGEST_WAIT);
        self.errors = self.errors.saturating_add(1);
        self.not_before = now.saturating_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn id(id: &str) -> Id {
        Id::new(id)
    }

    fn entries(ids: &[&str]) -> Vec<Entry> {
        ids.iter().map(|of| Entry { id: id(of), bytes: bytes::Bytes::new() }).collect()
    }

    /// What was told, without the topics' names: `7` is where it is followed from, `+8 +9` are entries.
    fn text(told: impl IntoIterator<Item = Told>) -> Vec<String> {
        let text = |told| match told {
            Told::Opened(topic, id) => format!("{topic} {id}"),
            Told::Entries(topic, entries) => {
                entries.iter().fold(topic.to_string(), |text, entry| format!("{text} +{}", entry.id))
            }
            Told::Gone(topic) => format!("{topic} gone"),
            Told::Refused(topic, error) => format!("{topic} {error}"),
        };
        told.into_iter().map(text).collect()
    }

    fn opened(topics: &[(&str, &str)]) -> Tail {
        let mut tail = Tail::default();
        for (topic, newest) in topics {
            let topic = Topic::from(*topic);
            tail.add(&topic);
            assert_eq!(text(tail.newest(topic.clone(), id(newest))), [format!("{topic} {newest}")]);
        }
        tail
    }

    /// What is read now.
    fn reads(tail: &Tail, now: Duration) -> Vec<(Topic, Id)> {
        assert_eq!(tail.next(now), Next::Ask(Ask::Read));
        let mut cursors: Vec<_> = tail.cursors().iter().map(|(topic, id)| (topic.clone(), id.clone())).collect();
        cursors.sort();
        cursors
    }

    fn wrong_type() -> EngineError {
        EngineError::refused("a test", "the type is wrong")
    }

    #[test]
    fn a_new_topic_is_asked_for_its_newest_id_and_followed_from_there() {
        let mut tail = Tail::default();
        assert_eq!(tail.next(START), Next::Idle);
        tail.add(&"a".into());
        assert_eq!(tail.next(START), Next::Ask(Ask::Newest("a".into())));
        assert_eq!(text(tail.newest("a".into(), id("7"))), ["a 7"]);
        assert_eq!(reads(&tail, START), [("a".into(), id("7"))]);
        assert_eq!(text(tail.read(vec![("a".into(), Page::Entries(entries(&["8", "9"])))])), ["a +8 +9"]);
        assert_eq!(reads(&tail, START), [("a".into(), id("9"))]);
        tail.add(&"a".into());
        assert_eq!(reads(&tail, START), [("a".into(), id("9"))]);
        // Entries may be missing: it begins anew.
        assert_eq!(text(tail.read(vec![("a".into(), Page::Unknown)])), ["a gone"]);
        assert_eq!(tail.next(START), Next::Ask(Ask::Newest("a".into())));
    }

    #[test]
    fn after_an_error_every_cursor_is_checked_before_anything_is_read() {
        let mut tail = opened(&[("a", "1"), ("b", "2")]);
        tail.failed(START);
        assert_eq!(tail.next(START), Next::Wait(SHORTEST_WAIT));
        let now = SHORTEST_WAIT;
        assert_eq!(tail.next(now), Next::Ask(Ask::Check("a".into(), id("1"))));
        assert_eq!(text(tail.checked("a".into(), &Page::Entries(Vec::new()))), [""; 0]);
        assert_eq!(tail.next(now), Next::Ask(Ask::Check("b".into(), id("2"))));
        // A topic that is added again meanwhile is still to be checked.
        tail.add(&"b".into());
        assert_eq!(tail.next(now), Next::Ask(Ask::Check("b".into(), id("2"))));
        assert_eq!(text(tail.checked("b".into(), &Page::Unknown)), ["b gone"]);
        // It begins anew.
        assert_eq!(tail.next(now), Next::Ask(Ask::Newest("b".into())));
        assert_eq!(text(tail.newest("b".into(), id("0"))), ["b 0"]);
        assert_eq!(reads(&tail, now), [("a".into(), id("1")), ("b".into(), id("0"))]);
    }

    #[test]
    fn errors_in_a_row_wait_longer_up_to_a_limit_and_what_is_read_ends_the_row() {
        let mut tail = opened(&[("a", "1")]);
        let mut waits = Vec::new();
        for _ in 0..8 {
            tail.failed(START);
            let Next::Wait(until) = tail.next(START) else { panic!("it waits") };
            waits.push(until.as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        // That of a check does not: the engine may refuse to be read.
        assert!(tail.checked("a".into(), &Page::Entries(Vec::new())).is_none());
        tail.failed(START);
        assert_eq!(tail.next(START), Next::Wait(LONGEST_WAIT));
        tail.checked("a".into(), &Page::Entries(Vec::new()));
        tail.read(Vec::new());
        tail.failed(START);
        assert_eq!(tail.next(START), Next::Wait(SHORTEST_WAIT));
    }

    #[test]
    fn a_topic_that_is_refused_does_not_keep_others_waiting_and_is_asked_for_again() {
        let mut tail = opened(&[("b", "1"), ("c", "1")]);
        tail.add(&"a".into());
        assert_eq!(tail.next(START), Next::Ask(Ask::Newest("a".into())));
        assert_eq!(text([tail.refused("a".into(), wrong_type(), START)]), ["a a test: the type is wrong"]);
        assert_eq!(reads(&tail, START).len(), 2);
        // Also one that is followed, of which an error has told.
        tail.failed(START);
        assert_eq!(tail.next(SHORTEST_WAIT), Next::Ask(Ask::Check("b".into(), id("1"))));
        tail.refused("b".into(), wrong_type(), SHORTEST_WAIT);
        assert_eq!(tail.next(SHORTEST_WAIT), Next::Ask(Ask::Check("c".into(), id("1"))));
        tail.checked("c".into(), &Page::Entries(Vec::new()));
        assert_eq!(reads(&tail, SHORTEST_WAIT), [("c".into(), id("1"))]);
        assert_eq!(tail.next(LONGEST_WAIT), Next::Ask(Ask::Newest("a".into())));
        assert_eq!(text(tail.newest("a".into(), id("5"))), ["a 5"]);
        let later = SHORTEST_WAIT + LONGEST_WAIT;
        assert_eq!(tail.next(later), Next::Ask(Ask::Check("b".into(), id("1"))));
        assert!(tail.checked("b".into(), &Page::Entries(Vec::new())).is_none());
        assert_eq!(reads(&tail, later).len(), 3);

        let mut alone = Tail::default();
        alone.add(&"a".into());
        alone.refused("a".into(), wrong_type(), START);
        assert_eq!(alone.next(START), Next::Wait(LONGEST_WAIT));
        alone.remove("a");
        assert_eq!(alone.next(START), Next::Idle);
    }

    #[test]
    fn an_answer_about_a_topic_that_was_removed_is_ignored() {
        let mut tail = opened(&[("a", "1")]);
        tail.remove("a");
        assert_eq!(tail.next(START), Next::Idle);
        let some = || vec![("a".into(), Page::Entries(entries(&["2"])))];
        assert_eq!(text(tail.read(some())), [""; 0]);
        tail.add(&"a".into());
        assert_eq!(text(tail.read(some())), [""; 0]);
        let told = Told::Entries("a".into(), entries(&["2"]));
        assert!(!tail.is_current(&told), "it begins anew, and the answer is about what was before");
        tail.newest("a".into(), id("5"));
        assert_eq!(
            text(tail.read(vec![("b".into(), Page::Unknown), ("a".into(), Page::Entries(Vec::new()))])),
            [""; 0]
        );
        assert_eq!(reads(&tail, START), [("a".into(), id("5"))]);
        tail.failed(START);
        tail.remove("a");
        assert!(tail.checked("a".into(), &Page::Unknown).is_none() && tail.newest("a".into(), id("6")).is_none());
    }
}
