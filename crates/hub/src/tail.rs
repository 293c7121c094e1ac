//! What a node asks its engine next, and what the answers mean. No I/O, no clock.
//!
//! A node follows the end of each topic that has subscribers. For each there is a cursor, the id of the entry that it has read last.
//!
//! 1. A new topic has none: the engine is asked for its [newest](Ask::Newest) id. From there the topic is followed.
//! 2. All topics that have one are [read](Ask::Read) by one request, which waits for entries.
//! 3. After an error of the engine, a cursor may be that of an entry which no longer exists: after a failover, reading would go on
//!    as if nothing had happened. So each is [checked](Ask::Check) first. If it is unknown, the topic is [gone](Told::Gone) for
//!    all of its subscribers, and begins anew.
//!
//! What must hold: between [`Told::Opened`] and [`Told::Gone`], the entries of a topic are a contiguous run of its log.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Entry, Id, Page, Read, Topic};

/// How long to wait after the first error in a row; it doubles with each.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What to ask the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Newest(Topic),
    Check(Topic, Id),
    Read(Vec<(Topic, Id)>),
}

/// What an answer says about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is followed from here on.
    Opened(Topic, Id),
    Entries(Topic, Vec<Entry>),
    /// What its subscribers have seen is not, or no longer, the end of its log.
    Gone(Topic),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Ask(Ask),
    /// Nothing before this time.
    Wait(Duration),
    /// Nothing until a topic is added.
    Idle,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cursor {
    At(Id),
    Unchecked(Id),
}

/// The cursors of a node.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    new: BTreeSet<Topic>,
    cursors: BTreeMap<Topic, Cursor>,
    errors: u32,
    not_before: Duration,
}

impl Tail {
    /// Follows a topic. If it is followed already, nothing changes.
    pub(crate) fn add(&mut self, topic: &Topic) {
        if !self.cursors.contains_key(topic) {
            self.new.insert(topic.clone());
        }
    }

    /// Follows a topic no longer. An answer about it is ignored.
    pub(crate) fn remove(&mut self, topic: &str) {
        self.new.remove(topic);
        self.cursors.remove(topic);
    }

    pub(crate) fn next(&self, now: Duration) -> Next {
        if self.new.is_empty() && self.cursors.is_empty() {
            return Next::Idle;
        }
        if now < self.not_before {
            return Next::Wait(self.not_before);
        }
        let unchecked = self.cursors.iter().find_map(|(topic, cursor)| match cursor {
            Cursor::Unchecked(id) => Some(Ask::Check(topic.clone(), id.clone())),
            Cursor::At(_) => None,
        });
        let new = self.new.first().map(|topic| Ask::Newest(topic.clone()));
        Next::Ask(unchecked.or(new).unwrap_or_else(|| {
            Ask::Read(
                self.cursors
                    .iter()
                    .filter_map(|(topic, cursor)| match cursor {
                        Cursor::At(id) => Some((topic.clone(), id.clone())),
                        Cursor::Unchecked(_) => None,
                    })
                    .collect(),
            )
        }))
    }

    /// The answer to [`Ask::Newest`].
    pub(crate) fn newest(&mut self, topic: Topic, id: Id) -> Option<Told> {
        self.errors = 0;
        self.new.remove(&topic).then(|| {
            self.cursors.insert(topic.clone(), Cursor::At(id.clone()));
            Told::Opened(topic, id)
        })
    }

    /// The answer to [`Ask::Check`], which is a page of no entries.
    pub(crate) fn checked(&mut self, topic: &Topic, id: &Id, page: &Page) -> Option<Told> {
        self.errors = 0;
        let cursor = self.cursors.get_mut(topic).filter(|cursor| **cursor == Cursor::Unchecked(id.clone()))?;
        match page {
            Page::Entries(_) => {
                *cursor = Cursor::At(id.clone());
                None
            }
            Page::Unknown => Some(self.gone(topic.clone())),
        }
    }

    /// The answer to [`Ask::Read`] of these cursors.
    pub(crate) fn read(&mut self, asked: &[(Topic, Id)], read: Read) -> Vec<Told> {
        self.errors = 0;
        let mut told = Vec::new();
        for (topic, page) in read {
            let Some((_, from)) = asked.iter().find(|(of, _)| *of == topic) else { continue };
            // The topic may have been removed and added again meanwhile.
            let Some(cursor) = self.cursors.get_mut(&topic).filter(|cursor| **cursor == Cursor::At(from.clone()))
            else {
                continue;
            };
            match page {
                Page::Unknown => told.push(self.gone(topic)),
                Page::Entries(entries) => {
                    let Some(last) = entries.last() else { continue };
                    *cursor = Cursor::At(last.id.clone());
                    told.push(Told::Entries(topic, entries));
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
            Told::Opened(topic, _) | Told::Entries(topic, _) => self.cursors.contains_key(topic),
            Told::Gone(topic) => self.new.contains(topic),
        }
    }

    /// The engine has failed at this time: whatever it was asked for, it is asked again later.
    pub(crate) fn failed(&mut self, now: Duration) {
        for cursor in self.cursors.values_mut() {
            if let Cursor::At(id) = cursor {
                *cursor = Cursor::Unchecked(id.clone());
            }
        }
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

    fn opened(topics: &[(&str, &str)]) -> Tail {
        let mut tail = Tail::default();
        for (topic, newest) in topics {
            let topic = Topic::from(*topic);
            tail.add(&topic);
            assert_eq!(tail.newest(topic.clone(), id(newest)), Some(Told::Opened(topic, id(newest))));
        }
        tail
    }

    fn reads(tail: &Tail, now: Duration) -> Vec<(Topic, Id)> {
        let Next::Ask(Ask::Read(cursors)) = tail.next(now) else { panic!("{:?}", tail.next(now)) };
        cursors
    }

    #[test]
    fn a_new_topic_is_asked_for_its_newest_id_and_followed_from_there() {
        let mut tail = Tail::default();
        assert_eq!(tail.next(START), Next::Idle);
        tail.add(&"a".into());
        assert_eq!(tail.next(START), Next::Ask(Ask::Newest("a".into())));
        assert_eq!(tail.newest("a".into(), id("7")), Some(Told::Opened("a".into(), id("7"))));
        let asked = reads(&tail, START);
        assert_eq!(asked, [("a".into(), id("7"))]);
        let told = tail.read(&asked, vec![("a".into(), Page::Entries(entries(&["8", "9"])))]);
        assert_eq!(told, [Told::Entries("a".into(), entries(&["8", "9"]))]);
        assert_eq!(reads(&tail, START), [("a".into(), id("9"))]);
        tail.add(&"a".into());
        assert_eq!(reads(&tail, START), [("a".into(), id("9"))]);
        // Entries may be missing: it begins anew.
        let asked = reads(&tail, START);
        assert_eq!(tail.read(&asked, vec![("a".into(), Page::Unknown)]), [Told::Gone("a".into())]);
        assert_eq!(tail.next(START), Next::Ask(Ask::Newest("a".into())));
    }

    #[test]
    fn after_an_error_every_cursor_is_checked_before_anything_is_read() {
        let mut tail = opened(&[("a", "1"), ("b", "2")]);
        tail.failed(START);
        assert_eq!(tail.next(START), Next::Wait(SHORTEST_WAIT));
        let now = SHORTEST_WAIT;
        assert_eq!(tail.next(now), Next::Ask(Ask::Check("a".into(), id("1"))));
        assert_eq!(tail.checked(&"a".into(), &id("1"), &Page::Entries(Vec::new())), None);
        assert_eq!(tail.next(now), Next::Ask(Ask::Check("b".into(), id("2"))));
        assert_eq!(tail.checked(&"b".into(), &id("2"), &Page::Unknown), Some(Told::Gone("b".into())));
        // It begins anew.
        assert_eq!(tail.next(now), Next::Ask(Ask::Newest("b".into())));
        assert_eq!(tail.newest("b".into(), id("0")), Some(Told::Opened("b".into(), id("0"))));
        assert_eq!(reads(&tail, now), [("a".into(), id("1")), ("b".into(), id("0"))]);
    }

    #[test]
    fn errors_in_a_row_wait_longer_up_to_a_limit_and_an_answer_ends_the_row() {
        let mut tail = opened(&[("a", "1")]);
        let mut waits = Vec::new();
        for _ in 0..8 {
            tail.failed(START);
            let Next::Wait(until) = tail.next(START) else { panic!("it waits") };
            waits.push(until.as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(tail.checked(&"a".into(), &id("1"), &Page::Entries(Vec::new())), None);
        tail.failed(START);
        assert_eq!(tail.next(START), Next::Wait(SHORTEST_WAIT));
    }

    #[test]
    fn an_answer_about_a_topic_that_was_removed_or_begun_anew_is_ignored() {
        let mut tail = opened(&[("a", "1")]);
        let asked = reads(&tail, START);
        tail.remove("a");
        assert_eq!(tail.next(START), Next::Idle);
        assert_eq!(tail.read(&asked, vec![("a".into(), Page::Entries(entries(&["2"])))]), []);
        tail.add(&"a".into());
        assert_eq!(tail.read(&asked, vec![("a".into(), Page::Entries(entries(&["2"])))]), []);
        tail.newest("a".into(), id("5"));
        assert_eq!(tail.read(&asked, vec![("a".into(), Page::Entries(entries(&["2"])))]), []);
        assert_eq!(tail.read(&asked, vec![("b".into(), Page::Unknown), ("a".into(), Page::Entries(Vec::new()))]), []);
        assert_eq!(reads(&tail, START), [("a".into(), id("5"))]);
        tail.failed(START);
        assert_eq!(tail.checked(&"a".into(), &id("1"), &Page::Unknown), None);
        tail.remove("a");
        assert_eq!(tail.newest("a".into(), id("6")), None);
    }
}
