//! JSON text with other white space. Numbers and the order of members stay as they are, and nothing is held in memory.

use std::io::{self, Write};

/// Deeper levels are not indented further, so that the output does not grow with the square of the depth.
const MAX_INDENT: usize = 32;

/// Writes JSON on one line. `text` writes strings, with their quotes.
pub fn compact(out: &mut dyn Write, json: &str, text: Text) -> io::Result<()> {
    tokens(json, &mut |token| match token {
        Token::Text(string) => text(out, string),
        Token::Other(byte) => out.write_all(&[byte]),
    })
}

/// Writes JSON on several lines, each after `margin`.
pub fn pretty(out: &mut dyn Write, json: &str, margin: &str, text: Text) -> io::Result<()> {
    let mut depth: usize = 0;
    let mut is_open = false;
    let line = |out: &mut dyn Write, depth: usize| write!(out, "\n{margin}{:1$}", "", 2 * depth.min(MAX_INDENT));
    out.write_all(margin.as_bytes())?;
    tokens(json, &mut |token| {
        let closes = matches!(token, Token::Other(b'}' | b']'));
        depth -= usize::from(closes);
        // Nothing is between the brackets of `{}`.
        if is_open != closes {
            line(out, depth)?;
        }
        is_open = matches!(token, Token::Other(b'{' | b'['));
        depth += usize::from(is_open);
        match token {
            Token::Text(string) => text(out, string),
            Token::Other(b':') => out.write_all(b": "),
            Token::Other(b',') => {
                out.write_all(b",")?;
                line(out, depth)
            }
            Token::Other(byte) => out.write_all(&[byte]),
        }
    })
}

/// Writes a string.
pub type Text = fn(&mut dyn Write, &str) -> io::Result<()>;

enum Token<'a> {
    /// A string, with its quotes.
    Text(&'a str),
    /// A byte of anything else but white space.
    Other(u8),
}

fn tokens(json: &str, take: &mut dyn FnMut(Token<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut rest = json;
    while let Some(&first) = rest.as_bytes().first() {
        let len = if first == b'"' { text_len(rest) } else { 1 };
        let Some((token, after)) = rest.split_at_checked(len) else { return Ok(()) };
        rest = after;
        match first {
            b'"' => take(Token::Text(token))?,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => take(Token::Other(first))?,
        }
    }
    Ok(())
}

/// The length of the string at the start, with its quotes.
fn text_len(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_is(out: &mut dyn Write, text: &str) -> io::Result<()> {
        out.write_all(text.as_bytes())
    }

    fn layouts(json: &str) -> (String, String) {
        let (mut one, mut many) = (Vec::new(), Vec::new());
        compact(&mut one, json, as_is).unwrap();
        pretty(&mut many, json, "", as_is).unwrap();
        (String::from_utf8(one).unwrap(), String::from_utf8(many).unwrap())
    }

    #[test]
    fn it_is_what_serde_json_writes() {
        for json in [
            "{}",
            "[ ]",
            "\"a\\\"b\\\\\"",
            "-1.5e3",
            " { \"a\" : [ 1 , { } , [ ] , \"x, [y]: \\\\\" , null ] , \"b é\" :\n{\"c\":\t[[true]]}}",
            "[[],{},[{}],0]",
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            let expected = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
            let (one, many) = layouts(json);
            let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap() == value;
            assert!(same(&one) && same(&many), "{json}");
            if !json.contains('e') {
                assert_eq!((one, many), expected);
            }
        }
        assert_eq!(
            layouts("{\"b\": 1e999, \"a\": 123456789012345678901234567890}").0,
            "{\"b\":1e999,\"a\":123456789012345678901234567890}"
        );
    }

    #[test]
    fn deep_json_does_not_make_long_lines() {
        let json = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(layouts(&json).1.lines().all(|line| line.len() <= 2 * MAX_INDENT + 2));
    }
}
