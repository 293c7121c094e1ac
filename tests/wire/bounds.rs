//! What a hostile peer can make the process hold, in memory and on the stack: a test for each row of the table in
//! `src/bounds.md`, which names them.

use std::thread;

use allocation_counter::measure;
use bytes::{Buf, Bytes};
use sse_wire::client::EventSource;
use sse_wire::server::{ReplayBuffer, UnknownId};
use sse_wire::{Encoder, Event, LineParser, Parser, http};

use crate::drive::{DOORS, Door};

const KIB: usize = 1024;
const LIMIT: usize = 64 * KIB;
const CHUNK_SIZES: [usize; 4] = [60, 1400, LIMIT - KIB, 2 * LIMIT];

/// What a peer may send for ever without an end to the block.
struct Endless {
    what: &'static str,
    start: Vec<u8>,
    repeated: Vec<u8>,
    /// Whether it grows, and so must be refused; otherwise it takes no room, or replaces what was there.
    grows: bool,
}

fn endless() -> Vec<Endless> {
    let of = |what, start: &str, repeated: &[u8], grows| Endless {
        what,
        start: start.into(),
        repeated: repeated.into(),
        grows,
    };
    // The last event ID is not a part of the block, and shared events without an id of their own show it.
    let after_an_id = format!("id: {}\n\ndata\n\ndata: ", "x".repeat(LIMIT));
    let names = format!("event: {}\nevent: y\nid: {0}\nid: z\n", "x".repeat(LIMIT - 100));
    vec![
        of("one data line", "data: ", b"x", true),
        of("one data line after an id", &after_an_id, b"x", true),
        of("ill-formed data", "data: ", b"\xff", true),
        of("many data lines", "", b"data: xxxxxxxx\n", true),
        of("many empty data lines", "", b"data\n", true),
        of("a name", "event: ", b"x", true),
        of("an id", "id: ", b"x", true),
        of("an ill-formed id", "data: x\nid:", b"\xf0\x9f", true),
        of("a retry", "retry: ", b"1", true),
        of("a comment", ": ", b"x", false),
        of("many comments", "", b": x\n", false),
        of("an unknown field", "unknown: ", b"x", false),
        of("an unknown name", "", b"x", false),
        of("many names", "", b"event: aaaa\nid: bbbb\nretry: 1\n", false),
        of("names that give way", "", names.as_bytes(), false),
        of("blank lines", "", b"\n\r\n", false),
    ]
}

impl Endless {
    /// Six times the limit of it, in chunks of about this size: the same one again and again.
    fn chunks(&self, size: usize) -> Vec<Bytes> {
        let chunk = Bytes::from(self.repeated.repeat(size.div_ceil(self.repeated.len())));
        let count = (6 * LIMIT).div_ceil(chunk.len());
        [Bytes::from(self.start.clone())].into_iter().chain(std::iter::repeat_n(chunk, count)).collect()
    }

    /// How often a parser of events refuses.
    fn refused(&self) -> usize {
        self.grows.into()
    }
}

type Chunks = std::vec::IntoIter<Bytes>;

/// Feeds each endless stream, and checks how often it is refused and what is held: never more than `most`, and in the worst
/// case not much less, since a bound that nothing comes near says nothing.
fn holds_at_most(most: usize, refused: impl Fn(&Endless) -> usize, feed: impl Fn(Chunks) -> usize) {
    let mut worst = 0;
    for endless in endless() {
        for size in CHUNK_SIZES {
            let chunks = endless.chunks(size);
            // Or those that are dropped while it is measured would make up for what is held.
            let kept = chunks.clone();
            let mut refusals = 0;
            let cost = measure(|| refusals = feed(chunks.into_iter()));
            drop(kept);
            let held = usize::try_from(cost.bytes_max).unwrap();
            assert_eq!(refusals, refused(&endless), "{} in chunks of {size}", endless.what);
            assert!(held <= most, "{held} bytes, not {most}, held by {} in chunks of {size}", endless.what);
            worst = worst.max(held);
        }
    }
    assert!(worst > most / 2, "the bound is {most}, and the worst {worst}");
}

/// Calls `next` until it has no more; how often it refused.
fn refusals<T, E>(mut next: impl FnMut() -> Result<Option<T>, E>) -> usize {
    let mut refused = 0;
    loop {
        match next() {
            Ok(None) => return refused,
            Ok(Some(_)) => {}
            Err(_) => refused += 1,
        }
    }
}

/// The same over all of the chunks, for what is borrowed from them: `next` says whether it found something.
fn borrowed_refusals<E>(
    chunks: impl Iterator<Item = Bytes>,
    mut next: impl FnMut(&mut &[u8]) -> Result<bool, E>,
) -> usize {
    let in_chunk = |chunk: Bytes| {
        let mut rest = &chunk[..];
        refusals(|| next(&mut rest).map(|found| found.then_some(())))
    };
    chunks.map(in_chunk).sum()
}

fn parser() -> Parser {
    Parser::builder().max_event_size(LIMIT).build()
}

/// A buffer that grows to twice of what is in it, beside the old one.
const GROWING: usize = 3 * LIMIT;
/// What is kept of buffers, and the windows in which ill-formed bytes are decoded.
const REST: usize = 64 * KIB;

/// With borrowed events: the block under way, and the last event ID.
const BORROWED: usize = GROWING + LIMIT + REST;
/// With shared events: the last event ID once more, for those without one of their own.
const SHARED: usize = BORROWED + LIMIT;

#[test]
fn a_parser_holds_the_block_under_way_and_the_last_event_id() {
    holds_at_most(BORROWED, Endless::refused, |chunks| {
        let mut parser = parser();
        borrowed_refusals(chunks, |rest| parser.next_event(rest).map(|event| event.is_some()))
    });
}

#[test]
fn a_parser_of_shared_events_holds_the_last_event_id_once_more() {
    holds_at_most(SHARED, Endless::refused, |chunks| {
        let mut parser = parser();
        chunks.map(|mut chunk| refusals(|| parser.next_event_shared(&mut chunk))).sum()
    });
}

#[test]
fn a_parser_between_events_holds_64_kib_and_the_last_event_id_for_shared_events_twice() {
    let text = "x".repeat(LIMIT / 2 - 10);
    let stream = Bytes::from(format!("event: e\nid: {text}\ndata: {text}\n\nretry: {text}\n\ndata: x\n\n"));
    for (door, times) in DOORS.into_iter().zip([1, 2]) {
        for size in CHUNK_SIZES {
            let starts = (0..stream.len()).step_by(size);
            let chunks: Vec<_> = starts.map(|start| stream.slice(start..stream.len().min(start + size))).collect();
            let mut parser = parser();
            let cost = measure(|| {
                for chunk in &chunks {
                    let (mut shared, mut borrowed) = (chunk.clone(), &chunk[..]);
                    match door {
                        Door::Shared => refusals(|| parser.next_event_shared(&mut shared)),
                        Door::Borrowed => refusals(|| parser.next_event(&mut borrowed).map(|event| event.map(drop))),
                    };
                }
            });
            let held = usize::try_from(cost.bytes_current).unwrap();
            assert!(held <= REST + times * text.len() + KIB, "{cost:?}");
        }
    }
}

/// An event shows the last event ID of its stream, and so does each copy of it.
#[test]
fn a_copy_of_an_event_holds_its_text_and_the_last_event_id() {
    let stream = format!("id: {}\n\nevent: e\ndata: x\n\n", "x".repeat(LIMIT));
    let mut parser = parser();
    let event = parser.next_event(&mut stream.as_bytes()).unwrap().unwrap();
    let mut copies = Vec::with_capacity(10);
    let held = measure(|| copies.extend((0..10).map(|_| event.to_shared()))).bytes_current;
    let held = usize::try_from(held).unwrap();
    assert!((10 * LIMIT..=10 * (LIMIT + KIB)).contains(&held), "{held}");
}

/// Where comments are asked for, one comment counts towards the limit.
#[test]
fn a_parser_of_items_holds_no_more_for_comments() {
    let refused = |endless: &Endless| usize::from(endless.grows || endless.what == "a comment");
    holds_at_most(BORROWED, refused, |chunks| {
        let mut parser = parser();
        borrowed_refusals(chunks, |rest| parser.next_item(rest).map(|item| item.is_some()))
    });
}

#[test]
fn a_parser_of_lines_holds_the_line_under_way() {
    let refused = |endless: &Endless| {
        let long = endless.start.split(|&byte| byte == b'\n').filter(|line| line.len() > LIMIT).count();
        long + usize::from(!endless.repeated.contains(&b'\n'))
    };
    holds_at_most(GROWING + REST, refused, |chunks| {
        let mut parser = LineParser::with_max_line_size(LIMIT);
        borrowed_refusals(chunks, |rest| parser.next_line(rest).map(|line| line.is_some()))
    });
}

#[test]
fn an_event_source_holds_what_its_parser_holds() {
    holds_at_most(BORROWED, Endless::refused, |chunks| {
        let mut source = EventSource::builder().max_event_size(LIMIT).build();
        source.response(200, http::EVENT_STREAM).unwrap();
        borrowed_refusals(chunks, |rest| source.next_event(rest).map(|event| event.is_some()))
    });
}

/// What a response says is looked at where it lies.
#[test]
fn a_response_takes_no_memory() {
    let mut source = EventSource::new();
    let content_type = format!("text/event-stream;{}", " x=y;".repeat(LIMIT));
    let cost = measure(|| assert!(source.response(200, &content_type).is_ok()));
    assert_eq!(cost.count_total, 0);
}

/// How often a stream refuses until it ends.
#[cfg(any(feature = "codec", feature = "stream"))]
fn refusals_of<T, E>(mut stream: impl futures_util::Stream<Item = Result<T, E>> + Unpin) -> usize {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    let mut refused = 0;
    loop {
        match Pin::new(&mut stream).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Err(_))) => refused += 1,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
            Poll::Ready(None) => return refused,
        }
    }
}

#[cfg(feature = "stream")]
#[test]
fn a_stream_of_events_holds_what_its_parser_holds() {
    use sse_wire::stream::EventStream;

    holds_at_most(SHARED, Endless::refused, |chunks| {
        let transport = futures_util::stream::iter(chunks.map(Ok::<_, std::convert::Infallible>));
        refusals_of(EventStream::with_parser(transport, parser()))
    });
}

#[cfg(feature = "http-body")]
#[test]
fn the_events_of_a_body_hold_what_their_parser_holds() {
    use sse_wire::body::{DataStream, EventBody};
    use sse_wire::stream::EventStream;

    holds_at_most(SHARED, Endless::refused, |chunks| {
        let body = EventBody::new(futures_util::stream::iter(chunks));
        refusals_of(EventStream::with_parser(DataStream::new(body), parser()))
    });
}

/// A client that reads slowly is one whose body is not polled.
#[cfg(feature = "http-body")]
#[test]
fn a_body_takes_one_event_when_it_is_polled_and_holds_none() {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use http_body::Body;
    use sse_wire::body::EventBody;

    use crate::script::Script;

    let data = "x".repeat(LIMIT);
    let events = (0..10).map(|_| Event::new(data.as_str()).to_shared());
    let mut source = Script::ready(events);
    let mut body = EventBody::new(&mut source).keep_alive(futures_util::stream::empty::<()>());
    let cost = measure(|| {
        for _ in 0..3 {
            let frame = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(frame, Poll::Ready(Some(Ok(_)))));
        }
    });
    // What is allocated is one reference count for each event.
    assert!(cost.bytes_max <= KIB as u64, "{cost:?}");
    assert_eq!(source.left(), 7);
}

/// Reads what is left of a chunk, and then of the next.
#[cfg(feature = "std")]
struct Reader {
    chunk: Bytes,
    chunks: Chunks,
}

#[cfg(feature = "std")]
impl std::io::Read for Reader {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        while self.chunk.is_empty() {
            let Some(chunk) = self.chunks.next() else { return Ok(0) };
            self.chunk = chunk;
        }
        let len = room.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut room[..len]);
        Ok(len)
    }
}

#[cfg(feature = "codec")]
impl tokio::io::AsyncRead for Reader {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        room: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let len = std::io::Read::read(&mut *self, room.initialize_unfilled())?;
        room.advance(len);
        std::task::Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "std")]
#[test]
fn the_events_of_a_reader_hold_what_their_parser_holds_and_32_kib() {
    holds_at_most(SHARED + 32 * KIB, Endless::refused, |chunks| {
        let reader = Reader { chunk: Bytes::new(), chunks };
        sse_wire::io::Events::with_parser(reader, parser()).filter(Result::is_err).count()
    });
}

#[cfg(feature = "codec")]
#[test]
fn the_events_of_a_framed_reader_hold_what_their_parser_holds_and_16_kib() {
    use futures_util::StreamExt;
    use tokio_util::codec::FramedRead;

    holds_at_most(SHARED + 16 * KIB, Endless::refused, |chunks| {
        let reader = Reader { chunk: Bytes::new(), chunks };
        let codec = sse_wire::codec::EventCodec::with_parser(parser());
        // A block that is refused is an item.
        refusals_of(FramedRead::new(reader, codec).map(Result::unwrap))
    });
}

/// Takes so many bytes, and then no more.
#[cfg(feature = "std")]
struct Takes(usize);

#[cfg(feature = "std")]
impl std::io::Write for Takes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let len = bytes.len().min(self.0);
        self.0 -= len;
        if len == 0 { Err(std::io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A peer that does not read: what a writer does not take is kept, and the caller sees how much that is.
#[cfg(feature = "std")]
#[test]
fn what_a_writer_does_not_take_is_counted_and_given_back() {
    let mut events = sse_wire::io::WriteEvents::new(Takes(0));
    let event = Event::new("x".repeat(KIB));
    let mut held = measure(|| (0..1000).for_each(|_| drop(events.write(&event)))).bytes_current;
    let all = events.unsent();
    assert_eq!(all, 1000 * Encoder::new().encoded_len(&event));
    let mut taken = 0;
    for takes in [1, 1000, all / 4, all / 2, all / 5, 5000, usize::MAX] {
        let most = |unsent| i64::try_from(4 * unsent + 16 * KIB).unwrap();
        assert!(held <= most(events.unsent()), "{held} for {}", events.unsent());
        events.writer_mut().0 = takes;
        held += measure(|| drop(events.flush())).bytes_current;
        taken += takes.min(all - taken);
        assert_eq!(events.unsent(), all - taken);
    }
    assert!(held <= 16 * 1024, "{held}");
}

/// A peer that reads a little at a time: what is left is not copied each time.
#[cfg(feature = "std")]
#[test]
fn what_a_writer_takes_little_by_little_is_copied_in_proportion() {
    let mut events = sse_wire::io::WriteEvents::new(Takes(0));
    assert!(events.write(&Event::new("x".repeat(4 * LIMIT))).is_err());
    let all = events.unsent();
    let cost = measure(|| {
        while events.unsent() > 0 {
            events.writer_mut().0 = 100;
            let _ = events.flush();
        }
    });
    // A half, a quarter, and so on.
    assert!(cost.bytes_total <= all as u64 + KIB as u64, "{cost:?} for {all} bytes");
}

/// The id that a client comes back with is its own choice.
#[test]
fn an_id_that_a_client_sends_takes_no_memory() {
    let mut own = ReplayBuffer::new();
    own.publish(&Event::new("x").with_id("1").unwrap()).unwrap();
    let mut counted = ReplayBuffer::counted("e").unwrap();
    counted.publish(&Event::new("x"));
    let long = "1".repeat(LIMIT);
    for id in [long.as_bytes(), b"\xff", format!("e-{long}").as_bytes()] {
        let cost = measure(|| {
            assert_eq!(own.since(id).err(), Some(UnknownId));
            assert_eq!(counted.since(id).err(), Some(UnknownId));
        });
        assert_eq!(cost.count_total, 0);
    }
}

/// An encoded event shares its memory with those that were encoded before and after it, if they are small.
#[test]
fn who_holds_an_encoded_event_holds_twice_its_bytes_and_16_kib_at_most() {
    let mut encoder = Encoder::new();
    let event = Event::new("some data");
    let mut slow = Vec::with_capacity(102);
    let held = measure(|| {
        for _ in 0..100 {
            slow.push(encoder.encode(&event));
            (0..1000).for_each(|_| drop(encoder.encode(&event)));
        }
    });
    let held = usize::try_from(held.bytes_current).unwrap();
    assert!((100 * 8 * KIB..=100 * 16 * KIB).contains(&held), "{held} bytes for 100 events");

    // A large one shares with nothing, but what it is written to may have doubled for its lines.
    for (data, times) in [("x".repeat(LIMIT), 1), (["x", "\n"].map(|text| text.repeat(LIMIT / 2)).concat(), 2)] {
        let large = Event::new(data);
        let len = encoder.encoded_len(&large);
        let held = measure(|| slow.push(encoder.encode(&large))).bytes_current;
        assert!(usize::try_from(held).unwrap() <= times * len + KIB, "{held} for {len} bytes");
    }
}

/// An event that was parsed shows the last event ID of its stream, and does not write it if it is not its own.
#[test]
fn an_event_that_is_passed_on_takes_no_memory_for_an_id_that_it_does_not_write() {
    let stream = format!("id: {}\n\ndata\n\n", "x".repeat(LIMIT));
    let mut parser = parser();
    let mut input = stream.as_bytes();
    let event = parser.next_event(&mut input).unwrap().unwrap();
    let mut encoder = Encoder::new();
    let mut bytes = Bytes::new();
    let held = measure(|| bytes = encoder.encode(&event)).bytes_current;
    assert_eq!(bytes, "data: \n\n");
    assert!(usize::try_from(held).unwrap() <= 16 * KIB, "{held}");
}

/// Runs with a stack of 128 KiB, in which nothing that grows with the input has room.
fn with_little_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(128 * KIB).spawn(work).unwrap().join().unwrap();
}

#[test]
fn the_stack_that_is_used_does_not_depend_on_input() {
    for endless in endless() {
        with_little_stack(move || {
            for size in [1400, 2 * LIMIT] {
                let chunks = endless.chunks(size);
                let (mut borrowed, mut shared, mut items) = (parser(), parser(), parser());
                let mut lines = LineParser::with_max_line_size(LIMIT);
                for mut chunk in chunks {
                    let mut rest = &chunk[..];
                    refusals(|| borrowed.next_event(&mut rest).map(|event| event.map(drop)));
                    let mut rest = &chunk[..];
                    refusals(|| items.next_item(&mut rest).map(|item| item.map(drop)));
                    let mut rest = &chunk[..];
                    refusals(|| lines.next_line(&mut rest).map(|line| line.map(drop)));
                    refusals(|| shared.next_event_shared(&mut chunk));
                }
                borrowed.finish();
            }
        });
    }
    with_little_stack(|| {
        for data in ["x".repeat(8 * LIMIT), "\n".repeat(LIMIT), "\r\n\u{1f680}".repeat(LIMIT)] {
            let event = Event::new(data.as_str());
            let mut encoder = Encoder::new();
            let expected = encoder.encode(&event);
            let mut writer = encoder.writer(&Event::new(""));
            writer.push_bytes(data.as_bytes());
            assert_eq!(writer.finish(), expected);
            let mut buf = event.to_shared().into_buf();
            assert_eq!(buf.copy_to_bytes(buf.remaining()), expected);
        }
    });
}

/// JSON within JSON, and so on, is refused at a depth of 128. What is not that deep takes what its type takes.
#[cfg(feature = "json")]
#[test]
fn json_takes_what_its_type_takes_and_the_stack_for_a_depth_of_128() {
    thread::Builder::new()
        .stack_size(512 * KIB)
        .spawn(|| {
            let deep = Event::new("[".repeat(LIMIT));
            assert!(deep.parse_json::<serde_json::Value>().is_err());
            let wide = Event::new(format!("[{}0]", "{\"\":0},".repeat(LIMIT / 7)));
            let cost = measure(|| assert!(wide.parse_json::<serde_json::Value>().is_ok()));
            assert!(cost.bytes_max > 50 * LIMIT as u64, "{cost:?}");
            let cost = measure(|| assert!(wide.parse_json::<serde::de::IgnoredAny>().is_ok()));
            assert!(cost.bytes_max < KIB as u64, "{cost:?}");
        })
        .unwrap()
        .join()
        .unwrap();
}

/// The tables name the tests that measure what they say; all of those are there.
#[test]
fn the_tables_name_tests_that_there_are() {
    let table = include_str!("../../src/bounds.md");
    let last_cells = table.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit("| ").next());
    let named: Vec<_> = last_cells.filter_map(|cell| cell.trim_matches('`').split_once("::")).collect();
    assert_eq!(named.len(), 24, "{named:?}");
    for (file, test) in named {
        let source = match file {
            "bounds" => include_str!("bounds.rs"),
            "counts" => include_str!("counts.rs"),
            "replay" => include_str!("replay.rs"),
            "linear" => include_str!("../../src/parser/linear.rs"),
            _ => panic!("no tests are in {file}"),
        };
        assert!(source.contains(&format!("#[test]\nfn {test}()")), "{file}::{test}");
    }
}
