//! Text of a stream, safe for a terminal: it cannot control the terminal, and nothing in it is invisible.

use std::fmt;

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
