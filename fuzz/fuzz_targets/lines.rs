//! Any bytes, cut anywhere: the lines that the oracle sees, and no more memory than the limit allows.
#![no_main]

use allocation_counter::measure;
use libfuzzer_sys::fuzz_target;
use sse_wire::{Line, LineParser, ParseErrorKind};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::oracle::{self, RawLine};

#[derive(Debug, PartialEq)]
enum Seen {
    Field(Vec<u8>, Vec<u8>),
    Comment(Vec<u8>),
    Blank,
    TooLong(u64),
}

impl From<Line<'_>> for Seen {
    fn from(line: Line<'_>) -> Seen {
        match line {
            Line::Field { name, value } => Seen::Field(name.to_vec(), value.to_vec()),
            Line::Comment(text) => Seen::Comment(text.to_vec()),
            Line::Blank => Seen::Blank,
        }
    }
}

fn expected(line: RawLine<'_>, limit: usize) -> Seen {
    let bytes = line.bytes;
    if bytes.len() > limit {
        return Seen::TooLong(line.start as u64);
    }
    match bytes.iter().position(|&byte| byte == b':') {
        None if bytes.is_empty() => Seen::Blank,
        None => Seen::Field(bytes.to_vec(), Vec::new()),
        Some(0) => Seen::Comment(bytes[1..].to_vec()),
        Some(colon) => {
            let value = &bytes[colon + 1..];
            Seen::Field(bytes[..colon].to_vec(), value.strip_prefix(b" ").unwrap_or(value).to_vec())
        }
    }
}

/// Reads all of the chunks but the end of the stream, and hands over what comes.
fn read(parser: &mut LineParser, chunks: &[&[u8]], mut see: impl FnMut(Result<Line<'_>, (ParseErrorKind, u64)>)) {
    for mut chunk in chunks.iter().copied() {
        loop {
            match parser.next_line(&mut chunk) {
                Ok(None) => break,
                Ok(Some(line)) => see(Ok(line)),
                Err(error) => see(Err((error.kind(), error.position()))),
            }
        }
        assert!(chunk.is_empty());
    }
}

fuzz_target!(|input: CutStream<'_>| {
    let [limited, ..] = input.choices;
    let limit = if limited { input.limit.into() } else { usize::MAX };
    let chunks: Vec<_> = input.chunks().collect();
    let mut parser = LineParser::with_max_line_size(limit);
    let mut seen = Vec::new();
    read(&mut parser, &chunks, |line| match line {
        Ok(line) => seen.push(line.into()),
        Err((kind, position)) => {
            assert_eq!(kind, ParseErrorKind::LineTooLong { limit });
            seen.push(Seen::TooLong(position));
        }
    });
    assert_eq!(parser.position(), input.stream.len() as u64);
    seen.extend(parser.finish().map(Seen::from));
    assert_eq!(parser.finish(), None);

    let lines = oracle::lines(input.stream);
    let mut expected: Vec<Seen> = lines.into_iter().map(|line| expected(line, limit)).collect();
    // An incomplete BOM may be all there is, and is then a line whatever the limit.
    if matches!(input.stream, b"\xef" | b"\xef\xbb") {
        expected = vec![Seen::Field(input.stream.to_vec(), Vec::new())];
    }
    assert_eq!(seen, expected);

    let mut parser = LineParser::with_max_line_size(limit);
    let most = measure(|| read(&mut parser, &chunks, |_| ())).bytes_max;
    // A buffer that grows to twice of what is in it lives beside the old one.
    let allowed = 3 * limit.min(input.stream.len()) as u64 + 16;
    assert!(most <= allowed, "{most} bytes, {allowed} allowed");
});
