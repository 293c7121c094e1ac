//! Reads a chunk event by event, or block by block.

use super::read::Step;
use super::{OwnedBlocks, OwnedEvents, ParseError, Parser, State, Unread};
use crate::block::Block;
use crate::event::Event;
use crate::lines::LineEnds;

/// What a chunk completes: see [`Parser::feed`].
///
/// Text is borrowed from the chunk or the parser, and an event must be gone before the next one is read.
/// [`owned`](Feed::owned) is an ordinary iterator instead.
#[derive(Debug)]
#[must_use = "a chunk is read by `next_event`, `next_block` or `owned`"]
pub struct Feed<'p, 'c> {
    pub(super) parser: &'p mut Parser,
    /// All of the chunk that is content.
    pub(super) bytes: &'c [u8],
    /// How much of it was read.
    pub(super) pos: usize,
    /// The position of the first of these bytes in the stream.
    pub(super) start: u64,
    pub(super) ends: LineEnds,
    /// A part of the chunk that was checked to be text, and where it begins.
    pub(super) text: &'c str,
    pub(super) text_start: usize,
    /// From this index on, text is checked ahead. `usize::MAX` before the first check.
    pub(super) ahead_from: usize,
}

impl<'p, 'c> Feed<'p, 'c> {
    #[inline(always)]
    pub(super) fn new(parser: &'p mut Parser, bytes: &'c [u8]) -> Self {
        let (ends, start) = (LineEnds::NEW, parser.position);
        Feed { parser, bytes, pos: 0, start, ends, text: "", text_start: 0, ahead_from: usize::MAX }
    }

    /// The next event; `None` once all of the chunk was read.
    ///
    /// # Errors
    ///
    /// [`ParseError`], once for each block that exceeds a limit; the next call goes on after it. And once, at first, if the
    /// chunk before was [not read to its end](crate::ParseErrorKind::Unread).
    // The test for the end of the chunk is inlined into the caller's loop: as a call, 1-byte chunks take 15 % longer.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ParseError> {
        if self.is_at_end() { Ok(None) } else { self.read_event() }
    }

    /// The next block, whether it dispatches an event or not; `None` once all of the chunk was read.
    ///
    /// Calls of both methods may be mixed. If the end of a chunk cuts a block, its lines are kept if this method read the
    /// chunk.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Feed::next_event).
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, ParseError> {
        if self.is_at_end() { Ok(None) } else { self.read_block() }
    }

    /// The next event for which `wanted` is true; those before it are dropped.
    ///
    /// For functions that search and return an event: the borrow checker refuses a loop around
    /// [`next_event`](Feed::next_event) there.
    ///
    /// ```
    /// use sse_wire::{Event, Feed, ParseError, Parser};
    ///
    /// fn price<'f>(events: &'f mut Feed<'_, '_>) -> Result<Option<Event<'f>>, ParseError> {
    ///     events.find_event(|event| event.name() == "price")
    /// }
    ///
    /// let mut parser = Parser::new();
    /// let mut events = parser.feed(b"data: x\n\nevent: price\ndata: 42\n\n");
    /// assert_eq!(price(&mut events)?.unwrap().data(), "42");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Feed::next_event).
    pub fn find_event(&mut self, mut wanted: impl FnMut(&Event<'_>) -> bool) -> Result<Option<Event<'_>>, ParseError> {
        loop {
            let step = self.advance::<false>()?;
            if step == Step::End {
                return Ok(None);
            }
            if wanted(&self.event(&step)) {
                return Ok(Some(self.event(&step)));
            }
        }
    }

    /// The next event, and the rest of the chunk.
    ///
    /// The event lives as long as parser and chunk are borrowed, not only as long as this reader: for code that keeps both in
    /// a struct.
    ///
    /// ```
    /// use sse_wire::{Event, ParseError, Parser};
    ///
    /// struct Connection {
    ///     parser: Parser,
    ///     buffer: Vec<u8>,
    ///     read: usize,
    /// }
    ///
    /// impl Connection {
    ///     fn next(&mut self) -> Result<Option<Event<'_>>, ParseError> {
    ///         let (event, rest) = self.parser.feed(&self.buffer[self.read..]).into_next_event();
    ///         self.read = self.buffer.len() - rest.len();
    ///         event
    ///     }
    /// }
    ///
    /// let mut connection = Connection { parser: Parser::new(), buffer: b"data: 1\n\ndata: 2\n\n".to_vec(), read: 0 };
    /// assert_eq!(connection.next()?.unwrap().data(), "1");
    /// assert_eq!(connection.next()?.unwrap().data(), "2");
    /// assert_eq!(connection.next()?, None);
    /// # Ok::<(), ParseError>(())
    /// ```
    pub fn into_next_event(mut self) -> (Result<Option<Event<'p>>, ParseError>, &'c [u8])
    where
        'c: 'p,
    {
        let step = self.advance::<false>();
        let rest = self.take_rest();
        let Feed { parser, text, text_start, .. } = self;
        let event = match step {
            Ok(Step::End) => Ok(None),
            Ok(step) => Ok(Some(step.event(parser, text, text_start))),
            Err(error) => Err(error),
        };
        (event, rest)
    }

    /// The events that are left, owned: an ordinary iterator, whose events can go to other tasks and threads.
    #[inline]
    pub fn owned(self) -> OwnedEvents<'p, 'c> {
        OwnedEvents::new(self)
    }

    /// The blocks that are left, owned: an ordinary iterator.
    pub fn owned_blocks(self) -> OwnedBlocks<'p, 'c> {
        OwnedBlocks::new(self)
    }

    /// What was not read: feed it to the parser next, or drop it and [`reset`](Parser::reset) the parser before another
    /// stream.
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut events = parser.feed(b"data: [DONE]\n\nHTTP/1.1 ...");
    /// while let Some(event) = events.next_event()? {
    ///     if event.data() == "[DONE]" {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(events.into_rest(), b"HTTP/1.1 ...");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    #[must_use]
    pub fn into_rest(mut self) -> &'c [u8] {
        self.take_rest()
    }

    fn take_rest(&mut self) -> &'c [u8] {
        let rest = &self.bytes[self.pos..];
        self.parser.leave(rest);
        rest
    }

    /// The parser, in the state after what was read last.
    #[must_use]
    pub fn parser(&self) -> &Parser {
        self.parser
    }

    /// Whether there is nothing more to return, and no memory to release.
    #[inline(always)]
    pub(super) fn is_at_end(&self) -> bool {
        self.pos == self.bytes.len() && self.parser.unread <= Unread::Bytes && self.parser.state != State::Returned
    }

    #[inline(never)]
    fn read_event(&mut self) -> Result<Option<Event<'_>>, ParseError> {
        match self.advance::<false>()? {
            Step::End => Ok(None),
            step => Ok(Some(self.event(&step))),
        }
    }

    #[inline(never)]
    fn read_block(&mut self) -> Result<Option<Block<'_>>, ParseError> {
        match self.advance::<true>()? {
            Step::End => Ok(None),
            step => Ok(Some(step.block(self.parser, self.text, self.text_start))),
        }
    }

    #[inline(always)]
    pub(super) fn event(&self, step: &Step<'c>) -> Event<'_> {
        step.event(self.parser, self.text, self.text_start)
    }
}
