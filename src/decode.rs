//! Bytes to text: "UTF-8 decode without BOM" of the Encoding standard, whole or piece by piece.

#[cfg(test)]
use crate::looked_at;

/// Replaces each maximal subpart of an ill-formed sequence.
const REPLACEMENT: &str = "\u{fffd}";

/// `bytes` as text, if they are well-formed UTF-8.
#[inline(always)]
pub(crate) fn well_formed(bytes: &[u8]) -> Option<&str> {
    #[cfg(test)]
    looked_at::as_text(bytes.len());
    #[cfg(feature = "simd")]
    let text =
        if bytes.len() < 32 { core::str::from_utf8(bytes).ok()? } else { simdutf8::basic::from_utf8(bytes).ok()? };
    #[cfg(not(feature = "simd"))]
    let text = core::str::from_utf8(bytes).ok()?;
    // Slicing makes the compiler use the length that is in a register. Without it, address and length are loaded as 16 bytes
    // that were just stored as twice 8, which costs 8 ns for an event of one byte.
    text.get(..bytes.len())
}

/// Passes the text of `bytes` to `text`, with U+FFFD for each ill-formed maximal subpart.
fn lossy(bytes: &[u8], text: &mut impl FnMut(&str)) {
    #[cfg(test)]
    looked_at::as_text(bytes.len());
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            text(chunk.valid());
        }
        if !chunk.invalid().is_empty() {
            text(REPLACEMENT);
        }
    }
}

/// Decodes text that arrives in pieces, wherever it was cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decoder {
    /// The beginning of a character, whose rest is in the next piece. The fourth byte is used only while a character is
    /// checked.
    bytes: [u8; 4],
    len: u8,
}

impl Decoder {
    /// How many bytes of an incomplete character are held.
    #[inline(always)]
    pub(crate) fn pending(self) -> usize {
        usize::from(self.len)
    }

    /// Decodes the next piece, and passes all but an incomplete last character to `text`.
    #[inline(always)]
    pub(crate) fn push(&mut self, bytes: &[u8], mut text: impl FnMut(&str)) {
        if self.len == 0
            && bytes.last().is_some_and(u8::is_ascii)
            && let Some(piece) = well_formed(bytes)
        {
            text(piece);
        } else {
            self.push_any(bytes, &mut text);
        }
    }

    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "an incomplete character has three bytes at most")]
    fn push_any(&mut self, mut bytes: &[u8], text: &mut impl FnMut(&str)) {
        if let [byte @ 0xc2..=0xf4] = *bytes
            && self.len == 0
        {
            // Fast path for a character that arrives byte by byte.
            (self.bytes[0], self.len) = (byte, 1);
            return;
        }
        while self.len > 0
            && let Some((&byte, rest)) = bytes.split_first()
        {
            self.bytes[self.pending()] = byte;
            match core::str::from_utf8(&self.bytes[..=self.pending()]) {
                Ok(character) => {
                    text(character);
                    self.len = 0;
                }
                Err(error) if error.error_len().is_none() => self.len += 1,
                Err(_) => {
                    // The byte does not belong to it.
                    self.finish(&mut *text);
                    continue;
                }
            }
            bytes = rest;
        }
        if bytes.is_empty() {
            return;
        }
        let incomplete = incomplete_end(bytes);
        let (whole, rest) = bytes.split_at(bytes.len() - incomplete);
        self.bytes[..rest.len()].copy_from_slice(rest);
        self.len += incomplete as u8;
        match well_formed(whole) {
            Some("") => {}
            Some(piece) => text(piece),
            None => lossy(whole, text),
        }
    }

    /// The end of the text: an incomplete character becomes U+FFFD.
    #[inline(always)]
    pub(crate) fn finish(&mut self, mut text: impl FnMut(&str)) {
        if self.len > 0 {
            self.len = 0;
            text(REPLACEMENT);
        }
    }
}

/// How many bytes at the end of `bytes` are the beginning of a character that may be completed by what follows.
fn incomplete_end(bytes: &[u8]) -> usize {
    let Some(back) = bytes.iter().rev().take(3).position(|byte| *byte >= 0xc0) else {
        return 0;
    };
    let character = &bytes[bytes.len() - back - 1..];
    let incomplete = core::str::from_utf8(character).is_err_and(|error| error.error_len().is_none());
    if incomplete { character.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

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

    /// How many bytes at the end may yet become a character: those of the last ill-formed part, if it is only incomplete.
    fn incomplete(bytes: &[u8]) -> usize {
        let last = bytes.utf8_chunks().last().map_or(&[][..], |last| last.invalid());
        if core::str::from_utf8(last).is_err_and(|error| error.error_len().is_none()) { last.len() } else { 0 }
    }

    #[test]
    fn any_cut_decodes_as_the_whole() {
        for first in PIECES {
            for second in PIECES {
                let whole = [first, second].concat();
                let expected = String::from_utf8_lossy(&whole);
                for a in 0..=whole.len() {
                    for b in a..=whole.len() {
                        let (mut decoder, mut text) = (Decoder::default(), String::new());
                        let mut come = 0;
                        for piece in [&whole[..a], &whole[a..b], &whole[b..]] {
                            decoder.push(piece, |decoded| text.push_str(decoded));
                            come += piece.len();
                            let so_far = &whole[..come];
                            let held = incomplete(so_far);
                            assert_eq!(decoder.pending(), held, "{whole:x?} cut at {a} and {b}");
                            assert_eq!(text, String::from_utf8_lossy(&so_far[..come - held]));
                        }
                        decoder.finish(|decoded| text.push_str(decoded));
                        assert_eq!(text, expected, "{whole:x?} cut at {a} and {b}");
                        assert_eq!(decoder.pending(), 0);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_well_formed_is_text_whatever_its_length() {
        for piece in PIECES {
            for before in [0, 1, 20, 31, 32, 33, 64, 100] {
                let bytes = [&b"x".repeat(before)[..], piece].concat();
                assert_eq!(well_formed(&bytes), core::str::from_utf8(&bytes).ok(), "{bytes:x?}");
                assert_eq!(incomplete_end(&bytes), incomplete(&bytes), "{bytes:x?}");
                let mut text = String::new();
                lossy(&bytes, &mut |part: &str| text.push_str(part));
                assert_eq!(text, String::from_utf8_lossy(&bytes));
            }
        }
    }
}
