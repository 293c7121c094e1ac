//! Any bytes, cut anywhere: the lines that the oracle sees, and no more memory than the limit allows.
#![no_main]

#[path = "../../tests/wire/oracle.rs"]
#[expect(dead_code, reason = "only lines are asked for")]
mod oracle;

use libfuzzer_sys::fuzz_target;
use sse_wire::{Line, LineParser, ParseErrorKind};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    cuts: Vec<u8>,
    limit: Option<u8>,
    stream: &'a [u8],
}

#[derive(Debug, PartialEq)]
enum Seen {
    Line(Vec<u8>, Vec<u8>),
    Comment(Vec<u8>),
    Blank,
    TooLong(u64),
}

impl From<Line<'_>> for Seen {
    fn from(line: Line<'_>) -> Seen {
        match line {
            Line::Field { name, value } => Seen::Line(name.to_vec(), value.to_vec()),
            Line::Comment(text) => Seen::Comment(text.to_vec()),
            Line::Blank => Seen::Blank,
        }
    }
}

fn expected(line: oracle::RawLine<'_>, limit: usize) -> Seen {
    let bytes = line.bytes;
    if bytes.len() > limit {
        return Seen::TooLong(line.start as u64);
    }
    match bytes.iter().position(|&byte| byte == b':') {
        None if bytes.is_empty() => Seen::Blank,
        None => Seen::Line(bytes.to_vec(), Vec::new()),
        Some(0) => Seen::Comment(bytes[1..].to_vec()),
        Some(colon) => {
            let value = &bytes[colon + 1..];
            Seen::Line(bytes[..colon].to_vec(), value.strip_prefix(b" ").unwrap_or(value).to_vec())
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let limit = input.limit.map_or(usize::MAX, usize::from);
    let mut parser = LineParser::with_max_line_size(limit);
    let mut seen = Vec::new();
    let mut rest = input.stream;
    let mut cuts = input.cuts.iter();
    while !rest.is_empty() {
        let cut = cuts.next().map_or(rest.len(), |&cut| usize::from(cut).min(rest.len()));
        let (mut chunk, after) = rest.split_at(cut);
        rest = after;
        loop {
            match parser.next_line(&mut chunk) {
                Ok(None) => break,
                Ok(Some(line)) => seen.push(line.into()),
                Err(error) => {
                    assert_eq!(error.kind(), ParseErrorKind::LineTooLong { limit });
                    seen.push(Seen::TooLong(error.position()));
                }
            }
        }
        assert!(chunk.is_empty());
    }
    assert_eq!(parser.position(), input.stream.len() as u64);
    seen.extend(parser.finish().map(Seen::from));

    let lines = oracle::lines(input.stream);
    let mut expected: Vec<Seen> = lines.into_iter().map(|line| expected(line, limit)).collect();
    // An incomplete BOM may be all there is, and is then a line whatever the limit.
    if matches!(input.stream, b"\xef" | b"\xef\xbb") {
        expected = vec![Seen::Line(input.stream.to_vec(), Vec::new())];
    }
    assert_eq!(seen, expected);
});
