//! Nothing is quadratic: these tests count how often the bytes of each kind of line are looked at, however they are cut.
//! (`tests/wire/counts.rs` counts allocations, and so what is copied.)

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::lines::BLOCK;
use crate::looked_at::{self, LookedAt};
use crate::{LineParser, Parser};

const LEN: usize = 4 * 1024;

/// One line of about `LEN` bytes of each kind, with text of each kind.
fn long_lines() -> impl Iterator<Item = Vec<u8>> {
    let starts: [&[u8]; 10] = [
        b"data: ",
        b"data:x\ndata: ",
        b"event: ",
        b"id: ",
        b"id: \0",
        b"retry: ",
        b": ",
        b"unknown: ",
        b"unknown",
        b"data",
    ];
    let texts: [&[u8]; 6] = [b"x", b"0", b"\0", "\u{e9}\u{4e2d}\u{1f680}".as_bytes(), b"\xff", b"\xf0\x9f"];
    starts
        .into_iter()
        .flat_map(move |start| texts.map(|text| [start, &text.repeat(LEN / text.len()), b"\n\n"].concat()))
}

/// About `LEN` bytes of short lines of each kind, in one block and in many.
fn short_lines() -> impl Iterator<Item = Vec<u8>> {
    let lines: [&[u8]; 21] = [
        b"data: x\n",
        b"data: \xff\n",
        b"data\n",
        b"event: e\n",
        b"event\r\n",
        b"id: 1\n",
        b"id: \0\n",
        b"retry: 1\n",
        b"retry: x\n",
        b": c\n",
        b": a comment of more than three words\n\n",
        b":\r\n",
        b"unknown: x\n",
        b"u\r",
        b"\n",
        b"\r",
        b"\r\n",
        b"data\n\n",
        b"id: 1\r\n\r\n",
        b"event: e\nid: 1\nretry: 1\ndata: x\n\n",
        b": c\n\n",
    ];
    lines.into_iter().map(|line| line.repeat(LEN / line.len()))
}

fn streams() -> impl Iterator<Item = Vec<u8>> {
    long_lines().chain(short_lines())
}

/// Counts what is looked at while `read` gets the stream in chunks of this size.
fn in_chunks_of(size: usize, stream: &[u8], mut read: impl FnMut(&[u8])) -> LookedAt {
    looked_at::during(|| stream.chunks(size).for_each(&mut read))
}

/// Every byte once for line ends, in chunks of 64 bytes and less perhaps twice.
///
/// As text once, if it is ASCII, and once more near a limit. Text that is ill-formed, or cut within a character, is looked
/// at as a whole (with and without what follows it in the chunk), as a window, up to the ill-formed byte, and byte by byte.
/// A short text is looked at with what follows it, up to 64 bytes, and perhaps again without it.
fn check(looked_at: LookedAt, size: usize, stream: &[u8]) {
    let (shown, len) = (stream[..stream.len().min(20)].escape_ascii(), stream.len());
    let lines = stream.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    // The LF of a CRLF is found by a look at one byte, not by the search, unless a chunk begins with it.
    // The last chunk is small.
    let most = if size <= BLOCK { 2 * len } else { len + BLOCK };
    assert!(looked_at.for_line_ends <= most, "{shown} in chunks of {size}: {looked_at:?} of {len}");
    let times = if stream.is_ascii() { 2 } else { 7 };
    assert!(looked_at.as_text <= times * len + 128 * lines, "{shown} in chunks of {size}: {looked_at:?} of {len}");
}

fn read_events(parser: &mut Parser, chunk: &[u8]) {
    let mut events = parser.feed(chunk);
    while events.next_event().unwrap().is_some() {}
}

fn read_blocks(parser: &mut Parser, chunk: &[u8]) {
    let mut blocks = parser.feed(chunk);
    while blocks.next_block().unwrap().is_some() {}
}

/// Returns how many there are.
fn read_one_by_one(parser: &mut Parser, mut chunk: &[u8]) -> usize {
    for events in 0.. {
        let (event, rest) = parser.feed(chunk).into_next_event();
        if event.unwrap().is_none() {
            return events;
        }
        chunk = rest;
    }
    unreachable!()
}

fn read_lines(parser: &mut LineParser, chunk: &[u8]) {
    let mut lines = parser.feed(chunk);
    while lines.next_line().unwrap().is_some() {}
}

#[test]
fn every_byte_is_looked_at_once_or_twice_whatever_the_line_and_the_chunks() {
    for stream in streams() {
        // No limit, and the smallest that is not exceeded.
        let fits = String::from_utf8_lossy(&stream).len();
        let sizes = [1, 16, BLOCK, BLOCK + 1, 1000, stream.len()];
        for (limit, size) in [usize::MAX, fits].into_iter().flat_map(|limit| sizes.map(|size| (limit, size))) {
            let parser = || Parser::new().with_max_event_size(limit);
            let mut events = parser();
            let looked_at = in_chunks_of(size, &stream, |chunk| read_events(&mut events, chunk));
            check(looked_at, size, &stream);

            let mut blocks = parser();
            let looked_at = in_chunks_of(size, &stream, |chunk| read_blocks(&mut blocks, chunk));
            // The lines of a block that was cut are decoded once more.
            let of_events = looked_at.as_text.saturating_sub(2 * stream.len());
            check(LookedAt { as_text: of_events, ..looked_at }, size, &stream);

            let mut owned = parser();
            let looked_at =
                in_chunks_of(size, &stream, |chunk| owned.feed(chunk).owned().for_each(|event| drop(event.unwrap())));
            check(looked_at, size, &stream);

            let mut owned = parser();
            let looked_at = in_chunks_of(size, &stream, |chunk| {
                let chunk = Bytes::copy_from_slice(chunk);
                owned.feed_bytes(&chunk).for_each(|event| drop(event.unwrap()));
            });
            // First, large data is searched for that can share the memory of the chunk. If it is ill-formed, it is searched
            // again.
            let again = if std::str::from_utf8(&stream).is_ok() { 0 } else { stream.len() };
            let for_line_ends = looked_at.for_line_ends.saturating_sub(again);
            check(LookedAt { for_line_ends, ..looked_at }, size, &stream);

            let mut lines = LineParser::new().with_max_line_size(limit);
            let looked_at = in_chunks_of(size, &stream, |chunk| read_lines(&mut lines, chunk));
            check(looked_at, size, &stream);
        }
    }
}

/// Each reader begins with a search of 64 bytes.
#[test]
fn a_new_reader_for_each_event_costs_64_bytes_more_an_event() {
    for stream in streams() {
        for size in [BLOCK + 1, 1000, stream.len()] {
            let (mut parser, mut events) = (Parser::new(), 0);
            let looked_at = in_chunks_of(size, &stream, |chunk| events += read_one_by_one(&mut parser, chunk));
            let for_line_ends = looked_at.for_line_ends.saturating_sub(events * BLOCK);
            check(LookedAt { for_line_ends, ..looked_at }, size, &stream);
        }
    }
}

#[test]
fn a_long_line_in_small_chunks_is_looked_at_once() {
    const LEN: usize = 4 * 1024 * 1024;
    for start in ["data: ", "event: ", "id: ", "retry: ", ": ", "unknown: "] {
        let mut stream = Vec::from(start);
        stream.resize(LEN, b'x');
        stream.extend_from_slice(b"\n\n");
        // The name of the field is not searched. Only the small last chunk, with the line end in it, is searched twice.
        let once = stream.len() - 16..=stream.len() + 16;
        let mut parser = Parser::new();
        let events = in_chunks_of(16, &stream, |chunk| read_events(&mut parser, chunk));
        assert!(once.contains(&events.for_line_ends), "{start}: {events:?}");
        let mut parser = Parser::new();
        let blocks = in_chunks_of(16, &stream, |chunk| read_blocks(&mut parser, chunk));
        assert!(once.contains(&blocks.for_line_ends), "{start}: {blocks:?}");
    }
}

#[test]
fn a_line_in_chunks_of_one_byte_is_looked_at_once() {
    for line in ["data: one of many lines\n", "unknown: one of many lines\n"] {
        let stream = line.repeat(100);
        let mut parser = Parser::new();
        let looked_at = in_chunks_of(1, stream.as_bytes(), |chunk| read_events(&mut parser, chunk));
        // The first byte is not searched: `Line::of` looks at it already.
        let once = stream.len() - 1..=stream.len();
        assert!(once.contains(&looked_at.for_line_ends), "{line}: {looked_at:?}");
    }
}
