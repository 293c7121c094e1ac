//! Reads a chunk of a body, and closes the source after an end event or a block that is too large.

use core::time::Duration;

use bytes::Bytes;

use super::CloseReason;
use super::state::{Settings, State};
use crate::block::{Block, OwnedBlock};
use crate::event::Event;
use crate::owned::OwnedEvent;
use crate::parser::{self, ParseError};

/// Why there is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A mistake of the caller: no response has opened the stream. The chunk was not read.
    #[error("the event stream is not open: no response was accepted")]
    NotOpen,
    /// The source is closed, for example by an end event or by [`EventSource::close`](super::EventSource::close). What
    /// follows was not read. Drop the connection, and call [`EventSource::disconnected`](super::EventSource::disconnected),
    /// which returns the same reason.
    #[error(transparent)]
    Closed(CloseReason),
    /// A block exceeded a limit, and is skipped: the next call goes on after it, unless
    /// [`EventSource::with_close_on_too_large`](super::EventSource::with_close_on_too_large) was set. Or the chunk before was
    /// not [read to its end](crate::ParseErrorKind::Unread), which never closes the source.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// The state of an event source while its parser is lent to a reader.
#[derive(Debug)]
pub(super) struct Closing<'s> {
    pub(super) state: &'s mut State,
    pub(super) settings: &'s Settings,
}

impl Closing<'_> {
    fn check_open(&self) -> Result<(), ReceiveError> {
        match &*self.state {
            State::Open(_) => Ok(()),
            State::Closed(reason) => Err(ReceiveError::Closed(reason.clone())),
            State::Connecting { .. } => Err(ReceiveError::NotOpen),
        }
    }

    /// Closes the source if what the parser found is a reason.
    pub(super) fn after(&mut self, found: Result<Option<Event<'_>>, &ParseError>) {
        match found {
            Ok(Some(event)) if self.settings.is_end(event) => *self.state = State::Closed(CloseReason::EndEvent),
            Ok(Some(_)) => {
                if let State::Open(open) = self.state {
                    open.brought_event = true;
                }
            }
            // The error that a chunk was not read to its end has no limit: it is no fault of the stream.
            Err(error) if self.settings.closes_on_too_large && error.limit().is_some() => {
                *self.state = State::Closed(CloseReason::TooLarge(error.clone()));
            }
            _ => {}
        }
    }
}

/// What a chunk completes: see [`EventSource::feed`](super::EventSource::feed).
///
/// As [`Feed`](crate::Feed): text is borrowed, and an event must be gone before the next one is read. After an end event
/// nothing more is read.
#[derive(Debug)]
#[must_use = "a chunk is read by `next_event`, `next_block` or `owned`"]
pub struct Feed<'s, 'c> {
    pub(super) events: parser::Feed<'s, 'c>,
    /// The whole chunk if the stream was not open; otherwise empty.
    pub(super) not_taken: &'c [u8],
    pub(super) closing: Closing<'s>,
}

impl<'s, 'c> Feed<'s, 'c> {
    /// The next event; `None` once all of the chunk was read. As [`Feed::next_event`](crate::Feed::next_event).
    ///
    /// # Errors
    ///
    /// [`ReceiveError::NotOpen`] or [`ReceiveError::Closed`] if the stream is not open, or not any more: the same error each
    /// time. [`ReceiveError::Parse`] for what the parser refuses.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReceiveError> {
        self.closing.check_open()?;
        let event = self.events.next_event();
        self.closing.after(event.as_ref().copied());
        Ok(event?)
    }

    /// The next block, whether it dispatches an event or not; `None` once all of the chunk was read. As
    /// [`Feed::next_block`](crate::Feed::next_block).
    ///
    /// # Errors
    ///
    /// As [`next_event`](Feed::next_event).
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, ReceiveError> {
        self.closing.check_open()?;
        let block = self.events.next_block();
        self.closing.after(block.as_ref().map(|block| block.and_then(|block| block.event())));
        Ok(block?)
    }

    /// The events that are left, owned: an ordinary iterator, whose events can go to other tasks and threads.
    pub fn owned(self) -> OwnedEvents<'s, 'c> {
        OwnedEvents { items: Items::new(self.events.owned(), self.closing), not_taken: self.not_taken }
    }

    /// The blocks that are left, owned: an ordinary iterator.
    pub fn owned_blocks(self) -> OwnedBlocks<'s, 'c> {
        OwnedBlocks { items: Items::new(self.events.owned_blocks(), self.closing), not_taken: self.not_taken }
    }

    /// What was not read, or all of the chunk if the stream was not open. As [`Feed::into_rest`](crate::Feed::into_rest).
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        let rest = self.events.into_rest();
        if self.not_taken.is_empty() { rest } else { self.not_taken }
    }

    /// The last event ID, after what was read last.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.events.parser().last_event_id()
    }

    /// The reconnection time that the server has set, after what was read last.
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.events.parser().reconnection_time()
    }
}

/// What an iterator of the parser yields, until the source is closed.
#[derive(Debug)]
struct Items<'s, I> {
    inner: I,
    closing: Closing<'s>,
    /// Whether the error that the stream is not open was yielded.
    ended: bool,
}

impl<'s, T, I: Iterator<Item = Result<T, ParseError>>> Items<'s, I> {
    fn new(inner: I, closing: Closing<'s>) -> Self {
        Items { inner, closing, ended: false }
    }

    fn next(&mut self, event: impl FnOnce(&T) -> Option<Event<'_>>) -> Option<Result<T, ReceiveError>> {
        if self.ended {
            return None;
        }
        if let Err(error) = self.closing.check_open() {
            self.ended = true;
            return Some(Err(error));
        }
        let item = self.inner.next()?;
        self.closing.after(item.as_ref().map(event));
        Some(item.map_err(ReceiveError::Parse))
    }
}

macro_rules! accessors {
    () => {
        /// As [`Feed::last_event_id`].
        #[must_use]
        pub fn last_event_id(&self) -> &str {
            self.items.inner.parser().last_event_id()
        }

        /// As [`Feed::reconnection_time`].
        #[must_use]
        pub fn reconnection_time(&self) -> Option<Duration> {
            self.items.inner.parser().reconnection_time()
        }
    };
}

/// The owned events of a chunk: see [`Feed::owned`].
///
/// If the stream is not open, or is closed by what this chunk holds, it yields one error, and then ends: the caller need not
/// wait for another chunk to see it.
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as events are taken"]
pub struct OwnedEvents<'s, 'c> {
    items: Items<'s, parser::OwnedEvents<'s, 'c>>,
    not_taken: &'c [u8],
}

impl<'c> OwnedEvents<'_, 'c> {
    accessors!();

    /// As [`Feed::into_rest`].
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        let rest = self.items.inner.into_rest();
        if self.not_taken.is_empty() { rest } else { self.not_taken }
    }
}

impl Iterator for OwnedEvents<'_, '_> {
    type Item = Result<OwnedEvent, ReceiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.next(|event| Some(event.as_event()))
    }
}

/// The owned blocks of a chunk: see [`Feed::owned_blocks`]. It ends as [`OwnedEvents`] does.
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as blocks are taken"]
pub struct OwnedBlocks<'s, 'c> {
    items: Items<'s, parser::OwnedBlocks<'s, 'c>>,
    not_taken: &'c [u8],
}

impl<'c> OwnedBlocks<'_, 'c> {
    accessors!();

    /// As [`Feed::into_rest`].
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        let rest = self.items.inner.into_rest();
        if self.not_taken.is_empty() { rest } else { self.not_taken }
    }
}

impl Iterator for OwnedBlocks<'_, '_> {
    type Item = Result<OwnedBlock, ReceiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.next(OwnedBlock::event)
    }
}

/// The owned events of a [`Bytes`] chunk: see [`EventSource::feed_bytes`](super::EventSource::feed_bytes). It ends as
/// [`OwnedEvents`] does.
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as events are taken"]
pub struct FeedBytes<'s, 'c> {
    items: Items<'s, parser::FeedBytes<'s, 'c>>,
    not_taken: &'c Bytes,
}

impl<'s, 'c> FeedBytes<'s, 'c> {
    pub(super) fn new(events: parser::FeedBytes<'s, 'c>, not_taken: &'c Bytes, closing: Closing<'s>) -> Self {
        FeedBytes { items: Items::new(events, closing), not_taken }
    }

    accessors!();

    /// As [`Feed::into_rest`], sharing the memory of the chunk.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        let rest = self.items.inner.into_rest();
        if self.not_taken.is_empty() { rest } else { self.not_taken.clone() }
    }
}

impl Iterator for FeedBytes<'_, '_> {
    type Item = Result<OwnedEvent, ReceiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.next(|event| Some(event.as_event()))
    }
}
