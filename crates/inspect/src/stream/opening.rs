//! What the first bytes and lines say about the whole input.

use super::data::is_json;
use super::problem::Problem;

/// What the input seems to be, by its first lines.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Opening {
    /// No line has come.
    #[default]
    Nothing,
    /// A line that is a whole JSON value.
    JsonLine,
    Json,
    Ndjson,
    Html,
    /// The size of a chunk.
    ChunkSize,
    /// A status line, and headers up to the blank line.
    HttpHead,
    /// An event stream, or anything else.
    Other,
}

impl Opening {
    /// Takes the next line that is not blank. `unknown`: the line, if it is an unknown field. `is_lf`: whether it ends in LF.
    pub fn line(&mut self, unknown: Option<&[u8]>, is_lf: bool) {
        *self = match (*self, unknown) {
            (Opening::Nothing, None) => Opening::Other,
            (Opening::Nothing, Some(line)) => match line.trim_ascii_start() {
                [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => Opening::Html,
                [b'{' | b'[', ..] => {
                    if is_json(line) {
                        Opening::JsonLine
                    } else {
                        Opening::Json
                    }
                }
                _ if is_status_line(line) => Opening::HttpHead,
                _ if is_chunk_size(line) && !is_lf => Opening::ChunkSize,
                _ => Opening::Other,
            },
            (Opening::JsonLine, Some(line)) if is_json(line) => Opening::Ndjson,
            (Opening::JsonLine, _) => Opening::Json,
            (other, _) => other,
        };
    }

    pub fn problem(self) -> Option<Problem> {
        match self {
            Opening::JsonLine | Opening::Json => Some(Problem::Json),
            Opening::Ndjson => Some(Problem::Ndjson),
            Opening::Html => Some(Problem::Html),
            Opening::HttpHead => Some(Problem::HttpHead),
            // Each size is noted by itself.
            Opening::ChunkSize | Opening::Nothing | Opening::Other => None,
        }
    }
}

/// Whether the line is `HTTP/1.1 200 OK` or the like.
fn is_status_line(line: &[u8]) -> bool {
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let (version, status) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    version.strip_prefix(b"HTTP/").is_some_and(|version| version.first().is_some_and(u8::is_ascii_digit))
        && status.len() == 3
        && status.iter().all(u8::is_ascii_digit)
}

/// Whether the line is the size of a chunk, with or without extensions.
pub fn is_chunk_size(line: &[u8]) -> bool {
    let size = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii_end();
    (1..=8).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit)
}

/// A format that is known by its first bytes.
pub fn binary_format(head: &[u8]) -> Option<Problem> {
    match head {
        [0x1f, 0x8b, ..] => Some(Problem::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Problem::Zstd),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Problem::Utf16),
        [a, 0, b, 0, c, 0, ..] | [0, a, 0, b, 0, c, ..] if ![a, b, c].contains(&&0) => Some(Problem::Utf16),
        _ => None,
    }
}
