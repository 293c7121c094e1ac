//! Feeds a stream to the parser, cut in any way and through any of its four doors, and writes down what is seen.

use bytes::{Buf, Bytes};
use sse_wire::{Event, Item, ParseError, ParseErrorKind, Parser};

use crate::oracle::{Outcome, Seen, SeenEvent};

/// How events come out: which of the parser's methods is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Borrowed,
    Shared,
}

pub const DOORS: [Door; 2] = [Door::Borrowed, Door::Shared];

/// Feeds `stream` in chunks of the lengths given, the rest last.
pub fn parse(stream: &[u8], cuts: &[usize], limit: usize, comments: bool, door: Door) -> Outcome {
    let mut parser = Parser::builder().max_event_size(limit).build();
    parse_on(&mut parser, stream, cuts, std::iter::repeat((door, comments)))
}

/// The same, with a parser that may have a past, and a door for each call.
pub fn parse_on(
    parser: &mut Parser,
    stream: &[u8],
    cuts: &[usize],
    mut doors: impl Iterator<Item = (Door, bool)>,
) -> Outcome {
    let mut results = Vec::new();
    for chunk in chunks(stream, cuts) {
        let mut input = Bytes::copy_from_slice(chunk);
        while let Some(seen) = match doors.next().unwrap() {
            (Door::Borrowed, comments) => {
                let mut rest = &input[..];
                let seen = if comments {
                    seen(parser.next_item(&mut rest))
                } else {
                    seen(parser.next_event(&mut rest).map(|event| event.map(Item::Event)))
                };
                let left = rest.len();
                input.advance(input.len() - left);
                seen
            }
            (Door::Shared, true) => seen(parser.next_item_shared(&mut input)),
            (Door::Shared, false) => seen(parser.next_event_shared(&mut input).map(|event| event.map(Item::Event))),
        } {
            results.push(seen);
        }
        assert!(input.is_empty());
    }
    let position = parser.position();
    let unfinished = parser.finish().as_ref().map(seen_event);
    assert_eq!(parser.finish(), None, "an unfinished event is handed back once");
    Outcome {
        results,
        unfinished,
        last_event_id: parser.last_event_id().to_owned(),
        reconnection_time: parser.reconnection_time().map(milliseconds),
        position,
    }
}

/// Cuts `stream` into chunks of the lengths given, empty ones included, the rest last.
pub fn chunks<'i>(mut stream: &'i [u8], cuts: &[usize]) -> Vec<&'i [u8]> {
    let mut chunks = Vec::new();
    for &cut in cuts {
        let (chunk, rest) = stream.split_at(cut.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks.push(stream);
    chunks
}

/// What a call to the parser says, written down.
pub fn seen<S: AsRef<str>>(result: Result<Option<Item<S>>, ParseError>) -> Option<Seen> {
    match result {
        Ok(None) => None,
        Ok(Some(Item::Event(event))) => Some(Seen::Event(seen_event(&event))),
        Ok(Some(Item::Comment(text))) => Some(Seen::Comment(text.as_ref().to_owned())),
        Err(error) => {
            let (comment, limit) = match error.kind() {
                ParseErrorKind::EventTooLarge { limit } => (false, limit),
                ParseErrorKind::CommentTooLarge { limit } => (true, limit),
                kind => panic!("not an error of this parser: {kind}"),
            };
            Some(Seen::TooLarge { comment, limit, position: error.position() })
        }
    }
}

pub fn seen_event<S: AsRef<str>>(event: &Event<S>) -> SeenEvent {
    SeenEvent {
        name: event.name().to_owned(),
        data: event.data().to_owned(),
        id: event.id().map(str::to_owned),
        last_event_id: event.last_event_id().to_owned(),
        retry: event.retry().map(milliseconds),
    }
}

pub fn milliseconds(time: std::time::Duration) -> u64 {
    time.as_millis().try_into().unwrap()
}
