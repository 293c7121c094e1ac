//! A stream that means harm, and a client with a limit that must come through it: each block that is too large gives the
//! error that it should, once, and the events in between arrive whole.
//!
//! One client at a time reads one round after the other, each by another method. The connection ends within the last block
//! of a round; nothing of that may be left in the next.

mod script;

use std::sync::Arc;
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{Stream, stream};
use sse_wire::client::{EventSource, ReceiveError, Reconnect};
use sse_wire::{Event, FieldError, Item, ParseError};
use tokio::time::sleep;

use crate::expected::Series;
use crate::failure::{Failure, shortened};
use crate::habits::{METHODS, Reading};
use crate::run::Run;
use script::{LIMIT, Outcome, Step};

/// Signs of life come often, so that some fall between the pieces of a block: the server must hold them back.
pub const KEEP_ALIVE_PERIOD: Duration = Duration::from_millis(3);

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

/// Reads one round after the other, until a check fails or the run comes to its end.
pub async fn follow(http: reqwest::Client, url: String, run: Arc<Run>) -> Result<(), Failure> {
    let reconnect = Reconnect::new().time(Duration::from_millis(20)).floor(Duration::from_millis(20));
    let mut source = EventSource::builder().max_event_size(LIMIT).reconnect(reconnect).build();
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
        let opens = source.response(response.status().as_u16(), content_type);
        opens.map_err(|error| place(Failure::error("the response", &error)))?;
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            run.counts.hostile.bytes.add(u64::try_from(chunk.len()).unwrap_or_default());
            reader.take(&mut source, chunk).map_err(place)?;
        }
        reader.end(&mut source).map_err(place)?;
        let wait = source.disconnected(Duration::ZERO, chance.u32(..));
        sleep(wait.map_err(|error| place(Failure::error("a connection that ended", &error)))?).await;

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
    /// What is yet to come, with where its block begins, signs of life not counted.
    expected: vec::IntoIter<(u64, Outcome)>,
    last_event_id: String,
    events: u64,
    comments: u64,
    /// Comments without text: signs of life, each of which moves on what comes after it.
    alive: u64,
    refused: u64,
}

impl Reader {
    fn new(reading: Reading, steps: Vec<Step>, last_event_id: String) -> Reader {
        let sees_comments = matches!(reading, Reading::Items | Reading::SharedItems);
        let mut expected = Vec::new();
        let mut start = 0;
        for step in steps {
            let outcomes = if sees_comments { step.items } else { step.events };
            expected.extend(outcomes.into_iter().map(|outcome| (start, outcome)));
            start += u64::try_from(step.bytes.len()).unwrap_or_default();
        }
        let expected = expected.into_iter();
        Reader { reading, expected, last_event_id, events: 0, comments: 0, alive: 0, refused: 0 }
    }

    /// All of one chunk.
    fn take(&mut self, source: &mut EventSource, mut chunk: Bytes) -> Result<(), Failure> {
        let copy = chunk.clone();
        let mut borrowed = &copy[..];
        loop {
            let is_more = match self.reading {
                Reading::Borrowed => {
                    source.next_event(&mut borrowed).map(|event| event.map(|event| self.event(&event)))
                }
                Reading::Items => source.next_item(&mut borrowed).map(|item| item.map(|item| self.item(&item))),
                Reading::SharedItems => {
                    source.next_item_shared(&mut chunk).map(|item| item.map(|item| self.item(&item)))
                }
                _ => source.next_event_shared(&mut chunk).map(|event| event.map(|event| self.event(&event))),
            };
            match is_more {
                Ok(Some(checked)) => checked?,
                Ok(None) => return Ok(()),
                Err(ReceiveError::Parse(error)) => self.error(&error)?,
                Err(error) => return Err(Failure::error("the source", &error)),
            }
        }
    }

    /// The connection has ended: all must have come, and what did not end must not become an event.
    fn end(&mut self, source: &mut EventSource) -> Result<(), Failure> {
        if let Some((_, missing)) = self.expected.next() {
            return Err(Failure::new("the end of the stream", describe(&missing), "nothing"));
        }
        if let Some(event) = source.finish() {
            return Err(Failure::new("the end of the stream", "no unfinished event", shortened(event.data())));
        }
        let (expected, seen) = (&self.last_event_id, source.last_event_id());
        if expected == seen { Ok(()) } else { Err(Failure::new("the last event ID", expected, shortened(seen))) }
    }

    fn item<S: AsRef<str>>(&mut self, item: &Item<S>) -> Result<(), Failure> {
        match item {
            Item::Event(event) => self.event(event),
            Item::Comment(text) if text.as_ref().is_empty() => {
                self.alive += 1;
                self.comments += 1;
                Ok(())
            }
            Item::Comment(text) => {
                self.comments += 1;
                self.compare(&Outcome::Comment(text.as_ref().to_owned())).map(|_| ())
            }
        }
    }

    fn event<S: AsRef<str>>(&mut self, event: &Event<S>) -> Result<(), Failure> {
        self.events += 1;
        let id = event.id().map(str::to_owned);
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        let (name, data) = (event.name().to_owned(), event.data().to_owned());
        self.compare(&Outcome::Event { name, data, id, retry: event.retry() })?;
        let (expected, seen) = (&self.last_event_id, event.last_event_id());
        if expected == seen { Ok(()) } else { Err(Failure::new("a last event ID", expected, shortened(seen))) }
    }

    fn error(&mut self, error: &ParseError) -> Result<(), Failure> {
        self.refused += 1;
        let start = self.compare(&Outcome::Refused(error.kind()))?;
        let alive = u64::try_from(sse_wire::KEEP_ALIVE.len()).unwrap_or_default();
        let signs = match self.reading {
            Reading::Items | Reading::SharedItems => Some(self.alive * alive),
            // Those that were not seen: some whole number of them.
            _ => error.position().checked_sub(start).filter(|signs| signs % alive == 0),
        };
        if signs.map(|signs| start + signs) == Some(error.position()) {
            Ok(())
        } else {
            let expected = format!("byte {start}, moved on by signs of life of {alive} bytes each");
            Err(Failure::new("the position of an error", expected, error.position()))
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
        Outcome::Event { name, data, id, retry } => {
            let (len, data) = (data.len(), shortened(data));
            format!("an event (name {name:?}, id {id:?}, retry {retry:?}, {len} bytes of data, {data})")
        }
        Outcome::Comment(text) => format!("a comment, {}", shortened(text)),
        Outcome::Refused(kind) => format!("a block refused for {kind}"),
    }
}
