//! Ordinary iterators over events and blocks that own their text.

use alloc::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use super::{Feed, ParseError, Parser, State};
use crate::block::OwnedBlock;
use crate::event::Event;
use crate::owned::{LARGE, Large, OwnedEvent, is_large};

/// The owned events of a chunk: see [`Feed::owned`].
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as events are taken"]
pub struct OwnedEvents<'p, 'c>(Feed<'p, 'c>);

impl<'p, 'c> OwnedEvents<'p, 'c> {
    #[inline(always)]
    pub(super) fn new(feed: Feed<'p, 'c>) -> Self {
        OwnedEvents(feed)
    }

    /// As [`Feed::into_rest`].
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        self.0.into_rest()
    }

    /// As [`Feed::parser`].
    #[must_use]
    pub fn parser(&self) -> &Parser {
        self.0.parser()
    }
}

impl Iterator for OwnedEvents<'_, '_> {
    type Item = Result<OwnedEvent, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_owned(None)
    }
}

/// The owned blocks of a chunk: see [`Feed::owned_blocks`].
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as blocks are taken"]
pub struct OwnedBlocks<'p, 'c>(Feed<'p, 'c>);

impl<'p, 'c> OwnedBlocks<'p, 'c> {
    pub(super) fn new(feed: Feed<'p, 'c>) -> Self {
        OwnedBlocks(feed)
    }

    /// As [`Feed::into_rest`].
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        self.0.into_rest()
    }

    /// As [`Feed::parser`].
    #[must_use]
    pub fn parser(&self) -> &Parser {
        self.0.parser()
    }
}

impl Iterator for OwnedBlocks<'_, '_> {
    type Item = Result<OwnedBlock, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_owned_block().transpose()
    }
}

/// The owned events of a [`Bytes`] chunk: see [`Parser::feed_bytes`].
#[derive(Debug)]
#[must_use = "iterators are lazy: the chunk is read as events are taken"]
pub struct FeedBytes<'p, 'c> {
    feed: Feed<'p, 'c>,
    chunk: &'c Bytes,
}

impl<'p, 'c> FeedBytes<'p, 'c> {
    #[inline(always)]
    pub(super) fn new(feed: Feed<'p, 'c>, chunk: &'c Bytes) -> Self {
        FeedBytes { feed, chunk }
    }

    /// As [`Feed::into_rest`], sharing the memory of the chunk.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        self.chunk.slice_ref(self.feed.into_rest())
    }

    /// As [`Feed::parser`].
    #[must_use]
    pub fn parser(&self) -> &Parser {
        self.feed.parser()
    }
}

impl Iterator for FeedBytes<'_, '_> {
    type Item = Result<OwnedEvent, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.feed.next_owned(Some(self.chunk))
    }
}

impl Feed<'_, '_> {
    /// The next event; large data is shared with `chunk`, if that is what this reader reads.
    // Inlined into the caller's loop: the event that a call returns is moved, and so loaded as 16 bytes that were just
    // stored as twice 8, which costs 10 ns.
    #[inline(always)]
    pub(super) fn next_owned(&mut self, chunk: Option<&Bytes>) -> Option<Result<OwnedEvent, ParseError>> {
        let bytes = self.bytes;
        if let Some(chunk) = chunk
            && self.pos == 0
            && bytes.len() >= LARGE
            && let Some(large) = self.own_data_line(chunk)
        {
            return Some(Ok(OwnedEvent::large(large, false, None)));
        }
        match self.next_event() {
            Ok(None) => None,
            Ok(Some(event)) if is_large(event) => {
                let (has_id, retry) = (event.id().is_some(), event.retry());
                let mut large = own_large(event, bytes, chunk);
                self.complete(&mut large);
                Some(Ok(OwnedEvent::large(large, has_id, retry)))
            }
            Ok(Some(event)) => Some(Ok(OwnedEvent::small(event))),
            Err(error) => Some(Err(error)),
        }
    }

    /// The next block, owning its text.
    pub(super) fn next_owned_block(&mut self) -> Result<Option<OwnedBlock>, ParseError> {
        let Some(block) = self.next_block()? else {
            return Ok(None);
        };
        if block.event().is_none_or(|event| event.last_event_id().len() < LARGE) {
            return Ok(Some(block.into_owned()));
        }
        // All events share one copy of a large ID.
        let mut block = block.into_owned_with(OwnedEvent::without_id);
        block.set_last_event_id(self.parser.shared_id());
        Ok(Some(block))
    }

    /// The text of an event that shares its data with the chunk.
    #[cold]
    fn own_data_line(&mut self, chunk: &Bytes) -> Option<Arc<Large>> {
        let data = self.share_usual(chunk)?;
        let id = &*self.parser.last_event_id;
        let id = if id.len() < LARGE { id.into() } else { self.parser.shared_id() };
        Some(Large::new(Event::default(), data, id))
    }

    /// Adds the last event ID if it is large, and the data if it is in the buffers.
    #[cold]
    fn complete(&mut self, large: &mut Arc<Large>) {
        if let Some(large) = Arc::get_mut(large) {
            if self.parser.last_event_id.len() >= LARGE {
                large.last_event_id = self.parser.shared_id();
            }
            if self.parser.state == State::Returned {
                large.data = self.parser.buffers.take_data().into();
            }
        }
    }
}

/// An event of much text, without a last event ID that is large, and without data that is in the buffers. `bytes`: the
/// content of the chunk.
#[cold]
fn own_large(event: Event<'_>, bytes: &[u8], chunk: Option<&Bytes>) -> Arc<Large> {
    let data = event.data();
    let data = match chunk {
        _ if !bytes.as_ptr_range().contains(&data.as_ptr()) => ByteString::new(),
        Some(chunk) if worth_sharing(data.len(), chunk) => share(chunk, data),
        _ => data.into(),
    };
    let id = event.last_event_id();
    Large::new(event, data, if id.len() < LARGE { id.into() } else { ByteString::new() })
}

/// Whether data of this length is better shared than copied. No event keeps more bytes of a chunk than twice its own text.
pub(super) fn worth_sharing(len: usize, chunk: &Bytes) -> bool {
    len >= LARGE && len >= chunk.len() - len
}

/// A part of the chunk as text, without a copy.
fn share(chunk: &Bytes, text: &str) -> ByteString {
    // Cannot fail: it is text.
    ByteString::try_from(chunk.slice_ref(text.as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    /// After a long line, a chunk that is one large event is shared. All other chunks are read as without sharing.
    #[test]
    fn a_large_event_is_shared_and_the_events_are_the_same() {
        let large = "x".repeat(4 * LARGE);
        let chunks = [
            format!("data: {large}\n\n"),
            format!("data: {large}\n\ndata: small\n\n"),
            format!("data: {large}\r\n\r\n"),
            format!("data: {large}\ndata: {large}\n\n"),
            format!("event: e\ndata: {large}\nid: 1\n\n"),
            format!("data: {large}\nretry: 7\n\n"),
            format!(": {large}\n\ndata: {large}\n\n"),
            format!("data: {large}\u{e9}\n\n"),
            format!("id: {large}\n\ndata: {large}\n\n"),
            format!("data: {large}\n"),
            format!("data: small\n\ndata: {large}\n\n"),
        ];
        let ill_formed = [b"data: ", large.as_bytes(), b"\xff\n\n"].concat();
        for chunk in chunks.map(String::into_bytes).into_iter().chain([ill_formed]) {
            for limit in [usize::MAX, 4 * LARGE, 4 * LARGE - 1] {
                let parser = || Parser::new().with_max_event_size(limit);
                let (mut shared, mut borrowed) = (parser(), parser());
                // So that lines are expected to be long.
                for before in [&b"data: 1\n\n"[..], format!("own: {large}\n\n").as_bytes()] {
                    assert_eq!(shared.feed(before).owned().count(), borrowed.feed(before).owned().count());
                }
                let bytes = Bytes::from(chunk.clone());
                let seen: Vec<_> = shared.feed_bytes(&bytes).collect();
                let expected: Vec<_> = borrowed.feed(&chunk).owned().collect();
                assert_eq!(seen, expected);
                assert_eq!(shared.position(), borrowed.position());
                assert_eq!(shared.last_event_id(), borrowed.last_event_id());
                assert_eq!(shared.finish(), borrowed.finish());
                // Near a limit, a block is read line by line.
                let one = seen.len() == 1 && chunk.is_ascii() && limit == usize::MAX;
                if let (true, Some(Ok(event))) = (one, seen.first()) {
                    let lies_in_it = bytes.as_ptr_range().contains(&event.data().as_ptr());
                    let joined = event.data().contains('\n');
                    assert_eq!(lies_in_it, worth_sharing(event.data().len(), &bytes) && !joined);
                }
            }
        }
    }

    #[test]
    fn a_large_id_is_shared_by_all_events_that_have_it() {
        let stream = format!("id: {}\ndata\n\ndata: x\n\ndata: {}\n\n", "i".repeat(LARGE), "x".repeat(LARGE));
        for size in [7, 100, stream.len()] {
            let (mut events, mut blocks) = (Parser::new(), Parser::new());
            let mut ids = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                for event in events.feed(chunk).owned() {
                    ids.push(event.unwrap().last_event_id().as_ptr());
                }
            }
            assert_eq!((ids.len(), ids[0], ids[1]), (3, ids[1], ids[2]), "chunks of {size}");
            ids.clear();
            let mut kept = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                kept.extend(blocks.feed(chunk).owned_blocks().map(Result::unwrap));
            }
            ids.extend(kept.iter().map(|block| block.event().unwrap().last_event_id().as_ptr()));
            assert_eq!((ids.len(), ids[0], ids[1]), (3, ids[1], ids[2]), "blocks in chunks of {size}");
        }
    }
}
