//! What the hostile endpoint sends, block by block, and what a client with a limit must make of each: a function of the
//! seed and of the round's number.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use sse_wire::{Encoder, Event, FieldError, ParseErrorKind};

use crate::expected::{Series, choose, text};

/// The client's limit for one event.
pub const LIMIT: usize = 32 * 1024;

/// How large what is too large may be.
const TOO_LARGE: RangeInclusive<usize> = LIMIT + 1..=8 * LIMIT;

/// Blocks of one round, without the last, which never ends.
const BLOCKS: usize = 40;

/// Bytes that are no UTF-8, and some that are.
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

/// What the client must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This event. Its last event ID is that of the newest event with an id.
    Event { name: String, data: String, id: Option<String>, retry: Option<Duration> },
    /// A comment with this text.
    Comment(String),
    /// The block that begins here is refused for this reason.
    Refused(ParseErrorKind),
}

/// A part of the stream that ends at the end of a block, but for the last one.
#[derive(Debug)]
pub struct Step {
    pub bytes: Vec<u8>,
    /// What a client sees that asks for events.
    pub events: Vec<Outcome>,
    /// What a client sees that asks for items.
    pub items: Vec<Outcome>,
}

const EVENT_TOO_LARGE: Outcome = Outcome::Refused(ParseErrorKind::EventTooLarge { limit: LIMIT });
const COMMENT_TOO_LARGE: Outcome = Outcome::Refused(ParseErrorKind::CommentTooLarge { limit: LIMIT });

impl Step {
    /// The same to be seen by both.
    fn new(bytes: Vec<u8>, outcomes: Vec<Outcome>) -> Step {
        Step { bytes, events: outcomes.clone(), items: outcomes }
    }
}

/// All of one round.
pub fn round(series: Series, round: u64) -> Result<Vec<Step>, FieldError> {
    let mut chance = series.chance(round);
    let mut steps = Vec::with_capacity(2 * BLOCKS + 1);
    for number in 0..BLOCKS {
        steps.push(hostile(&mut chance));
        // Between two hostile blocks there is mostly a good one, which must not have suffered.
        if chance.u32(..4) != 0 {
            steps.push(good(&mut chance, format!("{round}-{number}"))?);
        }
    }
    steps.push(endless(&mut chance));
    Ok(steps)
}

/// An event within the limit; some have no id, so that the one before them is still the last.
fn good(chance: &mut Rng, id: String) -> Result<Step, FieldError> {
    let name = choose(chance, &["", "price"]).to_owned();
    let event = Event::new(text(chance, 40)).with_name(name)?;
    let event = if chance.u32(..3) == 0 { event } else { event.with_id(id)? };
    let retry = (chance.u32(..8) == 0).then(|| Duration::from_millis(chance.u64(1..50)));
    let event = if let Some(time) = retry { event.with_retry(time) } else { event };
    let bytes = Encoder::new().encode(&event).to_vec();
    let id = event.id().map(str::to_owned);
    let outcome = Outcome::Event { name: event.name().to_owned(), data: event.into_data(), id, retry };
    Ok(Step::new(bytes, vec![outcome]))
}

fn hostile(chance: &mut Rng) -> Step {
    let size = if chance.u32(..4) == 0 { LIMIT + 1 } else { chance.usize(TOO_LARGE) };
    let too_large = |block: String| Step::new(block.into_bytes(), vec![EVENT_TOO_LARGE]);
    match chance.u32(..12) {
        0 => too_large(format!("id: refused\ndata: {}\n\n", "x".repeat(size))),
        1 => too_large(format!("{}id: refused\n\n", "data: a line of many\r\n".repeat(size / 14))),
        2 => too_large(format!("event: {}\ndata: x\n\n", "n".repeat(size))),
        3 => too_large(format!("id: {}\ndata: x\n\n", "7".repeat(size))),
        4 => too_large(format!("retry: {}\ndata: x\n\n", "0".repeat(size))),
        5 => as_large_as_may_be(chance),
        6 => ill_formed(chance),
        7 => {
            // Small enough as bytes, too large as text: each becomes three bytes.
            let bytes = [b"data: ", vec![0xff; LIMIT / 2].as_slice(), b"\n\n"].concat();
            Step::new(bytes, vec![EVENT_TOO_LARGE])
        }
        8 => {
            let event = plain_event("after a comment");
            let bytes = format!(": {}\ndata: after a comment\n\n", "c".repeat(size)).into_bytes();
            Step { bytes, events: vec![event], items: vec![COMMENT_TOO_LARGE] }
        }
        9 => {
            let comments = chance.usize(100..2000);
            let bytes = (": still here\n".repeat(comments) + "data: after comments\n\n").into_bytes();
            let mut items = vec![Outcome::Comment("still here".to_owned()); comments];
            items.push(plain_event("after comments"));
            Step { bytes, events: vec![plain_event("after comments")], items }
        }
        10 => {
            let bytes = format!("unknown: {}\ndata: after an unknown field\n\n", "u".repeat(size));
            Step::new(bytes.into_bytes(), vec![plain_event("after an unknown field")])
        }
        _ => Step::new(format!("{}\n\n", "w".repeat(size)).into_bytes(), vec![]),
    }
}

/// Name, id and data of as many bytes as the limit, in one line or in many.
fn as_large_as_may_be(chance: &mut Rng) -> Step {
    let (name, id) = ("name".to_owned(), "whole".to_owned());
    let mut data = "d".repeat(LIMIT - name.len() - id.len());
    if chance.bool() {
        // The LF that joins two lines counts.
        data.replace_range(100..101, "\n");
    }
    let bytes = format!("event: {name}\nid: {id}\ndata: {}\n\n", data.replace('\n', "\ndata: ")).into_bytes();
    Step::new(bytes, vec![Outcome::Event { name, data, id: Some(id), retry: None }])
}

fn ill_formed(chance: &mut Rng) -> Step {
    let bytes: Vec<u8> =
        (0..chance.usize(..2000)).flat_map(|_| chance.choice(ILL_FORMED).unwrap_or_default()).copied().collect();
    let event = plain_event(&String::from_utf8_lossy(&bytes));
    Step::new([b"data: ", bytes.as_slice(), b"\n\n"].concat(), vec![event])
}

/// The last block of a round: the connection ends before it does.
fn endless(chance: &mut Rng) -> Step {
    let size = chance.usize(TOO_LARGE);
    match chance.u32(..4) {
        0 => Step::new(format!("data: {}", "x".repeat(size)).into_bytes(), vec![EVENT_TOO_LARGE]),
        1 => Step::new(format!("id: never\ndata: {}\n", "x".repeat(size)).into_bytes(), vec![EVENT_TOO_LARGE]),
        2 => {
            let bytes = format!(": {}", "c".repeat(size)).into_bytes();
            Step { bytes, events: vec![], items: vec![COMMENT_TOO_LARGE] }
        }
        _ => Step::new("w".repeat(size).into_bytes(), vec![]),
    }
}

fn plain_event(data: &str) -> Outcome {
    Outcome::Event { name: "message".to_owned(), data: data.to_owned(), id: None, retry: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::habits::METHODS;
    use crate::hostile::Reader;
    use sse_wire::client::EventSource;

    #[test]
    fn every_round_is_as_expected_whole_and_in_small_pieces() {
        for number in 0..12 {
            for (reading, size) in METHODS.into_iter().flat_map(|method| [(method, 61), (method, usize::MAX)]) {
                let mut source = EventSource::builder().max_event_size(LIMIT).build();
                source.response(200, "text/event-stream").unwrap();
                let steps = round(Series { seed: 7 }, number).unwrap();
                let stream: Vec<u8> = steps.iter().flat_map(|step| step.bytes.iter().copied()).collect();
                let mut reader = Reader::new(reading, steps, String::new());
                for chunk in stream.chunks(size.min(stream.len())) {
                    reader.take(&mut source, chunk.to_vec().into()).unwrap();
                }
                reader.end(&mut source).unwrap();
            }
        }
    }
}
