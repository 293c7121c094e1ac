//! Text of a stream, safe for a terminal: it cannot control the terminal, and nothing in it is invisible.

use std::fmt;
use std::io::{self, Write};

use unicode_width::UnicodeWidthChar;

/// Bytes of a stream. Printable text is shown as it is, other characters as `\u{1b}`, ill-formed UTF-8 as `\xff`.
pub struct Escaped<'a>(pub &'a [u8]);

/// The same in quotes, with quotes and backslashes escaped.
pub struct Quoted<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, is_hidden)
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write_escaped(f, self.0, |char| is_hidden(char) || matches!(char, '"' | '\\'))?;
        f.write_str("\"")
    }
}

impl Escaped<'_> {
    /// Writes the text. Most text needs no escapes, and is written as it is.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if is_shown_as_is(self.0) { out.write_all(self.0) } else { write!(out, "{self}") }
    }
}

/// Whether nothing in the text is escaped.
pub fn is_shown_as_is(bytes: &[u8]) -> bool {
    // The first bytes of all hidden characters. Without an early exit, so that many bytes are compared at a time.
    let may_hide = |byte: &u8| *byte < b' ' || matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3);
    let is_clear = |bytes: &[u8]| !bytes.iter().fold(false, |any, byte| any | may_hide(byte));
    std::str::from_utf8(bytes).is_ok_and(|text| bytes.chunks(1024).all(is_clear) || !text.contains(is_hidden))
}

/// The beginning of an escaped text that fits into so many columns, with `…` at its end if something is left out.
pub fn cut(bytes: &[u8], columns: usize) -> String {
    // A character takes four bytes at most.
    let seen = &bytes[..bytes.len().min(columns.saturating_mul(4).saturating_add(4))];
    let escaped = Escaped(seen).to_string();
    let (mut width, mut last) = (0, 0);
    for (at, char) in escaped.char_indices() {
        width += char.width().unwrap_or(0);
        if width > columns {
            let mut cut = escaped[..last].to_owned();
            cut.push('…');
            return cut;
        }
        // Room for the `…`.
        if width < columns {
            last = at + char.len_utf8();
        }
    }
    escaped
}

fn write_escaped(f: &mut fmt::Formatter<'_>, bytes: &[u8], escapes: fn(char) -> bool) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive(escapes) {
            let last = part.chars().next_back().filter(|&char| escapes(char));
            f.write_str(&part[..part.len() - last.map_or(0, char::len_utf8)])?;
            if let Some(char) = last {
                write!(f, "{}", char.escape_default())?;
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// Control characters, and characters that are invisible or change the order of others. The joiners of emoji and of several
/// scripts stay.
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn every_hidden_character_is_escaped() {
        for char in '\0'..=char::MAX {
            let is_shown = super::is_shown_as_is(char.encode_utf8(&mut [0; 4]).as_bytes());
            assert_eq!(is_shown, !super::is_hidden(char), "{char:?}");
        }
        assert!(!super::is_shown_as_is(b"\xff"));
    }

    #[test]
    fn a_cut_text_fits_into_the_columns() {
        for (text, columns, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("中文字", 6, "中文字"),
            ("中文字", 5, "中文…"),
            ("中文字", 4, "中…"),
            ("a\u{1b}[31m", 20, "a\\u{1b}[31m"),
            ("abc", 0, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text.as_bytes(), columns), expected, "{text:?} in {columns}");
        }
        assert_eq!(cut("x".repeat(1 << 20).as_bytes(), 10), "xxxxxxxxx…");
    }
}
