//! Feeds a stream to the parser, cut in any way and read by any of its methods, and collects what comes out.

use std::iter::repeat;

use bytes::Bytes;
use sse_wire::{Block, BlockLine, Event, OwnedBlock, OwnedEvent, ParseError, ParseErrorKind, Parser};

use crate::oracle::{Item, ItemKind, LimitKind, Limits, Outcome, PlainBlock, PlainEvent, PlainLine};

/// How events come out: which of the parser's methods is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
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

pub const EVENT_METHODS: [Method; 5] =
    [Method::Borrowed, Method::Found, Method::IntoNext, Method::Owned, Method::Shared];
pub const BLOCK_METHODS: [Method; 2] = [Method::Blocks, Method::OwnedBlocks];
pub const METHODS: [Method; 7] = [
    Method::Borrowed,
    Method::Found,
    Method::IntoNext,
    Method::Owned,
    Method::Shared,
    Method::Blocks,
    Method::OwnedBlocks,
];

impl Method {
    pub fn yields(self) -> ItemKind {
        if BLOCK_METHODS.contains(&self) { ItemKind::Blocks } else { ItemKind::Events }
    }
}

/// One use of a method: at most so many events or blocks are read before the rest of the chunk is fed again.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub method: Method,
    pub most: usize,
}

impl Turn {
    /// The chunk is read to its end.
    pub fn all(method: Method) -> Self {
        Turn { method, most: usize::MAX }
    }

    /// Collects what the chunk holds; returns what is left of it, and whether the reader is at its end.
    fn read(self, parser: &mut Parser, chunk: &Bytes, seen: &mut Vec<Item>) -> (Bytes, bool) {
        let before = seen.len();
        let mut left = self.most;
        let mut count = |next: Option<Item>| {
            let more = next.is_some();
            seen.extend(next);
            left -= 1;
            more && left > 0
        };
        let rest = match self.method {
            Method::Borrowed => {
                let mut feed = parser.feed(chunk);
                while count(event_item(feed.next_event())) {}
                chunk.slice_ref(feed.into_rest())
            }
            Method::Found => {
                let mut feed = parser.feed(chunk);
                while count(event_item(feed.find_event(|_| true))) {}
                chunk.slice_ref(feed.into_rest())
            }
            Method::Blocks => {
                let mut feed = parser.feed(chunk);
                while count(block_item(feed.next_block())) {}
                chunk.slice_ref(feed.into_rest())
            }
            Method::Owned => {
                let mut events = parser.feed(chunk).owned();
                while count(events.next().map(owned_event_item)) {}
                chunk.slice_ref(events.into_rest())
            }
            Method::OwnedBlocks => {
                let mut blocks = parser.feed(chunk).owned_blocks();
                while count(blocks.next().map(owned_block_item)) {}
                chunk.slice_ref(blocks.into_rest())
            }
            Method::Shared => {
                let mut events = parser.feed_bytes(chunk);
                while count(events.next().map(owned_event_item)) {}
                events.into_rest()
            }
            Method::IntoNext => {
                let mut rest = &chunk[..];
                loop {
                    let (event, after) = parser.feed(rest).into_next_event();
                    rest = after;
                    if !count(event_item(event)) {
                        break chunk.slice_ref(rest);
                    }
                }
            }
        };
        (rest, seen.len() - before < self.most)
    }
}

fn owned_event_item(result: Result<OwnedEvent, ParseError>) -> Item {
    result.map_or_else(|error| error_item(&error), |event| Item::Event(plain_event(&event.as_event())))
}

fn owned_block_item(result: Result<OwnedBlock, ParseError>) -> Item {
    result.map_or_else(|error| error_item(&error), |block| Item::Block(plain_block(&block.as_block())))
}

pub fn parser(limits: Limits) -> Parser {
    Parser::new().with_max_event_size(limits.event).with_max_block_size(limits.block)
}

/// Feeds `stream` in chunks of the lengths given, the rest last.
pub fn parse(stream: &[u8], cuts: &[usize], limits: Limits, method: Method) -> Outcome {
    parse_on(&mut parser(limits), stream, cuts, repeat(Turn::all(method)))
}

/// The same, with a parser that may have been used before, and several methods in turn.
pub fn parse_on(parser: &mut Parser, stream: &[u8], cuts: &[usize], mut turns: impl Iterator<Item = Turn>) -> Outcome {
    let mut results = Vec::new();
    let mut method = Method::Borrowed;
    for chunk in chunks(stream, cuts) {
        let mut rest = Bytes::copy_from_slice(chunk);
        loop {
            let turn = turns.next().unwrap();
            method = turn.method;
            let (left, ended) = turn.read(parser, &rest, &mut results);
            rest = left;
            if ended {
                break;
            }
        }
        assert!(rest.is_empty());
    }
    let (position, ignored_lines) = (parser.position(), parser.ignored_lines());
    let mut unfinished = parser.finish().as_ref().map(plain_block);
    if let (Some(block), ItemKind::Events) = (&mut unfinished, method.yields()) {
        // A parser keeps them only for `next_block`.
        block.lines.clear();
    }
    assert_eq!(parser.finish(), None, "an unfinished block is returned once");
    Outcome {
        results,
        unfinished,
        last_event_id: parser.last_event_id().to_owned(),
        reconnection_time: parser.reconnection_time().map(milliseconds),
        position,
        ignored_lines,
        ignored_lines_at_end: parser.ignored_lines(),
    }
}

/// What this method returns of what the standard says: without the lines of the unfinished block, unless it yields blocks.
pub fn expected(expected: &Outcome, method: Method) -> Outcome {
    let mut expected = expected.clone();
    if let (Some(block), ItemKind::Events) = (&mut expected.unfinished, method.yields()) {
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

/// The result of a call to the parser, as an item; `None` at the end of the chunk.
pub fn event_item(result: Result<Option<Event<'_>>, ParseError>) -> Option<Item> {
    result.map_or_else(|error| Some(error_item(&error)), |event| event.map(|event| Item::Event(plain_event(&event))))
}

pub fn block_item(result: Result<Option<Block<'_>>, ParseError>) -> Option<Item> {
    result.map_or_else(|error| Some(error_item(&error)), |block| block.map(|block| Item::Block(plain_block(&block))))
}

fn error_item(error: &ParseError) -> Item {
    let kind = match error.kind() {
        ParseErrorKind::EventTooLarge => LimitKind::Event,
        ParseErrorKind::BlockTooLarge => LimitKind::Block,
        other => panic!("not an error of this parser: {other}"),
    };
    Item::TooLarge { kind, limit: error.limit().unwrap(), position: error.position() }
}

pub fn plain_event(event: &Event<'_>) -> PlainEvent {
    PlainEvent {
        name: event.name().to_owned(),
        data: event.data().to_owned(),
        id: event.id().map(str::to_owned),
        last_event_id: event.last_event_id().to_owned(),
        retry: event.retry().map(milliseconds),
    }
}

pub fn plain_block(block: &Block<'_>) -> PlainBlock {
    PlainBlock {
        event: block.event().as_ref().map(plain_event),
        id: block.id().map(str::to_owned),
        retry: block.retry().map(milliseconds),
        lines: block.lines().map(plain_line).collect(),
    }
}

pub fn plain_line(line: BlockLine<'_>) -> PlainLine {
    match line {
        BlockLine::Comment(text) => PlainLine::Comment(text.to_owned()),
        BlockLine::Field { name, value } => PlainLine::Field(name.to_owned(), value.to_owned()),
        line => panic!("a line of another kind: {line:?}"),
    }
}

pub fn milliseconds(time: std::time::Duration) -> u64 {
    time.as_millis().try_into().unwrap()
}
