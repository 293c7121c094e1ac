//! What the hostile endpoint sends, block by block, and what a client with a limit must get for each: a function of the seed
//! and of the round's number.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use sse_wire::{Event, EventId, EventName, FieldError, ParseErrorKind};

use crate::expected::{Series, text};

/// The client's limit for one event. As it sets no other, it is also the limit for one block where it reads blocks.
pub const LIMIT: usize = 32 * 1024;

/// The size of blocks that are too large.
const TOO_LARGE: RangeInclusive<usize> = LIMIT + 1..=8 * LIMIT;

/// How many hostile blocks a round has, without the last, which never ends.
const BLOCKS: usize = 40;

const PRICE: EventName<'static> = EventName::from_static("price");

/// Bytes that are not UTF-8, and some that are.
const ILL_FORMED: [&[u8]; 10] = [
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xe6\x97",
    b"\xf0\x9f\xa6",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\xaf",
    b"abc",
    "\u{e9}\u{1f980}".as_bytes(),
];

/// An event without its last event ID, which is that of the newest event with an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub name: String,
    pub data: String,
    pub id: Option<String>,
    pub retry: Option<Duration>,
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Seen {
        let (name, data, id) = (event.name().to_owned(), event.data().to_owned(), event.id().map(str::to_owned));
        Seen { name, data, id, retry: event.retry() }
    }
}

/// What the client must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Event(Seen),
    /// A block with the names and values of all of its lines. Comments have no name.
    Block {
        event: Option<Seen>,
        lines: Vec<(String, String)>,
    },
    /// The block that begins here is refused for this reason.
    Refused(ParseErrorKind),
}

/// One block with the blank line after it. The last one of a round has none.
#[derive(Debug)]
pub struct Step {
    pub bytes: Vec<u8>,
    /// What a client gets that reads events, if anything.
    pub event: Option<Outcome>,
}

const EVENT_TOO_LARGE: Outcome = Outcome::Refused(ParseErrorKind::EventTooLarge);

impl Step {
    fn new(block: impl Into<Vec<u8>>, event: Option<Outcome>) -> Step {
        Step { bytes: block.into(), event }
    }

    /// What a client gets that reads blocks.
    pub fn block(&self) -> Outcome {
        let block = if self.bytes.ends_with(b"\n\n") { &self.bytes[..self.bytes.len() - 1] } else { &self.bytes };
        let event = match &self.event {
            _ if block.len() > LIMIT => return Outcome::Refused(ParseErrorKind::BlockTooLarge),
            Some(Outcome::Event(event)) => Some(event.clone()),
            Some(outcome) => return outcome.clone(),
            None => None,
        };
        let lines = String::from_utf8_lossy(block).lines().map(split).collect();
        Outcome::Block { event, lines }
    }
}

/// The name and the value of a line.
fn split(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned())
}

/// All of one round.
pub fn round(series: Series, round: u64) -> Result<Vec<Step>, FieldError> {
    let mut chance = series.chance(round);
    let mut steps = Vec::with_capacity(2 * BLOCKS + 1);
    for number in 0..BLOCKS {
        steps.push(hostile(&mut chance));
        // Mostly there is a good block between two hostile ones. It must arrive whole.
        if chance.u32(..4) != 0 {
            steps.push(good(&mut chance, &format!("{round}-{number}"))?);
        }
    }
    steps.push(endless(&mut chance));
    Ok(steps)
}

/// An event within the limit. Some have no id, so that the last event ID stays what it is.
fn good(chance: &mut Rng, id: &str) -> Result<Step, FieldError> {
    let name = chance.bool().then_some(PRICE);
    let data = text(chance, 40);
    let id = (chance.u32(..3) != 0).then(|| EventId::new(id)).transpose()?;
    let retry = (chance.u32(..8) == 0).then(|| Duration::from_millis(chance.u64(1..50)));
    let event = Event::new(&data).with_optional_name(name).with_optional_id(id).with_optional_retry(retry);
    Ok(Step::new(event.encode(), Some(Outcome::Event(event.into()))))
}

fn hostile(chance: &mut Rng) -> Step {
    let size = if chance.u32(..4) == 0 { LIMIT + 1 } else { chance.usize(TOO_LARGE) };
    let too_large = |block: String| Step::new(block, Some(EVENT_TOO_LARGE));
    match chance.u32(..15) {
        0 => too_large(format!("id: refused\ndata: {}\n\n", "x".repeat(size))),
        1 => too_large(format!("{}id: refused\n\n", "data: a line of many\r\n".repeat(size / 14))),
        2 => too_large(format!("event: {}\ndata: x\n\n", "n".repeat(size))),
        3 => too_large(format!("id: {}\ndata: x\n\n", "7".repeat(size))),
        4 => too_large(format!("retry: {}\ndata: x\n\n", "0".repeat(size))),
        5 => as_large_as_allowed(chance),
        6 => ill_formed(chance),
        7 => {
            // Small enough as bytes, too large as text: each becomes three bytes.
            Step::new([b"data: ", vec![0xff; LIMIT / 2].as_slice(), b"\n\n"].concat(), Some(EVENT_TOO_LARGE))
        }
        8 => {
            let block = format!(": {}\ndata: after a comment\n\n", "c".repeat(size));
            Step::new(block, Some(plain_event("after a comment")))
        }
        9 => {
            let block = ": still here\n".repeat(chance.usize(100..2000)) + "data: after comments\n\n";
            Step::new(block, Some(plain_event("after comments")))
        }
        10 => {
            let block = format!("unknown: {}\ndata: after an unknown field\n\n", "u".repeat(size));
            Step::new(block, Some(plain_event("after an unknown field")))
        }
        // Names that are replaced by a later line count too.
        11 => too_large(format!("event: {}\n", "n".repeat(999)).repeat(size / 999 + 1) + "data: x\n\n"),
        12 => block_as_large_as_allowed(chance.usize(..2)),
        // Mostly refused within a character.
        13 => too_large(format!("data: {}\n\n", "x\u{1f980}".repeat(size / 5 + 1))),
        _ => Step::new(format!("{}\n\n", "w".repeat(size)), None),
    }
}

/// An event whose name, id and data have as many bytes as the limit, with data of one line or of two.
fn as_large_as_allowed(chance: &mut Rng) -> Step {
    let (name, id) = ("name".to_owned(), "whole".to_owned());
    let mut data = "d".repeat(LIMIT - name.len() - id.len());
    if chance.bool() {
        // The LF that joins two lines counts.
        data.replace_range(100..101, "\n");
    }
    let block = format!("event: {name}\nid: {id}\ndata: {}\n\n", data.replace('\n', "\ndata: "));
    Step::new(block, Some(Outcome::Event(Seen { name, data, id: Some(id), retry: None })))
}

/// A block whose lines have as many bytes as the limit, and some more. Only a client that reads blocks may refuse it.
fn block_as_large_as_allowed(more: usize) -> Step {
    let before = ": a comment\nunknown: field\ndata: ";
    let data = "d".repeat(LIMIT + more - before.len() - 1);
    Step::new(format!("{before}{data}\n\n"), Some(plain_event(&data)))
}

fn ill_formed(chance: &mut Rng) -> Step {
    let bytes: Vec<u8> =
        (0..chance.usize(..2000)).flat_map(|_| chance.choice(ILL_FORMED).unwrap_or_default()).copied().collect();
    let event = plain_event(&String::from_utf8_lossy(&bytes));
    Step::new([b"data: ", bytes.as_slice(), b"\n\n"].concat(), Some(event))
}

/// The last block of a round: the connection ends before it does.
fn endless(chance: &mut Rng) -> Step {
    let size = chance.usize(TOO_LARGE);
    match chance.u32(..4) {
        0 => Step::new(format!("data: {}", "x".repeat(size)), Some(EVENT_TOO_LARGE)),
        1 => Step::new(format!("id: never\ndata: {}\n", "x".repeat(size)), Some(EVENT_TOO_LARGE)),
        2 => Step::new(format!(": {}", "c".repeat(size)), None),
        _ => Step::new("w".repeat(size), None),
    }
}

fn plain_event(data: &str) -> Outcome {
    Outcome::Event(Event::new(data).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::habits::METHODS;
    use crate::hostile::Reader;
    use bytes::Bytes;
    use sse_wire::Parser;
    use std::time::Duration;

    use sse_wire::client::EventSource;

    #[test]
    fn every_round_is_as_expected_whole_and_in_small_pieces() {
        for number in 0..12 {
            for (reading, size) in METHODS.into_iter().flat_map(|method| [(method, 61), (method, usize::MAX)]) {
                let mut source = EventSource::new().with_parser(Parser::new().with_max_event_size(LIMIT));
                source.response(200, "text/event-stream", Duration::ZERO).unwrap();
                let steps = round(Series { seed: 7 }, number).unwrap();
                let stream: Vec<u8> = steps.iter().flat_map(|step| step.bytes.iter().copied()).collect();
                let mut reader = Reader::new(reading, steps, String::new());
                for chunk in stream.chunks(size.min(stream.len())) {
                    reader.read(&mut source, &Bytes::copy_from_slice(chunk)).unwrap();
                }
                reader.end(&mut source).unwrap();
            }
        }
    }
}
