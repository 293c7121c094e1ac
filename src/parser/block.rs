//! The block under way: what its lines so far mean, and how much room the limit leaves.
//!
//! A value is in one of two places. While its block lies in one chunk it is [`Found`] there, and nothing is copied.
//! What a chunk's end cuts off, what several data lines join to and what is not well-formed UTF-8 is kept here, in
//! [`Block`]. A found name or id stands for a later line than a kept one; data is found only where none is kept.
//!
//! The size of a block is that of its name, id and data as text, with the value being read. It grows the same way
//! whichever place a value is in, so that the limit refuses the same blocks however the stream is cut: [`Block::line`]
//! and [`Block::comment`], which see a whole line, and [`Block::piece`], which sees a part, must count alike.
//! [`Block::part_of_line`] leaves to the last of these whatever comes near the limit.

use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::KEPT_CAPACITY;
use super::error::ParseErrorKind;
use super::field::PartialLine;
use super::text::{self, Chunk, Utf8Decoder, fits};
use crate::field::Field;

/// How much of [`KEPT_CAPACITY`] is for each buffer but the one for data; the last event ID may keep as much besides.
pub(super) const SMALL_CAPACITY: usize = KEPT_CAPACITY / 64;
const LARGE_CAPACITY: usize = KEPT_CAPACITY - 3 * SMALL_CAPACITY;

/// A data line whose value has begun.
const MIDST_OF_DATA: PartialLine = PartialLine::Value { field: Field::Data, begun: true };

/// The values of the block under way that lie in the current chunk.
#[derive(Clone, Copy)]
pub(super) struct Found<T> {
    pub(super) name: Option<T>,
    pub(super) data: Option<T>,
    pub(super) id: Option<T>,
    /// The comment that was asked for, which is not a part of the block.
    pub(super) comment: Option<T>,
}

impl<T> Found<T> {
    /// A block with one data line.
    #[inline]
    pub(super) fn only_data(data: T) -> Self {
        Found { data: Some(data), ..Found::default() }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Found { name: None, data: None, id: None, comment: None }
    }
}

/// The values of the block under way that do not lie in the current chunk, and the line under way.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) limit: usize,
    pub(super) name: String,
    pub(super) data: String,
    pub(super) id: String,
    /// Whether `data` and `id` are there, which may be empty.
    pub(super) has_data: bool,
    pub(super) has_id: bool,
    pub(super) retry: Option<Duration>,
    pub(super) line: PartialLine,
    /// The value under way of any field but data, or the comment; then the last comment until the line after it.
    pub(super) value: String,
    decoder: Utf8Decoder,
    /// How long the data will be, if it is as long as that which was taken last.
    expected: usize,
}

impl Block {
    pub(super) fn new(limit: usize) -> Block {
        Block {
            limit,
            name: String::new(),
            data: String::new(),
            id: String::new(),
            has_data: false,
            has_id: false,
            retry: None,
            line: PartialLine::Empty,
            value: String::new(),
            decoder: Utf8Decoder::default(),
            expected: 0,
        }
    }

    /// The data, with the memory that it lies in.
    pub(super) fn take_data(&mut self) -> String {
        self.expected = self.data.len().min(KEPT_CAPACITY);
        take(&mut self.data)
    }

    /// A field whose whole line lies in the chunk.
    #[inline(always)]
    pub(super) fn line<'i, C: Chunk<'i>>(
        &mut self,
        field: Field,
        value: &'i [u8],
        chunk: &C,
        found: &mut Found<C::Text>,
    ) -> Result<(), ParseErrorKind> {
        let joins = field == Field::Data && (self.has_data || found.data.is_some());
        if !self.has_room(value, usize::from(joins), found) {
            return Err(self.too_large());
        }
        match field {
            Field::Data if joins => {
                self.keep_data(found);
                self.begin_data_line();
                match text::well_formed_part(chunk.bytes(), value) {
                    Some(value) => self.data.push_str(value),
                    None => decode(&mut self.decoder, value, &mut self.data),
                }
            }
            Field::Data => {
                found.data = chunk.text(value);
                if found.data.is_none() {
                    self.begin_data_line();
                    decode(&mut self.decoder, value, &mut self.data);
                }
            }
            Field::Event => {
                found.name = chunk.text(value);
                if found.name.is_none() {
                    give_back(&mut self.name, SMALL_CAPACITY);
                    decode(&mut self.decoder, value, &mut self.name);
                }
            }
            Field::Id if has_nul(value) => {}
            Field::Id => {
                found.id = chunk.text(value);
                if found.id.is_none() {
                    self.has_id = true;
                    give_back(&mut self.id, SMALL_CAPACITY);
                    decode(&mut self.decoder, value, &mut self.id);
                }
            }
            Field::Retry => self.retry = retry(value).or(self.retry),
        }
        Ok(())
    }

    /// A comment whose whole line lies in the chunk; `None` if it is kept in `value`.
    pub(super) fn comment<'i, C: Chunk<'i>>(
        &mut self,
        text: &'i [u8],
        chunk: &C,
        found: &Found<C::Text>,
    ) -> Result<Option<C::Text>, ParseErrorKind> {
        if !self.has_room(text, 0, found) {
            return Err(ParseErrorKind::CommentTooLarge { limit: self.limit });
        }
        let comment = chunk.text(text);
        if comment.is_none() {
            decode(&mut self.decoder, text, &mut self.value);
        }
        Ok(comment)
    }

    /// A part of a line. Whatever was found in the chunk has been kept. A comment that is not asked for is ignored.
    pub(super) fn piece(&mut self, piece: &[u8], comments: bool) -> Result<(), ParseErrorKind> {
        let value = self.read(piece, comments);
        // Decoding never shortens: what is too large now is so afterwards, and need not be copied to find out. But it may
        // make three bytes of one, so that a long piece is not decoded whole before its size is looked at.
        self.check_size(value.len())?;
        for window in text::windows(value) {
            self.append(window);
            self.check_size(0)?;
        }
        Ok(())
    }

    /// The same where it cannot come to be too large; `false`, and nothing is read, if it might.
    #[inline(always)]
    pub(super) fn part_of_line(&mut self, bytes: &[u8], comments: bool) -> bool {
        if self.line == PartialLine::Ignored {
            return true;
        }
        // Three bytes for each that is ill-formed, a character that turns out to be so, and the LF that joins two lines.
        if self.check_size(bytes.len().saturating_mul(3).saturating_add(4)).is_err() {
            return false;
        }
        if self.line == MIDST_OF_DATA {
            self.decoder.push(bytes, &mut self.data);
        } else {
            self.begin_part(bytes, comments);
        }
        true
    }

    #[inline(never)]
    fn begin_part(&mut self, bytes: &[u8], comments: bool) {
        if self.line == PartialLine::Empty {
            self.forget_value();
        }
        let value = self.read(bytes, comments);
        self.append(value);
    }

    /// Ends the line that came in parts, if there is nothing more to it; `false` if there is.
    #[inline(always)]
    pub(super) fn end_plain_line(&mut self) -> bool {
        let plain = self.line == PartialLine::Ignored || self.line == MIDST_OF_DATA && self.decoder.pending() == 0;
        if plain {
            self.line = PartialLine::Empty;
        }
        plain
    }

    /// Reads on in the line, and returns what of `piece` belongs to its value.
    #[inline]
    fn read<'i>(&mut self, piece: &'i [u8], comments: bool) -> &'i [u8] {
        if self.line == MIDST_OF_DATA {
            return piece;
        }
        let had_data = self.in_data();
        let value = self.line.read(piece);
        if self.in_data() && !had_data {
            self.begin_data_line();
        }
        if self.in_comment() && !comments {
            self.line = PartialLine::Ignored;
            self.forget_value();
            self.decoder = Utf8Decoder::default();
            return &[];
        }
        value
    }

    #[inline]
    fn append(&mut self, value: &[u8]) {
        if !value.is_empty() {
            let text = if self.in_data() { &mut self.data } else { &mut self.value };
            self.decoder.push(value, text);
        }
    }

    /// The end of a line that came in pieces.
    pub(super) fn end_line(&mut self) -> Result<(), ParseErrorKind> {
        self.end_value();
        self.check_size(0)?;
        self.take_value();
        Ok(())
    }

    /// The value under way is complete.
    pub(super) fn end_value(&mut self) {
        let text = if self.in_data() { &mut self.data } else { &mut self.value };
        self.decoder.finish(text);
        if self.line.field() == Some(Field::Data) && !self.in_data() {
            self.begin_data_line();
        }
    }

    /// The complete value becomes part of the block; a comment stays where it is.
    pub(super) fn take_value(&mut self) {
        let line = mem::replace(&mut self.line, PartialLine::Empty);
        match line.field() {
            Some(Field::Event) => mem::swap(&mut self.name, &mut self.value),
            Some(Field::Id) if !has_nul(self.value.as_bytes()) => {
                self.has_id = true;
                mem::swap(&mut self.id, &mut self.value);
            }
            Some(Field::Retry) => self.retry = retry(self.value.as_bytes()).or(self.retry),
            Some(Field::Id | Field::Data) => {}
            None => return,
        }
        self.forget_value();
    }

    /// Empties `value`, and gives back what a large one made it take.
    #[inline]
    pub(super) fn forget_value(&mut self) {
        give_back(&mut self.value, SMALL_CAPACITY);
    }

    /// Keeps what was found in a chunk that is about to end.
    #[inline]
    pub(super) fn keep<T: AsRef<str>>(&mut self, found: &mut Found<T>) {
        if found.name.is_some() || found.data.is_some() || found.id.is_some() {
            self.keep_found(found);
        }
    }

    fn keep_found<T: AsRef<str>>(&mut self, found: &mut Found<T>) {
        self.keep_data(found);
        if let Some(name) = found.name.take() {
            give_back(&mut self.name, SMALL_CAPACITY);
            self.name.push_str(name.as_ref());
        }
        if let Some(id) = found.id.take() {
            self.has_id = true;
            give_back(&mut self.id, SMALL_CAPACITY);
            self.id.push_str(id.as_ref());
        }
    }

    /// Whether nothing of the block is kept here.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.has_data && !self.has_id && self.name.is_empty() && self.retry.is_none()
    }

    /// Forgets the block, and gives back what a large one made it take. The line under way stays as it is.
    pub(super) fn clear(&mut self) {
        self.has_data = false;
        self.has_id = false;
        self.retry = None;
        self.decoder = Utf8Decoder::default();
        self.forget_value();
        give_back(&mut self.name, SMALL_CAPACITY);
        give_back(&mut self.id, SMALL_CAPACITY);
        if self.data.capacity() > LARGE_CAPACITY {
            self.expected = self.data.len().min(KEPT_CAPACITY);
        }
        give_back(&mut self.data, LARGE_CAPACITY);
    }

    fn keep_data<T: AsRef<str>>(&mut self, found: &mut Found<T>) {
        if let Some(data) = found.data.take() {
            self.begin_data_line();
            self.data.push_str(data.as_ref());
        }
    }

    /// Joins the data line that follows to those before it, if there are any.
    #[inline]
    fn begin_data_line(&mut self) {
        if self.has_data {
            self.data.push('\n');
        } else if self.data.capacity() == 0 {
            self.data.reserve(self.expected);
        }
        self.has_data = true;
    }

    /// Whether the line under way has come as far as the value of a data field.
    fn in_data(&self) -> bool {
        matches!(self.line, PartialLine::Value { field: Field::Data, .. })
    }

    /// Whether `value` and `more` bytes fit beside what is found and kept.
    #[inline]
    fn has_room<T: AsRef<str>>(&self, value: &[u8], more: usize, found: &Found<T>) -> bool {
        let len = |found: &Option<T>, kept: &String| found.as_ref().map_or(kept.len(), |found| found.as_ref().len());
        let size = len(&found.name, &self.name) + len(&found.data, &self.data) + len(&found.id, &self.id);
        self.limit.checked_sub(size + more).is_some_and(|room| fits(value, room))
    }

    /// Whether the line under way is a comment.
    pub(super) fn in_comment(&self) -> bool {
        matches!(self.line, PartialLine::Comment { .. })
    }

    /// Whether all that is kept, and `more` bytes, are within the limit.
    #[inline]
    fn check_size(&self, more: usize) -> Result<(), ParseErrorKind> {
        let kept = self.name.len() + self.data.len() + self.id.len();
        let size = kept + self.value.len() + self.decoder.pending();
        if size.saturating_add(more) <= self.limit { Ok(()) } else { Err(self.too_large()) }
    }

    #[cold]
    fn too_large(&self) -> ParseErrorKind {
        let limit = self.limit;
        if self.in_comment() {
            ParseErrorKind::CommentTooLarge { limit }
        } else {
            ParseErrorKind::EventTooLarge { limit }
        }
    }
}

/// The text, in memory of its own: who keeps an event should not keep much more than its bytes.
pub(super) fn take(text: &mut String) -> String {
    let mut text = mem::take(text);
    if text.capacity() / 2 > text.len() {
        text.shrink_to_fit();
    }
    text
}

/// Empties `text`, and gives back its memory if that is more than `most` bytes.
#[inline]
pub(super) fn give_back(text: &mut String, most: usize) {
    if text.capacity() > most {
        // Not `shrink_to`: for what is large, an allocator does better with a new piece than with the end of an old one.
        *text = String::new();
    } else {
        text.clear();
    }
}

/// ASCII digits only, and at least one; what is beyond `u64` saturates.
fn retry(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append = |time: u64, digit: &u8| time.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(Duration::from_millis(value.iter().fold(0, append)))
}

/// The standard ignores an id with NUL.
#[inline]
fn has_nul(id: &[u8]) -> bool {
    id.contains(&0)
}

/// Appends a whole value that is ill-formed to `text`.
#[cold]
fn decode(decoder: &mut Utf8Decoder, value: &[u8], text: &mut String) {
    decoder.push(value, text);
    decoder.finish(text);
}
