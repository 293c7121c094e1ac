//! Feeds a stream to the parser, cut in any way and through any of its doors, and writes down what is seen.

use std::iter::repeat;

use bytes::Bytes;
use sse_wire::{Block, BlockLine, Event, OwnedBlock, OwnedEvent, ParseError, ParseErrorKind, Parser};

use crate::oracle::{Ask, Limits, Outcome, Seen, SeenBlock, SeenEvent, SeenLine, What};

/// How events come out: which of the parser's methods is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `feed` and `next_event`.
    Borrowed,
    /// `feed` and `find_event`.
    Found,
    /// `feed` and `into_next_event`, for each event.
    IntoNext,
    /// `feed` and `owned`.
    Owned,
    /// `feed_bytes`.
    Shared,
    /// `feed` and `next_block`.
    Blocks,
    /// `feed` and `owned_blocks`.
    OwnedBlocks,
}

pub const EVENT_DOORS: [Door; 5] = [Door::Borrowed, Door::Found, Door::IntoNext, Door::Owned, Door::Shared];
pub const BLOCK_DOORS: [Door; 2] = [Door::Blocks, Door::OwnedBlocks];
pub const DOORS: [Door; 7] =
    [Door::Borrowed, Door::Found, Door::IntoNext, Door::Owned, Door::Shared, Door::Blocks, Door::OwnedBlocks];

impl Door {
    pub fn asks(self) -> Ask {
        if BLOCK_DOORS.contains(&self) { Ask::Blocks } else { Ask::Events }
    }
}

/// One use of a door: at most so many events or blocks are read before the rest of the chunk is fed again.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub door: Door,
    pub most: usize,
}

impl Turn {
    /// The chunk is read to its end.
    pub fn all(door: Door) -> Self {
        Turn { door, most: usize::MAX }
    }

    /// Writes down what the chunk holds; returns what is left of it, and whether the reader has said that it is at its end.
    fn read(self, parser: &mut Parser, chunk: &Bytes, seen: &mut Vec<Seen>) -> (Bytes, bool) {
        let before = seen.len();
        let mut left = self.most;
        let mut count = |next: Option<Seen>| {
            let more = next.is_some();
            seen.extend(next);
            left -= 1;
            more && left > 0
        };
        let rest = match self.door {
            Door::Borrowed => {
                let mut feed = parser.feed(chunk);
                while count(seen_event_of(feed.next_event())) {}
                chunk.slice_ref(feed.into_rest())
            }
            Door::Found => {
                let mut feed = parser.feed(chunk);
                while count(seen_event_of(feed.find_event(|_| true))) {}
                chunk.slice_ref(feed.into_rest())
            }
            Door::Blocks => {
                let mut feed = parser.feed(chunk);
                while count(seen_block_of(feed.next_block())) {}
                chunk.slice_ref(feed.into_rest())
            }
            Door::Owned => {
                let mut events = parser.feed(chunk).owned();
                while count(events.next().map(owned_event)) {}
                chunk.slice_ref(events.into_rest())
            }
            Door::OwnedBlocks => {
                let mut blocks = parser.feed(chunk).owned_blocks();
                while count(blocks.next().map(owned_block)) {}
                chunk.slice_ref(blocks.into_rest())
            }
            Door::Shared => {
                let mut events = parser.feed_bytes(chunk);
                while count(events.next().map(owned_event)) {}
                events.into_rest()
            }
            Door::IntoNext => {
                let mut rest = &chunk[..];
                loop {
                    let (event, after) = parser.feed(rest).into_next_event();
                    rest = after;
                    if !count(seen_event_of(event)) {
                        break chunk.slice_ref(rest);
                    }
                }
            }
        };
        (rest, seen.len() - before < self.most)
    }
}

fn owned_event(result: Result<OwnedEvent, ParseError>) -> Seen {
    result.map_or_else(|error| seen_error(&error), |event| Seen::Event(seen_event(&event.as_event())))
}

fn owned_block(result: Result<OwnedBlock, ParseError>) -> Seen {
    result.map_or_else(|error| seen_error(&error), |block| Seen::Block(seen_block(&block.as_block())))
}

pub fn parser(limits: Limits) -> Parser {
    Parser::new().with_max_event_size(limits.event).with_max_block_size(limits.block)
}

/// Feeds `stream` in chunks of the lengths given, the rest last.
pub fn parse(stream: &[u8], cuts: &[usize], limits: Limits, door: Door) -> Outcome {
    parse_on(&mut parser(limits), stream, cuts, repeat(Turn::all(door)))
}

/// The same, with a parser that may have a past, and doors in turn.
pub fn parse_on(parser: &mut Parser, stream: &[u8], cuts: &[usize], mut turns: impl Iterator<Item = Turn>) -> Outcome {
    let mut results = Vec::new();
    let mut door = Door::Borrowed;
    for chunk in chunks(stream, cuts) {
        let mut rest = Bytes::copy_from_slice(chunk);
        loop {
            let turn = turns.next().unwrap();
            door = turn.door;
            let (left, ended) = turn.read(parser, &rest, &mut results);
            rest = left;
            if ended {
                break;
            }
        }
        assert!(rest.is_empty());
    }
    let position = parser.position();
    let mut unfinished = parser.finish().as_ref().map(seen_block);
    if let (Some(block), Ask::Events) = (&mut unfinished, door.asks()) {
        // They are only kept for those who ask for blocks.
        block.lines.clear();
    }
    assert_eq!(parser.finish(), None, "an unfinished block is returned once");
    Outcome {
        results,
        unfinished,
        last_event_id: parser.last_event_id().to_owned(),
        reconnection_time: parser.reconnection_time().map(milliseconds),
        position,
    }
}

/// What can be seen through this door of what the standard says.
pub fn expected(expected: &Outcome, door: Door) -> Outcome {
    let mut expected = expected.clone();
    if let (Some(block), Ask::Events) = (&mut expected.unfinished, door.asks()) {
        block.lines.clear();
    }
    expected
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
pub fn seen_event_of(result: Result<Option<Event<'_>>, ParseError>) -> Option<Seen> {
    result.map_or_else(|error| Some(seen_error(&error)), |event| event.map(|event| Seen::Event(seen_event(&event))))
}

pub fn seen_block_of(result: Result<Option<Block<'_>>, ParseError>) -> Option<Seen> {
    result.map_or_else(|error| Some(seen_error(&error)), |block| block.map(|block| Seen::Block(seen_block(&block))))
}

fn seen_error(error: &ParseError) -> Seen {
    let what = match error.kind() {
        ParseErrorKind::EventTooLarge => What::Event,
        ParseErrorKind::BlockTooLarge => What::Block,
        kind => panic!("not an error of this parser: {kind}"),
    };
    Seen::TooLarge { what, limit: error.limit().unwrap(), position: error.position() }
}

pub fn seen_event(event: &Event<'_>) -> SeenEvent {
    SeenEvent {
        name: event.name().to_owned(),
        data: event.data().to_owned(),
        id: event.id().map(str::to_owned),
        last_event_id: event.last_event_id().to_owned(),
        retry: event.retry().map(milliseconds),
    }
}

pub fn seen_block(block: &Block<'_>) -> SeenBlock {
    SeenBlock {
        event: block.event().as_ref().map(seen_event),
        id: block.id().map(str::to_owned),
        retry: block.retry().map(milliseconds),
        lines: block.lines().map(seen_line).collect(),
    }
}

pub fn seen_line(line: BlockLine<'_>) -> SeenLine {
    match line {
        BlockLine::Comment(text) => SeenLine::Comment(text.to_owned()),
        BlockLine::Field { name, value } => SeenLine::Field(name.to_owned(), value.to_owned()),
        line => panic!("a line of another kind: {line:?}"),
    }
}

pub fn milliseconds(time: std::time::Duration) -> u64 {
    time.as_millis().try_into().unwrap()
}
