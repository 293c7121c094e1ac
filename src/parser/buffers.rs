//! The standard's buffers ([9.2.6]): what is kept of a block that does not lie whole in one chunk.
//!
//! [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::decode::Decoder;
use crate::event::Event;
use crate::field::{self, Field, Line, Start, has_nul};
use crate::lines;

/// How much of a long line is searched, checked and copied at a time, so that each step finds it in the nearest cache. With
/// half of it, 64 KiB in chunks of 16 KiB take 7 % longer.
pub(super) const WINDOW: usize = 8 * 1024;

/// How much memory a parser keeps after a large block, in bytes, all buffers together.
pub(crate) const KEPT_CAPACITY: usize = 64 * 1024;
/// How much of it is for each buffer but the one for data; the last event ID may keep the same amount besides.
pub(super) const SMALL_CAPACITY: usize = KEPT_CAPACITY / 64;
const LARGE_CAPACITY: usize = KEPT_CAPACITY - 4 * SMALL_CAPACITY;

/// The event is larger than the limit.
#[derive(Debug)]
pub(super) struct TooLarge;

/// The name, data and id of the block so far, and the line that the end of a chunk cuts.
///
/// The size of a block is the length of its data and of all values of `event`, `id` and `retry`, as text. It only grows,
/// and it does not depend on where the block was cut: a whole line ([`line`](Buffers::line)) and a line in parts
/// ([`push`](Buffers::push), [`end_line`](Buffers::end_line)) count alike.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the block")]
pub(super) struct Buffers {
    pub(super) name: String,
    pub(super) data: String,
    pub(super) id: String,
    /// Whether there is data, and an id, which may be empty.
    pub(super) has_data: bool,
    pub(super) has_id: bool,
    /// Whether there is a line that is not a comment.
    pub(super) has_field: bool,
    pub(super) retry: Option<Duration>,
    pub(super) cut: Cut,
    /// The value of the cut line, if it is not data.
    value: String,
    decoder: Decoder,
    /// The size of the block so far.
    size: usize,
    /// The first capacity of the data: the length of the last large data.
    expected: u32,
    /// The bytes of the block as they came, if all of it was read by `next_block`.
    pub(super) raw: Vec<u8>,
    pub(super) keeps_raw: bool,
    /// The lines of the stream that have ended and that the standard ignores: all of them, so `clear` leaves it.
    pub(super) ignored_lines: u64,
}

/// What is known of the line that the end of a chunk cuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    /// The chunk ended between two lines.
    #[default]
    No,
    /// Its first bytes do not tell yet what it is.
    Start(Start),
    /// Its value has begun.
    Value(Field),
    /// It is a field of a name that the standard does not know, which counts at its end; or a comment, or a line of a refused
    /// block. (With a variant for each, 1-byte chunks would take 2 % more instructions.)
    Ignored { counts: bool },
}

impl Buffers {
    /// A whole line of text.
    #[inline(always)]
    pub(super) fn line(&mut self, field: Field, value: &str, limit: usize) -> Result<(), TooLarge> {
        self.grow(value.len() + usize::from(field == Field::Data && self.has_data), limit)?;
        self.has_field = true;
        match field {
            Field::Data => {
                self.begin_data_line(value.len());
                self.data.push_str(value);
            }
            Field::Event => {
                set(&mut self.name, value);
            }
            Field::Id if has_nul(value.as_bytes()) => self.ignore(1),
            Field::Id => {
                self.has_id = true;
                set(&mut self.id, value);
            }
            Field::Retry => self.set_retry(field::retry(value.as_bytes())),
        }
        Ok(())
    }

    /// Adds a data line of text to others. Returns false, having done nothing, if the event would be too large.
    #[inline(always)]
    pub(super) fn join(&mut self, line: &str, limit: usize) -> bool {
        // Cannot overflow: all of it is in memory at once.
        let size = self.size + line.len() + 1;
        let fits = self.has_data && size + self.decoder.pending() <= limit;
        if fits {
            self.size = size;
            self.data.push('\n');
            self.data.push_str(line);
        }
        fits
    }

    /// A whole line that is not text, or too long to be read in one go.
    pub(super) fn long_line(&mut self, field: Field, value: &[u8], limit: usize) -> Result<(), TooLarge> {
        self.begin(field, limit)?;
        self.push(value, limit)?;
        self.end_line(limit)
    }

    /// A line whose value begins now, and comes in parts.
    pub(super) fn begin(&mut self, field: Field, limit: usize) -> Result<(), TooLarge> {
        self.has_field = true;
        self.cut = Cut::Value(field);
        if field == Field::Data {
            self.grow(usize::from(self.has_data), limit)?;
            self.begin_data_line(0);
        }
        Ok(())
    }

    /// A part of the cut line.
    #[inline]
    pub(super) fn push(&mut self, part: &[u8], limit: usize) -> Result<(), TooLarge> {
        match self.cut {
            _ if part.is_empty() => Ok(()),
            Cut::Value(field) if part.len() <= WINDOW => self.push_value(field, part, limit),
            Cut::Value(field) => part.chunks(WINDOW).try_for_each(|window| self.push_value(field, window, limit)),
            Cut::Ignored { .. } => Ok(()),
            Cut::No => {
                if let Some(line) = Line::of(part) {
                    return self.begin_with(line, part, limit);
                }
                self.cut = Start::of(part).map_or(Cut::Ignored { counts: true }, Cut::Start);
                self.has_field = true;
                Ok(())
            }
            Cut::Start(start) => match start.and(part) {
                Ok(line) => self.begin_with(line, part, limit),
                Err(start) => {
                    self.cut = Cut::Start(start);
                    Ok(())
                }
            },
        }
    }

    /// The first part of a line, once it is known what the line is.
    fn begin_with(&mut self, line: Line, part: &[u8], limit: usize) -> Result<(), TooLarge> {
        if let Line::Field(field, value) = line {
            self.begin(field, limit)?;
            return self.push(&part[usize::from(value)..], limit);
        }
        let is_comment = line == Line::Comment;
        self.has_field |= !is_comment;
        self.cut = Cut::Ignored { counts: !is_comment };
        Ok(())
    }

    #[inline(always)]
    fn push_value(&mut self, field: Field, part: &[u8], limit: usize) -> Result<(), TooLarge> {
        let text = if field == Field::Data { &mut self.data } else { &mut self.value };
        let before = text.len();
        self.decoder.push(part, |decoded| text.push_str(decoded));
        let more = text.len() - before;
        self.grow(more, limit)
    }

    /// The cut line ends.
    pub(super) fn end_line(&mut self, limit: usize) -> Result<(), TooLarge> {
        if let Cut::Start(start) = self.cut {
            // With its end, the line is known.
            self.cut = Cut::Ignored { counts: true };
            if let Ok(Line::Field(field, _)) = start.and(b"\n") {
                self.begin(field, limit)?;
            }
        }
        let cut = mem::take(&mut self.cut);
        let Cut::Value(field) = cut else {
            if cut == (Cut::Ignored { counts: true }) {
                self.ignore(1);
            }
            return Ok(());
        };
        let text = if field == Field::Data { &mut self.data } else { &mut self.value };
        let before = text.len();
        self.decoder.finish(|decoded| text.push_str(decoded));
        let more = text.len() - before;
        self.grow(more, limit)?;
        match field {
            Field::Data => return Ok(()),
            Field::Event => mem::swap(&mut self.name, &mut self.value),
            Field::Id if has_nul(self.value.as_bytes()) => self.ignore(1),
            Field::Id => {
                self.has_id = true;
                mem::swap(&mut self.id, &mut self.value);
            }
            Field::Retry => self.set_retry(field::retry(self.value.as_bytes())),
        }
        empty(&mut self.value, SMALL_CAPACITY);
        Ok(())
    }

    /// A retry line has ended. `None`: its value is not all digits.
    fn set_retry(&mut self, time: Option<Duration>) {
        if time.is_some() {
            self.retry = time;
        } else {
            self.ignore(1);
        }
    }

    /// So many lines have ended that the standard ignores.
    #[cold]
    pub(super) fn ignore(&mut self, lines: usize) {
        self.ignored_lines += lines as u64;
    }

    /// Whether `push_few` may read this many bytes: the limit must not be exceeded whatever they are. Each becomes three
    /// bytes of text at most, and a LF may join two lines.
    #[inline(always)]
    pub(super) fn is_for_few(&self, bytes: usize, limit: usize) -> bool {
        !self.keeps_raw && self.size.saturating_add(4 * (bytes + self.decoder.pending() + 1)) <= limit
    }

    /// Fast path for a few bytes of a block that was cut: reads them up to a blank line, and returns the rest. Removing it
    /// changes no result; 1-byte chunks would take three times as long.
    #[inline(always)]
    pub(super) fn push_few<'c>(&mut self, bytes: &'c [u8]) -> &'c [u8] {
        match *bytes {
            [b'\n' | b'\r', ..] if self.cut == Cut::No => bytes,
            [byte] => {
                self.push_byte(byte);
                &[]
            }
            _ => match self.cut {
                Cut::Value(field) if !lines::few_may_have_end(bytes) => {
                    let _ = self.push_value(field, bytes, usize::MAX);
                    &[]
                }
                _ => self.push_few_lines(bytes),
            },
        }
    }

    #[inline(always)]
    fn push_byte(&mut self, byte: u8) {
        let _ = match self.cut {
            _ if lines::is_end(byte) => self.end_line(usize::MAX),
            Cut::Value(field) if byte.is_ascii() && self.decoder.pending() == 0 => {
                let text = if field == Field::Data { &mut self.data } else { &mut self.value };
                text.push(char::from(byte));
                self.size += 1;
                Ok(())
            }
            Cut::Start(start) => match start.with(byte) {
                Some(Ok(field)) => self.begin(field, usize::MAX),
                Some(Err(start)) => {
                    self.cut = Cut::Start(start);
                    Ok(())
                }
                None => self.push(&[byte], usize::MAX),
            },
            Cut::Ignored { .. } => Ok(()),
            Cut::Value(field) => self.push_value(field, &[byte], usize::MAX),
            Cut::No => self.push(&[byte], usize::MAX),
        };
    }

    #[inline(never)]
    fn push_few_lines<'c>(&mut self, mut bytes: &'c [u8]) -> &'c [u8] {
        while let Some(end) = lines::find_by_byte(bytes) {
            if end == 0 && self.cut == Cut::No {
                return bytes;
            }
            let _ = self.push(&bytes[..end], usize::MAX);
            let _ = self.end_line(usize::MAX);
            bytes = &bytes[lines::after(bytes, end)..];
        }
        let _ = self.push(bytes, usize::MAX);
        &[]
    }

    /// The event of the block, with the last event ID of the stream if the block has no id.
    #[inline]
    pub(super) fn event<'a>(&'a self, last_event_id: &'a str) -> Event<'a> {
        let last_event_id = if self.has_id { &self.id } else { last_event_id };
        Event::from_parts(&self.name, &self.data, last_event_id, self.has_id, self.retry)
    }

    /// Moves the data out: for data that is too long to be copied.
    pub(super) fn take_data(&mut self) -> String {
        self.expect_as_much();
        let mut data = mem::take(&mut self.data);
        if data.capacity() / 2 > data.len() {
            data.shrink_to_fit();
        }
        data
    }

    /// Clears the block, and releases the memory of a large one.
    pub(super) fn clear(&mut self) {
        if self.data.capacity() > LARGE_CAPACITY {
            self.expect_as_much();
        }
        empty(&mut self.name, SMALL_CAPACITY);
        empty(&mut self.id, SMALL_CAPACITY);
        empty(&mut self.value, SMALL_CAPACITY);
        empty(&mut self.data, LARGE_CAPACITY);
        self.raw.clear();
        self.keeps_raw = false;
        if self.raw.capacity() > SMALL_CAPACITY {
            self.raw = Vec::new();
        }
        (self.has_data, self.has_id, self.has_field) = (false, false, false);
        (self.retry, self.size) = (None, 0);
        self.decoder = Decoder::default();
    }

    /// Expects the next large data to be as large as this, up to what a parser keeps.
    fn expect_as_much(&mut self) {
        self.expected = u32::try_from(self.data.len().min(KEPT_CAPACITY)).unwrap_or(0);
    }

    /// Adds to the size, and checks it against the limit. The bytes of a cut character count as they are.
    #[inline(always)]
    fn grow(&mut self, more: usize, limit: usize) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(more);
        if self.size.saturating_add(self.decoder.pending()) <= limit { Ok(()) } else { Err(TooLarge) }
    }

    /// Begins a data line of at least `len` bytes, after a LF if there is one before it.
    #[inline(always)]
    fn begin_data_line(&mut self, len: usize) {
        if self.has_data {
            self.data.push('\n');
        } else if self.data.capacity() == 0 {
            self.data.reserve(len.max(self.expected as usize));
        }
        self.has_data = true;
    }
}

/// Replaces `to` by `text`, and releases the memory of a large value. Returns whether it has changed.
#[inline]
pub(super) fn set(to: &mut String, text: &str) -> bool {
    let other = to != text;
    if other {
        empty(to, SMALL_CAPACITY);
        to.push_str(text);
    }
    other
}

/// Empties `text`, and releases its memory if that is more than `most` bytes.
#[inline]
fn empty(text: &mut String, most: usize) {
    if text.capacity() > most {
        // Not `shrink_to`: an allocator finds a new large piece more easily than it shrinks an old one.
        *text = String::new();
    } else {
        text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 4] = [Field::Data, Field::Event, Field::Id, Field::Retry];

    fn value(buffers: &Buffers, field: Field) -> Option<&str> {
        match field {
            Field::Data => Some(&buffers.data),
            Field::Event => Some(&buffers.name),
            Field::Id => Some(&buffers.id),
            Field::Retry => None,
        }
    }

    #[test]
    fn a_window_may_cut_a_character_and_the_limit_counts_the_text() {
        for text in
            [&b"x"[..], "\u{e9}".as_bytes(), "\u{4e2d}".as_bytes(), "\u{1f680}".as_bytes(), b"\xff", b"\xf0\x9f"]
        {
            for shift in 0..4 {
                let bytes = [&b"xxx"[..shift], &text.repeat(3 * WINDOW / text.len())].concat();
                let expected = String::from_utf8_lossy(&bytes);
                for field in FIELDS {
                    let mut buffers = Buffers::default();
                    buffers.long_line(field, &bytes, expected.len()).unwrap();
                    assert!(value(&buffers, field).is_none_or(|value| value == expected));
                    assert!(Buffers::default().long_line(field, &bytes, expected.len() - 1).is_err());
                }
            }
        }
    }

    #[test]
    fn whole_lines_and_lines_in_parts_count_alike() {
        for field in FIELDS {
            for limit in 0..9 {
                let (mut whole, mut parts) = (Buffers::default(), Buffers::default());
                let of_whole = ["ab", "", "cde"].map(|value| whole.line(field, value, limit).is_ok());
                let of_parts = ["ab", "", "cde"].map(|value| {
                    parts.begin(field, limit).is_ok()
                        && value.as_bytes().iter().all(|byte| parts.push(&[*byte], limit).is_ok())
                        && parts.end_line(limit).is_ok()
                });
                assert_eq!(of_whole, of_parts, "{field} under {limit}");
                let size = if field == Field::Data { 7 } else { 5 };
                assert_eq!(of_whole[2], limit >= size, "{field} under {limit}");
            }
        }
    }

    #[test]
    fn the_fast_path_for_a_few_bytes_changes_no_result() {
        let stream =
            b"data: a\n:c\ndata\revent: \xe4\xb8\xad\rid:\xff\tx\nretry: 5\ndatum: 1\ndata: \xf0\x9f\nx\n\ndata: y";
        for len in 1..=stream.len() {
            let (mut few, mut many) = (Buffers::default(), Buffers::default());
            let mut blank = None;
            for chunk in stream.chunks(len) {
                let rest = few.push_few(chunk);
                if !rest.is_empty() {
                    blank = Some(rest);
                    break;
                }
            }
            assert!(blank.is_some_and(|rest| rest.starts_with(b"\n")), "{len}");
            for line in lines::Lines::new(&stream[..stream.len() - b"\n\ndata: y".len()]) {
                many.push(line, usize::MAX).unwrap();
                many.end_line(usize::MAX).unwrap();
            }
            assert_eq!(few.event(""), many.event(""), "{len}");
            assert_eq!((few.size, few.cut, few.has_field), (many.size, many.cut, many.has_field), "{len}");
        }
    }
}
