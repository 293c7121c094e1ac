//! The parsers: a small adapter for each, all run and checked in the same way.

use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::str;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::iter;
use memchr::memchr2;

use crate::corpora::{Corpus, Cut};
use crate::measure::{self, Pace, Pass};
use crate::results::{Cell, Kind, Row, Value};

pub const BORROWED: &str = "ours, borrowed";
pub const OWNED: &str = "ours, owned";
pub const LIMIT: &str = "limit";

/// All that are measured, in the order of the table's columns.
pub const ALL: &[Parser] = &[
    Parser::of::<Borrowed>(BORROWED, None),
    Parser::of::<Owned>(OWNED, None),
    #[cfg(baseline)]
    Parser::of::<crate::baseline::Borrowed>(crate::baseline::BORROWED, None),
    #[cfg(baseline)]
    Parser::of::<crate::baseline::Shared>(crate::baseline::SHARED, None),
    Parser::of::<EventsourceStream>("eventsource-stream", Some("eventsource-stream")),
    Parser::of::<EventsourceStream2>("eventsource-stream2", Some("eventsource-stream2")),
    Parser::of::<Sseer>("sseer", Some("sseer")),
    Parser::of::<SseParse>("sse-parse", Some("sse-parse")),
    Parser::of::<SseCore>("sse-core", Some("sse-core")),
    Parser::of::<SseStream>("sse-stream", Some("sse-stream")),
    Parser::of::<Eventsrc>("eventsrc", Some("eventsrc")),
    Parser::of::<Limit>(LIMIT, None),
];

/// The notes below the table.
pub const NOTES: [&str; 8] = [
    "`ours, borrowed` is `feed` and `next_event` on `&[u8]`; `ours, owned` is `feed_bytes` on `Bytes`.",
    "`limit` finds every line end by `memchr2` and checks every line by `str::from_utf8`, over the same chunks, and makes \
     no events. A parser can be faster: `sse-stream` (from 256 bytes) and ours (by default) check UTF-8 by `simdutf8`, and \
     ours finds the ends of short lines 64 bytes at a time.",
    "`sse-core` is set to 16 MiB for one event: with its default of 512 KiB it refuses line-4m.",
    "`sse-stream` yields blocks as they are, without the last event ID of the stream. In these corpora either every \
     event has an id or none has.",
    "Ill-formed UTF-8, which the corpora do not have, is replaced by ours, `sse-parse` and `sse-core`, and is an error \
     for the others.",
    "`sseer` and ours, owned, read chunks of `Bytes`, which are cloned outside of the timing and dropped within it; all \
     others read `&[u8]`, which saves those that accept any `Buf` the reference counts.",
    "Events of ours, borrowed, lie in the chunk or the parser. Those of ours, owned, are one allocation each, or share large \
     data with the chunk. Those of `sseer` are parts of the chunk where they can be, those of `eventsrc` of a copy of it. \
     All others are strings of their own.",
    "`> n`: stopped before it had read the stream once. `differs`, `fails`, `panics`: not the events that the others see.",
];

/// One way to parse.
pub struct Parser {
    pub name: &'static str,
    pub package: Option<&'static str>,
    look: fn(&Input<'_>, Deadline, &mut Digest) -> Result<(), String>,
    pass: fn(&Input<'_>) -> Duration,
}

impl Parser {
    const fn of<A: Adapter>(name: &'static str, package: Option<&'static str>) -> Parser {
        Parser { name, package, look: look::<A>, pass: pass::<A> }
    }
}

/// How a parser is fed and what it yields.
pub trait Adapter {
    /// The kind of chunk that suits it best.
    type Chunk<'c>: Chunk<'c>;

    /// Parses all of `chunks`. Each event goes to `sink` and is dropped before the next one is read.
    fn parse<'c>(chunks: impl Iterator<Item = Self::Chunk<'c>>, sink: &mut impl Sink) -> Result<(), String>;
}

/// Where events go.
pub trait Sink {
    fn event(&mut self, name: &str, data: &str, id: &str);
}

/// Prevents that the compiler leaves the event out, and does nothing else.
#[derive(Default)]
struct Discard;

impl Sink for Discard {
    #[inline]
    fn event(&mut self, name: &str, data: &str, id: &str) {
        black_box((name, data, id));
    }
}

/// The number and a hash of all events that a parser yields.
#[derive(Default)]
struct Digest {
    events: usize,
    bytes: usize,
    hasher: DefaultHasher,
}

impl Sink for Digest {
    fn event(&mut self, name: &str, data: &str, id: &str) {
        self.events += 1;
        self.bytes += data.len();
        (name, data, id).hash(&mut self.hasher);
    }
}

impl Digest {
    fn same(&self, other: &Digest) -> bool {
        let what = |seen: &Digest| (seen.events, seen.bytes, seen.hasher.finish());
        what(self) == what(other)
    }
}

/// A stream in chunks, and which parsers can be measured with it.
pub struct Input<'c> {
    corpus: &'c Corpus,
    cut: Cut,
    slices: Vec<&'c [u8]>,
    shared: Vec<Bytes>,
    /// In the order of [`ALL`]: what to show for those that cannot be measured.
    instead: Vec<Option<String>>,
}

impl<'c> Input<'c> {
    fn new(corpus: &'c Corpus, cut: Cut) -> Self {
        Input { corpus, cut, slices: Vec::new(), shared: Vec::new(), instead: Vec::new() }
    }

    /// Makes the chunks. Called when they are needed, so that only one stream is in memory at a time.
    fn fill(&mut self) {
        self.slices = self.corpus.chunks(self.cut);
        self.shared = self.corpus.shared_chunks(self.cut);
    }

    fn empty(&mut self) {
        self.slices = Vec::new();
        self.shared = Vec::new();
    }
}

pub trait Chunk<'c>: Sized {
    fn all(input: &'c Input<'c>) -> Vec<Self>;
}

impl<'c> Chunk<'c> for &'c [u8] {
    fn all(input: &'c Input<'c>) -> Vec<Self> {
        input.slices.clone()
    }
}

impl<'c> Chunk<'c> for Bytes {
    fn all(input: &'c Input<'c>) -> Vec<Self> {
        input.shared.clone()
    }
}

#[derive(Clone, Copy)]
struct Deadline(Instant);

fn look<A: Adapter>(input: &Input<'_>, deadline: Deadline, seen: &mut Digest) -> Result<(), String> {
    let chunks = A::Chunk::all(input).into_iter();
    let in_time = chunks.take_while(|_| Instant::now() < deadline.0);
    A::parse(in_time, seen)
}

fn pass<A: Adapter>(input: &Input<'_>) -> Duration {
    let mut chunks = A::Chunk::all(input);
    let start = Instant::now();
    let outcome = A::parse(chunks.drain(..), &mut Discard);
    let time = start.elapsed();
    black_box(&outcome);
    time
}

/// Parses the corpus in every cut with every parser, and finds out which of them yield the same events in time.
///
/// # Panics
///
/// If ours yields other events than those of the corpus.
pub fn check(corpus: &Corpus, limit: Duration) -> Vec<Input<'_>> {
    let cuts = corpus.cuts().into_iter();
    cuts.map(|cut| {
        let mut input = Input::new(corpus, cut);
        eprintln!("checking {}, {}", corpus.name, cut.name());
        input.fill();
        let ours = reference(&input);
        input.instead = ALL.iter().map(|parser| deviation(parser, &input, &ours, limit)).collect();
        input.empty();
        input
    })
    .collect()
}

fn reference(input: &Input<'_>) -> Digest {
    let mut seen = Digest::default();
    let outcome = Borrowed::parse(input.slices.iter().copied(), &mut seen);
    assert!(outcome.is_ok() && seen.events == input.corpus.events, "ours sees other events: {outcome:?}");
    seen
}

/// What to show for a parser that does not yield the same events; `None` if it yields them.
fn deviation(parser: &Parser, input: &Input<'_>, ours: &Digest, limit: Duration) -> Option<String> {
    if Kind::of(parser.name) == Kind::Limit {
        return None;
    }
    let start = Instant::now();
    let mut seen = Digest::default();
    let look = AssertUnwindSafe(|| (parser.look)(input, Deadline(start + limit), &mut seen));
    let outcome = panic::catch_unwind(look);
    let time = start.elapsed();
    let instead = match outcome {
        Err(_) => "panics".into(),
        Ok(Err(_)) => "fails".into(),
        Ok(Ok(())) if seen.same(ours) => return None,
        Ok(Ok(())) if time >= limit => format!("> {}", rounded_down(nanoseconds(time.as_secs_f64(), input))),
        Ok(Ok(())) => "differs".into(),
    };
    eprintln!("  {}: {instead} ({} of {} events, {} s)", parser.name, seen.events, ours.events, time.as_secs());
    assert!(Kind::of(parser.name) == Kind::Other, "ours must not deviate");
    Some(instead)
}

/// Measures all that can be measured.
pub fn measure(mut input: Input<'_>, pace: &Pace) -> Row {
    eprintln!("parsing {}, {}", input.corpus.name, input.cut.name());
    input.fill();
    let input = &input;
    let able = || ALL.iter().zip(&input.instead).filter(|(_, instead)| instead.is_none());
    let mut passes: Vec<Pass<'_>> = Vec::new();
    for (parser, _) in able() {
        passes.push(Box::new(|| (parser.pass)(input)));
    }
    let mut medians = measure::medians(&mut passes, pace).into_iter();
    let cells = ALL.iter().zip(&input.instead).filter_map(|(parser, instead)| {
        let value = match instead {
            Some(instead) => Value::Instead(instead.clone()),
            None => Value::Time(nanoseconds(medians.next()?, input)),
        };
        Some(Cell { who: parser.name.into(), value })
    });
    Row { what: input.corpus.name.into(), cut: Some(input.cut.name()), cells: cells.collect() }
}

/// For one event of the stream.
fn nanoseconds(pass: f64, input: &Input<'_>) -> f64 {
    let events = u32::try_from(input.corpus.events).map_or(f64::INFINITY, f64::from);
    pass * 1e9 / events
}

/// To two digits, since it is only a lower bound.
fn rounded_down(time: f64) -> f64 {
    let unit = 10_f64.powf(time.log10().floor() - 1.0);
    (time / unit).floor() * unit
}

/// Polls a stream that is always ready, until it ends.
fn drive<T, E: Debug>(stream: impl Stream<Item = Result<T, E>>, mut each: impl FnMut(T)) -> Result<(), String> {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(Ok(item))) => each(item),
            Poll::Ready(Some(Err(error))) => return Err(format!("{error:?}")),
            Poll::Ready(None) => return Ok(()),
            Poll::Pending => return Err("it waits although all input is ready".into()),
        }
    }
}

fn ready<T>(chunks: impl Iterator<Item = T>) -> impl Stream<Item = Result<T, Infallible>> {
    iter(chunks.map(Ok))
}

struct Borrowed;

impl Adapter for Borrowed {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = sse_wire::Parser::new();
        for chunk in chunks {
            let mut events = parser.feed(chunk);
            while let Some(event) = events.next_event().map_err(|error| error.to_string())? {
                sink.event(event.name(), event.data(), event.last_event_id());
            }
        }
        Ok(())
    }
}

struct Owned;

impl Adapter for Owned {
    type Chunk<'c> = Bytes;

    fn parse<'c>(chunks: impl Iterator<Item = Self::Chunk<'c>>, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = sse_wire::Parser::new();
        for chunk in chunks {
            for event in parser.feed_bytes(&chunk) {
                let event = event.map_err(|error| error.to_string())?;
                sink.event(event.name(), event.data(), event.last_event_id());
            }
        }
        Ok(())
    }
}

struct EventsourceStream;

impl Adapter for EventsourceStream {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let events = eventsource_stream::EventStream::new(ready(chunks));
        drive(events, |event| sink.event(&event.event, &event.data, &event.id))
    }
}

struct EventsourceStream2;

impl Adapter for EventsourceStream2 {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let events = eventsource_stream2::EventStream::new(ready(chunks));
        drive(events, |event| sink.event(&event.event, &event.data, &event.id))
    }
}

struct Sseer;

impl Adapter for Sseer {
    type Chunk<'c> = Bytes;

    fn parse<'c>(chunks: impl Iterator<Item = Self::Chunk<'c>>, sink: &mut impl Sink) -> Result<(), String> {
        let events = sseer::EventStream::new(ready(chunks));
        drive(events, |event| sink.event(&event.event, &event.data, &event.id))
    }
}

struct SseParse;

impl Adapter for SseParse {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = sse_parse::SseParser::new();
        for chunk in chunks {
            parser.feed(chunk);
            while let Some(event) = parser.next_event() {
                sink.event(&event.event, &event.data, &event.id);
            }
        }
        Ok(())
    }
}

struct SseCore;

impl Adapter for SseCore {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        // The limit that ours has by default.
        let limit = NonZeroUsize::new(16 * 1024 * 1024).unwrap_or(NonZeroUsize::MAX);
        let mut decoder = sse_core::SseDecoder::with_limit(limit);
        for mut chunk in chunks {
            while let Some(event) = decoder.next(&mut chunk) {
                if let sse_core::SseEvent::Message(event) = event.map_err(|error| error.to_string())? {
                    sink.event(&event.event, &event.data, event.last_event_id.as_deref().unwrap_or(""));
                }
            }
        }
        Ok(())
    }
}

struct SseStream;

impl Adapter for SseStream {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let blocks = sse_stream::SseByteStream::new(ready(chunks));
        drive(blocks, |block| {
            if let Some(data) = &block.data {
                let name = block.event.as_deref().unwrap_or("message");
                sink.event(name, data, block.id.as_deref().unwrap_or(""));
            }
        })
    }
}

struct Eventsrc;

impl Adapter for Eventsrc {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let events = eventsrc::EventStream::new(ready(chunks));
        drive(events, |event| sink.event(event.event(), event.data(), event.id()))
    }
}

/// The work that no parser can leave out. The end of a chunk ends a line here.
struct Limit;

impl Adapter for Limit {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, _: &mut impl Sink) -> Result<(), String> {
        for mut chunk in chunks {
            while let Some(end) = memchr2(b'\r', b'\n', chunk) {
                black_box(str::from_utf8(&chunk[..end]).is_ok());
                chunk = &chunk[end + 1..];
            }
            black_box(str::from_utf8(chunk).is_ok());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parsers_yield_the_same_events_of_small_corpora() {
        for corpus in Corpus::limited_to(4 * 1024) {
            for input in check(&corpus, Duration::from_secs(60)) {
                for (parser, instead) in ALL.iter().zip(&input.instead) {
                    let (corpus, cut) = (corpus.name, input.cut);
                    assert_eq!(*instead, None, "{} with {corpus} cut at {cut:?}", parser.name);
                }
            }
        }
    }
}
