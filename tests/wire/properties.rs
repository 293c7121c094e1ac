//! Properties: any bytes, cut anywhere, against the oracle; any event, encoded and parsed.

use std::fmt;
use std::time::Duration;

use bytes::{Buf, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::{
    Comment, EncodedEvent, Encoder, Event, EventId, EventName, Feed, Field, Head, KEEP_ALIVE, LineParser, OwnedEvent,
    ParseErrorKind, Parser,
};

use crate::conformance::{raw, rejoined};
use crate::drive::{
    BLOCK_METHODS, EVENT_METHODS, METHODS, Method, Turn, block_item, chunks, event_item, expected, parse, parse_on,
    parser, plain_event,
};
use crate::oracle::{self, Item, ItemKind, Limits, Outcome, PlainBlock, PlainLine};

/// Streams that are likely to hold fields: the grammar's tokens, odd text, and any bytes.
pub fn streams() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: [&[u8]; 36] = [
        b"data:",
        b"data: ",
        b"data",
        b"event:",
        b"event: ",
        b"event",
        b"id:",
        b"id: ",
        b"id",
        b"retry:",
        b"retry: ",
        b"retry",
        b":",
        b": ",
        b" ",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\r",
        b"\r\n",
        b"\r\n\r\n",
        b"x",
        b"0",
        b"18446744073709551616",
        b"some text",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\xc3\xa9",
        b"\xf0\x9f\x9a\x80",
        b"\xf0\x9f\x9a",
        b"\xe2\x82",
        b"\x80",
        b"\xff",
        b"\xc0\x8a",
        b"unknown: ",
    ];
    let token = prop_oneof![
        12 => prop::sample::select(&TOKENS[..]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..6),
    ];
    vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Streams of many whole lines, so that blocks lie whole in a chunk, and one mask of line ends is used for many lines.
pub fn streams_of_lines() -> impl Strategy<Value = Vec<u8>> {
    const LINE_ENDS: &[&[u8]] = &[b"\n", b"\r", b"\r\n"];
    const LINES: [&[u8]; 24] = [
        b"data: x",
        b"data:",
        b"data",
        b"data: some text of twenty-six",
        b"data: \xf0\x9f\x9a\x80",
        b"data: \xff\xe2\x82",
        b"data:  y",
        b"event: e",
        b"event",
        b"event: \xc3",
        b"id: 1",
        b"id: \xe2\x82\xac",
        b"id: \0",
        b"id",
        b"retry: 1",
        b"retry: x",
        b"retry",
        b": c",
        b":",
        b": \x80",
        b"unknown",
        b"\xef\xbb\xbfdata: z",
        b"",
        b"",
    ];
    let line_end = prop::sample::select(LINE_ENDS);
    let long = (0..200_usize).prop_map(|len| [b"data: ", &b"x".repeat(len)[..]].concat());
    let line = prop_oneof![12 => prop::sample::select(&LINES[..]).prop_map(<[u8]>::to_vec), 1 => long];
    let lines = vec((line, line_end.clone()), 0..40);
    // One kind of line end, or all of them.
    (lines, proptest::option::of(line_end)).prop_map(|(lines, all)| {
        let end = |(line, own): (Vec<u8>, &[u8])| [&line[..], all.unwrap_or(own)].concat();
        lines.into_iter().flat_map(end).collect()
    })
}

/// Chunks of whole lines, some of several KiB: often a chunk is one large event.
fn large_chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    const STARTS: &[&[u8]] =
        &[b"data: ", b"data:", b"data: \xff", "data: \u{e9}".as_bytes(), b"event: ", b"id: ", b": ", b"own"];
    const SMALL: &[&[u8]] =
        &[b"data: x", b"data", b"id: 1", b"id: \0", b"event: e", b"retry: 7", b": c", b"own: x", b""];
    let large = (prop::sample::select(STARTS), 2000..5000_usize);
    let line = prop_oneof![
        1 => large.prop_map(|(start, len)| [start, &b"x".repeat(len)].concat()),
        1 => prop::sample::select(SMALL).prop_map(<[u8]>::to_vec),
    ];
    let chunk = (vec(line, 1..4), prop::sample::select(&["\n", "\r", "\r\n"][..]), 0..5_u8);
    let whole_block = |(lines, end, blank): (Vec<Vec<u8>>, &str, u8)| {
        let lines = lines.into_iter().flat_map(|line| [line, end.into()].concat());
        lines.chain(if blank > 0 { end.bytes() } else { "".bytes() }).collect::<Vec<_>>()
    };
    vec(chunk.prop_map(whole_block), 1..8)
}

/// Either kind.
pub fn any_streams() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![streams(), streams_of_lines()]
}

pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(0..2_usize, 0..300), vec(0..20_usize, 0..40), vec(0..200_usize, 0..4)]
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(usize::MAX), 0..30_usize, 0..300_usize]
}

pub fn limits() -> impl Strategy<Value = Limits> {
    (sizes(), sizes()).prop_map(|(event, block)| Limits { event, block })
}

/// Limits that mean the same for events and for blocks.
fn limits_for_all() -> impl Strategy<Value = Limits> {
    limits().prop_map(|limits| if limits.block == usize::MAX { Limits::NONE } else { limits })
}

fn turns(methods: &'static [Method]) -> impl Strategy<Value = Vec<Turn>> {
    let most = prop_oneof![1..4_usize, Just(usize::MAX)];
    vec((prop::sample::select(methods), most).prop_map(|(method, most)| Turn { method, most }), 1..8)
}

/// Text of any kind, with all that lines and fields are made of.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&["\n", "\r", "\r\n", ":", " ", "data: ", "\0", "\u{feff}", "\u{85}", "\u{2028}"][..])
            .prop_map(str::to_owned),
        6 => "\\PC{0,12}",
        1 => any::<String>(),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    /// Any event that can be built, from any text.
    pub fn events()(
        data in texts(),
        name in proptest::option::of(texts()),
        id in proptest::option::of(texts()),
        retry in proptest::option::of(any::<u64>()),
    ) -> OwnedEvent {
        let name = name.map(|name| name.replace(['\r', '\n'], " "));
        let id = id.map(|id| id.replace(['\r', '\n', '\0'], " "));
        let head = Head::new()
            .with_optional_name(name.as_deref().map(|name| EventName::new(name).unwrap()))
            .with_optional_id(id.as_deref().map(|id| EventId::new(id).unwrap()))
            .with_optional_retry(retry.map(Duration::from_millis));
        OwnedEvent::new(head, data)
    }
}

/// More cases than usual, as each is quick, unless `PROPTEST_CASES` says how many.
pub fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 2000 };
    ProptestConfig { cases, ..default }
}

/// Reads `most` events or blocks. If `unread` is set, the first result must be the error for this position; returns it if
/// nothing was read.
fn read(feed: &mut Feed<'_, '_>, kind: ItemKind, most: usize, mut unread: Option<u64>) -> Option<u64> {
    for _ in 0..most {
        let found = match kind {
            ItemKind::Events => feed.next_event().map(|event| event.is_some()),
            ItemKind::Blocks => feed.next_block().map(|block| block.is_some()),
        };
        match (found, unread.take()) {
            (Err(error), Some(position)) => {
                assert_eq!((error.kind(), error.limit()), (ParseErrorKind::Unread, None));
                assert_eq!(error.position(), position);
            }
            (Ok(found), None) => {
                if !found {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    unread
}

fn read_buf(mut buf: EncodedEvent<impl AsRef<[u8]>>) -> Bytes {
    let len = buf.remaining();
    buf.copy_to_bytes(len)
}

/// The events of an outcome, without blocks and lines.
fn events_alone(mut outcome: Outcome) -> Outcome {
    let event_alone = |seen| match seen {
        Item::Block(block) => block.event.map(Item::Event),
        seen => Some(seen),
    };
    outcome.results = outcome.results.into_iter().filter_map(event_alone).collect();
    if let Some(block) = &mut outcome.unfinished {
        block.lines.clear();
    }
    outcome
}

/// The lines of a block after it was encoded again: a comment comes before a U+FEFF that could be a BOM.
fn encoded_again(block: &PlainBlock) -> Vec<PlainLine> {
    let first = match block.lines.first() {
        Some(PlainLine::Field(name, _)) if name.starts_with('\u{feff}') => Some(PlainLine::Comment(String::new())),
        _ => None,
    };
    first.into_iter().chain(block.lines.iter().cloned()).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(stream in any_streams(), cuts in cuts(), limits in limits()) {
        for (kind, methods) in [(ItemKind::Events, &EVENT_METHODS[..]), (ItemKind::Blocks, &BLOCK_METHODS[..])] {
            let said = oracle::interpret(&stream, limits, kind);
            for &method in methods {
                prop_assert_eq!(&parse(&stream, &cuts, limits, method), &expected(&said, method), "by {:?}", method);
            }
        }
    }

    #[test]
    fn all_methods_may_be_used_in_turn(
        stream in any_streams(), cuts in cuts(), limits in limits_for_all(), turns in turns(&METHODS),
    ) {
        let outcome = parse_on(&mut parser(limits), &stream, &cuts, turns.into_iter().cycle());
        prop_assert_eq!(events_alone(outcome), events_alone(oracle::interpret(&stream, limits, ItemKind::Events)));
    }

    #[test]
    fn all_methods_to_events_may_be_used_in_turn_under_any_limit(
        stream in any_streams(), cuts in cuts(), limits in limits(), turns in turns(&EVENT_METHODS),
    ) {
        let outcome = parse_on(&mut parser(limits), &stream, &cuts, turns.into_iter().cycle());
        prop_assert_eq!(outcome, expected(&oracle::interpret(&stream, limits, ItemKind::Events), Method::Borrowed));
    }

    #[test]
    fn one_reader_may_read_events_and_blocks_in_turn(
        stream in any_streams(), cuts in cuts(), limits in limits_for_all(), blocks in vec(any::<bool>(), 1..8),
    ) {
        let (mut parser, mut blocks) = (parser(limits), blocks.into_iter().cycle());
        let mut results = Vec::new();
        for chunk in chunks(&stream, &cuts) {
            let mut feed = parser.feed(chunk);
            while let Some(seen) = if blocks.next().unwrap() {
                block_item(feed.next_block())
            } else {
                event_item(feed.next_event())
            } {
                results.push(seen);
            }
        }
        let expected = oracle::interpret(&stream, limits, ItemKind::Events);
        prop_assert_eq!(parser.last_event_id(), &expected.last_event_id);
        prop_assert_eq!(events_alone(Outcome { results, ..Outcome::default() }).results, expected.results);
    }

    #[test]
    fn blocks_have_the_ignored_lines_that_the_parser_counts(stream in any_streams(), cuts in cuts()) {
        let mut parser = Parser::new();
        let mut lines = 0;
        for chunk in chunks(&stream, &cuts) {
            for block in parser.feed(chunk).owned_blocks() {
                lines += block.unwrap().ignored_lines().count() as u64;
            }
        }
        lines += parser.finish().map_or(0, |block| block.ignored_lines().count() as u64);
        prop_assert_eq!(lines, parser.ignored_lines());
    }

    #[test]
    fn stopping_early_and_feeding_the_rest_again_loses_nothing(
        stream in any_streams(), cuts in cuts(), limits in limits(), method in prop::sample::select(&METHODS[..]),
        most in 1..3_usize,
    ) {
        let outcome = parse_on(&mut parser(limits), &stream, &cuts, std::iter::repeat(Turn { method, most }));
        prop_assert_eq!(outcome, expected(&oracle::interpret(&stream, limits, method.yields()), method));
    }

    #[test]
    fn after_a_reader_that_is_dropped_early_the_next_one_begins_with_an_error(
        stream in any_streams(), cuts in cuts(), most in 0..4_usize,
        kind in prop::sample::select(&[ItemKind::Events, ItemKind::Blocks][..]),
    ) {
        // The lost bytes are not part of the stream that is read.
        let mut parser = Parser::new();
        let mut unread = None;
        for chunk in chunks(&stream, &cuts) {
            let before = parser.position();
            // A clone returns the rest.
            let mut twin = parser.clone();
            let mut feed = twin.feed(chunk);
            let still_unread = read(&mut feed, kind, most, unread);
            let rest = feed.into_rest();
            prop_assert!(chunk.ends_with(rest));
            prop_assert_eq!(twin.position(), before + (chunk.len() - rest.len()) as u64);

            let mut feed = parser.feed(chunk);
            read(&mut feed, kind, most, unread);
            prop_assert_eq!(feed.parser().position(), twin.position());
            drop(feed);
            unread = (!rest.is_empty()).then_some(twin.position()).or(still_unread);
        }
    }

    #[test]
    fn any_line_at_any_cut_is_returned_whole_or_refused(stream in any_streams(), cuts in cuts(), limit in sizes()) {
        let mut parser = LineParser::new().with_max_line_size(limit);
        let mut results = Vec::new();
        for chunk in chunks(&stream, &cuts) {
            let mut lines = parser.feed(chunk);
            while let Some(line) = lines.next_line().transpose() {
                results.push(match line {
                    Ok(line) => Ok(rejoined(line)),
                    Err(error) => {
                        prop_assert_eq!((error.kind(), error.limit()), (ParseErrorKind::LineTooLong, Some(limit)));
                        Err(error.position())
                    }
                });
            }
        }
        let lines = oracle::lines(&stream);
        // A stream that may still become a BOM is not refused: whether it is a line is known only at its end.
        let may_be_bom = b"\xef\xbb\xbf".starts_with(&stream);
        let is_refused = |line: &oracle::RawLine<'_>| line.bytes.len() > limit && !may_be_bom;
        let expected = |line| if is_refused(line) { Err(line.start as u64) } else { Ok(raw(*line)) };
        let complete = lines.iter().filter(|line| line.ended || is_refused(line));
        prop_assert_eq!(results, complete.map(expected).collect::<Vec<_>>());
        let unfinished = lines.last().filter(|line| !line.ended && !is_refused(line));
        prop_assert_eq!(parser.finish().map(rejoined), unfinished.map(|line| raw(*line)));
    }

    #[test]
    fn an_unfinished_block_is_the_one_that_a_blank_line_would_have_ended(stream in any_streams(), cuts in cuts()) {
        let ended = [&stream[..], b"\n\n"].concat();
        let before = parse(&stream, &cuts, Limits::NONE, Method::Borrowed);
        let after = parse(&ended, &cuts, Limits::NONE, Method::Borrowed);
        let more: Vec<_> = after.results[before.results.len()..].to_vec();
        let unfinished = before.unfinished.and_then(|block| block.event);
        prop_assert_eq!(more, unfinished.map(Item::Event).into_iter().collect::<Vec<_>>());

        let before = parse(&stream, &cuts, Limits::NONE, Method::Blocks);
        let after = parse(&ended, &cuts, Limits::NONE, Method::Blocks);
        let more = after.results[before.results.len()..].to_vec();
        match (before.unfinished, &more[..]) {
            (Some(unfinished), [Item::Block(block)]) => prop_assert_eq!(&unfinished, block),
            // Comments alone are not returned.
            (None, []) => {}
            (None, [Item::Block(block)]) => {
                prop_assert!(block.lines.iter().all(|line| matches!(line, PlainLine::Comment(_))));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn blocks_that_are_encoded_again_make_a_stream_of_the_same_meaning(stream in any_streams(), cuts in cuts()) {
        let mut parser = Parser::new();
        let (mut one_by_one, mut owned, mut encoder) = (Vec::new(), Vec::new(), Encoder::new());
        let mut lines = Vec::new();
        for chunk in chunks(&stream, &cuts) {
            let mut blocks = parser.feed(chunk);
            while let Some(block) = blocks.next_block().unwrap() {
                let encoded = block.encode();
                prop_assert_eq!(block.encoded_len(), encoded.len());
                block.encode_into(&mut one_by_one);
                owned.extend_from_slice(&block.into_owned().encode());
                encoder.push(block);
                lines.push(encoded);
            }
        }
        let again = encoder.take();
        prop_assert_eq!(&again, &one_by_one);
        prop_assert_eq!(&again, &owned);
        prop_assert_eq!(&again, &lines.concat());

        let (before, after) = (
            oracle::interpret(&stream, Limits::NONE, ItemKind::Blocks), oracle::interpret(&again, Limits::NONE, ItemKind::Blocks),
        );
        prop_assert_eq!(before.last_event_id, after.last_event_id);
        prop_assert_eq!(after.unfinished, None);
        prop_assert_eq!(before.results.len(), after.results.len());
        let mut retry = None;
        for (before, after) in before.results.iter().zip(&after.results) {
            let (Item::Block(before), Item::Block(after)) = (before, after) else { panic!("{before:?}, {after:?}") };
            prop_assert_eq!(&encoded_again(before), &after.lines);
            prop_assert_eq!((&before.event, &before.id, before.retry), (&after.event, &after.id, after.retry));
            retry = before.retry.or(retry);
        }
        prop_assert_eq!(after.reconnection_time, retry);
        // Each on its own, at the start of a stream.
        for encoded in lines {
            let alone = parse(&encoded, &cuts, Limits::NONE, Method::Blocks);
            prop_assert_eq!(alone.results.len(), 1);
            prop_assert!(alone.unfinished.is_none());
        }
    }

    #[test]
    fn any_event_is_the_same_after_encoding_it_in_every_way(event in events(), cuts in cuts()) {
        let encoded = event.encode();
        prop_assert_eq!(event.encoded_len(), encoded.len());
        prop_assert_eq!(event.as_event().encode(), &encoded);
        prop_assert_eq!(event.as_event().encoded_len(), encoded.len());

        let mut appended = Vec::new();
        event.encode_into(&mut appended);
        prop_assert_eq!(&appended, &encoded);

        let mut batch = Encoder::new();
        batch.push(&event);
        batch.push(event.as_event());
        batch.push(&encoded);
        prop_assert_eq!(batch.len(), 3 * encoded.len());
        prop_assert_eq!(&batch.take(), &encoded.repeat(3));

        prop_assert_eq!(&read_buf(event.as_event().as_buf()), &encoded);
        prop_assert_eq!(&read_buf(event.clone().into_buf()), &encoded);
        prop_assert_eq!(&read_buf(EncodedEvent::new(event.head(), event.data())), &encoded);

        let data = oracle::arriving(event.data());
        let mut expected = plain_event(&event.as_event());
        expected.data = data;
        for method in EVENT_METHODS {
            let outcome = parse(&encoded, &cuts, Limits::NONE, method);
            prop_assert_eq!(outcome.results, vec![Item::Event(expected.clone())]);
            prop_assert_eq!(outcome.unfinished, None);
        }
        for method in BLOCK_METHODS {
            let outcome = events_alone(parse(&encoded, &cuts, Limits::NONE, method));
            prop_assert_eq!(outcome.results, vec![Item::Event(expected.clone())]);
            prop_assert_eq!(outcome.unfinished, None);
        }
    }

    #[test]
    fn an_event_written_piece_by_piece_is_the_event_encoded_whole(event in events(), cuts in cuts(), start in 0..9_usize) {
        let mut encoder = Encoder::new();
        let expected = event.encode();
        let data = event.data();
        let starts_at = data.char_indices().map(|(at, _)| at).chain([data.len()]).nth(start).unwrap_or(0);
        let mut writer = encoder.writer(event.head());
        writer.push_str(&data[..starts_at]);
        for character in data[starts_at..].chars() {
            fmt::Write::write_char(&mut writer, character).unwrap();
        }
        writer.finish();
        prop_assert_eq!(encoder.take(), &expected);

        let mut writer = encoder.writer(event.head());
        writer.push_str(&data[..starts_at]);
        for piece in chunks(&data.as_bytes()[starts_at..], &cuts) {
            writer.push_bytes(piece);
        }
        writer.finish();
        prop_assert_eq!(encoder.take(), &expected);
    }

    #[test]
    fn bytes_written_in_pieces_are_encoded_as_the_whole(data in streams(), cuts in cuts()) {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(Head::new());
        for piece in chunks(&data, &cuts) {
            writer.push_bytes(piece);
        }
        writer.finish();
        prop_assert_eq!(encoder.take(), Event::new(&String::from_utf8_lossy(&data)).encode());
    }

    #[test]
    fn blocks_without_an_event_set_only_the_id_and_the_reconnection_time(comment in texts(), id in texts(), time in any::<u64>()) {
        let id = id.replace(['\r', '\n', '\0'], " ");
        let mut encoder = Encoder::new();
        encoder.push(Comment(&comment));
        encoder.push(Head::from(EventId::new(&id).unwrap()));
        encoder.push(Head::new().with_retry(Duration::from_millis(time)));
        encoder.push(Bytes::from_static(KEEP_ALIVE));
        encoder.push(Event::new("x"));
        let outcome = parse(&encoder.take(), &[], Limits::NONE, Method::Blocks);
        let arriving = oracle::arriving(&comment);
        let comments = arriving.split('\n').map(|line| PlainLine::Comment(line.to_owned())).collect();
        let id_line = PlainLine::Field("id".to_owned(), id.clone());
        let retry_line = PlainLine::Field("retry".to_owned(), time.to_string());
        let without_event = [
            PlainBlock { lines: comments, ..PlainBlock::default() },
            PlainBlock { id: Some(id.clone()), lines: vec![id_line], ..PlainBlock::default() },
            PlainBlock { retry: Some(time), lines: vec![retry_line], ..PlainBlock::default() },
            PlainBlock { lines: vec![PlainLine::Comment(String::new())], ..PlainBlock::default() },
        ];
        let (event, blocks) = outcome.results.split_last().unwrap();
        prop_assert_eq!(blocks, without_event.map(Item::Block));
        let Item::Block(PlainBlock { event: Some(event), id: None, retry: None, .. }) = event else {
            panic!("{event:?}")
        };
        prop_assert_eq!((&*event.data, &event.id, &event.last_event_id), ("x", &None, &id));
        prop_assert_eq!(outcome.last_event_id, id);
        prop_assert_eq!(outcome.reconnection_time, Some(time));
    }

    #[test]
    fn a_refused_name_or_id_is_an_error_at_its_first_refused_byte(text in texts()) {
        let name = text.find(['\r', '\n']);
        let id = text.find(['\r', '\n', '\0']);
        let position = |field, error: sse_wire::FieldError| {
            assert_eq!((error.field(), error.byte()), (field, text.as_bytes()[error.index()]));
            error.index()
        };
        prop_assert_eq!(EventName::new(&text).err().map(|error| position(Field::Event, error)), name);
        prop_assert_eq!(EventId::new(&text).err().map(|error| position(Field::Id, error)), id);
        prop_assert_eq!(EventName::try_from(&*text).is_ok(), name.is_none());
        prop_assert_eq!(EventId::try_from(&*text).is_ok(), id.is_none());
    }
}

proptest! {
    // They are large.
    #![proptest_config(ProptestConfig { cases: config().cases / 10, ..config() })]

    #[test]
    fn large_events_are_what_the_standard_says(
        chunks in large_chunks(), turns in turns(&METHODS), max_event_size in prop_oneof![Just(usize::MAX), Just(100_000)],
    ) {
        let limits = Limits { event: max_event_size, block: usize::MAX };
        let (stream, cuts) = (chunks.concat(), chunks.iter().map(Vec::len).collect::<Vec<_>>());
        for method in METHODS {
            let said = oracle::interpret(&stream, limits, method.yields());
            prop_assert_eq!(&parse(&stream, &cuts, limits, method), &expected(&said, method), "by {:?}", method);
        }
        let outcome = parse_on(&mut parser(limits), &stream, &cuts, turns.into_iter().cycle());
        prop_assert_eq!(events_alone(outcome), events_alone(oracle::interpret(&stream, limits, ItemKind::Events)));
    }
}
