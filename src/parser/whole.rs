//! The first way to read a block: in place, if all of it lies in the chunk. The note in `parser` says how the two ways work
//! together.

use core::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::buffers::{WINDOW, set};
use super::owned::worth_sharing;
use super::{Feed, State, Unread};
use crate::decode::well_formed;
use crate::field::{self, DATA, EVENT, Field, Line, has_nul};
use crate::lines;

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
    /// The time that `retry` sets, if it is valid.
    pub(super) time: Option<Duration>,
    /// How many lines of other fields there are.
    pub(super) ignored: usize,
}

/// Start and end of a value. A start of 0 means none: no value is there, since the name of its field comes first.
pub(super) type Span = (usize, usize);

/// Why `read_whole` stopped.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stop {
    /// At a blank line.
    Blank,
    /// Before a line that needs the second way.
    Line,
    /// Before a line that the end of the chunk cuts.
    Cut,
}

/// What was found where a usual block may begin: perhaps an `event: ` line, and one `data: ` line.
pub(super) enum Usual<T> {
    /// It is a usual block, with this name, if any, and this data.
    Whole(T, T),
    /// It is not one, or not known to be one. These lines were found.
    Begun(Begun),
    /// The end of the chunk cuts the line after these.
    Cut(Begun),
}

/// The lines that were found of a block, and where the next one begins.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    name: Span,
    data: Span,
    pub(super) pos: usize,
}

impl Begun {
    /// No lines yet, of a block that begins at `pos`.
    #[inline(always)]
    pub(super) fn at(pos: usize) -> Self {
        Begun { name: (0, 0), data: (0, 0), pos }
    }
}

impl Found {
    /// What was found of a block that begins at `start`.
    #[inline(always)]
    pub(super) fn begun(start: usize, begun: Begun) -> Self {
        Found { start, end: begun.pos, data: begun.data, name: begun.name, ..Found::default() }
    }
}

/// A part of the chunk, if it was checked to be text.
#[inline(always)]
pub(super) fn checked(text: &str, text_start: usize, (from, to): Span) -> Option<&str> {
    text.get(from.wrapping_sub(text_start)..to.wrapping_sub(text_start))
}

/// A part of the chunk that was checked; empty if there is none.
#[inline(always)]
pub(super) fn part(text: &str, text_start: usize, span: Span) -> &str {
    checked(text, text_start, span).unwrap_or_default()
}

impl<'c> Feed<'_, 'c> {
    /// Fast path for a usual block, which becomes an event at once. Removing it changes no result; tiny events would take 17 and
    /// not 10 ns, OpenAI-style ones 29 and not 22, Anthropic-style ones 33 and not 25.
    #[inline(always)]
    pub(super) fn read_usual(&mut self) -> Usual<&'c str> {
        match self.find_usual() {
            Usual::Whole(name, data) => {
                let end = data.1;
                if !self.check(if name.0 == 0 { data.0 } else { name.0 }, end) {
                    return Usual::Begun(Begun { name, data, pos: lines::after(self.bytes, end) });
                }
                self.end_usual(end);
                let part = |span| part(self.text, self.text_start, span);
                Usual::Whole(if name.0 == 0 { "" } else { part(name) }, part(data))
            }
            Usual::Begun(begun) => Usual::Begun(begun),
            Usual::Cut(begun) => Usual::Cut(begun),
        }
    }

    /// The data of a usual block without a name, if it is large enough to share the memory of the chunk.
    ///
    /// Fast path: the text is checked once, by `ByteString`. Removing it changes no result; 64 KiB would take 2.3 and not
    /// 1.7 µs.
    #[cold]
    pub(super) fn share_usual(&mut self, chunk: &Bytes) -> Option<ByteString> {
        let bytes = self.bytes;
        if !bytes.starts_with(DATA) || !bytes.ends_with(b"\n\n") || !self.fits(0, bytes.len()) {
            return None;
        }
        let Usual::Whole((0, _), (from, end)) = self.find_usual() else {
            return None;
        };
        if !worth_sharing(end - from, chunk) {
            return None;
        }
        let data = ByteString::try_from(chunk.slice_ref(&bytes[from..end])).ok()?;
        self.end_usual(end);
        Some(data)
    }

    /// Finds the name and the data of a usual block that begins here, or after keep-alives.
    #[inline(always)]
    fn find_usual(&mut self) -> Usual<Span> {
        if self.parser.state != State::Between || self.parser.unread != Unread::Bytes {
            return Usual::Begun(Begun::at(self.pos));
        }
        let bytes = self.bytes;
        let mut begun = Begun::at(self.pos);
        if bytes[self.pos..].starts_with(b":") {
            let Some(pos) = self.skip_keep_alives() else {
                return Usual::Cut(Begun::at(self.pos));
            };
            begun.pos = pos;
        }
        if bytes[begun.pos..].starts_with(EVENT) {
            let from = begun.pos + EVENT.len();
            let Some(end) = self.ends.find(bytes, from, &mut self.parser.long) else {
                return Usual::Cut(begun);
            };
            (begun.name, begun.pos) = ((from, end), lines::after(bytes, end));
        }
        let rest = &bytes[begun.pos..];
        if !rest.starts_with(DATA) {
            // Too few bytes to tell what the line is.
            let is_cut = (1..DATA.len()).contains(&rest.len()) && !lines::few_may_have_end(rest);
            return if is_cut { Usual::Cut(begun) } else { Usual::Begun(begun) };
        }
        let from = begun.pos + DATA.len();
        let Some(end) = self.ends.find(bytes, from, &mut self.parser.long) else {
            return Usual::Cut(begun);
        };
        if bytes[end..].starts_with(b"\n\n") && self.fits(self.pos, end + 1) {
            return Usual::Whole(begun.name, (from, end));
        }
        Usual::Begun(Begun { data: (from, end), pos: lines::after(bytes, end), ..begun })
    }

    /// Goes on after a usual block, whose data ends at `end`.
    #[inline(always)]
    fn end_usual(&mut self, end: usize) {
        self.pos = end + b"\n\n".len();
        self.settle();
    }

    /// Skips blocks of one comment each. Returns where the line begins that comes after the last comment, which may belong to
    /// its block, or `None` if the end of the chunk cuts a comment.
    ///
    /// Fast path for keep-alives. Removing it changes no result; 20 of them and an event would take 136 and not 63 ns.
    #[inline(always)]
    fn skip_keep_alives(&mut self) -> Option<usize> {
        let bytes = self.bytes;
        loop {
            let end = self.ends.find(bytes, self.pos + 1, &mut self.parser.long)?;
            // If there is a limit on blocks, they are read one by one.
            if self.parser.max_block_size != usize::MAX || !bytes[end..].starts_with(b"\n\n") {
                return Some(lines::after(bytes, end));
            }
            self.pos = end + b"\n\n".len();
            if !bytes[self.pos..].starts_with(b":") {
                return Some(self.pos);
            }
        }
    }

    /// Reads a block that begins here, as long as all of it can be borrowed from the chunk. Its first lines are known.
    #[inline(always)]
    pub(super) fn read_whole<const BLOCKS: bool>(&mut self, begun: Begun) -> (Found, Stop) {
        let bytes = self.bytes;
        let mut pos = begun.pos;
        let mut next = pos;
        let mut found = Found::begun(self.pos, begun);
        /// The end of the line whose value begins at `$from`.
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
        let stop = loop {
            let end;
            let rest = bytes.get(pos..).unwrap_or_default();
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
                }
                Some(Line::Unknown) => {
                    end = end!(pos);
                    found.ignored += 1;
                }
                Some(Line::Blank) => {
                    let nothing = found.data.0 == 0 && found.id.0 == 0 && found.retry.0 == 0;
                    next = lines::after(bytes, pos);
                    if if BLOCKS { pos > found.start } else { !nothing || self.may_exceed(pos - found.start) } {
                        break Stop::Blank;
                    }
                    if found.ignored > 0 {
                        self.parser.buffers.ignore(found.ignored);
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

    /// Whether a block that lies whole in the chunk is within the limits, whatever it holds.
    #[inline(always)]
    pub(super) fn fits(&self, start: usize, end: usize) -> bool {
        end - start <= self.parser.max_event_size.min(self.parser.max_block_size)
    }

    /// Whether a block of so many bytes may exceed a limit. As text, it may be three times as long.
    #[inline(always)]
    fn may_exceed(&self, len: usize) -> bool {
        len.saturating_mul(3) > self.parser.max_event_size.min(self.parser.max_block_size)
    }

    /// The id and the retry of a block take effect. Returns false if it has an id or a retry that the standard ignores.
    #[inline(always)]
    pub(super) fn take_effect(&mut self, found: Found) -> bool {
        if found.retry.0 != 0 && found.time.is_none() {
            return false;
        }
        if found.id.0 != 0 {
            let id = part(self.text, self.text_start, found.id);
            if has_nul(id.as_bytes()) {
                return false;
            }
            if set(&mut self.parser.last_event_id, id) {
                self.parser.shared_id = None;
            }
        }
        if found.time.is_some() {
            self.parser.reconnection_time = found.time;
        }
        if found.ignored > 0 {
            self.parser.buffers.ignore(found.ignored);
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
                // The end of the chunk may cut a character.
                to -= 1;
            }
            while to > end && bytes.get(to).is_some_and(|byte| byte & 0xc0 == 0x80) {
                to -= 1;
            }
            if let Some(text) = well_formed(&bytes[start..to]) {
                (self.text, self.text_start) = (text, start);
                return true;
            }
            // The ill-formed bytes may come after this block. Blocks up to there are checked one by one.
            self.ahead_from = to;
        } else if self.ahead_from == usize::MAX {
            // The first block is checked by itself: often a reader reads no other.
            self.ahead_from = end;
        }
        let text = well_formed(&bytes[start..end]);
        if let Some(text) = text {
            (self.text, self.text_start) = (text, start);
        }
        text.is_some()
    }
}
