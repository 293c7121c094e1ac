//! Properties: any bytes cut anywhere, against the oracle; any event, there and back.

use std::fmt;
use std::time::Duration;

use bytes::{Buf, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::{Encoder, Event, Field, LineParser, ParseErrorKind, Parser};

use crate::drive::{DOORS, Door, chunks, parse, parse_on, seen_event};
use crate::oracle::{self, Seen};

/// Streams that are likely to mean something: the grammar's tokens, odd text, and plain bytes.
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

pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(0..2_usize, 0..300), vec(0..20_usize, 0..40), vec(0..200_usize, 0..4)]
}

pub fn limits() -> impl Strategy<Value = usize> {
    prop_oneof![Just(usize::MAX), 0..30_usize, 0..300_usize]
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
    ) -> Event<String> {
        let mut event = Event::new(data);
        if let Some(name) = name {
            event = event.with_name(name.replace(['\r', '\n'], " ")).unwrap();
        }
        if let Some(id) = id {
            event = event.with_id(id.replace(['\r', '\n', '\0'], " ")).unwrap();
        }
        match retry {
            Some(time) => event.with_retry(Duration::from_millis(time)),
            None => event,
        }
    }
}

/// More cases than usual, as each is quick, unless `PROPTEST_CASES` says how many.
pub fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 2000 };
    ProptestConfig { cases, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(
        stream in streams(), cuts in cuts(), limit in limits(), comments in any::<bool>(),
    ) {
        let expected = oracle::interpret(&stream, limit, comments);
        for door in DOORS {
            prop_assert_eq!(&parse(&stream, &cuts, limit, comments, door), &expected, "through {:?}", door);
        }
    }

    #[test]
    fn all_doors_may_be_used_in_turn(
        stream in streams(), cuts in cuts(), doors in vec((prop::sample::select(&DOORS[..]), any::<bool>()), 1..8),
    ) {
        let mut outcome = parse_on(&mut Parser::new(), &stream, &cuts, doors.into_iter().cycle());
        outcome.results.retain(|seen| !matches!(seen, Seen::Comment(_)));
        prop_assert_eq!(outcome, oracle::interpret(&stream, usize::MAX, false));
    }

    #[test]
    fn any_line_at_any_cut_is_seen_or_refused_whole(stream in streams(), cuts in cuts(), limit in limits()) {
        let mut parser = LineParser::with_max_line_size(limit);
        let mut seen = Vec::new();
        for mut chunk in chunks(&stream, &cuts) {
            loop {
                match parser.next_line(&mut chunk) {
                    Ok(None) => break,
                    Ok(Some(_)) => seen.push(None),
                    Err(error) => {
                        prop_assert_eq!(error.kind(), ParseErrorKind::LineTooLong { limit });
                        seen.push(Some(error.position()));
                    }
                }
            }
        }
        let lines = oracle::lines(&stream);
        // The start of a BOM is not a line before something else follows it, or nothing: too late for an error.
        let may_be_bom = b"\xef\xbb\xbf".starts_with(&stream);
        let refused = |line: &oracle::RawLine<'_>| {
            (line.bytes.len() > limit && !may_be_bom).then_some(line.start as u64)
        };
        let expected: Vec<_> = lines.iter().filter(|line| line.ended || refused(line).is_some()).map(refused).collect();
        prop_assert_eq!(seen, expected);
        let unfinished = lines.last().filter(|line| !line.ended && refused(line).is_none());
        prop_assert_eq!(parser.finish().is_some(), unfinished.is_some());
    }

    #[test]
    fn an_unfinished_event_is_the_one_that_a_blank_line_would_have_dispatched(stream in streams(), cuts in cuts()) {
        let ended = [&stream[..], b"\n\n"].concat();
        let before = parse(&stream, &cuts, usize::MAX, false, Door::Borrowed);
        let after = parse(&ended, &cuts, usize::MAX, false, Door::Borrowed);
        let more: Vec<_> = after.results[before.results.len()..].to_vec();
        prop_assert_eq!(more, before.unfinished.map(Seen::Event).into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn any_event_comes_back_by_every_way_to_encode_it(event in events(), cuts in cuts()) {
        let mut encoder = Encoder::new();
        let encoded = encoder.encode(&event);
        prop_assert_eq!(encoder.encoded_len(&event), encoded.len());

        let mut appended = Vec::new();
        encoder.encode_into(&event, &mut appended);
        prop_assert_eq!(&appended, &encoded);

        let mut buf = event.as_borrowed().to_shared().into_buf();
        prop_assert_eq!(buf.remaining(), encoded.len());
        prop_assert_eq!(&buf.copy_to_bytes(encoded.len()), &encoded);

        let data = oracle::arriving(event.data());
        let mut expected = seen_event(&event);
        expected.data = data;
        for door in DOORS {
            let outcome = parse(&encoded, &cuts, usize::MAX, false, door);
            prop_assert_eq!(outcome.results, vec![Seen::Event(expected.clone())]);
            prop_assert_eq!(outcome.unfinished, None);
        }
    }

    #[test]
    fn an_event_written_piece_by_piece_is_the_event_encoded_whole(event in events(), cuts in cuts(), start in 0..9_usize) {
        let mut encoder = Encoder::new();
        let expected = encoder.encode(&event);
        // Nobody is called `message` here but those without a name.
        let (name, data) = (if event.name() == "message" { "" } else { event.name() }, event.data());
        let starts_at = data.char_indices().map(|(at, _)| at).chain([data.len()]).nth(start).unwrap_or(0);
        let mut head = Event::new(&data[..starts_at]).with_name(name).unwrap();
        if let Some(id) = event.id() {
            head = head.with_id(id).unwrap();
        }
        if let Some(time) = event.retry() {
            head = head.with_retry(time);
        }
        let mut writer = encoder.writer(&head);
        for character in data[starts_at..].chars() {
            fmt::Write::write_char(&mut writer, character).unwrap();
        }
        prop_assert_eq!(writer.finish(), &expected);

        let mut writer = encoder.writer(&head);
        for piece in chunks(&data.as_bytes()[starts_at..], &cuts) {
            writer.push_bytes(piece);
        }
        prop_assert_eq!(writer.finish(), &expected);
    }

    #[test]
    fn any_bytes_written_in_any_pieces_are_what_they_are_as_a_whole(data in streams(), cuts in cuts()) {
        let mut encoder = Encoder::new();
        let mut writer = encoder.writer(&Event::new(""));
        for piece in chunks(&data, &cuts) {
            writer.push_bytes(piece);
        }
        let written = writer.finish();
        prop_assert_eq!(written, encoder.encode(&Event::new(String::from_utf8_lossy(&data))));
    }

    #[test]
    fn blocks_without_an_event_change_nothing_but_what_they_say(comment in texts(), id in texts(), time in any::<u64>()) {
        let id = id.replace(['\r', '\n', '\0'], " ");
        let mut encoder = Encoder::new();
        let stream = [
            encoder.comment(&comment),
            encoder.id(&id).unwrap(),
            encoder.retry(Duration::from_millis(time)),
            Bytes::from_static(sse_wire::KEEP_ALIVE),
            encoder.encode(&Event::new("x")),
        ]
        .concat();
        let outcome = parse(&stream, &[], usize::MAX, true, Door::Borrowed);
        let mut expected: Vec<_> = oracle::arriving(&comment).split('\n').map(|line| Seen::Comment(line.to_owned())).collect();
        expected.push(Seen::Comment(String::new()));
        let (event, comments) = outcome.results.split_last().unwrap();
        prop_assert_eq!(comments, expected);
        prop_assert!(matches!(event, Seen::Event(event) if event.data == "x"));
        prop_assert_eq!(outcome.last_event_id, id);
        prop_assert_eq!(outcome.reconnection_time, Some(time));
    }

    #[test]
    fn what_a_field_cannot_carry_is_refused_at_its_first_byte(text in texts()) {
        let name = text.find(['\r', '\n']);
        let id = text.find(['\r', '\n', '\0']);
        let position = |field, error: sse_wire::FieldError| {
            assert_eq!((error.field(), error.byte()), (field, text.as_bytes()[error.index()]));
            error.index()
        };
        let event = Event::new("");
        prop_assert_eq!(event.with_name(&text).err().map(|error| position(Field::Event, error)), name);
        prop_assert_eq!(event.with_id(&text).err().map(|error| position(Field::Id, error)), id);
        prop_assert_eq!(Encoder::new().id(&text).err().map(|error| position(Field::Id, error)), id);
    }
}
