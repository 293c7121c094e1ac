//! Bytes to text: "UTF-8 decode without BOM" of the Encoding standard, whole or piece by piece.

use alloc::string::String;
use core::ops::RangeInclusive;

use bytes::Bytes;
use bytestring::ByteString;

use crate::line::WINDOW;
#[cfg(test)]
use crate::looked_at;

/// What takes the place of each maximal subpart of an ill-formed sequence.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// `bytes` as text, if they are well-formed UTF-8.
#[inline]
fn well_formed(bytes: &[u8]) -> Option<&str> {
    #[cfg(test)]
    looked_at::as_text(bytes.len());
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(bytes).ok();
    #[cfg(not(feature = "simd"))]
    let text = core::str::from_utf8(bytes).ok();
    text
}

/// The same for a part of a chunk, for which there is a shorter way.
///
/// `simdutf8` works on blocks, and most of its time for a short text goes into the last, incomplete one. So it is given
/// whole blocks: the part, and what happens to follow it in the chunk.
#[inline(always)]
pub(super) fn well_formed_part<'i>(chunk: &'i [u8], part: &'i [u8]) -> Option<&'i str> {
    #[cfg(feature = "simd")]
    {
        const BLOCK: usize = 64;
        let start = offset(chunk, part);
        let end = start + part.len().next_multiple_of(BLOCK);
        let ends_in_character = chunk.get(end).is_some_and(|&next| next & 0xc0 == 0x80);
        if let (Some(blocks), false) = (chunk.get(start..end), ends_in_character) {
            if let Some(text) = well_formed(blocks) {
                return text.get(..part.len());
            }
        }
    }
    #[cfg(not(feature = "simd"))]
    let _ = chunk;
    well_formed(part)
}

/// Where `part` begins in the chunk that it is a part of.
#[inline]
fn offset(chunk: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - chunk.as_ptr() as usize
}

/// How a chunk hands out a part of itself as text, without a copy.
pub(super) trait Chunk<'i> {
    /// Text that lies in the chunk.
    type Text: AsRef<str>;

    /// All of the chunk, or of what is left of it.
    fn bytes(&self) -> &[u8];

    /// `part` of this chunk as text, or `None` if it is not well-formed UTF-8.
    fn text(&self, part: &'i [u8]) -> Option<Self::Text>;
}

/// A chunk whose text is borrowed.
pub(super) struct Borrowed<'i>(pub(super) &'i [u8]);

impl<'i> Chunk<'i> for Borrowed<'i> {
    type Text = &'i str;

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self.0
    }

    #[inline(always)]
    fn text(&self, part: &'i [u8]) -> Option<&'i str> {
        well_formed_part(self.0, part)
    }
}

/// A chunk whose text shares its memory.
impl<'i> Chunk<'i> for Bytes {
    type Text = ByteString;

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline(always)]
    fn text(&self, part: &'i [u8]) -> Option<ByteString> {
        #[cfg(test)]
        looked_at::as_text(part.len());
        // What `slice_ref` does, without a call.
        let start = offset(self, part);
        ByteString::try_from(self.slice(start..start + part.len())).ok()
    }
}

/// Decodes a value that arrives in pieces, wherever it was cut.
///
/// What is well-formed is appended as it is. The rest goes byte by byte through the standard's own algorithm
/// ([UTF-8 decoder](https://encoding.spec.whatwg.org/#utf-8-decoder)), and so do sequences that a cut divides.
#[derive(Clone, Debug)]
pub(super) struct Utf8Decoder {
    code_point: u32,
    /// Bytes of the sequence under way that have been read, and how many it has; both 0 between two sequences.
    seen: u8,
    needed: u8,
    /// What the next byte must be for the sequence to go on.
    next: RangeInclusive<u8>,
}

/// Where the first window of `piece` ends: before a character, since one that was cut in two would take the long way.
fn window_end(piece: &[u8]) -> usize {
    if piece.len() <= WINDOW {
        return piece.len();
    }
    let is_start = |&end: &usize| piece[end] & 0xc0 != 0x80;
    (WINDOW - 3..=WINDOW).rev().find(is_start).unwrap_or(WINDOW)
}

/// A long piece, a window at a time.
#[inline]
pub(super) fn windows(mut piece: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (window, rest) = piece.split_at(window_end(piece));
        piece = rest;
        (!window.is_empty()).then_some(window)
    })
}

/// What continues a sequence, but for some second bytes.
const CONTINUATION: RangeInclusive<u8> = 0x80..=0xbf;

impl Default for Utf8Decoder {
    fn default() -> Self {
        Utf8Decoder { code_point: 0, seen: 0, needed: 0, next: CONTINUATION }
    }
}

impl Utf8Decoder {
    /// Bytes taken that are not in the text yet.
    #[inline]
    pub(super) fn pending(&self) -> usize {
        usize::from(self.seen)
    }

    /// Appends what `piece` adds to the text.
    #[inline(always)]
    pub(super) fn push(&mut self, piece: &[u8], text: &mut String) {
        match piece {
            [byte] if self.seen == 0 && byte.is_ascii() => text.push(char::from(*byte)),
            [byte] => self.push_byte(*byte, text),
            _ if piece.len() <= WINDOW => self.push_window(piece, text),
            _ => self.push_windows(piece, text),
        }
    }

    fn push_windows(&mut self, piece: &[u8], text: &mut String) {
        for window in windows(piece) {
            self.push_window(window, text);
        }
    }

    #[inline]
    fn push_window(&mut self, window: &[u8], text: &mut String) {
        let whole = if self.seen == 0 { well_formed(window) } else { None };
        match whole {
            Some(window) => text.push_str(window),
            None => self.push_lossy(window, text),
        }
    }

    /// Ends the value: a sequence that is still incomplete is ill-formed.
    #[inline]
    pub(super) fn finish(&mut self, text: &mut String) {
        if self.seen > 0 {
            *self = Utf8Decoder::default();
            text.push(REPLACEMENT);
        }
    }

    #[cold]
    fn push_lossy(&mut self, mut piece: &[u8], text: &mut String) {
        while let (1.., Some((&byte, rest))) = (self.seen, piece.split_first()) {
            self.push_byte(byte, text);
            piece = rest;
        }
        #[cfg(test)]
        looked_at::as_text(piece.len());
        for chunk in piece.utf8_chunks() {
            self.finish(text);
            text.push_str(chunk.valid());
            for &byte in chunk.invalid() {
                self.push_byte(byte, text);
            }
        }
    }

    /// Appends what one more byte adds to the text.
    fn push_byte(&mut self, byte: u8, text: &mut String) {
        #[cfg(test)]
        looked_at::as_text(1);
        if !self.next.contains(&byte) {
            self.finish(text);
        }
        if self.seen == 0 {
            let (needed, bits, next) = match byte {
                0x00..=0x7f => return text.push(char::from(byte)),
                0xc2..=0xdf => (2, byte & 0x1f, CONTINUATION),
                0xe0 => (3, 0, 0xa0..=0xbf),
                0xed => (3, byte & 0xf, 0x80..=0x9f),
                0xe1..=0xef => (3, byte & 0xf, CONTINUATION),
                0xf0 => (4, 0, 0x90..=0xbf),
                0xf1..=0xf3 => (4, byte & 0x7, CONTINUATION),
                0xf4 => (4, byte & 0x7, 0x80..=0x8f),
                _ => return text.push(REPLACEMENT),
            };
            *self = Utf8Decoder { code_point: bits.into(), seen: 1, needed, next };
            return;
        }
        self.code_point = self.code_point << 6 | u32::from(byte & 0x3f);
        self.seen += 1;
        self.next = CONTINUATION;
        if self.seen == self.needed {
            self.seen = 0;
            text.push(char::from_u32(self.code_point).unwrap_or(REPLACEMENT));
        }
    }
}

/// Whether `value`, decoded, takes at most `room` bytes.
#[inline]
pub(super) fn fits(value: &[u8], room: usize) -> bool {
    // Decoding never shortens, and it makes three bytes of one at most: mostly the length alone decides.
    value.len() <= room && (value.len() <= room / 3 || decoded_len(value) <= room)
}

#[cold]
fn decoded_len(value: &[u8]) -> usize {
    if let Some(text) = well_formed(value) {
        return text.len();
    }
    #[cfg(test)]
    looked_at::as_text(value.len());
    let len = |chunk: core::str::Utf8Chunk<'_>| {
        chunk.valid().len() + if chunk.invalid().is_empty() { 0 } else { REPLACEMENT.len_utf8() }
    };
    value.utf8_chunks().map(len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [&[u8]; 18] = [
        b"plain",
        "\u{e9}\u{4e2d}\u{1f680}".as_bytes(),
        // The first and the last of each kind of first byte.
        "\u{80}\u{7ff}".as_bytes(),
        "\u{800}\u{fff}".as_bytes(),
        "\u{1000}\u{cfff}".as_bytes(),
        "\u{d000}\u{d7ff}\u{e000}".as_bytes(),
        "\u{10000}\u{3ffff}\u{40000}".as_bytes(),
        "\u{fffff}\u{100000}\u{10ffff}".as_bytes(),
        b"\x80",
        b"\xc0\x8a",
        b"\xe2\x82",
        b"\xe2\x82x",
        b"\xf0\x9f\x9a",
        b"\xf0\x9f\x9a\xf0\x9f\x9a\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ];

    #[test]
    fn windows_cut_no_character_in_two() {
        for character in ["x", "\u{e9}", "\u{4e2d}", "\u{1f680}"] {
            for shift in 0..4 {
                let text = "x".repeat(shift) + &character.repeat(3 * WINDOW);
                let mut len = 0;
                for window in windows(text.as_bytes()) {
                    assert!((WINDOW - 3..=WINDOW).contains(&window.len()) || len + window.len() == text.len());
                    assert!(core::str::from_utf8(window).is_ok());
                    len += window.len();
                }
                assert_eq!(len, text.len());
            }
        }
        // No character is that long: what follows its first four bytes is none of it.
        for start in [WINDOW / 2, WINDOW - 4, WINDOW - 3, WINDOW - 1] {
            let mut piece = [0x80; 2 * WINDOW];
            piece[start] = b'x';
            let end = if start < WINDOW - 3 { WINDOW } else { start };
            assert_eq!(windows(&piece).next().map(<[u8]>::len), Some(end));
        }
    }

    #[test]
    fn any_cut_decodes_as_the_whole() {
        for first in PIECES {
            for second in PIECES {
                let whole = [first, second].concat();
                let expected = String::from_utf8_lossy(&whole);
                for a in 0..=whole.len() {
                    for b in a..=whole.len() {
                        let (mut decoder, mut text) = (Utf8Decoder::default(), String::new());
                        for piece in [&whole[..a], &whole[a..b], &whole[b..]] {
                            decoder.push(piece, &mut text);
                        }
                        decoder.finish(&mut text);
                        assert_eq!(text, expected, "{whole:x?} cut at {a} and {b}");
                    }
                }
                assert_eq!(decoded_len(&whole), expected.len());
                assert!(fits(&whole, expected.len()));
                assert!(!fits(&whole, expected.len() - 1));
            }
        }
    }
}
