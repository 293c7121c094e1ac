//! One event whose data is written piece by piece.

use core::fmt;
use core::mem;

use bytes::{Bytes, BytesMut};

use super::{ARENA, DATA, END, Encoder, Sink, take_block, write_head, write_lines};
use crate::event::Event;
use crate::line::SHORT;

/// What takes the place of each maximal subpart of an ill-formed sequence.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Writes the data of one event, piece by piece, straight into the encoder's memory: what [`Encoder::writer`] gives.
///
/// It is for data that something else formats or serializes: no string in between, each byte looked at once for line
/// ends and copied once. Pieces may be cut anywhere, also within a CRLF; the bytes are those that
/// [`encode`](Encoder::encode) gives for all pieces in one.
///
/// The event is whole once [`finish`](DataWriter::finish) is called. A writer that is dropped before that leaves
/// nothing behind.
///
/// It takes text, also as a [`fmt::Write`], and bytes, also (with the `std` feature) as an `io::Write`: import the trait
/// that is needed. Writing never fails. Bytes that are not well-formed UTF-8 become U+FFFD, as
/// [`String::from_utf8_lossy`](alloc::string::String::from_utf8_lossy) would make of all of them at once: a character
/// that is cut over two pieces is whole again, and one that is never completed is one U+FFFD.
///
/// ```
/// use std::fmt::Write;
/// use sse_wire::{Encoder, Event};
///
/// let mut encoder = Encoder::new();
/// let mut data = encoder.writer(&Event::new("").with_name("reading")?);
/// write!(data, "{:.1} °C\n{} %", 21.456, 40)?;
/// assert_eq!(data.finish(), "event: reading\ndata: 21.5 °C\ndata: 40 %\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "an event that is not finished is not sent"]
pub struct DataWriter<'e> {
    encoder: &'e mut Encoder,
    /// The encoder's arena, which has none meanwhile: also a writer that is leaked leaves no half of an event in it.
    block: BytesMut,
    /// Whether the last byte was a CR, of which a LF may be the other half.
    after_cr: bool,
    /// Bytes at the end that are the start of a character.
    incomplete: Incomplete,
}

impl Encoder {
    /// A writer for the data of one event, for data that comes in pieces.
    ///
    /// `event` gives the name, the id, the reconnection time, and what the data begins with; mostly that is `""`.
    ///
    /// ```
    /// use sse_wire::{Encoder, Event};
    ///
    /// let mut encoder = Encoder::new();
    /// let mut data = encoder.writer(&Event::new("").with_id("7")?);
    /// for piece in ["to", "ken\r", "\nby token"] {
    ///     data.push_str(piece);
    /// }
    /// assert_eq!(data.finish(), "id: 7\ndata: token\ndata: by token\n\n");
    /// # Ok::<(), sse_wire::FieldError>(())
    /// ```
    pub fn writer<S: AsRef<str>>(&mut self, event: &Event<S>) -> DataWriter<'_> {
        let mut block = mem::take(&mut self.arena);
        if block.capacity() == 0 {
            block.reserve(ARENA);
        }
        write_head(&event.as_borrowed(), &mut block);
        block.write(DATA);
        let mut writer = DataWriter { encoder: self, block, after_cr: false, incomplete: Incomplete::default() };
        writer.push(event.data().as_bytes());
        writer
    }
}

impl DataWriter<'_> {
    /// Appends text to the data. Never fails.
    pub fn push_str(&mut self, text: &str) {
        if !text.is_empty() {
            self.end_character();
        }
        self.push(text.as_bytes());
    }

    /// Appends bytes to the data; those that turn out to be ill-formed UTF-8 become U+FFFD. Never fails.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        // Serializers write pieces of a few bytes, mostly of this kind: not worth the calls.
        let plain = |byte: &u8| matches!(byte, b' '..=b'~');
        if bytes.len() < SHORT && self.incomplete.is_empty() && bytes.iter().all(plain) {
            self.after_cr &= bytes.is_empty();
            self.block.write(bytes);
        } else {
            self.push_any(bytes);
        }
    }

    fn push_any(&mut self, mut bytes: &[u8]) {
        while !self.incomplete.is_empty() {
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            let character = self.incomplete.and(byte);
            match core::str::from_utf8(character.bytes()) {
                Err(error) if error.error_len().is_some() => {
                    // The byte is not part of it.
                    self.end_character();
                    continue;
                }
                Err(_) => self.incomplete = character,
                Ok(_) => {
                    self.incomplete = Incomplete::default();
                    self.push(character.bytes());
                }
            }
            bytes = rest;
        }
        while let Err(error) = core::str::from_utf8(bytes) {
            let (text, rest) = bytes.split_at(error.valid_up_to());
            self.push(text);
            let Some(ill_formed) = error.error_len() else {
                self.incomplete = rest.iter().fold(Incomplete::default(), |start, &byte| start.and(byte));
                return;
            };
            self.push(REPLACEMENT);
            bytes = &rest[ill_formed..];
        }
        self.push(bytes);
    }

    /// The whole event as bytes of its own, cheap to clone, as [`encode`](Encoder::encode) gives them. Never fails.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        self.end_character();
        self.block.write(END);
        take_block(&mut self.block)
    }

    /// Appends a piece of whole characters.
    fn push(&mut self, mut piece: &[u8]) {
        let Some(&last) = piece.last() else {
            return;
        };
        if self.after_cr {
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        self.after_cr = last == b'\r';
        write_lines(piece, &mut self.block);
    }

    /// What follows begins a character: one that is incomplete will stay so.
    fn end_character(&mut self) {
        if !mem::take(&mut self.incomplete).is_empty() {
            self.push(REPLACEMENT);
        }
    }
}

/// What was written and not finished is gone, and the memory is the encoder's again.
impl Drop for DataWriter<'_> {
    fn drop(&mut self) {
        if self.block.len() <= ARENA {
            self.block.clear();
            self.encoder.arena = mem::take(&mut self.block);
        }
    }
}

/// Never fails.
impl fmt::Write for DataWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

/// Never fails, and always takes all bytes. There is nothing to flush.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl std::io::Write for DataWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.push_bytes(bytes);
        Ok(bytes.len())
    }

    /// What serializers call, for every few bytes: the loop around `write` would cost more than the work.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.push_bytes(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The start of a character: at most three bytes, and a fourth while it is looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Incomplete {
    bytes: [u8; 4],
    len: usize,
}

impl Incomplete {
    fn is_empty(self) -> bool {
        self.len == 0
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn and(mut self, byte: u8) -> Self {
        self.bytes[self.len] = byte;
        self.len += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn written(pieces: &[&str]) -> Bytes {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new(""));
        for piece in pieces {
            writer.push_str(piece);
        }
        writer.finish()
    }

    #[test]
    fn a_line_break_may_be_cut_in_two() {
        assert_eq!(written(&["a\r", "\nb"]), "data: a\ndata: b\n\n");
        assert_eq!(written(&["a\r", "", "\n", "\nb"]), "data: a\ndata: \ndata: b\n\n");
        assert_eq!(written(&["a\r", "b\r"]), "data: a\ndata: b\ndata: \n\n");
        assert_eq!(written(&[]), "data: \n\n");
    }

    #[test]
    fn the_data_begins_with_that_of_the_event() {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new("a\r").with_id("7").unwrap());
        writer.push_str("\nb");
        assert_eq!(writer.finish(), "id: 7\ndata: a\ndata: b\n\n");
    }

    #[test]
    fn an_event_that_is_not_finished_leaves_nothing_behind() {
        for len in [1, 100, ARENA, 3 * ARENA] {
            let mut encoder = Encoder::new();
            let before = encoder.encode(&Event::new("before"));
            let mut writer = encoder.writer(&Event::new(&*"x".repeat(len)));
            writer.push_str("\nunsent");
            drop(writer);
            let mut leaked = encoder.writer(&Event::new(""));
            leaked.push_str("unsent");
            mem::forget(leaked);
            assert_eq!(encoder.encode(&Event::new("after")), "data: after\n\n");
            assert_eq!(before, "data: before\n\n");
        }
    }

    #[test]
    fn a_dropped_writer_gives_its_memory_back() {
        let mut encoder = Encoder::new();
        let first = encoder.encode(&Event::new("a"));
        drop(encoder.writer(&Event::new("unsent")));
        let second = encoder.encode(&Event::new("b"));
        assert_eq!(second.as_ptr(), first[first.len()..].as_ptr());
        drop(encoder.writer(&Event::new(&*"x".repeat(ARENA))));
        assert_eq!(encoder.arena.capacity(), 0);
    }

    #[test]
    fn each_byte_is_looked_at_once() {
        let mut encoder = Encoder::new();
        let looked_at = crate::looked_at::during(|| {
            let mut writer = encoder.writer(&Event::new(""));
            for _ in 0..1000 {
                writer.push_str("some text, and a line\n");
            }
            drop(writer.finish());
        });
        assert_eq!(looked_at.for_line_ends, "some text, and a line\n".len() * 1000);
    }

    #[test]
    fn a_character_may_be_cut_anywhere_and_what_is_ill_formed_is_replaced() {
        let samples =
            ["\u{e9}\u{20ac}\u{1f680}".as_bytes(), b"a\xf0\x9f\x9ab\xe2\x82\xff\xc3\r\n\xf0\x9f", b"\xed\xa0\x80"];
        for sample in samples {
            let expected = Encoder::new().encode(&Event::new(String::from_utf8_lossy(sample)));
            for size in 1..=sample.len() {
                let mut encoder = Encoder::new();
                let mut writer = encoder.writer(&Event::new(""));
                for piece in sample.chunks(size) {
                    writer.push_bytes(piece);
                    writer.push_str("");
                }
                assert_eq!(writer.finish(), expected, "{sample:?} in pieces of {size}");
            }
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn the_data_may_come_from_any_reader() {
        let source = "caf\u{e9}\r\n\u{1f680}";
        let mut reader = std::io::BufReader::with_capacity(1, source.as_bytes());
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new(""));
        assert_eq!(std::io::copy(&mut reader, &mut writer).unwrap(), source.len() as u64);
        assert_eq!(writer.finish(), "data: caf\u{e9}\ndata: \u{1f680}\n\n");
    }

    #[cfg(feature = "std")]
    #[test]
    fn every_write_takes_all_and_there_is_nothing_to_flush() {
        use std::io::Write;

        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new(""));
        for piece in ["", "a", "more than sixteen bytes", "\u{e9}\n"] {
            assert_eq!(writer.write(piece.as_bytes()).unwrap(), piece.len());
        }
        writer.flush().unwrap();
        assert_eq!(writer.finish(), "data: amore than sixteen bytes\u{e9}\ndata: \n\n");
    }

    #[test]
    fn text_after_an_incomplete_character_begins_anew() {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new(""));
        writer.push_bytes(b"\xf0\x9f");
        writer.push_str("x");
        assert_eq!(writer.finish(), "data: \u{fffd}x\n\n");
    }
}
