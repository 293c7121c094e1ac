//! Any bytes, cut anywhere, read by readers that may stop early: the lines of the oracle, and no more memory than the limit
//! allows.
#![no_main]

use allocation_counter::measure;
use libfuzzer_sys::fuzz_target;
use sse_wire::{Line, LineFeed, LineParser, ParseError, ParseErrorKind};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::oracle::{self, RawLine};
use sse_wire_fuzz::turns::Turn;

#[derive(Debug, PartialEq)]
enum Item {
    Field(Vec<u8>, Vec<u8>),
    Comment(Vec<u8>),
    Blank,
    TooLong(u64),
}

impl From<Line<'_>> for Item {
    fn from(line: Line<'_>) -> Item {
        match line {
            Line::Field { name, value } => Item::Field(name.to_vec(), value.to_vec()),
            Line::Comment(text) => Item::Comment(text.to_vec()),
            Line::Blank => Item::Blank,
        }
    }
}

fn expected(line: RawLine<'_>, limit: usize) -> Item {
    let bytes = line.bytes;
    if bytes.len() > limit {
        return Item::TooLong(line.start as u64);
    }
    match bytes.iter().position(|&byte| byte == b':') {
        None if bytes.is_empty() => Item::Blank,
        None => Item::Field(bytes.to_vec(), Vec::new()),
        Some(0) => Item::Comment(bytes[1..].to_vec()),
        Some(colon) => {
            let value = &bytes[colon + 1..];
            Item::Field(bytes[..colon].to_vec(), value.strip_prefix(b" ").unwrap_or(value).to_vec())
        }
    }
}

/// Reads all of the chunks. Passes each result to `see`, and then where it begins to `see_start`.
fn read(
    parser: &mut LineParser,
    chunks: &[&[u8]],
    turns: [Turn; 4],
    mut see: impl FnMut(Result<Line<'_>, ParseError>),
    mut see_start: impl FnMut(u64),
) {
    let mut turns = turns.into_iter().cycle();
    // The position at which a reader was dropped early.
    let mut unread = None;
    for &chunk in chunks {
        let (mut rest, mut ended) = (chunk, false);
        while !ended {
            let turn = turns.next().expect("there are four, again and again");
            if turn.after_empty {
                read_empty(parser, &mut unread);
            }
            if turn.after_unused {
                let before = parser.position();
                drop(parser.feed(rest));
                rest = after(rest, parser, before);
                if !rest.is_empty() {
                    unread = Some(parser.position());
                }
            }
            let before = parser.position();
            let mut lines = parser.feed(rest);
            assert_unread(&mut lines, &mut unread);
            for _ in 0..turn.most {
                let line = lines.next_line().transpose();
                ended = line.is_none();
                let Some(line) = line else { break };
                see(line);
                see_start(lines.parser().line_start());
            }
            let said = (!turn.is_dropped).then(|| lines.into_rest());
            rest = after(rest, parser, before);
            match said {
                Some(said) => assert_eq!(said, rest),
                None => unread = (!rest.is_empty()).then(|| parser.position()),
            }
        }
        assert!(rest.is_empty());
    }
}

/// An empty chunk yields only the error about the reader before.
fn read_empty(parser: &mut LineParser, unread: &mut Option<u64>) {
    let mut lines = parser.feed(b"");
    assert_unread(&mut lines, unread);
    assert_eq!(lines.next_line(), Ok(None));
}

/// If a reader was dropped at this position, this one begins with an error.
fn assert_unread(lines: &mut LineFeed<'_, '_>, unread: &mut Option<u64>) {
    if let Some(position) = unread.take() {
        let error = lines.next_line().expect_err("the reader before was dropped");
        assert_eq!((error.kind(), error.limit(), error.position()), (ParseErrorKind::Unread, None, position));
    }
}

/// The part of the chunk that the parser has not read.
fn after<'c>(chunk: &'c [u8], parser: &LineParser, before: u64) -> &'c [u8] {
    &chunk[usize::try_from(parser.position() - before).expect("it is part of the chunk")..]
}

fuzz_target!(|input: CutStream<'_>| {
    let [limited, ..] = input.choices;
    let limit = input.limits(limited, false).event;
    let chunks: Vec<_> = input.chunks().collect();
    let mut parser = LineParser::new().with_max_line_size(limit);
    let (mut seen, mut starts) = (Vec::new(), Vec::new());
    let see = |line: Result<Line<'_>, ParseError>| {
        seen.push(match line {
            Ok(line) => line.into(),
            Err(error) => {
                assert_eq!((error.kind(), error.limit()), (ParseErrorKind::LineTooLong, Some(limit)));
                Item::TooLong(error.position())
            }
        });
    };
    read(&mut parser, &chunks, input.turns(), see, |start| starts.push(start));
    assert_eq!(parser.position(), input.stream.len() as u64);
    let unfinished = parser.finish().map(Item::from);
    if unfinished.is_some() && !may_be_bom(input.stream) {
        starts.push(parser.line_start());
    }
    seen.extend(unfinished);
    assert_eq!(parser.finish(), None);

    let lines = oracle::lines(input.stream);
    let mut expected_starts: Vec<_> = lines.iter().map(|line| line.start as u64).collect();
    let mut expected: Vec<Item> = lines.into_iter().map(|line| expected(line, limit)).collect();
    // A stream that is only an incomplete BOM is a line, whatever the limit.
    if may_be_bom(input.stream) {
        expected = vec![Item::Field(input.stream.to_vec(), Vec::new())];
        expected_starts.clear();
    }
    assert_eq!(seen, expected);
    assert_eq!(starts, expected_starts);

    let mut parser = LineParser::new().with_max_line_size(limit);
    let most = measure(|| read(&mut parser, &chunks, input.turns(), |_| (), |_| ())).bytes_max;
    // A buffer grows to twice its length beside the old one.
    let allowed = 3 * limit.min(input.stream.len()) as u64 + 16;
    assert!(most <= allowed, "{most} bytes, {allowed} allowed");
});

fn may_be_bom(stream: &[u8]) -> bool {
    matches!(stream, b"\xef" | b"\xef\xbb")
}
