//! A hostile stream, and a client with a limit: each block that is too large must lead to the right error, once, and the
//! events in between must arrive whole.
//!
//! One client reads one round after the other, each by another method. The connection ends within the last block of a
//! round; nothing of that may be left in the next.

mod script;

use std::sync::Arc;
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{Stream, stream};
use sse_wire::client::{EventSource, ReceiveError, Reconnect};
use sse_wire::{Block, BlockLine, Event, FieldError, ParseError, Parser};
use tokio::time::sleep;

use crate::expected::Series;
use crate::failure::{Failure, shortened};
use crate::habits::{METHODS, Reading};
use crate::run::Run;
use script::{LIMIT, Outcome, Seen, Step};

/// The largest piece that the server sends at once.
const PIECE: usize = 32 * 1024;

/// The bytes of one round, in pieces that end anywhere, with pauses.
pub fn pieces(series: Series, round: u64) -> impl Stream<Item = Result<Bytes, FieldError>> {
    let start = (None, series.chance(round));
    stream::try_unfold(start, move |(rest, mut chance): (Option<Bytes>, Rng)| async move {
        let mut rest = match rest {
            Some(rest) => rest,
            None => script::round(series, round)?.into_iter().flat_map(|step| step.bytes).collect(),
        };
        if chance.u32(..4) == 0 {
            sleep(Duration::from_millis(chance.u64(1..8))).await;
        }
        let size = if chance.bool() { chance.usize(1..=64) } else { chance.usize(1..=PIECE) };
        let piece = rest.split_to(size.min(rest.len()));
        Ok((!piece.is_empty()).then_some((piece, (Some(rest), chance))))
    })
}

/// Reads one round after the other, until a check fails or the run is ending.
pub async fn follow(http: reqwest::Client, url: String, run: Arc<Run>) -> Result<(), Failure> {
    let reconnect = Reconnect::new().with_time(Duration::from_millis(20)).with_floor(Duration::from_millis(20));
    let parser = Parser::new().with_max_event_size(LIMIT);
    let mut source = EventSource::new().with_parser(parser).with_reconnect(reconnect);
    let mut last_event_id = String::new();
    let mut chance = Rng::with_seed(run.series.seed);
    for (round, reading) in (0..).zip(METHODS.into_iter().cycle()) {
        if run.is_ending() {
            break;
        }
        let place = |failure: Failure| failure.within(format!("round {round} ({reading:?})"));
        let steps = script::round(run.series, round).map_err(|error| place(Failure::error("the script", &error)))?;
        let mut reader = Reader::new(reading, steps, last_event_id);
        let request = http.get(format!("{url}/{round}"));
        let request = source.request_headers().fold(request, |request, (name, value)| request.header(name, value));
        let broken = |error: reqwest::Error| place(Failure::error("the connection", &error));
        let mut response = request.send().await.map_err(broken)?;
        let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
        let opens = source.response(response.status().as_u16(), content_type, Duration::ZERO);
        opens.map_err(|error| place(Failure::error("the response", &error)))?;
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            run.counts.hostile.bytes.add(u64::try_from(chunk.len()).unwrap_or_default());
            reader.read(&mut source, &chunk).map_err(place)?;
        }
        reader.end(&mut source).map_err(place)?;
        let next = source.disconnected(Duration::ZERO);
        let next = next.map_err(|error| place(Failure::error("a connection that ended", &error)))?;
        sleep(next.wait(chance.u32(..))).await;

        let counts = &run.counts.hostile;
        counts.rounds.add(1);
        counts.events.add(reader.events);
        counts.comments.add(reader.comments);
        counts.refused.add(reader.refused);
        last_event_id = reader.last_event_id;
    }
    Ok(())
}

/// Reads one round, and compares all of it.
struct Reader {
    reading: Reading,
    /// What must still come, and where its block begins.
    expected: vec::IntoIter<(u64, Outcome)>,
    last_event_id: String,
    events: u64,
    comments: u64,
    refused: u64,
}

impl Reader {
    fn new(reading: Reading, steps: Vec<Step>, last_event_id: String) -> Reader {
        let mut expected = Vec::new();
        let mut start = 0;
        for step in steps {
            let len = u64::try_from(step.bytes.len()).unwrap_or_default();
            let outcome = if reading.sees_blocks() { Some(step.block()) } else { step.event };
            expected.extend(outcome.map(|outcome| (start, outcome)));
            start += len;
        }
        let expected = expected.into_iter();
        Reader { reading, expected, last_event_id, events: 0, comments: 0, refused: 0 }
    }

    /// Everything that one chunk completes.
    fn read(&mut self, source: &mut EventSource, chunk: &Bytes) -> Result<(), Failure> {
        match self.reading {
            Reading::Borrowed => {
                let mut events = source.feed(chunk);
                while let Some(event) = events.next_event().transpose() {
                    self.check(event, |reader, event| reader.event(event))?;
                }
                Ok(())
            }
            Reading::Owned => {
                let mut events = source.feed(chunk).owned();
                events.try_for_each(|event| self.check(event, |reader, event| reader.event(event.as_event())))
            }
            Reading::Blocks => {
                let mut blocks = source.feed(chunk);
                while let Some(block) = blocks.next_block().transpose() {
                    self.check(block, |reader, block| reader.block(block))?;
                }
                Ok(())
            }
            Reading::OwnedBlocks => {
                let mut blocks = source.feed(chunk).owned_blocks();
                blocks.try_for_each(|block| self.check(block, |reader, block| reader.block(block.as_block())))
            }
            Reading::Bytes | Reading::Mixed | Reading::Stream | Reading::Source | Reading::SourceWithComments => {
                let mut events = source.feed_bytes(chunk);
                events.try_for_each(|event| self.check(event, |reader, event| reader.event(event.as_event())))
            }
        }
    }

    /// What a method has returned: an item, which `check` checks, or an error.
    fn check<T>(
        &mut self,
        item: Result<T, ReceiveError>,
        check: impl FnOnce(&mut Self, T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match item {
            Ok(item) => check(self, item),
            Err(ReceiveError::Parse(error)) => self.error(&error),
            Err(error) => Err(Failure::error("the source", &error)),
        }
    }

    /// The connection has ended: everything must have come, and the last block must not become an event.
    fn end(&mut self, source: &mut EventSource) -> Result<(), Failure> {
        if let Some((_, missing)) = self.expected.next() {
            return Err(Failure::new("the end of the stream", describe(&missing), "nothing"));
        }
        let unfinished = source.finish();
        if let Some(event) = unfinished.and_then(|block| block.event()) {
            return Err(Failure::new("the end of the stream", "no unfinished event", shortened(event.data())));
        }
        if self.reading.sees_blocks() && unfinished.is_some() {
            return Err(Failure::new("the end of the stream", "no unfinished block", "one that was refused"));
        }
        let (expected, seen) = (&self.last_event_id, source.last_event_id());
        if expected == seen { Ok(()) } else { Err(Failure::new("the last event ID", expected, shortened(seen))) }
    }

    fn block(&mut self, block: Block<'_>) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for line in block.lines() {
            match line {
                BlockLine::Comment(text) => {
                    self.comments += 1;
                    lines.push((String::new(), text.to_owned()));
                }
                BlockLine::Field { name, value } => lines.push((name.to_owned(), value.to_owned())),
                _ => return Err(Failure::new("a line", "a comment or a field", format!("{line:?}"))),
            }
        }
        self.compare(&Outcome::Block { event: block.event().map(Seen::from), lines })?;
        block.event().map_or(Ok(()), |event| self.last_event_id(event))
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Failure> {
        self.compare(&Outcome::Event(event.into()))?;
        self.last_event_id(event)
    }

    /// Checks the last event ID of an event.
    fn last_event_id(&mut self, event: Event<'_>) -> Result<(), Failure> {
        self.events += 1;
        if let Some(id) = event.id() {
            id.clone_into(&mut self.last_event_id);
        }
        let (expected, seen) = (&self.last_event_id, event.last_event_id());
        if expected == seen { Ok(()) } else { Err(Failure::new("a last event ID", expected, shortened(seen))) }
    }

    fn error(&mut self, error: &ParseError) -> Result<(), Failure> {
        self.refused += 1;
        let start = self.compare(&Outcome::Refused(error.kind()))?;
        if error.limit() != Some(LIMIT) {
            return Err(Failure::new("the limit of an error", LIMIT, format!("{:?}", error.limit())));
        }
        if error.position() == start {
            Ok(())
        } else {
            Err(Failure::new("the position of an error", start, error.position()))
        }
    }

    /// Where the block begins, if this was next.
    fn compare(&mut self, seen: &Outcome) -> Result<u64, Failure> {
        match self.expected.next() {
            Some((start, expected)) if expected == *seen => Ok(start),
            Some((start, expected)) => {
                Err(Failure::new(format!("the block at byte {start}"), describe(&expected), describe(seen)))
            }
            None => Err(Failure::new("after all blocks", "nothing", describe(seen))),
        }
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Event(Seen { name, data, id, retry }) => {
            let (len, data) = (data.len(), shortened(data));
            format!("an event (name {name:?}, id {id:?}, retry {retry:?}, {len} bytes of data, {data})")
        }
        Outcome::Block { event, lines } => {
            let event = event.clone().map_or("no event".to_owned(), |event| describe(&Outcome::Event(event)));
            let first = lines.first().map_or(String::new(), |(name, value)| format!("{name}: {value}"));
            format!("a block of {} lines, the first {}, with {event}", lines.len(), shortened(&first))
        }
        Outcome::Refused(kind) => format!("a block refused for this: {kind}"),
    }
}
