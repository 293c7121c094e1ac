//! An event whose data comes in pieces.

use core::fmt;

use super::sealed::Sink;
use super::{DATA, END, Encoder, write_head, write_lines};
use crate::decode::Decoder;
use crate::event::Head;

/// Writes the data of one event in pieces: [`Encoder::writer`].
///
/// Pieces may be cut anywhere, also within a character or a CRLF. The event is added to the encoder by
/// [`finish`](DataWriter::finish); if the writer is dropped before, nothing is added.
#[derive(Debug)]
#[must_use = "the event is added by `finish`"]
pub struct DataWriter<'e> {
    encoder: &'e mut Encoder,
    /// The last piece ended in CR: a LF that comes next is part of the same line end.
    after_cr: bool,
    decoder: Decoder,
}

impl Encoder {
    /// Appends an event whose data comes in pieces.
    ///
    /// The head is an [`EventName`](crate::EventName), an [`EventId`](crate::EventId), or a [`Head`] of both; `Head::new()`
    /// if there is neither.
    ///
    /// ```
    /// use sse_wire::{Encoder, EventId};
    ///
    /// let mut encoder = Encoder::new();
    /// let mut data = encoder.writer(EventId::from_static("7"));
    /// for piece in ["to", "ken\r", "\nby token"] {
    ///     data.push_str(piece);
    /// }
    /// data.finish();
    /// assert_eq!(encoder.take(), "id: 7\ndata: token\ndata: by token\n\n");
    /// ```
    pub fn writer<'a>(&mut self, head: impl Into<Head<'a>>) -> DataWriter<'_> {
        let out = self.whole_blocks();
        write_head(head.into(), out);
        out.write(DATA);
        DataWriter { encoder: self, after_cr: false, decoder: Decoder::default() }
    }
}

impl DataWriter<'_> {
    /// Appends text. Never fails.
    pub fn push_str(&mut self, text: &str) {
        if self.decoder.pending() > 0 && !text.is_empty() {
            self.end_character();
        }
        write(self.encoder, &mut self.after_cr, text);
    }

    /// Appends bytes of UTF-8. Those that turn out to be ill-formed become U+FFFD. Never fails.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        // Fast path for serializers, which write pieces of a few bytes. Removing it changes no result.
        let plain = |byte: &u8| matches!(byte, b' '..=b'~');
        if bytes.len() < 16 && self.decoder.pending() == 0 && bytes.iter().all(plain) {
            self.after_cr &= bytes.is_empty();
            self.encoder.out.write(bytes);
        } else {
            let Self { encoder, after_cr, decoder } = self;
            decoder.push(bytes, |text| write(encoder, after_cr, text));
        }
    }

    /// Ends the event and adds it to the encoder. Never fails.
    pub fn finish(mut self) {
        self.end_character();
        self.encoder.out.write(END);
        self.encoder.done = self.encoder.out.len();
    }

    /// An incomplete character becomes U+FFFD.
    fn end_character(&mut self) {
        let Self { encoder, after_cr, decoder } = self;
        decoder.finish(|text| write(encoder, after_cr, text));
    }
}

/// Appends a piece of whole characters.
fn write(encoder: &mut Encoder, after_cr: &mut bool, text: &str) {
    let mut piece = text.as_bytes();
    let Some(&last) = piece.last() else {
        return;
    };
    if *after_cr {
        piece = piece.strip_prefix(b"\n").unwrap_or(piece);
    }
    *after_cr = last == b'\r';
    write_lines(piece, &mut encoder.out);
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

    // Serializers call this for every few bytes: the default loop around `write` would cost more than the copy.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.push_bytes(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::names::EventId;
    use alloc::string::String;
    use bytes::Bytes;

    /// The event whose data `write` writes.
    fn written(write: impl FnOnce(&mut DataWriter<'_>)) -> Bytes {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(Head::new());
        write(&mut writer);
        writer.finish();
        encoder.take()
    }

    #[test]
    fn a_line_break_may_be_cut_in_two() {
        let written = |pieces: &[&str]| written(|writer| pieces.iter().for_each(|piece| writer.push_str(piece)));
        assert_eq!(written(&["a\r", "\nb"]), "data: a\ndata: b\n\n");
        assert_eq!(written(&["a\r", "", "\n", "\nb"]), "data: a\ndata: \ndata: b\n\n");
        assert_eq!(written(&["a\r", "b\r"]), "data: a\ndata: b\ndata: \n\n");
        assert_eq!(written(&[]), "data: \n\n");
    }

    #[test]
    fn an_event_that_is_not_finished_leaves_nothing_behind() {
        for len in [1, 100, super::super::ARENA, 3 * super::super::ARENA] {
            let mut encoder = Encoder::new();
            encoder.push(Event::new("before"));
            let mut writer = encoder.writer(EventId::from_static("7"));
            writer.push_str(&"x\n".repeat(len));
            // Dropping it runs no code, so that leaking it is the same.
            let _ = writer;
            assert_eq!(encoder.len(), "data: before\n\n".len());
            encoder.push(Event::new("after"));
            let mut writer = encoder.writer(Head::new());
            writer.push_str("unsent");
            let _ = writer;
            assert_eq!(encoder.take(), "data: before\n\ndata: after\n\n");
            assert!(encoder.is_empty() && encoder.take().is_empty());
        }
    }

    #[test]
    fn each_byte_is_searched_once() {
        let looked_at = crate::looked_at::during(|| {
            drop(written(|writer| (0..1000).for_each(|_| writer.push_str("some text, and a line\n"))));
        });
        assert_eq!(looked_at.for_line_ends, "some text, and a line\n".len() * 1000);
    }

    #[test]
    fn a_character_may_be_cut_anywhere_and_what_is_ill_formed_is_replaced() {
        let samples =
            ["\u{e9}\u{20ac}\u{1f680}".as_bytes(), b"a\xf0\x9f\x9ab\xe2\x82\xff\xc3\r\n\xf0\x9f", b"\xed\xa0\x80"];
        for sample in samples {
            let expected = Event::new(&String::from_utf8_lossy(sample)).encode();
            for size in 1..=sample.len() {
                let written = written(|writer| {
                    for piece in sample.chunks(size) {
                        writer.push_bytes(piece);
                        writer.push_str("");
                    }
                });
                assert_eq!(written, expected, "{sample:?} in pieces of {size}");
            }
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn the_data_may_come_from_any_reader() {
        let source = "caf\u{e9}\r\n\u{1f680}";
        let mut reader = std::io::BufReader::with_capacity(1, source.as_bytes());
        let written = written(|writer| {
            assert_eq!(std::io::copy(&mut reader, writer).unwrap(), source.len() as u64);
        });
        assert_eq!(written, "data: caf\u{e9}\ndata: \u{1f680}\n\n");
    }

    #[cfg(feature = "std")]
    #[test]
    fn every_write_takes_all_and_there_is_nothing_to_flush() {
        use std::io::Write;

        let written = written(|writer| {
            for piece in ["", "a", "more than sixteen bytes", "\u{e9}\n"] {
                assert_eq!(writer.write(piece.as_bytes()).unwrap(), piece.len());
            }
            writer.flush().unwrap();
        });
        assert_eq!(written, "data: amore than sixteen bytes\u{e9}\ndata: \n\n");
    }

    #[test]
    fn text_after_an_incomplete_character_begins_anew() {
        let written = written(|writer| {
            writer.push_bytes(b"\xf0\x9f");
            writer.push_str("x");
        });
        assert_eq!(written, "data: \u{fffd}x\n\n");
    }
}
