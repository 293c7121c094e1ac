//! One parser, several connections: what `reset` and `finish` clear, and what they keep.

use std::iter::repeat;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::{Line, LineParser, ParseErrorKind, Parser};

use crate::drive::{METHODS, Turn, chunks, expected, parse_on, parser};
use crate::oracle::{self, Item, ItemKind, Limits, Outcome};
use crate::properties::{any_streams, config, cuts, limits};

/// Feeds bytes, and expects no event of them.
fn feed(parser: &mut Parser, bytes: &[u8]) {
    assert_eq!(parser.feed(bytes).next_event(), Ok(None));
}

#[test]
fn reset_clears_the_block_and_keeps_what_took_effect() {
    // In the middle of: a value, a name, a comment, a BOM, a CRLF, a character, a block.
    let starts =
        ["data: x", "own\ndat", ": c", "\u{feff}", "data: x\r", "data: \u{1f680}", "event: e\nid: 9\ndata: y\n"];
    for start in starts {
        for cut in 1..=start.len() {
            let mut parser = Parser::new();
            feed(&mut parser, b"id: 7\nretry: 5\n\nretry: 6\n");
            feed(&mut parser, &start.as_bytes()[..cut]);
            parser.reset();
            assert_eq!((parser.position(), parser.ignored_lines()), (0, 0));
            assert_eq!(parser.last_event_id(), "7");
            assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(6)));

            let stream = "\u{feff}data: z\n\n";
            let event = parser.feed(stream.as_bytes()).next_event().unwrap().unwrap().into_owned();
            assert_eq!((event.name(), event.data()), ("message", "z"), "after {start:?} cut at {cut}");
            assert_eq!((event.id(), event.last_event_id(), event.retry()), (None, "7", None));
            assert_eq!(parser.position(), stream.len() as u64);
        }
    }
}

#[test]
fn reset_ends_the_skipping_of_a_refused_block() {
    for rest in [&b""[..], b"\n"] {
        let mut parser = Parser::new().with_max_event_size(5);
        feed(&mut parser, b"retry: 1\n");
        assert!(parser.feed(b"data: toolong").next_event().is_err());
        feed(&mut parser, rest);
        parser.reset();
        assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(1)));
        let mut events = parser.feed(b"data: x\n\n");
        assert_eq!(events.next_event().unwrap().map(|event| event.data()), Some("x"));
    }
}

#[test]
fn of_an_unfinished_block_only_complete_retry_lines_take_effect() {
    let mut parser = Parser::new();
    feed(&mut parser, b"id: 1\n\nretry: 5\nid: 2\nevent: e\ndata: x\nretry: 6");
    let block = parser.finish().unwrap();
    let event = block.event().unwrap();
    assert_eq!((event.name(), event.data(), event.id()), ("e", "x", Some("2")));
    assert_eq!((block.id(), block.retry()), (Some("2"), event.retry()));
    assert_eq!(event.retry(), Some(Duration::from_millis(6)));
    assert_eq!(parser.last_event_id(), "1");
    assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(5)));
    assert_eq!(parser.finish(), None);
}

#[test]
fn finish_returns_a_block_if_the_stream_ends_within_one() {
    // The end of the stream, the data of the event of its last block, and how many lines that has.
    let ends: [(&str, Option<Option<&str>>, usize); 17] = [
        ("", None, 0),
        ("\u{feff}", None, 0),
        ("data: x\n\n", None, 0),
        ("data: x\r\n\r", None, 0),
        ("data: x\n\n\n", None, 0),
        (": c", None, 0),
        (": c\n: d\n", None, 0),
        ("event: mess", Some(None), 1),
        ("id: 1\n", Some(None), 1),
        ("retry: 1\n", Some(None), 1),
        ("own", Some(None), 1),
        ("d", Some(None), 1),
        ("data", Some(Some("")), 1),
        ("data:", Some(Some("")), 1),
        ("data: x\n: c", Some(Some("x")), 2),
        ("data: x\ndata", Some(Some("x\n")), 2),
        (": c\ndata: x\r", Some(Some("x")), 2),
    ];
    for (end, expected, lines) in ends {
        for start in ["", "data: before\n\n", ":\n\n"] {
            let stream = [start, end].concat();
            for size in 1..=stream.len().max(1) {
                let (mut events, mut blocks) = (Parser::new(), Parser::new());
                for chunk in stream.as_bytes().chunks(size) {
                    events.feed(chunk).owned().for_each(|event| drop(event.unwrap()));
                    blocks.feed(chunk).owned_blocks().for_each(|block| drop(block.unwrap()));
                }
                if !start.is_empty() && end == "\u{feff}" {
                    // It is a BOM at the start alone.
                    assert_eq!(blocks.finish().unwrap().lines().count(), 1);
                    continue;
                }
                let data = |parser: &mut Parser| {
                    parser.finish().map(|block| block.event().map(|event| event.data().to_owned()))
                };
                let mut clone = blocks.clone();
                assert_eq!(clone.finish().map_or(0, |block| block.lines().count()), lines, "{stream:?}");
                let expected = expected.map(|data| data.map(str::to_owned));
                assert_eq!(data(&mut events), expected, "{stream:?} in chunks of {size}");
                assert_eq!(data(&mut blocks), expected, "{stream:?} in chunks of {size}");
                assert_eq!((data(&mut events), data(&mut blocks)), (None, None), "once");
            }
        }
    }
    // The start of a BOM that does not become one.
    for end in [&b"\xef"[..], b"\xef\xbb"] {
        let mut parser = Parser::new();
        feed(&mut parser, end);
        assert_eq!(parser.finish().map(|block| block.event()), Some(None));
    }
    // A block that was refused.
    let mut parser = Parser::new().with_max_event_size(3);
    let mut events = parser.feed(b"data: four\ndata: x");
    assert!(events.next_event().is_err());
    assert_eq!(events.next_event(), Ok(None));
    assert_eq!(parser.finish(), None);
}

/// All ways to deal with the rest of a chunk.
#[test]
fn there_is_no_error_after_into_rest_reset_or_finish() {
    const CHUNK: &[u8] = b"data: 1\n\ndata: 2\n\n";
    type Leave = fn(&mut Parser);
    let ways: [(&str, Leave); 9] = [
        ("into_rest", |parser| assert_eq!(parser.feed(CHUNK).into_rest(), CHUNK)),
        ("into_rest after an event", |parser| {
            let mut events = parser.feed(CHUNK);
            assert!(events.next_event().unwrap().is_some());
            assert_eq!(events.into_rest(), b"data: 2\n\n");
        }),
        ("the rest comes with the event", |parser| {
            let (event, rest) = parser.feed(CHUNK).into_next_event();
            assert_eq!(event.unwrap().unwrap().data(), "1");
            assert_eq!(rest, b"data: 2\n\n");
        }),
        ("the rest of owned events", |parser| {
            let mut events = parser.feed(CHUNK).owned();
            assert_eq!(events.next().unwrap().unwrap().data(), "1");
            assert_eq!(events.parser().position(), 9);
            assert_eq!(events.into_rest(), b"data: 2\n\n");
        }),
        ("the rest of owned blocks", |parser| {
            let mut blocks = parser.feed(CHUNK).owned_blocks();
            assert!(blocks.next().unwrap().is_ok());
            assert_eq!(blocks.parser().position(), 9);
            assert_eq!(blocks.into_rest(), b"data: 2\n\n");
        }),
        ("the rest of bytes", |parser| {
            let chunk = bytes::Bytes::from_static(CHUNK);
            let mut events = parser.feed_bytes(&chunk);
            assert_eq!(events.next().unwrap().unwrap().data(), "1");
            assert_eq!(events.parser().position(), 9);
            let rest = events.into_rest();
            assert_eq!(rest, b"data: 2\n\n"[..]);
            assert_eq!(rest.as_ptr(), chunk[9..].as_ptr(), "not copied");
        }),
        ("a new connection", |parser| {
            drop(parser.feed(CHUNK));
            parser.reset();
        }),
        ("the end of the stream", |parser| {
            drop(parser.feed(CHUNK));
            assert_eq!(parser.finish(), None);
        }),
        ("all events were read, but not the end", |parser| {
            let mut events = parser.feed(CHUNK);
            for _ in 0..2 {
                assert!(events.next_event().unwrap().is_some());
            }
        }),
    ];
    for (way, leave) in ways {
        for next in [&b"data: x\n\n"[..], b"\ndata: x\n\n"] {
            let mut parser = Parser::new();
            feed(&mut parser, b"");
            leave(&mut parser);
            feed(&mut parser, b"");
            let mut events = parser.feed(next);
            assert_eq!(events.next_event().unwrap().map(|event| event.data()), Some("x"), "{way}");
        }
    }
}

#[test]
fn after_a_reader_that_was_dropped_early_even_an_empty_chunk_begins_with_an_error() {
    for method in METHODS {
        let mut parser = Parser::new();
        drop(parser.feed("\u{feff}data: x\r\n".as_bytes()));
        let said = match method.yields() {
            ItemKind::Events if method == METHODS[0] => parser.feed(b"").next_event().map(drop),
            ItemKind::Events if method == METHODS[1] => parser.feed(b"").find_event(|_| true).map(drop),
            ItemKind::Events if method == METHODS[2] => parser.feed(b"").into_next_event().0.map(drop),
            ItemKind::Events if method == METHODS[3] => parser.feed(b"").owned().next().unwrap().map(drop),
            ItemKind::Events => parser.feed_bytes(&bytes::Bytes::new()).next().unwrap().map(drop),
            ItemKind::Blocks if method == METHODS[5] => parser.feed(b"").next_block().map(drop),
            ItemKind::Blocks => parser.feed(b"").owned_blocks().next().unwrap().map(drop),
        };
        let error = said.unwrap_err();
        assert_eq!((error.kind(), error.limit(), error.position()), (ParseErrorKind::Unread, None, 3), "{method:?}");
        assert_eq!(error.to_string(), "the chunk before was not read to its end (at byte 3 of the event stream)");
        // The lost bytes have no effect: neither a LF after their CR nor the rest of a BOM is dropped.
        feed(&mut parser, b"\n");
        assert_eq!(parser.position(), 4);
    }
}

#[test]
fn reset_starts_a_line_parser_over() {
    for start in ["da", "data: long", "\u{feff}", "x\r"] {
        let mut parser = LineParser::new().with_max_line_size(8);
        let mut lines = parser.feed(start.as_bytes());
        while lines.next_line().is_ok_and(|line| line.is_some()) {}
        parser.reset();
        assert_eq!(parser.position(), 0);
        let mut lines = parser.feed("\u{feff}\nab".as_bytes());
        assert_eq!(lines.next_line(), Ok(Some(Line::Blank)));
        assert_eq!(lines.next_line(), Ok(None));
        assert_eq!(parser.finish(), Some(Line::Field { name: b"ab", value: b"" }));
        let error = parser.feed(b"123456789\n").next_line().unwrap_err();
        assert_eq!((error.kind(), error.limit(), error.position()), (ParseErrorKind::LineTooLong, Some(8), 6));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn connections_one_after_the_other_are_what_the_standard_says(
        connections in vec((any_streams(), cuts(), any::<bool>()), 1..5),
        limits in limits(), method in prop::sample::select(&METHODS[..]),
    ) {
        let mut parser = parser(limits);
        let turns = || repeat(Turn::all(method));
        let mut before = Outcome::default();
        // `finish` lets position and count of ignored lines go on, `reset` starts them over.
        let (mut start, mut ignored) = (0, 0);
        for (stream, cuts, broken) in connections {
            let mut said = oracle::interpret_after(&before, &stream, limits, method.yields());
            for seen in &mut said.results {
                if let Item::TooLarge { position, .. } = seen {
                    *position += start;
                }
            }
            said.position += start;
            said.ignored_lines += ignored;
            said.ignored_lines_at_end += ignored;
            before = said.clone();
            if broken {
                // Without an end of stream.
                let mut clone = parser.clone();
                for chunk in chunks(&stream, &cuts) {
                    let mut feed = parser.feed(chunk);
                    while match method.yields() {
                        ItemKind::Events => feed.next_event().map_or(true, |event| event.is_some()),
                        ItemKind::Blocks => feed.next_block().map_or(true, |block| block.is_some()),
                    } {}
                }
                prop_assert_eq!(parse_on(&mut clone, &stream, &cuts, turns()), expected(&said, method));
                parser.reset();
                (start, ignored) = (0, 0);
            } else {
                (start, ignored) = (said.position, said.ignored_lines_at_end);
                prop_assert_eq!(parse_on(&mut parser, &stream, &cuts, turns()), expected(&said, method));
            }
            prop_assert_eq!((parser.position(), parser.ignored_lines()), (start, ignored));
        }
    }
}

/// Every small value around every small limit, at every cut: cases that proptest rarely finds.
#[test]
fn the_limits_refuse_the_same_at_every_cut() {
    const NONE: usize = usize::MAX;
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
    for prefix in
        ["data: ", "data: x\ndata:", "event:", "id: ", "retry:", ": ", "data: y\nid:", "retry: 7\nown:", "own\ndata:"]
    {
        for value in values {
            for end in ["", "\n", "\r\n", "\r\n\r\n", "\nown\ndata: z\n\n"] {
                let stream = [prefix.as_bytes(), value, end.as_bytes()].concat();
                let (small, length) = (0..12, stream.len());
                let of_event = small.clone().map(|event| (event, NONE));
                // Where the lines end, more or less, and event and block exceed their limits at the same byte.
                let of_block =
                    (length.saturating_sub(8)..=length).flat_map(|block| [(NONE, block), (value.len(), block)]);
                for (event, block) in of_event.chain(of_block) {
                    let limits = Limits { event, block };
                    let said =
                        [ItemKind::Events, ItemKind::Blocks].map(|kind| oracle::interpret(&stream, limits, kind));
                    for cut in 0..=stream.len() {
                        for method in METHODS {
                            let outcome = parse_on(&mut parser(limits), &stream, &[cut, 1], repeat(Turn::all(method)));
                            let said = &said[usize::from(method.yields() == ItemKind::Blocks)];
                            assert_eq!(
                                outcome,
                                expected(said, method),
                                "{stream:?} cut at {cut}, {limits:?}, {method:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// A value counts even if a later one replaces it.
#[test]
fn a_value_that_is_replaced_still_counts() {
    for (field, limit) in [("event", 5), ("id", 5), ("retry", 5)] {
        let block = format!("{field}: 12\n{field}: 345\n\n");
        for size in 1..=block.len() {
            for (limit, refused) in [(limit, 0), (limit - 1, 1)] {
                let mut parser = Parser::new().with_max_event_size(limit);
                let mut refusals = 0;
                for chunk in block.as_bytes().chunks(size) {
                    refusals += parser.feed(chunk).owned().filter(Result::is_err).count();
                }
                assert_eq!(refusals, refused, "{field} in chunks of {size} under {limit}");
            }
        }
    }
}

/// Unless a limit for blocks is set, `next_block` limits all of a block as its event is limited.
#[test]
fn a_block_has_the_limit_that_is_set_or_for_next_block_that_of_its_event() {
    let stream = b": 3456\nx\n\ndata: y\n\n";
    let kinds = |mut parser: Parser, kind: ItemKind| {
        let mut feed = parser.feed(stream);
        let error = match kind {
            ItemKind::Events => feed.next_event().map(drop),
            ItemKind::Blocks => feed.next_block().map(drop),
        };
        error.err().map(|error| (error.kind(), error.limit(), error.position()))
    };
    let parser = Parser::new;
    for kind in [ItemKind::Events, ItemKind::Blocks] {
        assert_eq!(kinds(parser(), kind), None);
        assert_eq!(kinds(parser().with_max_block_size(9), kind), None);
        let refused = kinds(parser().with_max_block_size(8), kind);
        assert_eq!(refused, Some((ParseErrorKind::BlockTooLarge, Some(8), 0)));
        assert_eq!(kinds(parser().with_max_event_size(1).with_max_block_size(9), kind), None);
    }
    assert_eq!(kinds(parser().with_max_event_size(8), ItemKind::Events), None);
    let refused = kinds(parser().with_max_event_size(8), ItemKind::Blocks);
    assert_eq!(refused, Some((ParseErrorKind::BlockTooLarge, Some(8), 0)));
    assert_eq!(kinds(parser().with_max_event_size(9), ItemKind::Blocks), None);
}
