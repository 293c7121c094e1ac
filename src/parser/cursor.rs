//! Chunks that adapters hold beside the parser, and read event by event.

#[cfg(any(feature = "codec", feature = "stream"))]
use bytes::Buf;
use bytes::Bytes;

use super::{Feed, ParseError, Parser, Unread};
use crate::block::OwnedBlock;
use crate::lines::LineEnds;
use crate::owned::OwnedEvent;

/// How far an adapter has read a chunk that it holds beside the parser: a [`Feed`] that borrows nothing between two calls.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The part of the chunk that the parser was fed last, without what it dropped from the front.
    start: usize,
    end: usize,
    /// How much of that part was read.
    pos: usize,
    ends: LineEnds,
}

impl Cursor {
    /// At the start of a chunk, nothing of which was fed yet.
    pub(crate) const NEW: Cursor = Cursor { start: 0, end: 0, pos: 0, ends: LineEnds::NEW };

    /// Feeds the parser the next bytes of the chunk, `most` at most, after all before them were read. Returns how many.
    pub(crate) fn feed(&mut self, chunk: &[u8], most: usize, parser: &mut Parser) -> usize {
        let part = &chunk[self.end..];
        let part = &part[..part.len().min(most)];
        let end = self.end + part.len();
        let feed = parser.feed(part);
        *self = Cursor { start: end - feed.bytes.len(), end, ..Cursor::NEW };
        part.len()
    }

    /// The next event; `None` once what was fed was read. Large data is shared with `shared`, if that is the chunk.
    #[inline]
    pub(crate) fn next_event(
        &mut self,
        chunk: &[u8],
        shared: Option<&Bytes>,
        parser: &mut Parser,
    ) -> Option<Result<OwnedEvent, ParseError>> {
        self.read(chunk, parser, |feed| feed.next_owned(shared))
    }

    /// The next block; as [`next_event`](Cursor::next_event).
    pub(crate) fn next_block(&mut self, chunk: &[u8], parser: &mut Parser) -> Option<Result<OwnedBlock, ParseError>> {
        self.read(chunk, parser, |feed| feed.next_owned_block().transpose())
    }

    #[inline(always)]
    fn read<T>(
        &mut self,
        chunk: &[u8],
        parser: &mut Parser,
        next: impl FnOnce(&mut Feed<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        let mut feed = Feed::new(parser, &chunk[self.start..self.end]);
        feed.start -= self.pos as u64;
        (feed.pos, feed.ends) = (self.pos, self.ends);
        let found = next(&mut feed);
        (self.pos, self.ends) = (feed.pos, feed.ends);
        found
    }

    /// How much of the chunk was read.
    pub(crate) fn read_so_far(&self) -> usize {
        self.start + self.pos
    }

    /// Returns how much of the chunk was read. The rest will be fed again.
    pub(crate) fn leave(self, chunk: &[u8], parser: &mut Parser) -> usize {
        let read = self.read_so_far();
        let rest = &chunk[read..self.end];
        if parser.unread != Unread::Nothing {
            parser.leave(rest);
        }
        read
    }
}

/// A chunk of shared memory with a [`Cursor`].
#[cfg(any(feature = "codec", feature = "stream"))]
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Bytes,
    cursor: Cursor,
}

#[cfg(any(feature = "codec", feature = "stream"))]
impl Chunk {
    /// Nothing of it was fed to the parser yet.
    pub(crate) const fn new(bytes: Bytes) -> Self {
        Chunk { bytes, cursor: Cursor::NEW }
    }

    /// Feeds the next bytes, `most` at most, after all before them were read. Returns how many. At the end that is 0, and
    /// the chunk is released.
    pub(crate) fn feed(&mut self, most: usize, parser: &mut Parser) -> usize {
        let fed = self.cursor.feed(&self.bytes, most, parser);
        if fed == 0 {
            *self = Chunk::new(Bytes::new());
        }
        fed
    }

    /// The next event; `None` once what was fed was read.
    #[inline]
    pub(crate) fn next_event(&mut self, parser: &mut Parser) -> Option<Result<OwnedEvent, ParseError>> {
        self.cursor.next_event(&self.bytes, Some(&self.bytes), parser)
    }

    /// The next block; as [`next_event`](Chunk::next_event).
    pub(crate) fn next_block(&mut self, parser: &mut Parser) -> Option<Result<OwnedBlock, ParseError>> {
        self.cursor.next_block(&self.bytes, parser)
    }

    /// What was not read, for `Debug`.
    #[cfg(feature = "stream")]
    pub(crate) fn rest(&self) -> Bytes {
        self.bytes.slice(self.cursor.read_so_far()..)
    }

    /// What was not read, and will be fed again.
    pub(crate) fn into_rest(mut self, parser: &mut Parser) -> Bytes {
        let read = self.cursor.leave(&self.bytes, parser);
        self.bytes.advance(read);
        self.bytes
    }
}

#[cfg(all(test, feature = "stream"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_cursor_reads_the_same_events_as_a_feed_whatever_the_parts() {
        let stream = b"\xef\xbb\xbfdata: 1\r\n\r\n: c\n\nid: 2\ndata: a\ndata: b\n\nevent: e\rdata: toolong\r\ndata\r\n\ndata: x\n\n";
        for max_block_size in [usize::MAX, 20, 22, 23] {
            for cut in 0..=stream.len() {
                for most in [1, 2, 3, 7, usize::MAX] {
                    let mut lent = Parser::new().with_max_event_size(7).with_max_block_size(max_block_size);
                    let mut held = lent.clone();
                    for chunk in [&stream[..cut], &stream[cut..]] {
                        let expected: Vec<_> = lent.feed(chunk).owned().collect();
                        let mut chunk = Chunk::new(Bytes::copy_from_slice(chunk));
                        let mut seen = Vec::new();
                        while chunk.feed(most, &mut held) > 0 {
                            while let Some(event) = chunk.next_event(&mut held) {
                                seen.push(event);
                            }
                        }
                        assert_eq!(seen, expected, "cut at {cut}, in parts of {most}");
                        assert_eq!(held.position(), lent.position());
                    }
                }
            }
        }
    }

    #[test]
    fn the_rest_of_a_chunk_can_be_fed_again() {
        const STREAM: &[u8] = b"\xef\xbb\xbfid: 1\r\ndata: a\r\ndata: b\r\n\r\n\r\ndata: 2\r\r";
        let expected: Vec<_> = Parser::new().feed(STREAM).owned().collect();
        assert_eq!(expected.len(), 2);
        // After a part of any length, with so many events of it taken.
        for most in 1..=STREAM.len() {
            for taken in 0..=2 {
                let mut parser = Parser::new();
                let mut chunk = Chunk::new(Bytes::from_static(STREAM));
                chunk.feed(most, &mut parser);
                let mut seen: Vec<_> = core::iter::from_fn(|| chunk.next_event(&mut parser)).take(taken).collect();
                let rest = chunk.into_rest(&mut parser);
                assert_eq!(parser.position() + rest.len() as u64, STREAM.len() as u64);
                seen.extend(parser.feed(&rest).owned());
                assert_eq!(seen, expected, "{taken} taken of {most} bytes");
            }
        }
    }
}
