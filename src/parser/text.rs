//! Bytes to text: "UTF-8 decode without BOM" of the Encoding standard, whole or piece by piece.

use alloc::string::String;

use bytes::Bytes;
use bytestring::ByteString;

/// What takes the place of each maximal subpart of an ill-formed sequence.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// `bytes` as text, if they are well-formed UTF-8.
#[inline]
fn well_formed(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    let text = simdutf8::basic::from_utf8(bytes).ok();
    #[cfg(not(feature = "simd"))]
    let text = core::str::from_utf8(bytes).ok();
    text
}

/// How a chunk hands out a part of itself as text, without a copy.
pub(super) trait Chunk<'i> {
    /// Text that lies in the chunk.
    type Text: AsRef<str>;

    /// `part` of this chunk as text, or `None` if it is not well-formed UTF-8.
    fn text(&self, part: &'i [u8]) -> Option<Self::Text>;
}

/// A chunk whose text is borrowed.
pub(super) struct Borrowed;

impl<'i> Chunk<'i> for Borrowed {
    type Text = &'i str;

    #[inline]
    fn text(&self, part: &'i [u8]) -> Option<&'i str> {
        well_formed(part)
    }
}

/// A chunk whose text shares its memory.
impl<'i> Chunk<'i> for Bytes {
    type Text = ByteString;

    #[inline(always)]
    fn text(&self, part: &'i [u8]) -> Option<ByteString> {
        let start = part.as_ptr() as usize - self.as_ptr() as usize;
        ByteString::try_from(self.slice(start..start + part.len())).ok()
    }
}

/// Decodes a value that arrives in pieces, wherever it was cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Decoder {
    /// The first bytes of a sequence whose rest has not arrived: well-formed so far.
    /// At most 3: a sequence of 4 bytes is complete, or ill-formed earlier.
    incomplete: [u8; 3],
    len: u8,
}

impl Utf8Decoder {
    /// Bytes taken that are not in the text yet.
    #[inline]
    pub(super) fn pending(&self) -> usize {
        usize::from(self.len)
    }

    /// Appends what `piece` adds to the text.
    #[inline]
    pub(super) fn push(&mut self, piece: &[u8], text: &mut String) {
        match well_formed(piece) {
            Some(piece) if self.len == 0 => text.push_str(piece),
            _ => self.push_lossy(piece, text),
        }
    }

    /// Ends the value: a sequence that is still incomplete is ill-formed.
    #[inline]
    pub(super) fn finish(&mut self, text: &mut String) {
        if self.len > 0 {
            self.len = 0;
            text.push(REPLACEMENT);
        }
    }

    #[cold]
    fn push_lossy(&mut self, mut piece: &[u8], text: &mut String) {
        while let (1.., Some((&next, rest))) = (self.len, piece.split_first()) {
            let len = self.pending();
            let mut sequence = [0; 4];
            sequence[..len].copy_from_slice(&self.incomplete[..len]);
            sequence[len] = next;
            match core::str::from_utf8(&sequence[..=len]) {
                Ok(character) => {
                    text.push_str(character);
                    self.len = 0;
                    piece = rest;
                }
                Err(error) if error.error_len().is_none() => {
                    self.hold(next);
                    piece = rest;
                }
                // `next` does not belong to the sequence, and is looked at again as the start of what follows.
                Err(_) => self.finish(text),
            }
        }
        let mut left = piece.len();
        for chunk in piece.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            left -= chunk.valid().len() + invalid.len();
            if left == 0 && is_incomplete(invalid) {
                for &byte in invalid {
                    self.hold(byte);
                }
            } else if !invalid.is_empty() {
                text.push(REPLACEMENT);
            }
        }
    }

    fn hold(&mut self, byte: u8) {
        self.incomplete[self.pending()] = byte;
        self.len += 1;
    }
}

/// The start of a sequence that more bytes could complete.
fn is_incomplete(sequence: &[u8]) -> bool {
    core::str::from_utf8(sequence).is_err_and(|error| error.error_len().is_none())
}

/// Whether `value`, decoded, takes at most `room` bytes.
#[inline]
pub(super) fn fits(value: &[u8], room: usize) -> bool {
    // Decoding never shortens, and it makes three bytes of one at most: mostly the length alone decides.
    value.len() <= room && (value.len() <= room / 3 || decoded_len(value) <= room)
}

#[cold]
fn decoded_len(value: &[u8]) -> usize {
    let len = |chunk: core::str::Utf8Chunk<'_>| {
        chunk.valid().len() + if chunk.invalid().is_empty() { 0 } else { REPLACEMENT.len_utf8() }
    };
    well_formed(value).map_or_else(|| value.utf8_chunks().map(len).sum(), str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [&[u8]; 12] = [
        b"plain",
        "\u{e9}\u{4e2d}\u{1f680}".as_bytes(),
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
