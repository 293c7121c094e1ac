//! The encoders: a small adapter for each, all given the same events.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{IoSlice, Write};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use bytes::{Buf, Bytes, BytesMut};
use sse_wire::{Encoder, Event};
use tokio_util::codec::Encoder as _;

use crate::by_hand;
use crate::measure::{self, Pace, Pass};
use crate::results::{Cell, Row, Value};

pub const ENCODE: &str = "ours, encode";
pub const ENCODE_INTO: &str = "ours, encode_into";
pub const BATCH: &str = "ours, batch of 16";
pub const AS_BUF: &str = "ours, as_buf";
pub const INTO_BUF: &str = "ours, into_buf";
const COPY: &str = "copy";

/// How many events a batch has.
const BATCH_SIZE: usize = 16;

pub const ONE_LINE: &str = "line of 250 bytes";
pub const ALL_FIELDS: &str = "name, id and data";
pub const LINES: &str = "20 lines";
pub const LONG_LINE: &str = "line of 64 KiB";

/// All that are measured, in the order of the table's columns.
pub const ALL: &[Contender] = &[
    Contender { name: ENCODE, package: None, pass: encode },
    Contender { name: ENCODE_INTO, package: None, pass: encode_into },
    Contender { name: BATCH, package: None, pass: batch },
    Contender { name: AS_BUF, package: None, pass: as_buf },
    Contender { name: "ours, as_buf vectored", package: None, pass: as_buf_vectored },
    Contender { name: INTO_BUF, package: None, pass: into_buf },
    Contender { name: "ours, into_buf vectored", package: None, pass: into_buf_vectored },
    #[cfg(baseline)]
    Contender { name: crate::baseline::ENCODE, package: None, pass: crate::baseline::encode },
    #[cfg(baseline)]
    Contender { name: crate::baseline::ENCODE_INTO, package: None, pass: crate::baseline::encode_into },
    Contender { name: "axum", package: Some("axum"), pass: axum },
    Contender { name: "russe", package: Some("russe"), pass: russe },
    Contender { name: "sse-stream", package: Some("sse-stream"), pass: sse_stream },
    Contender { name: "uhttp_sse", package: Some("uhttp_sse"), pass: uhttp_sse },
    Contender { name: "limit", package: None, pass: by_hand },
    Contender { name: COPY, package: None, pass: copy },
];

/// The notes below the table.
pub const NOTES: [&str; 6] = [
    "`limit` is a loop written by hand that gets CR, LF and CRLF right and checks name and id, into a `Vec` that is used \
     again. `copy` copies the data alone into such a `Vec`.",
    "`encode_into`, `russe` (as a codec) and `uhttp_sse` also write into memory that is used again. `encode`, `axum` \
     and `sse-stream` return `Bytes`, which are dropped within the timing. `batch of 16` is an `Encoder` that 16 events \
     are pushed to and one `Bytes` is taken from; the time is that of one event.",
    "`as_buf` and `into_buf` copy no data: their chunks are looked at and advanced over, one by one or (`vectored`) 64 at a \
     time.",
    "The event is prepared outside of the timing where an encoder takes one that owns or shares its text (`into_buf`, \
     `russe`, `sse-stream`), and dropped within it. `axum` writes while the event is built, so building is timed; \
     so is ours, from `&str`, with its checks of name and id.",
    "`axum` writes to the body of its response, which is polled. The response is made outside of the timing.",
    "`uhttp_sse` leaves line ends to the caller: each line of the data is a field of its own here, found by `split`.",
];

/// One way to encode.
pub struct Contender {
    pub name: &'static str,
    pub package: Option<&'static str>,
    pass: Encode,
}

/// Encodes the event so many times, and returns how long that took. If there is a place to write to, writes there what
/// one event becomes.
type Encode = fn(&'static Case, usize, Option<&mut Vec<u8>>) -> Duration;

/// An event to encode.
pub struct Case {
    name: &'static str,
    /// Name and id.
    pub event: Option<(&'static str, &'static str)>,
    pub data: String,
}

static CASES: LazyLock<[Case; 4]> = LazyLock::new(|| {
    let line = |size: usize| "{\"delta\":\"token\"},".chars().cycle().take(size).collect::<String>();
    let fields = Some(("content_block_delta", "1700000001"));
    [
        Case { name: ONE_LINE, event: None, data: line(250) },
        Case { name: ALL_FIELDS, event: fields, data: line(120) },
        Case { name: LINES, event: None, data: vec![line(60); 20].join("\n") },
        Case { name: LONG_LINE, event: None, data: line(64 * 1024) },
    ]
});

impl Case {
    fn event(&self) -> Event<'_> {
        by_hand::event(self.event, &self.data)
    }

    /// How many times it is encoded in one pass: whole batches of about 64 KiB of data.
    fn repetitions(&self) -> usize {
        let batches = 64 * 1024 / self.data.len() / BATCH_SIZE;
        batches.clamp(1, 16) * BATCH_SIZE
    }
}

/// Makes sure that what each of them writes is the event that it was given.
///
/// # Errors
///
/// If one of them writes something else: which, and for which event.
pub fn check() -> Result<(), String> {
    for case in &*CASES {
        for contender in ALL.iter().filter(|contender| contender.name != COPY) {
            let mut written = Vec::new();
            (contender.pass)(case, 2, Some(&mut written));
            let mut parser = sse_wire::Parser::new();
            let mut events = parser.feed(&written);
            let read = events.next_event().map_err(|error| error.to_string())?;
            if read.is_none_or(|read| read != case.event()) || !events.into_rest().is_empty() {
                return Err(format!("{} writes another event than {}", contender.name, case.name));
            }
        }
    }
    Ok(())
}

/// Measures all of them with every event.
pub fn measure(pace: &Pace) -> Vec<Row> {
    CASES.iter().map(|case| measure_one(case, pace)).collect()
}

fn measure_one(case: &'static Case, pace: &Pace) -> Row {
    eprintln!("encoding {}", case.name);
    let repetitions = case.repetitions();
    let mut passes: Vec<Pass<'_>> = Vec::new();
    for contender in ALL {
        passes.push(Box::new(move || (contender.pass)(case, repetitions, None)));
    }
    let medians = measure::medians(&mut passes, pace);
    let divisor = u32::try_from(repetitions).map_or(f64::INFINITY, f64::from);
    let cells = ALL
        .iter()
        .zip(medians)
        .map(|(contender, median)| Cell { who: contender.name.into(), value: Value::Time(median * 1e9 / divisor) });
    Row { what: case.name.into(), cut: None, cells: cells.collect() }
}

pub fn timed(repetitions: usize, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..repetitions {
        work();
    }
    start.elapsed()
}

/// The same, with something that was prepared for each time.
fn timed_with<T>(prepared: Vec<T>, mut work: impl FnMut(T)) -> Duration {
    let mut prepared = prepared;
    let start = Instant::now();
    for one in prepared.drain(..) {
        work(one);
    }
    start.elapsed()
}

/// The same, with memory that is used again, and is large enough.
pub fn timed_into(
    case: &Case,
    repetitions: usize,
    written: Option<&mut Vec<u8>>,
    mut work: impl FnMut(&mut Vec<u8>),
) -> Duration {
    let mut memory = Vec::with_capacity(2 * case.data.len() + 128);
    let time = timed(repetitions, || {
        memory.clear();
        work(&mut memory);
        black_box(&memory);
    });
    if let Some(written) = written {
        *written = memory;
    }
    time
}

fn encode(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    if let Some(written) = written {
        written.extend_from_slice(&case.event().encode());
    }
    timed(repetitions, || {
        black_box(black_box(case).event().encode());
    })
}

fn encode_into(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    timed_into(case, repetitions, written, |memory| black_box(case).event().encode_into(memory))
}

fn batch(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let mut encoder = Encoder::new();
    if let Some(written) = written {
        encoder.push(case.event());
        written.extend_from_slice(&encoder.take());
    }
    timed(repetitions / BATCH_SIZE, || {
        for _ in 0..BATCH_SIZE {
            encoder.push(black_box(case).event());
        }
        black_box(encoder.take());
    })
}

fn as_buf(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    if let Some(written) = written {
        send(case.event().as_buf(), |chunk| written.extend_from_slice(chunk));
    }
    timed(repetitions, || send(black_box(case).event().as_buf(), ignore))
}

fn as_buf_vectored(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    if let Some(written) = written {
        send_vectored(case.event().as_buf(), |slices| append(written, slices));
    }
    timed(repetitions, || send_vectored(black_box(case).event().as_buf(), ignore_vectored))
}

fn into_buf(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let event = case.event().into_owned();
    if let Some(written) = written {
        send(event.clone().into_buf(), |chunk| written.extend_from_slice(chunk));
    }
    timed_with(vec![event; repetitions], |event| send(event.into_buf(), ignore))
}

fn into_buf_vectored(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let event = case.event().into_owned();
    if let Some(written) = written {
        send_vectored(event.clone().into_buf(), |slices| append(written, slices));
    }
    timed_with(vec![event; repetitions], |event| send_vectored(event.into_buf(), ignore_vectored))
}

/// Reads all chunks of the buffer, as a transport would.
fn send(mut buf: impl Buf, mut each: impl FnMut(&[u8])) {
    while buf.has_remaining() {
        let chunk = buf.chunk();
        each(chunk);
        let taken = chunk.len();
        buf.advance(taken);
    }
}

/// The same, with vectored writes.
fn send_vectored(mut buf: impl Buf, mut each: impl FnMut(&[IoSlice<'_>])) {
    while buf.has_remaining() {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = buf.chunks_vectored(&mut slices);
        each(&slices[..filled]);
        let taken = slices[..filled].iter().map(|slice| slice.len()).sum();
        buf.advance(taken);
    }
}

fn append(written: &mut Vec<u8>, slices: &[IoSlice<'_>]) {
    for slice in slices {
        written.extend_from_slice(slice);
    }
}

fn ignore(chunk: &[u8]) {
    black_box(chunk);
}

fn ignore_vectored(slices: &[IoSlice<'_>]) {
    black_box(slices);
}

fn axum(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let events = (0..repetitions).map(move |_| {
        let case = black_box(case);
        let mut event = axum::response::sse::Event::default();
        if let Some((name, id)) = case.event {
            event = event.event(name).id(id);
        }
        Ok::<_, Infallible>(event.data(&case.data))
    });
    let response = axum::response::sse::Sse::new(futures_util::stream::iter(events)).into_response();
    let mut body = response.into_body();
    if let Some(written) = written {
        written.extend_from_slice(&frame(&mut body));
    }
    timed(repetitions, || {
        black_box(frame(&mut body));
    })
}

/// The bytes of the next event of a response; none at its end.
fn frame(body: &mut Body) -> Bytes {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut context) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}

fn russe(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let event = russe::Event::Message(russe::Message {
        data: case.data.as_str().into(),
        event: case.event.map(|(name, _)| name.into()),
        retry: None,
        id: case.event.map(|(_, id)| id.into()),
    });
    let mut encoder = russe::Encoder::default();
    let mut memory = BytesMut::with_capacity(2 * case.data.len() + 128);
    let time = timed_with(vec![event; repetitions], |event| {
        memory.clear();
        black_box(encoder.encode(event, &mut memory).is_ok());
        black_box(&memory);
    });
    if let Some(written) = written {
        written.extend_from_slice(&memory);
    }
    time
}

fn sse_stream(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let mut event = sse_stream::Sse::default().data(&*case.data);
    if let Some((name, id)) = case.event {
        event = event.event(name).id(id);
    }
    if let Some(written) = written {
        written.extend_from_slice(&event.clone().encode().unwrap_or_default());
    }
    timed_with(vec![event; repetitions], |event| {
        black_box(event.encode().is_ok_and(|bytes| !black_box(bytes).is_empty()));
    })
}

fn uhttp_sse(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    fn write(case: &Case, memory: &mut Vec<u8>) -> std::io::Result<()> {
        let mut message = uhttp_sse::SseMessage::new(memory);
        if let Some((name, id)) = case.event {
            message.event()?.write_all(name.as_bytes())?;
            message.id()?.write_all(id.as_bytes())?;
        }
        for line in case.data.split('\n') {
            message.data()?.write_all(line.as_bytes())?;
        }
        Ok(())
    }
    timed_into(case, repetitions, written, |memory| {
        black_box(write(black_box(case), memory).is_ok());
    })
}

fn by_hand(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    timed_into(case, repetitions, written, |memory| {
        let case = black_box(case);
        by_hand::encode(case.event, &case.data, memory);
    })
}

fn copy(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    timed_into(case, repetitions, written, |memory| memory.extend_from_slice(black_box(case).data.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_encoders_write_the_event_that_they_are_given() {
        assert_eq!(check(), Ok(()));
    }
}
