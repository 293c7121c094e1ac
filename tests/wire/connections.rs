//! One parser, several connections: what `reset` and `finish` forget, and what they keep.

use std::iter::repeat;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::{Event, Line, LineParser, ParseErrorKind, Parser};

use crate::drive::{DOORS, chunks, parse_on};
use crate::oracle::{self, Outcome, Seen};
use crate::properties::{config, cuts, limits, streams};

/// Feeds bytes, and expects no event of them.
fn feed(parser: &mut Parser, bytes: &[u8]) {
    assert_eq!(parser.next_event(&mut &bytes[..]), Ok(None));
}

#[test]
fn a_new_connection_forgets_the_block_and_keeps_what_took_effect() {
    // In the middle of: a value, a name, a comment, a BOM, a CRLF, a character, a block.
    let starts = ["data: x", "dat", ": c", "\u{feff}", "data: x\r", "data: \u{1f680}", "event: e\nid: 9\ndata: y\n"];
    for start in starts {
        for cut in 1..=start.len() {
            let mut parser = Parser::new();
            feed(&mut parser, b"id: 7\nretry: 5\n\nretry: 6\n");
            feed(&mut parser, &start.as_bytes()[..cut]);
            parser.reset();
            assert_eq!(parser.position(), 0);
            assert_eq!(parser.last_event_id(), "7");
            assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(6)));

            let stream = "\u{feff}data: z\n\n";
            let event = parser.next_event(&mut stream.as_bytes()).unwrap().unwrap().to_shared();
            assert_eq!((event.name(), event.data()), ("message", "z"), "after {start:?} cut at {cut}");
            assert_eq!((event.id(), event.last_event_id(), event.retry()), (None, "7", None));
            assert_eq!(parser.position(), stream.len() as u64);
        }
    }
}

#[test]
fn a_new_connection_is_not_refused_for_the_one_before() {
    for rest in [&b""[..], b"\n"] {
        let mut parser = Parser::builder().max_event_size(3).build();
        feed(&mut parser, b"retry: 1\n");
        let mut input = &b"data: toolong"[..];
        assert!(parser.next_event(&mut input).is_err());
        feed(&mut parser, rest);
        parser.reset();
        assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(1)));
        let mut input = &b"data: x\n\n"[..];
        assert_eq!(parser.next_event(&mut input).unwrap().map(Event::into_data), Some("x"));
    }
}

#[test]
fn an_unfinished_event_leaves_no_trace_but_the_retry_lines_that_ended() {
    let mut parser = Parser::new();
    feed(&mut parser, b"id: 1\n\nretry: 5\nid: 2\nevent: e\ndata: x\nretry: 6");
    let event = parser.finish().unwrap().to_shared();
    assert_eq!((event.name(), event.data(), event.id()), ("e", "x", Some("2")));
    assert_eq!(event.retry(), Some(Duration::from_millis(6)));
    assert_eq!(parser.last_event_id(), "1");
    assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(5)));
    assert_eq!(parser.finish(), None);
}

#[test]
fn lines_start_over_with_a_new_connection() {
    for start in ["da", "data: long", "\u{feff}", "x\r"] {
        let mut parser = LineParser::with_max_line_size(8);
        let mut input = start.as_bytes();
        while parser.next_line(&mut input).is_ok_and(|line| line.is_some()) {}
        parser.reset();
        assert_eq!(parser.position(), 0);
        let mut input = "\u{feff}\nab".as_bytes();
        assert_eq!(parser.next_line(&mut input), Ok(Some(Line::Blank)));
        assert_eq!(parser.next_line(&mut input), Ok(None));
        assert_eq!(parser.finish(), Some(Line::Field { name: b"ab", value: b"" }));
        let mut input = &b"123456789\n"[..];
        let error = parser.next_line(&mut input).unwrap_err();
        assert_eq!((error.kind(), error.position()), (ParseErrorKind::LineTooLong { limit: 8 }, 6));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn connections_one_after_the_other_are_what_the_standard_says(
        connections in vec((streams(), cuts(), any::<bool>()), 1..5),
        limit in limits(), comments in any::<bool>(), door in prop::sample::select(&DOORS[..]),
    ) {
        let mut parser = Parser::builder().max_event_size(limit).build();
        let mut before = Outcome::default();
        // `finish` lets the position go on, `reset` starts it over.
        let mut start = 0;
        for (stream, cuts, broken) in connections {
            let mut expected = oracle::interpret_after(&before, &stream, limit, comments);
            for seen in &mut expected.results {
                if let Seen::TooLarge { position, .. } = seen {
                    *position += start;
                }
            }
            expected.position += start;
            before = expected.clone();
            if broken {
                // Without an end of stream.
                let mut clone = parser.clone();
                for mut chunk in chunks(&stream, &cuts) {
                    while if comments {
                        parser.next_item(&mut chunk).map_or(true, |item| item.is_some())
                    } else {
                        parser.next_event(&mut chunk).map_or(true, |event| event.is_some())
                    } {}
                }
                prop_assert_eq!(parse_on(&mut clone, &stream, &cuts, repeat((door, comments))), expected);
                parser.reset();
                start = 0;
            } else {
                start = expected.position;
                prop_assert_eq!(parse_on(&mut parser, &stream, &cuts, repeat((door, comments))), expected);
            }
            prop_assert_eq!(parser.position(), start);
        }
    }
}

/// Every small value around every small limit, at every cut: what proptest rarely meets.
#[test]
fn the_limit_counts_alike_at_every_cut() {
    let values: [&[u8]; 12] = [
        b"",
        b"a",
        b"abc",
        b"\xf4\x90",
        b"\xf0\x9f\x9a\x80",
        b"\xf0\x9f\x9a",
        b"\xe2\x82\xe2\x82\xac",
        b"\xff\xff",
        b"\xed\xa0\x80",
        b"a\xc3",
        b"\x80a\xf4",
        b"0\x000",
    ];
    for prefix in ["data: ", "data: x\ndata:", "event:", "id: ", "retry:", ": ", "data: y\nid:"] {
        for value in values {
            for end in ["", "\n", "\r\n\r\n", "\ndata: z\n\n"] {
                let stream = [prefix.as_bytes(), value, end.as_bytes()].concat();
                for limit in 0..12 {
                    for comments in [false, true] {
                        let expected = oracle::interpret(&stream, limit, comments);
                        for cut in 0..=stream.len() {
                            for door in DOORS {
                                let cuts = [cut, 1];
                                let mut parser = Parser::builder().max_event_size(limit).build();
                                let outcome = parse_on(&mut parser, &stream, &cuts, repeat((door, comments)));
                                assert_eq!(outcome, expected, "{stream:?} cut at {cut}, limit {limit}, {door:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
