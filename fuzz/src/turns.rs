//! Readers one after the other: each uses one method, may stop early, and the next one is fed the rest.

use bytes::Bytes;
use sse_wire::{Block, Event, OwnedBlock, OwnedEvent, ParseError, ParseErrorKind, Parser};

use crate::cut::CutStream;
use crate::drive::{METHODS, Method, event_item, milliseconds, plain_block, plain_event};
use crate::oracle::{Item, ItemKind, Outcome, PlainBlock, PlainLine};

/// One reader of a chunk, or of what is left of it.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The method that is called.
    pub method: Method,
    /// After how many events, blocks or errors it stops.
    pub most: usize,
    /// Whether it is dropped without `into_rest`: the next one then begins with the error `Unread`.
    pub is_dropped: bool,
    /// Whether another reader comes before it, and is dropped before it has read anything.
    pub after_unused: bool,
    /// Whether an empty chunk comes before it, and is read.
    pub after_empty: bool,
}

impl From<u8> for Turn {
    fn from(byte: u8) -> Turn {
        let bit = |place: u8| byte >> place & 1 == 1;
        let most = usize::from(byte >> 3 & 3);
        Turn {
            method: METHODS[usize::from(byte & 7) % METHODS.len()],
            most: if most == 0 { usize::MAX } else { most },
            is_dropped: bit(5),
            after_unused: bit(6),
            after_empty: bit(7),
        }
    }
}

/// What the readers have read.
#[derive(Default)]
struct Readers {
    results: Vec<Item>,
    /// How much the current reader may still read.
    left: usize,
    /// Whether it is at the end of its chunk.
    ended: bool,
    /// The position at which the reader before was dropped, until its error was returned.
    unread: Option<u64>,
}

impl Readers {
    /// Collects a result. Returns whether the reader goes on.
    fn see<T>(&mut self, read: Result<Option<T>, ParseError>, seen: impl FnOnce(T) -> Item) -> bool {
        if let Some(position) = self.unread.take() {
            let error = read.err().expect("the reader before was dropped");
            assert_eq!((error.kind(), error.limit(), error.position()), (ParseErrorKind::Unread, None, position));
            return true;
        }
        let seen = match read {
            Ok(found) => found.map(seen),
            Err(error) => event_item(Err(error)),
        };
        self.ended = seen.is_none();
        self.results.extend(seen);
        self.left -= 1;
        !self.ended && self.left > 0
    }

    fn see_event(&mut self, read: Result<Option<Event<'_>>, ParseError>) -> bool {
        self.see(read, |event| Item::Event(plain_event(&event)))
    }

    fn see_block(&mut self, read: Result<Option<Block<'_>>, ParseError>) -> bool {
        self.see(read, |block| Item::Block(plain_block(&block)))
    }

    fn see_owned(&mut self, read: Option<Result<OwnedEvent, ParseError>>) -> bool {
        self.see(read.transpose(), |event| Item::Event(plain_event(&event.as_event())))
    }

    fn see_owned_block(&mut self, read: Option<Result<OwnedBlock, ParseError>>) -> bool {
        self.see(read.transpose(), |block| Item::Block(plain_block(&block.as_block())))
    }

    /// Reads as the turn says. Returns what is left.
    fn read(&mut self, parser: &mut Parser, chunk: &Bytes, turn: Turn) -> Bytes {
        (self.left, self.ended) = (turn.most, false);
        let before = parser.position();
        let says_rest = !turn.is_dropped;
        let said = match turn.method {
            Method::Borrowed => {
                let mut events = parser.feed(chunk);
                while self.see_event(events.next_event()) {}
                says_rest.then(|| events.into_rest().len())
            }
            Method::Found => {
                let mut events = parser.feed(chunk);
                while self.see_event(events.find_event(|_| true)) {}
                says_rest.then(|| events.into_rest().len())
            }
            Method::IntoNext => {
                let mut rest = &chunk[..];
                loop {
                    let (event, after) = parser.feed(rest).into_next_event();
                    rest = after;
                    if !self.see_event(event) {
                        break Some(rest.len());
                    }
                }
            }
            Method::Owned => {
                let mut events = parser.feed(chunk).owned();
                while self.see_owned(events.next()) {}
                says_rest.then(|| events.into_rest().len())
            }
            Method::Shared => {
                let mut events = parser.feed_bytes(chunk);
                while self.see_owned(events.next()) {}
                says_rest.then(|| events.into_rest().len())
            }
            Method::Blocks => {
                let mut blocks = parser.feed(chunk);
                while self.see_block(blocks.next_block()) {}
                says_rest.then(|| blocks.into_rest().len())
            }
            Method::OwnedBlocks => {
                let mut blocks = parser.feed(chunk).owned_blocks();
                while self.see_owned_block(blocks.next()) {}
                says_rest.then(|| blocks.into_rest().len())
            }
        };
        let rest = after(chunk, parser, before);
        match said {
            Some(left) => assert_eq!(left, rest.len()),
            None if !rest.is_empty() => self.unread = Some(parser.position()),
            None => {}
        }
        rest
    }
}

/// The part of the chunk that the parser has not read.
fn after(chunk: &Bytes, parser: &Parser, before: u64) -> Bytes {
    chunk.slice(usize::try_from(parser.position() - before).expect("it is part of the chunk")..)
}

/// Feeds the stream to the parser, all turns repeated until it ends.
pub fn parse_in_turns(parser: &mut Parser, input: &CutStream<'_>) -> Outcome {
    let mut readers = Readers::default();
    let mut turns = input.turns().into_iter().cycle();
    for chunk in input.chunks() {
        let mut rest = Bytes::copy_from_slice(chunk);
        loop {
            let turn = turns.next().expect("there are four, again and again");
            if turn.after_empty {
                let seen = readers.results.len();
                readers.read(parser, &Bytes::new(), turn);
                assert_eq!((readers.unread, readers.results.len()), (None, seen));
            }
            // Of a chunk that is the LF of a CRLF, nothing is left to be unread, and only its reader returns the error that
            // the block is too large.
            if turn.after_unused && rest != "\n" {
                let before = parser.position();
                drop(parser.feed(&rest));
                rest = after(&rest, parser, before);
                if !rest.is_empty() {
                    readers.unread = Some(parser.position());
                }
            }
            rest = readers.read(parser, &rest, turn);
            if readers.ended {
                break;
            }
        }
        assert!(rest.is_empty());
        assert_eq!(readers.unread, None);
    }
    let (position, ignored_lines) = (parser.position(), parser.ignored_lines());
    let unfinished = parser.finish().as_ref().map(plain_block);
    Outcome {
        results: readers.results,
        unfinished,
        last_event_id: parser.last_event_id().to_owned(),
        reconnection_time: parser.reconnection_time().map(milliseconds),
        position,
        ignored_lines,
        ignored_lines_at_end: parser.ignored_lines(),
    }
}

/// Checks what was read, by methods of either kind or of both, against the blocks that the oracle finds in the same stream.
/// Methods for events skip blocks without one.
pub fn assert_agrees(seen: Outcome, blocks: &Outcome) {
    let mut expected = blocks.results.iter();
    let has_no_event = |seen: &Item| matches!(seen, Item::Block(block) if block.event.is_none());
    for seen in &seen.results {
        let found = expected.find(|expected| !has_no_event(expected) || is_same(seen, expected));
        assert!(found.is_some_and(|found| is_same(seen, found)), "{seen:?} in place of {found:?}");
    }
    assert!(expected.all(has_no_event));
    assert_unfinished(seen.unfinished.as_ref(), blocks.unfinished.as_ref());
    let Outcome { results, unfinished, .. } = seen.clone();
    assert_eq!(seen, Outcome { results, unfinished, ..blocks.clone() });
}

/// Checks the block that the stream ended in, whichever methods read it.
pub fn assert_unfinished(seen: Option<&PlainBlock>, expected: Option<&PlainBlock>) {
    match (seen, expected) {
        (Some(seen), Some(expected)) => assert!(says_the_same(seen, expected), "{seen:?} in place of {expected:?}"),
        _ => assert_eq!(seen, expected),
    }
}

fn is_same(seen: &Item, expected: &Item) -> bool {
    match (seen, expected) {
        (Item::Event(event), Item::Block(expected)) => expected.event.as_ref() == Some(event),
        (Item::Block(block), Item::Block(expected)) => says_the_same(block, expected),
        _ => seen == expected,
    }
}

/// If a part of the block was read for its event, its lines are those that an encoder writes.
fn says_the_same(block: &PlainBlock, expected: &PlainBlock) -> bool {
    let values = |block: &PlainBlock| (block.event.clone(), block.id.clone(), block.retry);
    values(block) == values(expected) && (block.lines == expected.lines || block.lines == encoded_lines(expected))
}

/// The lines that an encoder writes for the event, id and retry of a block.
fn encoded_lines(block: &PlainBlock) -> Vec<PlainLine> {
    let field = |name: &str, value: &str| PlainLine::Field(name.to_owned(), value.to_owned());
    let name = block.event.as_ref().map(|event| &*event.name).filter(|name| *name != "message" || names_message(block));
    let head = [
        name.map(|name| field("event", name)),
        block.id.as_deref().map(|id| field("id", id)),
        block.retry.map(|time| field("retry", &time.to_string())),
    ];
    let data = block.event.iter().flat_map(|event| event.data.split('\n').map(|line| field("data", line)));
    head.into_iter().flatten().chain(data).collect()
}

/// Whether the last name of the block is `message`, and not empty.
fn names_message(block: &PlainBlock) -> bool {
    let names = block.lines.iter().rev().filter_map(|line| match line {
        PlainLine::Field(name, value) if name == "event" => Some(&**value),
        _ => None,
    });
    names.take(1).any(|name| name == "message")
}

/// What all of the turns yield; `None` if some yield events, and some blocks.
pub fn yields(turns: &[Turn]) -> Option<ItemKind> {
    let kind = turns.first()?.method.yields();
    turns.iter().all(|turn| turn.method.yields() == kind).then_some(kind)
}
