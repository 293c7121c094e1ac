//! Streams, and the events that a client reads in them (`streams.jsonl`).

use std::sync::LazyLock;

use bytes::Bytes;
use serde::Deserialize;

use super::Event;
use super::rules::{self, Rule};

pub struct Case {
    pub name: String,
    /// What the case is about.
    pub rule: Rule,
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
    let stream = line.text.map_or_else(|| from_hex(&line.hex), String::into_bytes);
    let mut case = Case {
        name: line.name,
        rule: rules::of_category(&line.category),
        stream: stream.into(),
        chunks: line.chunks,
        events: line.events,
    };
    let chunks = Chunks::Case.cut(&case);
    case.rule = rules::of_case(case.rule, &chunks, &case.events);
    case
}

fn from_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()).collect()
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
