//! The second way to read a block: line by line into the buffers. The note in `parser` tells how the two work together.

use super::ParseErrorKind::{self, BlockTooLarge, EventTooLarge};
use super::buffers::{Cut, TooLarge, WINDOW};
use super::whole::{Begun, Found, Span, Stop, checked, part};
use super::{Feed, ParseError, Parser, State};
use crate::field::{self, DATA, Field, Line};
use crate::lines::{self, Lines};

impl Feed<'_, '_> {
    /// Puts what was found of a block into the buffers.
    #[inline(never)]
    pub(super) fn keep<const BLOCKS: bool>(
        &mut self,
        (start, end): Span,
        ignored: usize,
        data: Span,
        name: Span,
        id: Span,
        retry: Span,
    ) -> Result<(), ParseError> {
        self.pos = start;
        if start == self.bytes.len() {
            // The chunk ends between two blocks.
            return Ok(());
        }
        self.parser.state = State::Within;
        self.parser.block_start = self.position(start);
        self.parser.buffers.keeps_raw = BLOCKS;
        if end - start > self.parser.max_event_size.min(self.max_block_size::<BLOCKS>()) {
            // It may be too large: it is read line by line, to find out where.
            return Ok(());
        }
        self.pos = end;
        if start == end {
            return Ok(());
        }
        if BLOCKS {
            self.parser.buffers.raw.extend_from_slice(&self.bytes[start..end]);
        }
        self.parser.buffers.has_field = ignored > 0;
        let mut values = [(data, Field::Data), (name, Field::Event), (id, Field::Id), (retry, Field::Retry)];
        // In the order of the stream, since ill-formed text may still be too large: U+FFFD takes three bytes.
        values.sort_unstable_by_key(|value| value.0);
        for (span, field) in values.into_iter().filter(|value| value.0.0 != 0) {
            if let Err(TooLarge) = self.keep_value(field, span) {
                // The lines before this one were read before the block was refused.
                let before = Lines::new(&self.bytes[start..span.0]);
                self.parser.buffers.ignore(before.filter(|line| field::is_unknown(line)).count());
                return Err(self.refuse::<BLOCKS>(EventTooLarge, Cut::No));
            }
        }
        if ignored > 0 {
            self.parser.buffers.ignore(ignored);
        }
        Ok(())
    }

    /// Keeps a block that begins here, and whose next line is cut by the end of the chunk.
    #[inline(never)]
    pub(super) fn keep_cut(&mut self, begun: Begun) -> Result<(), ParseError> {
        let kept = self.take::<false>(Found::begun(self.pos, begun), Stop::Cut).map(drop);
        self.settle();
        kept
    }

    #[inline(always)]
    fn keep_value(&mut self, field: Field, (from, to): Span) -> Result<(), TooLarge> {
        let limit = self.parser.max_event_size;
        if self.check(from, to) {
            self.parser.buffers.line(field, part(self.text, self.text_start, (from, to)), limit)
        } else {
            self.parser.buffers.long_line(field, &self.bytes[from..to], limit)
        }
    }

    /// Goes on with the block in the buffers. Returns whether they hold an event now, or a block if `BLOCKS`.
    #[inline(never)]
    pub(super) fn go_on<const BLOCKS: bool>(&mut self) -> Result<bool, ParseError> {
        let mut ended = false;
        match self.parser.state {
            State::Between => {}
            State::Returned => ended = true,
            State::Refused => ended = self.skip(),
            State::Within => {
                if !BLOCKS && self.parser.buffers.keeps_raw {
                    // From here on it is read for its event only.
                    self.parser.buffers.keeps_raw = false;
                    self.parser.buffers.raw.clear();
                }
                if !self.read_kept::<BLOCKS>()? {
                    return Ok(false);
                }
                self.parser.end_block();
                if BLOCKS || self.parser.buffers.has_data {
                    self.parser.state = State::Returned;
                    return Ok(true);
                }
                ended = true;
            }
        }
        if ended {
            self.parser.buffers.clear();
            self.parser.state = State::Between;
        }
        Ok(false)
    }

    /// Reads on in the block that the buffers hold. Returns whether it has ended.
    #[inline(always)]
    fn read_kept<const BLOCKS: bool>(&mut self) -> Result<bool, ParseError> {
        let bytes = self.bytes;
        while self.parser.buffers.cut != Cut::No {
            let rest = &bytes[self.pos..];
            let window = &rest[..rest.len().min(WINDOW)];
            let end = lines::find(window);
            self.keep_part::<BLOCKS>(end.unwrap_or(window.len()))?;
            match end {
                Some(_) if self.used(self.pos) >= self.max_block_size::<BLOCKS>() => {
                    return Err(self.refuse::<BLOCKS>(BlockTooLarge, Cut::Ignored { counts: false }));
                }
                Some(_) => {
                    let limit = self.parser.max_event_size;
                    let ended = self.parser.buffers.end_line(limit);
                    ended.map_err(|TooLarge| self.refuse::<BLOCKS>(EventTooLarge, Cut::Ignored { counts: false }))?;
                    self.keep_raw(lines::after(bytes, self.pos));
                }
                None if self.pos == bytes.len() => return Ok(false),
                None => {}
            }
        }
        let max_block_size = self.max_block_size::<BLOCKS>() as u64;
        let block_start = self.parser.block_start.wrapping_sub(self.start);
        let used = |pos: usize| (pos as u64).wrapping_sub(block_start);
        loop {
            if used(self.pos) > max_block_size {
                return Err(self.refuse::<BLOCKS>(BlockTooLarge, Cut::No));
            }
            let rest = &bytes[self.pos..];
            let (field, from) = match Line::of(rest) {
                Some(Line::Blank) => {
                    self.pos = lines::after(bytes, self.pos);
                    return Ok(true);
                }
                Some(Line::Field(field, from)) => (Some(field), self.pos + usize::from(from)),
                Some(Line::Comment | Line::Unknown) => (None, self.pos),
                None if rest.is_empty() => return Ok(false),
                None => (None, bytes.len()),
            };
            let Some(end) = self.ends.find(bytes, from, &mut self.parser.long) else {
                self.keep_part::<BLOCKS>(rest.len())?;
                return Ok(false);
            };
            if used(end) >= max_block_size {
                // The line end exceeds the limit, if nothing before it does.
                self.keep_part::<BLOCKS>(end - self.pos)?;
                return Err(self.refuse::<BLOCKS>(BlockTooLarge, Cut::Ignored { counts: false }));
            }
            if let Some(field) = field {
                let kept = self.keep_value(field, (from, end));
                kept.map_err(|TooLarge| self.refuse::<BLOCKS>(EventTooLarge, Cut::Ignored { counts: false }))?;
            } else if rest[0] != b':' {
                self.parser.buffers.has_field = true;
                self.parser.buffers.ignore(1);
            }
            self.keep_raw(lines::after(bytes, end));
            if field == Some(Field::Data) {
                self.keep_data_lines();
            }
        }
    }

    /// Fast path for the data lines after the first, which mostly come together. Removing it changes no result; an event of 20
    /// lines would take 257 and not 228 ns.
    #[inline(always)]
    fn keep_data_lines(&mut self) {
        let Parser { buffers, max_event_size, max_block_size, long, .. } = &mut *self.parser;
        if *max_block_size != usize::MAX || buffers.keeps_raw {
            return;
        }
        while !*long
            && self.bytes[self.pos..].starts_with(DATA)
            && let from = self.pos + DATA.len()
            && let Some(end) = self.ends.find(self.bytes, from, long)
            && self.bytes[end] == b'\n'
            && let Some(line) = checked(self.text, self.text_start, (from, end))
            && buffers.join(line, *max_event_size)
        {
            self.pos = end + 1;
        }
    }

    /// Keeps the next `len` bytes as a part of the cut line, up to the byte that exceeds the limit of the block.
    #[inline(always)]
    pub(super) fn keep_part<const BLOCKS: bool>(&mut self, len: usize) -> Result<(), ParseError> {
        let room = self.max_block_size::<BLOCKS>().saturating_sub(self.used(self.pos));
        let part = &self.bytes[self.pos..self.pos + len.min(room)];
        let limit = self.parser.max_event_size;
        let kept = if part.is_empty() { Ok(()) } else { self.parser.buffers.push(part, limit) };
        self.keep_raw(self.pos + part.len());
        self.pos += len - part.len();
        kept.map_err(|TooLarge| self.refuse::<BLOCKS>(EventTooLarge, Cut::Ignored { counts: false }))?;
        if part.len() < len {
            Err(self.refuse::<BLOCKS>(BlockTooLarge, Cut::Ignored { counts: false }))
        } else {
            Ok(())
        }
    }

    /// Goes on to `pos`. The bytes before it are kept as they are, if all of the block was read by `next_block`.
    #[inline(always)]
    fn keep_raw(&mut self, pos: usize) {
        if self.parser.buffers.keeps_raw {
            self.parser.buffers.raw.extend_from_slice(&self.bytes[self.pos..pos]);
        }
        self.pos = pos;
    }

    /// The length of the block in the buffers, up to `pos`.
    #[inline(always)]
    fn used(&self, pos: usize) -> usize {
        usize::try_from(self.position(pos) - self.parser.block_start).unwrap_or(usize::MAX)
    }

    /// The limit on the bytes of a block as they come.
    #[inline(always)]
    fn max_block_size<const BLOCKS: bool>(&self) -> usize {
        let Parser { max_block_size, max_event_size, .. } = *self.parser;
        if BLOCKS && max_block_size == usize::MAX { max_event_size } else { max_block_size }
    }

    /// Clears the block, the rest of which is skipped. `cut`: whether the rest begins within a line.
    #[cold]
    fn refuse<const BLOCKS: bool>(&mut self, kind: ParseErrorKind, cut: Cut) -> ParseError {
        let is_event = kind == EventTooLarge;
        let limit = if is_event { self.parser.max_event_size } else { self.max_block_size::<BLOCKS>() };
        let parser = &mut *self.parser;
        // Retry lines that were read before stay in effect.
        parser.reconnection_time = parser.reconnection_time();
        parser.buffers.clear();
        parser.buffers.cut = cut;
        parser.state = State::Refused;
        ParseError::too_large(kind, limit, parser.block_start)
    }

    /// Skips the rest of a block that was refused. Returns whether it has ended.
    fn skip(&mut self) -> bool {
        let bytes = self.bytes;
        loop {
            if self.parser.buffers.cut == Cut::No {
                match Line::of(&bytes[self.pos..]) {
                    Some(Line::Blank) => {
                        self.pos = lines::after(bytes, self.pos);
                        return true;
                    }
                    None if self.pos == bytes.len() => return false,
                    _ => self.parser.buffers.cut = Cut::Ignored { counts: false },
                }
            }
            let Some(end) = self.ends.find(bytes, self.pos, &mut self.parser.long) else {
                self.pos = bytes.len();
                return false;
            };
            self.pos = lines::after(bytes, end);
            self.parser.buffers.cut = Cut::No;
        }
    }
}
