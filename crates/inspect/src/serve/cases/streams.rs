//! Streams, and the events that a client reads in them (`streams.jsonl`).

use std::sync::LazyLock;

use bytes::Bytes;
use serde::Deserialize;

use super::{Event, INTERPRETING, PARSING, Section};

pub struct Case {
    pub name: String,
    pub section: Section,
    /// What the case is about, in a sentence.
    pub rule: &'static str,
    pub stream: Bytes,
    /// The lengths of the chunks; the rest is the last.
    pub chunks: Vec<usize>,
    pub events: Vec<Event>,
}

pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let lines = include_str!("streams.jsonl").lines();
    lines.filter_map(|line| serde_json::from_str(line).ok()).map(case).collect()
});

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    name: String,
    category: String,
    text: Option<String>,
    /// If the stream is not UTF-8.
    #[serde(default)]
    hex: String,
    #[serde(default)]
    chunks: Vec<usize>,
    events: Vec<Event>,
}

fn case(line: Line) -> Case {
    let (section, rule) = rule(&line.category);
    Case {
        name: line.name,
        section,
        rule,
        stream: line.text.map_or_else(|| from_hex(&line.hex), String::into_bytes).into(),
        chunks: line.chunks,
        events: line.events,
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()).collect()
}

fn rule(category: &str) -> (Section, &'static str) {
    match category {
        "bom" => (PARSING, "One BOM at the very start of the stream is dropped. Any other belongs to the text."),
        "chunking" => (PARSING, "A chunk may end anywhere, also within a character or within CRLF."),
        "colon" => (INTERPRETING, "The name of a field ends at the first colon. A line without a colon is a name."),
        "comment" => (INTERPRETING, "A line that begins with a colon is a comment, and is ignored."),
        "data" => {
            (INTERPRETING, "The data lines of a block are joined by LF. A block without a data line is no event.")
        }
        "eof" => (INTERPRETING, "A block that the end of the stream cuts off is discarded."),
        "event-type" => (INTERPRETING, "The last event field of a block is the type. It is `message` if empty."),
        "id" => (INTERPRETING, "An id is the last event ID of its block and the next ones, until another id."),
        "injection-shape" => (PARSING, "A line ends at CRLF, LF or CR, wherever it came from."),
        "large" => (PARSING, "Lines and streams may be long."),
        "line-endings" => (PARSING, "A line ends at CRLF, LF or CR, in any mixture. CRLF is one end."),
        "nul" => (INTERPRETING, "NUL is a character like others. Only an id that has one is ignored."),
        "retry" => (INTERPRETING, "A retry field sets the reconnection time if it is only digits. It is no event."),
        "unicode-separators" => (PARSING, "No character but CR and LF ends a line."),
        "unknown-field" => (INTERPRETING, "Names are compared exactly. A field with another name is ignored."),
        "utf8" => {
            (PARSING, "The stream is UTF-8. What is ill-formed is read as U+FFFD, as the Encoding standard says.")
        }
        "whitespace" => (INTERPRETING, "One space after the colon is dropped. All other spaces stay."),
        _ => (INTERPRETING, "Lines are fields, and a blank line dispatches an event."),
    }
}

/// How to cut a stream into chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunks {
    /// As the case says.
    #[default]
    Case,
    Whole,
    Of(usize),
}

impl Chunks {
    /// `case`, `whole`, or a number of bytes.
    pub fn from_query(text: &str) -> Option<Chunks> {
        match text {
            "case" => Some(Chunks::Case),
            "whole" => Some(Chunks::Whole),
            number => number.parse().ok().filter(|number| *number > 0).map(Chunks::Of),
        }
    }

    pub fn cut(self, case: &Case) -> Vec<Bytes> {
        let mut rest = case.stream.clone();
        let mut chunks = Vec::new();
        let mut lengths = case.chunks.iter().copied();
        while !rest.is_empty() {
            let length = match self {
                Chunks::Case => lengths.next(),
                Chunks::Whole => None,
                Chunks::Of(length) => Some(length),
            };
            chunks.push(rest.split_to(length.unwrap_or(usize::MAX).min(rest.len())));
        }
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_case_with_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = CASES.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), 292);
        assert_eq!(CASES.len(), include_str!("streams.jsonl").lines().count());
    }

    #[test]
    fn every_cut_keeps_the_bytes() {
        for case in CASES.iter() {
            for chunks in [Chunks::Case, Chunks::Whole, Chunks::Of(1), Chunks::Of(7)] {
                assert_eq!(chunks.cut(case).concat(), case.stream, "{} {chunks:?}", case.name);
            }
        }
    }
}
