//! The first way to read a block: where it lies, if all of it lies in the chunk. The note in `parser` tells how the two work
//! together.

use core::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::buffers::{WINDOW, has_nul, set};
use super::owned::worth_sharing;
use super::read::Step;
use super::{Feed, ParseError};
use crate::decode::well_formed;
use crate::event::Event;
use crate::field::{self, Field, Line};
use crate::lines;
use crate::owned::{LARGE, Large, OwnedEvent};

/// Where the values of a block lie in the chunk.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Found {
    /// The block, from its first line to the end of its last.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) data: Span,
    pub(super) name: Span,
    pub(super) id: Span,
    pub(super) retry: Span,
    /// What `retry` says, if it says anything.
    pub(super) time: Option<Duration>,
    /// Whether there are lines of other fields.
    pub(super) unknown: bool,
}

/// From where to where. Where a value is, it does not begin at 0, since the name of its field comes first: 0 means none.
pub(super) type Span = (usize, usize);

/// Why `read_whole` stopped.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stop {
    /// At a blank line.
    Blank,
    /// Before a line that this way is not for.
    Line,
    /// Before a line that the end of the chunk cuts.
    Cut,
}

impl Found {
    #[inline(always)]
    pub(super) fn is_only_data(&self) -> bool {
        self.name.0 == 0 && self.id.0 == 0
    }
}

/// A part of the chunk that was checked; empty if there is none.
#[inline(always)]
pub(super) fn part(text: &str, text_start: usize, (from, to): Span) -> &str {
    text.get(from.wrapping_sub(text_start)..to.wrapping_sub(text_start)).unwrap_or_default()
}

impl Feed<'_, '_> {
    /// Reads a block that begins here, as long as all of it can be borrowed from the chunk.
    #[inline(always)]
    pub(super) fn read_whole<const BLOCKS: bool>(&mut self) -> (Found, Stop) {
        let bytes = self.bytes;
        let mut pos = self.pos;
        let mut next = pos;
        // Comments that nobody asks for, and that may be of any length.
        let keep_alives = !BLOCKS && self.parser.max_block_size == usize::MAX;
        let mut found = Found { start: pos, ..Found::default() };
        /// Where the line ends, whose value begins at `$from`.
        macro_rules! end {
            ($from:expr) => {
                match self.ends.find(bytes, $from, &mut self.parser.long) {
                    Some(end) => end,
                    None => break Stop::Cut,
                }
            };
        }
        macro_rules! value {
            ($of:ident, $from:expr) => {{
                let from = pos + usize::from($from);
                found.$of = (from, end!(from));
                found.$of.1
            }};
        }
        let stop = 'block: loop {
            let mut end;
            let rest = bytes.get(pos..).unwrap_or_default();
            if rest.starts_with(b"data: ") && found.data.0 == 0 {
                // Fast path for the line that nearly every block has, and mostly ends with. Removing it changes no result.
                end = value!(data, 6_u8);
                pos = lines::after(bytes, end);
                if bytes.get(pos) == Some(&b'\n') {
                    next = pos + 1;
                    break Stop::Blank;
                }
                continue;
            }
            match Line::of(rest) {
                Some(Line::Field(Field::Data, from)) if found.data.0 == 0 => end = value!(data, from),
                Some(Line::Field(Field::Event, from)) if found.name.0 == 0 => end = value!(name, from),
                Some(Line::Field(Field::Id, from)) if found.id.0 == 0 => end = value!(id, from),
                Some(Line::Field(Field::Retry, from)) if found.retry.0 == 0 => {
                    end = value!(retry, from);
                    found.time = field::retry(&bytes[found.retry.0..end]);
                }
                Some(Line::Comment) => {
                    end = end!(pos + 1);
                    // Fast path for keep-alives, a comment and a blank line each. Removing it changes no result; 20 of them and
                    // an event would take 136 and not 80 ns.
                    while keep_alives && pos == found.start && bytes.get(end..end + 3) == Some(b"\n\n:") {
                        pos = end + 2;
                        found.start = pos;
                        let Some(comment_end) = self.ends.find(bytes, pos + 1, &mut self.parser.long) else {
                            break 'block Stop::Cut;
                        };
                        end = comment_end;
                    }
                }
                Some(Line::Unknown) => {
                    end = end!(pos);
                    found.unknown = true;
                }
                Some(Line::Blank) => {
                    let nothing = found.data.0 == 0 && found.id.0 == 0 && found.retry.0 == 0;
                    next = lines::after(bytes, pos);
                    if if BLOCKS { pos > found.start } else { !nothing || self.may_exceed(pos - found.start) } {
                        break Stop::Blank;
                    }
                    pos = next;
                    found = Found { start: pos, ..Found::default() };
                    continue;
                }
                Some(Line::Field(..)) => break Stop::Line,
                None => break Stop::Cut,
            }
            pos = lines::after(bytes, end);
        };
        found.end = pos;
        self.pos = next;
        (found, stop)
    }

    /// Whether a block that lies whole in the chunk is surely within the limits.
    #[inline(always)]
    pub(super) fn fits(&self, found: Found) -> bool {
        found.end - found.start <= self.parser.max_event_size.min(self.parser.max_block_size)
    }

    /// Whether a block of so many bytes may exceed a limit. As text, it may be three times as long.
    #[inline(always)]
    fn may_exceed(&self, len: usize) -> bool {
        len.saturating_mul(3) > self.parser.max_event_size.min(self.parser.max_block_size)
    }

    /// The id and the retry of a block take effect. Returns false if it has an id that the standard ignores.
    #[inline(always)]
    pub(super) fn take_effect(&mut self, found: Found) -> bool {
        if found.id.0 != 0 {
            let id = part(self.text, self.text_start, found.id);
            if has_nul(id) {
                return false;
            }
            if set(&mut self.parser.last_event_id, id) {
                self.parser.shared_id = None;
            }
        }
        if found.time.is_some() {
            self.parser.reconnection_time = found.time;
        }
        true
    }

    /// Whether the chunk is text from `start` to `end`. Text is checked ahead, so that short blocks share one check.
    #[inline(always)]
    pub(super) fn check(&mut self, start: usize, end: usize) -> bool {
        end <= self.text_start + self.text.len() || self.check_more(start, end)
    }

    #[inline(never)]
    fn check_more(&mut self, start: usize, end: usize) -> bool {
        let bytes = self.bytes;
        if start >= self.ahead_from {
            let mut to = end.max(start + WINDOW).min(bytes.len());
            if to == bytes.len() && bytes[to - 1] >= 0x80 {
                // Perhaps the chunk's end cuts a character.
                to -= 1;
            }
            while to > end && bytes.get(to).is_some_and(|byte| byte & 0xc0 == 0x80) {
                to -= 1;
            }
            if let Some(text) = well_formed(&bytes[start..to]) {
                (self.text, self.text_start) = (text, start);
                return true;
            }
            // What is wrong may lie behind this block. Blocks before that are checked alone.
            self.ahead_from = to;
        } else if self.ahead_from == usize::MAX {
            // The first block is checked alone: often a reader reads no other.
            self.ahead_from = end;
        }
        let text = well_formed(&bytes[start..end]);
        if let Some(text) = text {
            (self.text, self.text_start) = (text, start);
        }
        text.is_some()
    }

    /// Reads a block that is probably one large data line, and shares it with the chunk. Returns `None` if it is no event
    /// that lies whole in the chunk.
    ///
    /// Fast path, so that large text is checked once, by the type that shares it: 64 KiB take 1.6 and not 2.3 µs. Removing it
    /// changes no result.
    #[cold]
    pub(super) fn read_large(&mut self, chunk: &Bytes) -> Option<Result<OwnedEvent, ParseError>> {
        let (found, stop) = self.read_whole::<false>();
        let (from, to) = found.data;
        let shares = stop == Stop::Blank
            && found.is_only_data()
            && found.time.is_none()
            && self.fits(found)
            && worth_sharing(to - from, chunk);
        let data = if shares { ByteString::try_from(chunk.slice_ref(&self.bytes[from..to])).ok() } else { None };
        let event = match data {
            Some(data) => {
                let id = &*self.parser.last_event_id;
                let id = if id.len() < LARGE { id.into() } else { self.parser.shared_id() };
                Ok(Some(OwnedEvent::large(Large::new(Event::default(), data, id), false, None)))
            }
            None => match self.take::<false>(found, stop) {
                Ok(true) => Ok(Some(self.own(&Step::Whole(found), chunk))),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            },
        };
        self.settle();
        event.transpose()
    }
}
