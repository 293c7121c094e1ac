//! A stream that yields what it is given, and panics if it is polled after its end; and a task to poll with.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::Stream;

#[derive(Debug)]
pub struct Script<T> {
    polls: VecDeque<Poll<T>>,
    ended: bool,
}

impl<T> Script<T> {
    pub fn new(polls: impl IntoIterator<Item = Poll<T>>) -> Self {
        Script { polls: polls.into_iter().collect(), ended: false }
    }

    /// All of these, without a wait.
    pub fn ready(items: impl IntoIterator<Item = T>) -> Self {
        Script::new(items.into_iter().map(Poll::Ready))
    }

    pub fn left(&self) -> usize {
        self.polls.len()
    }
}

impl<T: Unpin> Stream for Script<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        assert!(!self.ended, "polled after the end");
        let poll = self.polls.pop_front();
        self.ended = poll.is_none();
        poll.map_or(Poll::Ready(None), |poll| poll.map(Some))
    }
}

/// Counts how often it is woken.
#[derive(Default)]
pub struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    pub fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// All that it yields, polled until it ends, and once more.
pub fn drain<S: Stream + Unpin>(stream: &mut S) -> Vec<S::Item> {
    let mut items = Vec::new();
    loop {
        match poll(stream) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => break,
            Poll::Pending => {}
        }
    }
    assert!(matches!(poll(stream), Poll::Ready(None)), "polled after the end, it yields `None` again");
    items
}
