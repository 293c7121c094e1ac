//! The conformance cases (`tests/data`), each at every cut and by every method.

use std::iter::repeat;
use std::time::Duration;

use bytes::{Buf, Bytes};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sse_wire::{Comment, Encoder, Event, EventId, EventName, FieldError, Head, Line, LineParser, Parser};

use crate::drive::{BLOCK_METHODS, EVENT_METHODS, METHODS, Method, Turn, chunks, expected, parse, parse_on};
use crate::oracle::{self, Item, ItemKind, Limits, Outcome, PlainEvent, PlainLine};

/// Inputs up to this length are cut at every single place.
const SHORT: usize = 400;

struct ParserCase {
    name: String,
    input: Vec<u8>,
    /// As (name, data, last event ID).
    events: Vec<(String, String, String)>,
    comments: Option<Vec<String>>,
    retry: Option<u64>,
    last_event_id: String,
    cuts: Vec<usize>,
}

fn json_lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A number, or one in a string where it is too large for JSON's readers; what is beyond `u64` saturates.
fn retry(value: &Value) -> Option<u64> {
    match value {
        Value::Null => None,
        Value::String(digits) => Some(digits.parse().unwrap_or(u64::MAX)),
        number => Some(number.as_u64().unwrap()),
    }
}

fn events(value: &Value) -> Vec<(String, String, String)> {
    let event = |event: &Value| (string(&event["event"]), string(&event["data"]), string(&event["id"]));
    value.as_array().unwrap().iter().map(event).collect()
}

fn parser_cases() -> Vec<ParserCase> {
    let cases: Vec<_> = json_lines(include_str!("../data/parser.jsonl"))
        .map(|case| ParserCase {
            name: string(&case["name"]),
            input: match case["input"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => from_hex(case["input_hex"].as_str().unwrap()),
            },
            events: events(&case["events"]),
            comments: case["comments"].as_array().map(|comments| comments.iter().map(string).collect()),
            retry: retry(&case["retry"]),
            last_event_id: string(&case["last_event_id"]),
            cuts: case["chunks"].as_array().map_or_else(Vec::new, |chunks| {
                chunks.iter().map(|length| length.as_u64().unwrap().try_into().unwrap()).collect()
            }),
        })
        .collect();
    assert_eq!(cases.len(), 294);
    cases
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

impl ParserCase {
    /// The cuts to try: as the case says, whole, byte by byte, each single one with an empty chunk, and random ones.
    fn all_cuts(&self, runner: &mut TestRunner) -> Vec<Vec<usize>> {
        let len = self.input.len();
        let mut all = vec![self.cuts.clone(), vec![], vec![1; len], vec![0, 3, 0, 0]];
        if len <= SHORT {
            all.extend((0..=len).map(|cut| vec![cut, 0]));
        }
        for largest in [4, len / 4 + 2, len + 1] {
            all.push(vec(0..largest, 0..40).new_tree(runner).unwrap().current());
        }
        all
    }

    fn check(&self, outcome: &Outcome, how: &str) {
        let mut events = Vec::new();
        let event = |event: &PlainEvent| (event.name.clone(), event.data.clone(), event.last_event_id.clone());
        for seen in &outcome.results {
            match seen {
                Item::Event(seen) => events.push(event(seen)),
                Item::Block(block) => events.extend(block.event.as_ref().map(event)),
                Item::TooLarge { .. } => panic!("{}: {seen:?} {how}", self.name),
            }
        }
        assert_eq!(events, self.events, "{} {how}", self.name);
        assert_eq!(outcome.last_event_id, self.last_event_id, "{} {how}", self.name);
        assert_eq!(outcome.reconnection_time, self.retry, "{} {how}", self.name);
    }
}

fn comments(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.results.iter().flat_map(|seen| match seen {
        Item::Block(block) => &block.lines[..],
        seen => panic!("not a block: {seen:?}"),
    });
    let comment = |line: &PlainLine| match line {
        PlainLine::Comment(text) => Some(text.clone()),
        PlainLine::Field(..) => None,
    };
    lines.filter_map(comment).collect()
}

#[test]
fn every_parser_case_comes_out_as_it_says_however_it_is_cut_and_by_every_method() {
    let mut runner = TestRunner::deterministic();
    for case in parser_cases() {
        let said = [ItemKind::Events, ItemKind::Blocks].map(|kind| oracle::interpret(&case.input, Limits::NONE, kind));
        for said in &said {
            case.check(said, "by the oracle");
            assert_eq!(said.position, case.input.len() as u64);
        }
        for cuts in case.all_cuts(&mut runner) {
            for method in METHODS {
                let said = &said[usize::from(method.yields() == ItemKind::Blocks)];
                let outcome = parse(&case.input, &cuts, Limits::NONE, method);
                assert_eq!(outcome, expected(said, method), "{} by {method:?} cut at {cuts:?}", case.name);
            }
        }
    }
}

#[test]
fn every_comment_of_every_parser_case_is_a_line_of_a_block() {
    let mut runner = TestRunner::deterministic();
    let mut cases = 0;
    for case in parser_cases() {
        let Some(expected) = &case.comments else { continue };
        cases += 1;
        let expected: Vec<_> = expected.iter().map(|text| text.strip_prefix(' ').unwrap_or(text)).collect();
        // A stream that ends in comments alone ends in no block.
        let ended = [&case.input[..], b"\n\n"].concat();
        for cuts in case.all_cuts(&mut runner) {
            for method in BLOCK_METHODS {
                let outcome = parse(&ended, &cuts, Limits::NONE, method);
                assert_eq!(comments(&outcome), expected, "{} by {method:?} cut at {cuts:?}", case.name);
            }
        }
    }
    assert_eq!(cases, 29);
}

/// The lines of a stream, all with this line end.
fn with_line_ends(stream: &[u8], line_end: &[u8]) -> Vec<u8> {
    let bom = if stream.starts_with(b"\xef\xbb\xbf") { &stream[..3] } else { &[] };
    let line = |line: &oracle::RawLine<'_>| [line.bytes, if line.ended { line_end } else { &[] }].concat();
    [bom, &oracle::lines(stream).iter().flat_map(line).collect::<Vec<_>>()].concat()
}

/// Reads a stream that is cut like this.
type Reader = fn(stream: &[u8], cuts: &[usize]) -> Outcome;

/// The ways to read events.
const READERS: &[(&str, Reader)] = &[
    ("borrowed", |stream, cuts| parse(stream, cuts, Limits::NONE, Method::Borrowed)),
    ("owned", |stream, cuts| parse(stream, cuts, Limits::NONE, Method::Owned)),
    #[cfg(feature = "stream")]
    ("async", |stream, cuts| crate::stream::read_events(crate::stream::transport(stream, cuts, &[]), Parser::new())),
    #[cfg(feature = "std")]
    ("blocking", |stream, cuts| {
        // An empty read would be the end.
        let reads = chunks(stream, cuts).into_iter().filter(|chunk| !chunk.is_empty());
        crate::io::read_all(reads.map(|chunk| Ok(chunk.to_vec())).collect(), Parser::new(), ItemKind::Events)
    }),
];

/// Every case, with each line end, whole and byte by byte, by each reader.
#[test]
fn every_parser_case_comes_out_as_it_says_with_every_line_end_by_every_reader() {
    for case in parser_cases() {
        for line_end in ["\n", "\r", "\r\n"] {
            let stream = with_line_ends(&case.input, line_end.as_bytes());
            let said = oracle::interpret(&stream, Limits::NONE, ItemKind::Events);
            for (chunks, cuts) in [("whole", vec![]), ("byte by byte", vec![1; stream.len()])] {
                for (reader, read) in READERS {
                    let how = format!("with {line_end:?}, {chunks}, {reader}");
                    let outcome = read(&stream, &cuts);
                    case.check(&outcome, &how);
                    assert_eq!(outcome, expected(&said, Method::Borrowed), "{} {how}", case.name);
                }
            }
        }
    }
}

#[test]
fn one_parser_can_read_every_case_after_the_other() {
    let mut parser = Parser::new();
    let turn = || repeat(Turn::all(Method::Borrowed));
    for case in parser_cases() {
        // An empty id first, so that the case starts where it expects to.
        parse_on(&mut parser, b"id\n\n", &[], turn());
        parser.reset();
        let expected = oracle::interpret(&case.input, Limits::NONE, ItemKind::Events);
        let outcome = parse_on(&mut parser, &case.input, &case.cuts, turn());
        assert_eq!(outcome.results, expected.results, "{}", case.name);
        assert_eq!(outcome.position, expected.position, "{}", case.name);
        parser.reset();
    }
}

#[test]
fn the_lines_of_every_parser_case_are_the_same_however_it_is_cut() {
    let mut runner = TestRunner::deterministic();
    for case in parser_cases() {
        let expected: Vec<_> = oracle::lines(&case.input).into_iter().map(|line| (raw(line), line.ended)).collect();
        if let Some(comments) = &case.comments {
            let seen: Vec<_> = expected.iter().filter(|(line, ended)| *ended && line.starts_with(b":")).collect();
            let seen: Vec<_> = seen.iter().map(|(line, _)| String::from_utf8_lossy(&line[1..]).into_owned()).collect();
            assert_eq!(&seen, comments, "{}", case.name);
        }
        for cuts in case.all_cuts(&mut runner) {
            let mut parser = LineParser::new();
            let mut lines = Vec::new();
            for chunk in chunks(&case.input, &cuts) {
                let mut feed = parser.feed(chunk);
                while let Some(line) = feed.next_line().unwrap() {
                    lines.push((rejoined(line), true));
                }
                assert!(feed.into_rest().is_empty());
            }
            assert_eq!(parser.position(), case.input.len() as u64);
            lines.extend(parser.finish().map(|line| (rejoined(line), false)));
            assert_eq!(parser.finish(), None);
            assert_eq!(lines, expected, "{} cut at {cuts:?}", case.name);
        }
    }
}

/// A line as [`rejoined`] makes it: without the space after the colon of a field, and with a colon after a bare name.
pub fn raw(line: oracle::RawLine<'_>) -> Vec<u8> {
    let bytes = line.bytes;
    match bytes.iter().position(|&byte| byte == b':') {
        None if bytes.is_empty() => Vec::new(),
        None => [bytes, b":"].concat(),
        Some(0) => bytes.to_vec(),
        Some(colon) => {
            let (name, value) = bytes.split_at(colon + 1);
            [name, value.strip_prefix(b" ").unwrap_or(value)].concat()
        }
    }
}

pub fn rejoined(line: Line<'_>) -> Vec<u8> {
    match line {
        Line::Field { name, value } => [name, b":", value].concat(),
        Line::Comment(text) => [b":", text].concat(),
        Line::Blank => Vec::new(),
    }
}

/// The ways to encode an event.
#[derive(Clone, Copy, Debug)]
enum Way {
    Encode,
    EncodeInto,
    AsBuf,
    Batch,
    Pieces,
}

fn encode_event(event: Event<'_>, way: Way) -> Bytes {
    let mut encoder = Encoder::new();
    match way {
        Way::Encode => return event.encode(),
        Way::EncodeInto => {
            let mut bytes = Vec::new();
            event.encode_into(&mut bytes);
            return bytes.into();
        }
        Way::AsBuf => {
            let mut buf = event.as_buf();
            return buf.copy_to_bytes(buf.remaining());
        }
        Way::Batch => encoder.push(event),
        Way::Pieces => {
            let mut writer = encoder.writer(event.head());
            event.data().as_bytes().chunks(1).for_each(|piece| writer.push_bytes(piece));
            writer.finish();
        }
    }
    encoder.take()
}

/// What the crate's user would write for a message of an encoder case.
fn encode_message(message: &Value, way: Way) -> Result<Vec<u8>, FieldError> {
    let mut encoder = Encoder::new();
    if let Some(comment) = message["comment"].as_str() {
        encoder.push(Comment(comment));
    }
    let name = message["event"].as_str().map(EventName::new).transpose()?;
    let id = message["id"].as_str().map(EventId::new).transpose()?;
    let retry = retry(&message["retry"]).map(Duration::from_millis);
    let head = Head::new().with_optional_name(name).with_optional_id(id).with_optional_retry(retry);
    if let Some(data) = message["data"].as_str() {
        encoder.push(encode_event(head.with_data(data), way));
    } else if id.is_some() || retry.is_some() {
        // No data: no event, so that a name has nowhere to go.
        encoder.push(head);
    }
    Ok(encoder.take().into())
}

#[test]
fn every_encoder_case_is_refused_or_decodes_to_what_it_says() {
    let mut cases = 0;
    for case in json_lines(include_str!("../data/encoder.jsonl")) {
        cases += 1;
        let name = &case["name"];
        let messages = match case["messages"].as_array() {
            Some(messages) => messages.clone(),
            None => vec![case.clone()],
        };
        for way in [Way::Encode, Way::EncodeInto, Way::AsBuf, Way::Batch, Way::Pieces] {
            let encoded: Result<Vec<_>, _> = messages.iter().map(|message| encode_message(message, way)).collect();
            if case["expect"] == "reject" {
                assert!(encoded.is_err(), "{name}");
                continue;
            }
            let mut bytes = encoded.unwrap().concat();
            bytes.extend_from_slice(b"data: SENTINEL\n\n");
            let outcome = oracle::interpret(&bytes, Limits::NONE, ItemKind::Events);
            let last_event_id = string(&case["decoded_last_event_id"]);
            let mut decoded = events(&case["decoded"]);
            decoded.push(("message".to_owned(), "SENTINEL".to_owned(), last_event_id.clone()));
            let seen: Vec<_> = outcome
                .results
                .iter()
                .map(|seen| match seen {
                    Item::Event(event) => (event.name.clone(), event.data.clone(), event.last_event_id.clone()),
                    _ => panic!("{name}: {seen:?}"),
                })
                .collect();
            assert_eq!(seen, decoded, "{name} by {way:?}");
            assert_eq!(outcome.last_event_id, last_event_id, "{name} by {way:?}");
            assert_eq!(outcome.reconnection_time, retry(&case["decoded_retry"]), "{name} by {way:?}");
            for method in EVENT_METHODS {
                assert_eq!(parse(&bytes, &[], Limits::NONE, method), outcome, "{name} by {way:?}");
            }
            let blocks = oracle::interpret(&bytes, Limits::NONE, ItemKind::Blocks);
            assert_eq!(parse(&bytes, &[], Limits::NONE, Method::Blocks), blocks, "{name} by {way:?}");
        }
    }
    assert_eq!(cases, 81);
}
