//! The next event or block: by the first way (`whole`), or else by the second (`kept`).

use super::whole::{Begun, Found, Stop, Usual, part};
use super::{Feed, ParseError, Parser, State, Unread};
use crate::block::Block;
use crate::event::Event;
use crate::names::EventId;

/// What was read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Step<'c> {
    /// All of the chunk; there is no event.
    End,
    /// A usual block of this name, if any, and data, which lie in the chunk.
    Usual(&'c str, &'c str),
    /// A block that lies whole in the chunk, and is text.
    Whole(Found),
    /// A block in the buffers.
    Kept,
}

impl Step<'_> {
    /// The event that was read. Not for `End`.
    #[inline(always)]
    pub(super) fn event<'a>(&self, parser: &'a Parser, text: &'a str, text_start: usize) -> Event<'a>
    where
        Self: 'a,
    {
        match *self {
            Step::Usual(name, data) => Event::from_parts(name, data, &parser.last_event_id, false, None),
            Step::Whole(found) => {
                let part = |span| part(text, text_start, span);
                let has_id = found.id.0 != 0;
                let last_event_id = if has_id { part(found.id) } else { &parser.last_event_id };
                let name = if found.name.0 == 0 { "" } else { part(found.name) };
                Event::from_parts(name, part(found.data), last_event_id, has_id, found.time)
            }
            Step::Kept | Step::End => parser.buffers.event(&parser.last_event_id),
        }
    }

    /// The block that was read. Not for `End`.
    pub(super) fn block<'a>(&self, parser: &'a mut Parser, text: &'a str, text_start: usize) -> Block<'a>
    where
        Self: 'a,
    {
        let Step::Whole(found) = self else {
            parser.make_text();
            return parser.block();
        };
        Block {
            text: part(text, text_start, (found.start, found.end)),
            event: (found.data.0 != 0).then(|| self.event(parser, text, text_start)),
            id: (found.id.0 != 0).then(|| EventId::trusted(part(text, text_start, found.id))),
            retry: found.time,
        }
    }
}

impl<'c> Feed<'_, 'c> {
    /// Reads on to the next event, or to the next block if `BLOCKS`.
    #[inline(always)]
    pub(super) fn advance<const BLOCKS: bool>(&mut self) -> Result<Step<'c>, ParseError> {
        let mut begun = Begun::at(self.pos);
        if !BLOCKS {
            match self.read_usual() {
                Usual::Whole(name, data) => return Ok(Step::Usual(name, data)),
                Usual::Begun(lines) => begun = lines,
                Usual::Cut(lines) => {
                    self.keep_cut(lines)?;
                    if self.pos == self.bytes.len() {
                        return Ok(Step::End);
                    }
                    // It may be too large.
                    begun = Begun::at(self.pos);
                }
            }
        }
        let step = if self.parser.unread == Unread::Error {
            Err(ParseError::unread(self.parser.position))
        } else {
            self.step::<BLOCKS>(begun)
        };
        self.settle();
        step
    }

    #[inline(always)]
    fn step<const BLOCKS: bool>(&mut self, mut begun: Begun) -> Result<Step<'c>, ParseError> {
        loop {
            if self.parser.state != State::Between {
                if self.go_on::<BLOCKS>()? {
                    return Ok(Step::Kept);
                }
                begun = Begun::at(self.pos);
            }
            if self.pos == self.bytes.len() {
                return Ok(Step::End);
            }
            let (found, stop) = self.read_whole::<BLOCKS>(begun);
            if self.take::<BLOCKS>(found, stop)? {
                return Ok(Step::Whole(found));
            }
            begun = Begun::at(self.pos);
            if self.pos == self.bytes.len() {
                return Ok(Step::End);
            }
        }
    }

    /// Returns whether what `read_whole` has found is an event, or a block, that can be borrowed from the chunk. If not,
    /// puts it into the buffers.
    #[inline(always)]
    pub(super) fn take<const BLOCKS: bool>(&mut self, found: Found, stop: Stop) -> Result<bool, ParseError> {
        let Found { start, end, .. } = found;
        if stop == Stop::Blank
            && (BLOCKS || found.data.0 != 0)
            && self.fits(start, end)
            && self.check(start, end)
            && self.take_effect(found)
        {
            return Ok(true);
        }
        // One by one: a reference would make the compiler write all of `found` to memory for every event.
        self.keep::<BLOCKS>((start, end), found.ignored, found.data, found.name, found.id, found.retry)?;
        if stop == Stop::Cut && self.pos == end && end < self.bytes.len() {
            // The rest holds no line end: no need to search again.
            self.keep_part::<BLOCKS>(self.bytes.len() - end)?;
        }
        Ok(false)
    }

    /// Stores in the parser how far the chunk was read.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        self.parser.position = self.position(self.pos);
        self.parser.unread = if self.pos < self.bytes.len() { Unread::Bytes } else { Unread::Nothing };
    }

    /// The position of the byte at `pos` in the stream.
    #[inline(always)]
    pub(super) fn position(&self, pos: usize) -> u64 {
        self.start + pos as u64
    }
}
