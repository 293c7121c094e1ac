//! The events of one subscriber.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use sse_wire::{Event, EventId, EventName, Head};
use tokio::time::Sleep;

use crate::engine::{BoxFuture, EngineError, Entry, Id, Page};
use crate::limits::Slow;
use crate::live::{Place, State};
use crate::node::Seat;
use crate::trace;

/// How many events are taken from the shared ones at a time, at most.
const TAKEN: usize = 32;

/// The name of the event that says that events are gone.
pub const GONE: EventName<'static> = EventName::from_static("gone");

/// Where a subscriber begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// With what is published from now on.
    Live,
    /// With all that is kept.
    Kept,
    /// After the event with this id, which a client has sent.
    After(&'a str),
}

/// Why a subscription has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Events that the subscriber should have got next are gone, or may be. The last event, [`GONE`], said so.
    Gone,
    /// It did not keep up, and [`Slow::IsCut`] is set. It can come back with its last event ID.
    Slow,
    /// The hub was shut down.
    Shutdown,
}

/// A stream of encoded events, for the body of a response: first what the subscriber missed, then what is published, without a
/// gap and without a double, until it ends by an event of the name [`GONE`], or by shutdown.
///
/// Dropping it is how a subscriber leaves.
#[must_use = "a subscription does nothing unless it is polled"]
pub struct Subscription {
    seat: Seat,
    /// How often the topic had begun anew when `next` was found.
    times_gone: u64,
    /// Events that were taken, and are yielded next.
    taken: VecDeque<Entry>,
    /// The id of the event that was taken last.
    last: Option<Id>,
    /// The id of the event that was yielded last, or after which this began.
    seen: Option<Id>,
    next: Next,
    /// To be yielded before anything else.
    head: Option<Bytes>,
    /// Whether what comes after `last` is not known.
    is_gone: bool,
    ended: Option<Ended>,
}

enum Next {
    /// The next event is shared under this number.
    Number(u64),
    /// It comes after `last`, and may be shared or not.
    Find,
    /// The engine has no more, and it is not shared: it will be found once there were more changes than so many.
    Wait(u64),
    /// It is asked for.
    Page(BoxFuture<'static, Result<Page, EngineError>>),
    /// It is asked for again after this.
    Retry(Pin<Box<Sleep>>),
}

/// How long a subscriber waits after an error of the engine.
const RETRY: Duration = Duration::from_millis(500);

impl Subscription {
    pub(crate) fn new(seat: Seat, times_gone: u64, begin: Begin) -> Subscription {
        let Begin { taken, last, number, has_head } = begin;
        let head = last.as_ref().filter(|_| has_head).and_then(|id| EventId::new(id.as_str()).ok());
        let head = head.map(|id| Head::from(id).encode());
        let seen = last.clone();
        let last = taken.back().map(|entry| entry.id.clone()).or(last);
        let next = number.map_or(Next::Find, Next::Number);
        Subscription { seat, times_gone, taken, last, seen, next, head, is_gone: false, ended: None }
    }

    /// Why it has ended; `None` if it has not.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The last words of a subscription that must end now; pending if it waits for the topic to begin anew first.
    fn poll_last_words(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(spread) = self.seat.node.shutdown_spread() {
            self.ended = Some(Ended::Shutdown);
            let most = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
            return Poll::Ready(Some(Head::new().with_retry(Duration::from_millis(fastrand::u64(0..=most))).encode()));
        }
        if !self.is_gone {
            return Poll::Ready(None);
        }
        let mut state = self.seat.live.state();
        let Some((newest, _)) = state.end() else {
            state.wake_later(self.seat.subscriber, cx.waker());
            return Poll::Pending;
        };
        let bytes = gone_event(newest);
        drop(state);
        self.ended = Some(Ended::Gone);
        self.seat.node.counters.gone.fetch_add(1, Relaxed);
        Poll::Ready(Some(bytes))
    }

    /// If the topic has begun anew, some events are gone, perhaps those that were taken. The engine is asked whether that which was
    /// yielded last is among them.
    fn begin_anew(&mut self) {
        let times_gone = self.seat.live.state().times_gone;
        if times_gone != self.times_gone {
            self.times_gone = times_gone;
            self.taken.clear();
            self.last = self.seen.clone();
            self.next = self.page();
        }
    }

    fn page(&self) -> Next {
        Next::Page(self.seat.node.page(self.seat.live.topic.clone(), self.last.clone()))
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if self.ended.is_some() {
                return Poll::Ready(None);
            }
            if let Some(head) = self.head.take() {
                return Poll::Ready(Some(head));
            }
            if let Some(last_words) = ready!(self.poll_last_words(cx)) {
                return Poll::Ready(Some(last_words));
            }
            self.begin_anew();
            if let Some(entry) = self.taken.pop_front() {
                self.seat.node.counters.delivered.fetch_add(1, Relaxed);
                self.seen = Some(entry.id);
                return Poll::Ready(Some(entry.bytes));
            }
            match &mut self.next {
                Next::Page(page) => {
                    let page = ready!(page.as_mut().poll(cx));
                    self.next = Next::Find;
                    match page {
                        Ok(Page::Unknown) => self.is_gone = true,
                        Ok(Page::Entries(entries)) if entries.is_empty() => {
                            let state = self.seat.live.state();
                            // Of a topic that had nothing, what came since is shared from the first on.
                            let place =
                                self.last.as_ref().map_or_else(|| state.first(), |last| state.after(last.as_str()));
                            self.next = match place {
                                Place::Number(number) => Next::Number(number),
                                Place::Elsewhere => Next::Wait(state.changes),
                            };
                        }
                        Ok(Page::Entries(entries)) => {
                            self.take(bounded(entries, self.seat.node.limits.taken_bytes));
                        }
                        Err(_) => self.next = Next::Retry(Box::pin(tokio::time::sleep(RETRY))),
                    }
                }
                Next::Wait(changes) => {
                    let mut state = self.seat.live.state();
                    if state.changes != *changes {
                        self.next = Next::Find;
                    } else if self.waits(&mut state, cx) {
                        return Poll::Pending;
                    }
                }
                Next::Retry(sleep) => {
                    if sleep.as_mut().poll(cx).is_ready() {
                        self.next = Next::Find;
                    } else if self.waits(&mut self.seat.live.state(), cx) {
                        return Poll::Pending;
                    }
                }
                Next::Find => {
                    let place = match &self.last {
                        Some(last) => self.seat.live.state().after(last.as_str()),
                        None => Place::Elsewhere,
                    };
                    self.next = match place {
                        Place::Number(number) => Next::Number(number),
                        Place::Elsewhere => self.page(),
                    };
                }
                Next::Number(number) => {
                    let number = *number;
                    let mut state = self.seat.live.state();
                    if state.times_gone != self.times_gone {
                        // The number is one of before.
                        continue;
                    }
                    let Some(entries) = state.from(number, TAKEN) else {
                        drop(state);
                        self.next = Next::Find;
                        self.seat.node.counters.lagged.fetch_add(1, Relaxed);
                        let is_cut = self.seat.node.limits.slow == Slow::IsCut;
                        trace::lagged(&self.seat.live.topic, is_cut);
                        if is_cut {
                            self.ended = Some(Ended::Slow);
                        }
                        continue;
                    };
                    let entries = bounded(entries.cloned(), self.seat.node.limits.taken_bytes);
                    if entries.is_empty() {
                        if self.waits(&mut state, cx) {
                            return Poll::Pending;
                        }
                        continue;
                    }
                    drop(state);
                    self.next = Next::Number(number + entries.len() as u64);
                    self.take(entries);
                }
            }
        }
    }

    /// Has this subscriber woken at the next change, unless it must end now.
    fn waits(&self, state: &mut State, cx: &Context<'_>) -> bool {
        let goes_on = state.times_gone == self.times_gone && self.seat.node.shutdown_spread().is_none();
        if goes_on {
            state.wake_later(self.seat.subscriber, cx.waker());
        }
        goes_on
    }

    fn take(&mut self, entries: Vec<Entry>) {
        if let Some(last) = entries.last() {
            self.last = Some(last.id.clone());
        }
        self.taken.extend(entries);
    }
}

/// The first entries, up to so many bytes, but at least one. What is left out is asked for again.
pub(crate) fn bounded(entries: impl IntoIterator<Item = Entry>, most_bytes: usize) -> Vec<Entry> {
    let mut bytes = 0_usize;
    let is_taken = |entry: &Entry| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(entry.bytes.len());
        is_first || bytes <= most_bytes
    };
    entries.into_iter().take_while(is_taken).collect()
}

/// How a subscription begins.
pub(crate) struct Begin {
    pub(crate) taken: VecDeque<Entry>,
    /// The id after which it begins.
    pub(crate) last: Option<Id>,
    /// The number of its next event, if that is shared.
    pub(crate) number: Option<u64>,
    /// Whether that id is sent first, so that the client can come back even if nothing is published until then.
    pub(crate) has_head: bool,
}

/// The event that tells a client that events are gone, encoded: its name is [`GONE`], and its id the one after which the client can go
/// on.
#[must_use]
pub fn gone_event(newest: &Id) -> Bytes {
    Event::new("").with_name(GONE).with_optional_id(EventId::new(newest.as_str()).ok()).encode()
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.get_mut().poll_bytes(cx)
    }
}

impl FusedStream for Subscription {
    fn is_terminated(&self) -> bool {
        self.ended.is_some()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Subscription");
        shown
            .field("topic", &self.seat.live.topic)
            .field("last", &self.last)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_for_a_subscriber_is_bounded_and_one_event_is_held_in_any_case() {
        let entry = |length| Entry { id: Id::new("1"), bytes: Bytes::from(vec![b'x'; length]) };
        for (lengths, most, held) in [
            (&[10, 10, 10, 10][..], 30, 3),
            (&[10, 10, 11], 30, 2),
            (&[100, 1], 30, 1),
            (&[1, 100, 1], 30, 1),
            (&[5], 0, 1),
            (&[], 30, 0),
        ] {
            assert_eq!(bounded(lengths.iter().map(|&length| entry(length)), most).len(), held, "{lengths:?}");
        }
    }
}
