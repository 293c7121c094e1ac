//! The encoders: one small adapter for each, all given the same events.

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
use sse_wire::{EncodedEvent, Encoder, Event};
use tokio_util::codec::Encoder as _;

use crate::by_hand;
use crate::measure::{self, Pace, Pass};
use crate::results::{Cell, Kind, Row};

pub const ENCODE: &str = "ours, encode";
pub const ENCODE_INTO: &str = "ours, encode_into";
pub const INTO_BUF: &str = "ours, into_buf";
pub const LIMIT: &str = "limit";
pub const COPY: &str = "copy";

pub const ONE_LINE: &str = "line of 250 bytes";
pub const ALL_FIELDS: &str = "name, id and data";
pub const LINES: &str = "20 lines";
pub const LONG_LINE: &str = "line of 64 KiB";

/// Everyone who is measured, in the order of the table's columns.
pub const ALL: [Contender; 10] = [
    Contender { name: ENCODE, kind: Kind::Ours, package: None, pass: encode },
    Contender { name: ENCODE_INTO, kind: Kind::Ours, package: None, pass: encode_into },
    Contender { name: INTO_BUF, kind: Kind::Ours, package: None, pass: into_buf },
    Contender { name: "ours, into_buf vectored", kind: Kind::Ours, package: None, pass: into_buf_vectored },
    Contender { name: "axum", kind: Kind::Peer, package: Some("axum"), pass: axum },
    Contender { name: "russe", kind: Kind::Peer, package: Some("russe"), pass: russe },
    Contender { name: "sse-stream", kind: Kind::Peer, package: Some("sse-stream"), pass: sse_stream },
    Contender { name: "uhttp_sse", kind: Kind::Peer, package: Some("uhttp_sse"), pass: uhttp_sse },
    Contender { name: LIMIT, kind: Kind::Limit, package: None, pass: by_hand },
    Contender { name: COPY, kind: Kind::Limit, package: None, pass: copy },
];

/// What the table says about them below it.
pub const NOTES: [&str; 5] = [
    "`limit`: a loop written by hand that gets CR, LF and CRLF right and checks name and id, into a `Vec` that is used \
     again. `copy`: the data alone, copied into such a `Vec`.",
    "`encode_into`, `russe` (as a codec) and `uhttp_sse` also write into memory that is used again; `encode`, `axum` \
     and `sse-stream` hand out `Bytes`, which are dropped within the timing. `into_buf` copies nothing: its chunks are \
     looked at and advanced over.",
    "The event is prepared outside of the timing where an encoder takes one that owns or shares its text (`into_buf`, \
     `russe`, `sse-stream`, whose encoding drops it). `axum` writes while the event is built, so building is timed; \
     so is ours, from `&str`, with its checks of name and id.",
    "`axum` writes to the body of its response, which is polled; the response is made outside of the timing.",
    "`uhttp_sse` leaves line ends to the caller: each line of the data is a field of its own here, found by `split`.",
];

/// One way to encode.
pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    pub package: Option<&'static str>,
    /// Encodes the event so many times, and says how long that took. With a place to write to, it writes there what it
    /// encoded last.
    pass: fn(&'static Case, usize, Option<&mut Vec<u8>>) -> Duration,
}

/// An event to encode.
pub struct Case {
    name: &'static str,
    event: Option<(&'static str, &'static str)>,
    data: String,
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
    fn event(&self) -> Event<&str> {
        let event = Event::new(&*self.data);
        let Some((name, id)) = self.event else {
            return event;
        };
        let event = event.with_name(name).expect("a name without line ends");
        event.with_id(id).expect("an id without line ends")
    }

    /// How many times it is encoded in one pass: about 64 KiB of data.
    fn repetitions(&self) -> usize {
        (64 * 1024 / self.data.len()).clamp(4, 256)
    }
}

/// Makes sure that what they write is the event that they were given.
///
/// # Errors
///
/// Who does not, and with which event.
pub fn check() -> Result<(), String> {
    for case in &*CASES {
        for contender in ALL.iter().filter(|contender| contender.name != COPY) {
            let mut written = Vec::new();
            (contender.pass)(case, 2, Some(&mut written));
            let mut parser = sse_wire::Parser::new();
            let mut chunk = &written[..];
            let read = parser.next_event(&mut chunk).map_err(|error| error.to_string())?;
            if read.is_none_or(|read| read != case.event()) || !chunk.is_empty() {
                return Err(format!("{} writes another event than {}", contender.name, case.name));
            }
        }
    }
    Ok(())
}

/// Measures everyone with every event.
pub fn measure(pace: &Pace) -> Vec<Row> {
    CASES.iter().map(|case| measure_one(case, pace)).collect()
}

fn measure_one(case: &'static Case, pace: &Pace) -> Row {
    eprintln!("encoding {}", case.name);
    let repetitions = case.repetitions();
    let mut passes: Vec<Pass<'_>> = Vec::new();
    for contender in &ALL {
        passes.push(Box::new(move || (contender.pass)(case, repetitions, None)));
    }
    let medians = measure::medians(&mut passes, pace);
    let divisor = u32::try_from(repetitions).map_or(f64::INFINITY, f64::from);
    let cells = ALL.iter().zip(medians).map(|(contender, median)| Cell {
        who: contender.name.into(),
        kind: contender.kind,
        time: Some(median * 1e9 / divisor),
        instead: None,
    });
    Row { what: case.name.into(), cut: None, cells: cells.collect() }
}

fn timed(repetitions: usize, mut work: impl FnMut()) -> Duration {
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
fn timed_into(
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
    let mut encoder = Encoder::new();
    if let Some(written) = written {
        written.extend_from_slice(&encoder.encode(&case.event()));
    }
    timed(repetitions, || {
        black_box(encoder.encode(&black_box(case).event()));
    })
}

fn encode_into(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let encoder = Encoder::new();
    timed_into(case, repetitions, written, |memory| encoder.encode_into(&black_box(case).event(), memory))
}

fn into_buf(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let event = case.event().to_shared();
    if let Some(written) = written {
        let mut buf = event.clone().into_buf();
        written.extend_from_slice(&buf.copy_to_bytes(buf.remaining()));
    }
    timed_with(vec![event; repetitions], |event| {
        let mut buf = event.into_buf();
        while buf.has_remaining() {
            let taken = black_box(buf.chunk()).len();
            buf.advance(taken);
        }
    })
}

fn into_buf_vectored(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    fn send(mut buf: EncodedEvent, mut each: impl FnMut(&[IoSlice<'_>])) {
        while buf.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 64];
            let filled = buf.chunks_vectored(&mut slices);
            each(&slices[..filled]);
            let taken = slices[..filled].iter().map(|slice| slice.len()).sum();
            buf.advance(taken);
        }
    }
    let event = case.event().to_shared();
    if let Some(written) = written {
        send(event.clone().into_buf(), |slices| slices.iter().for_each(|slice| written.extend_from_slice(slice)));
    }
    timed_with(vec![event; repetitions], |event| {
        send(event.into_buf(), |slices| {
            black_box(slices);
        });
    })
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
    fn everyone_writes_the_event_that_they_were_given() {
        assert_eq!(check(), Ok(()));
    }
}
