//! What a hostile peer can make the process hold, in memory and on the stack: a test for each row of the table in
//! `src/bounds.md`, which names them.

use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use bytes::{Buf, Bytes};
use sse_wire::client::EventSource;
use sse_wire::server::{ReplayBuffer, UnknownId};
use sse_wire::{Encoder, Event, EventId, Head, LineParser, Parser, http};

use crate::drive::{BLOCK_METHODS, METHODS, Method};

const KIB: usize = 1024;
const LIMIT: usize = 64 * KIB;
const CHUNK_SIZES: [usize; 4] = [60, 1400, LIMIT - KIB, 2 * LIMIT];

/// What a peer may send for ever without an end to the block.
struct Endless {
    what: &'static str,
    start: Vec<u8>,
    repeated: Vec<u8>,
    /// Whether the event grows, and so must be refused; otherwise it takes no memory.
    grows: bool,
}

fn endless() -> Vec<Endless> {
    let of = |what, start: &str, repeated: &[u8], grows| Endless {
        what,
        start: start.into(),
        repeated: repeated.into(),
        grows,
    };
    // The last event ID is not a part of the block, and events without an id return it.
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
        of("many names", "", b"event: aaaa\nid: bbbb\nretry: 1\n", true),
        of("names that are replaced", "", names.as_bytes(), true),
        of("blank lines", "", b"\n\r\n", false),
    ]
}

impl Endless {
    /// Chunks of about this size, together six times the limit: the same chunk each time.
    fn chunks(&self, size: usize) -> Vec<Bytes> {
        let chunk = Bytes::from(self.repeated.repeat(size.div_ceil(self.repeated.len())));
        let count = (6 * LIMIT).div_ceil(chunk.len());
        [Bytes::from(self.start.clone())].into_iter().chain(std::iter::repeat_n(chunk, count)).collect()
    }

    /// How often a parser of events refuses.
    fn refused(&self) -> usize {
        self.grows.into()
    }

    /// How often a parser of blocks refuses, which counts every line.
    fn refused_blocks(&self) -> usize {
        match self.what {
            "blank lines" => 0,
            "one data line after an id" => 2,
            _ => 1,
        }
    }

    fn refused_by(&self, method: Method) -> usize {
        if BLOCK_METHODS.contains(&method) { self.refused_blocks() } else { self.refused() }
    }
}

type Chunks = std::vec::IntoIter<Bytes>;

/// Feeds each endless stream, and checks how often it is refused and what is held: never more than `most`, and in the worst
/// case more than half, so that the bound is not far too high.
fn holds_at_most(most: usize, refused: impl Fn(&Endless) -> usize, feed: impl Fn(Chunks) -> usize) {
    let mut worst = 0;
    for endless in endless() {
        for size in CHUNK_SIZES {
            let chunks = endless.chunks(size);
            // Kept, so that chunks that are freed meanwhile do not count against what is held.
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

/// Calls `next` until there is no more. Returns how often it refused.
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

/// The same over all of the chunks.
fn refusals_in(chunks: impl Iterator<Item = Bytes>, mut feed: impl FnMut(&Bytes) -> usize) -> usize {
    chunks.map(|chunk| feed(&chunk)).sum()
}

fn parser() -> Parser {
    Parser::new().with_max_event_size(LIMIT)
}

fn feed(parser: &mut Parser, chunk: &Bytes, method: Method) -> usize {
    let mut feed = parser.feed(chunk);
    match method {
        Method::Borrowed => refusals(|| feed.next_event().map(|event| event.map(drop))),
        Method::Found => refusals(|| feed.find_event(|_| true).map(|event| event.map(drop))),
        Method::Blocks => refusals(|| feed.next_block().map(|block| block.map(drop))),
        Method::Owned => feed.owned().filter(Result::is_err).count(),
        Method::OwnedBlocks => feed.owned_blocks().filter(Result::is_err).count(),
        Method::Shared => {
            let rest = chunk.slice_ref(feed.into_rest());
            parser.feed_bytes(&rest).filter(Result::is_err).count()
        }
        Method::IntoNext => {
            let mut rest = feed.into_rest();
            refusals(|| {
                let (event, after) = parser.feed(rest).into_next_event();
                rest = after;
                event.map(|event| event.map(drop))
            })
        }
    }
}

fn feed_all(parser: &mut Parser, chunks: &[Bytes], method: Method) -> usize {
    chunks.iter().map(|chunk| feed(parser, chunk, method)).sum()
}

/// A buffer that grows to twice of what is in it, beside the old one.
const GROWING: usize = 3 * LIMIT;
/// What is kept of buffers, and the windows in which ill-formed bytes are decoded.
const REST: usize = 64 * KIB;

/// The current block, and the last event ID.
const PARSER: usize = GROWING + LIMIT + REST;
/// The same, and a copy of the last event ID for owned events.
const OWNED: usize = PARSER + LIMIT;
/// The same as for events, and the lines of the block.
const BLOCKS: usize = PARSER + GROWING;

#[test]
fn a_parser_holds_the_current_block_and_the_last_event_id() {
    for method in [Method::Borrowed, Method::Found, Method::IntoNext] {
        holds_at_most(PARSER, Endless::refused, |chunks| {
            let mut parser = parser();
            refusals_in(chunks, |chunk| feed(&mut parser, chunk, method))
        });
    }
}

#[test]
fn a_parser_of_owned_events_holds_the_last_event_id_once_more() {
    for method in [Method::Owned, Method::Shared] {
        holds_at_most(OWNED, Endless::refused, |chunks| {
            let mut parser = parser();
            refusals_in(chunks, |chunk| feed(&mut parser, chunk, method))
        });
    }
}

#[test]
fn a_parser_of_blocks_holds_their_lines_as_well() {
    for method in [Method::Blocks, Method::OwnedBlocks] {
        holds_at_most(BLOCKS, Endless::refused_blocks, |chunks| {
            let mut parser = parser();
            refusals_in(chunks, |chunk| feed(&mut parser, chunk, method))
        });
    }
}

/// Ill-formed bytes are three times as long as text, and only a whole block is decoded.
#[test]
fn a_block_that_is_ill_formed_is_three_times_as_long_as_text() {
    let chunks: Vec<_> = [&b": "[..], &b"\xff".repeat(LIMIT - 3), b"\n", b"\n"].map(Bytes::copy_from_slice).into();
    let mut parser = parser();
    let cost = measure(|| {
        for chunk in &chunks {
            let mut blocks = parser.feed(chunk);
            while let Some(block) = blocks.next_block().unwrap() {
                assert!(block.lines().next().is_some());
            }
        }
    });
    let held = usize::try_from(cost.bytes_max).unwrap();
    // The lines as they came, in a buffer that has doubled, and their text, in one that doubles from 2 to 4 times the limit.
    let most = (2 + 6) * LIMIT;
    assert!(held <= most && held > most / 2, "{held} and not {most}");
    assert!(usize::try_from(cost.bytes_current).unwrap() <= REST, "{cost:?}");
}

#[test]
fn a_parser_between_events_holds_64_kib_and_the_last_event_id() {
    let text = "x".repeat(LIMIT / 2 - 20);
    let large = format!("event: e\nid: {text}\ndata: {text}\n\n");
    // The large event is the last one, or another one follows.
    let streams = [large.clone(), format!("{large}retry: {text}\n\ndata: x\n\n")].map(Bytes::from);
    for method in METHODS {
        for size in CHUNK_SIZES {
            for stream in &streams {
                let starts = (0..stream.len()).step_by(size);
                let chunks: Vec<_> = starts.map(|start| stream.slice(start..stream.len().min(start + size))).collect();
                let mut parser = parser();
                let cost = measure(|| assert_eq!(feed_all(&mut parser, &chunks, method), 0));
                assert_eq!(parser.last_event_id(), text);
                let held = usize::try_from(cost.bytes_current).unwrap();
                // All owned events share one copy of a large ID, which is another than the parser's own.
                let owns = matches!(method, Method::Owned | Method::Shared | Method::OwnedBlocks);
                let ids = text.len() * if owns { 2 } else { 1 };
                assert!(held <= REST + ids + KIB, "{method:?} in chunks of {size}: {cost:?}");
            }
        }
    }
}

/// An event has the last event ID of its stream, and so does each copy of it.
#[test]
fn an_owned_event_holds_its_text_and_the_last_event_id() {
    let stream = format!("id: {}\n\nevent: e\ndata: x\n\n", "x".repeat(LIMIT));
    let mut parser = parser();
    let mut events = parser.feed(stream.as_bytes());
    let event = events.next_event().unwrap().unwrap();
    let mut copies = Vec::with_capacity(10);
    let held = measure(|| copies.extend((0..10).map(|_| event.into_owned()))).bytes_current;
    let held = usize::try_from(held).unwrap();
    assert!((10 * LIMIT..=10 * (LIMIT + KIB)).contains(&held), "{held}");
    // Clones of large events share it.
    let held = measure(|| copies = vec![copies[0].clone(); 10]).bytes_current;
    assert!(held <= -9 * i64::try_from(LIMIT).unwrap() + i64::try_from(KIB).unwrap(), "{held}");
}

#[test]
fn an_owned_block_holds_its_lines_and_its_event() {
    let stream = format!("id: {0}\nevent: {0}\ndata: {0}\n: {0}\n\n", "x".repeat(10 * KIB));
    let mut parser = parser();
    let mut blocks = parser.feed(stream.as_bytes());
    let block = blocks.next_block().unwrap().unwrap();
    let mut copy = None;
    let held = usize::try_from(measure(|| copy = Some(block.into_owned())).bytes_current).unwrap();
    assert!(held <= stream.len() + 40 * KIB + KIB, "{held}");
}

#[test]
fn a_parser_of_lines_holds_the_current_line() {
    let refused = |endless: &Endless| {
        let long = endless.start.split(|&byte| byte == b'\n').filter(|line| line.len() > LIMIT).count();
        long + usize::from(!endless.repeated.contains(&b'\n'))
    };
    holds_at_most(GROWING + REST, refused, |chunks| {
        let mut parser = LineParser::new().with_max_line_size(LIMIT);
        refusals_in(chunks, |chunk| {
            let mut lines = parser.feed(chunk);
            refusals(|| lines.next_line().map(|line| line.map(drop)))
        })
    });
}

#[test]
fn who_holds_an_encoded_event_holds_its_bytes() {
    for data in ["x".repeat(10), "x".repeat(LIMIT), "x\n".repeat(LIMIT / 2)] {
        let event = Event::new(&data);
        let len = event.encoded_len();
        let mut slow = Vec::with_capacity(1);
        let held = measure(|| slow.push(event.encode())).bytes_current;
        assert!(usize::try_from(held).unwrap() <= len + 128, "{held} for {len} bytes");
    }
}

/// A batch shares its memory with those before and after it, if they are small.
#[test]
fn who_holds_a_batch_holds_twice_its_bytes_and_16_kib_at_most() {
    let mut encoder = Encoder::new();
    let mut batch = |data: &str| {
        encoder.push(Event::new(data));
        encoder.take()
    };
    let mut slow = Vec::with_capacity(102);
    let held = measure(|| {
        for _ in 0..100 {
            slow.push(batch("some data"));
            (0..1000).for_each(|_| drop(batch("some data")));
        }
    });
    let held = usize::try_from(held.bytes_current).unwrap();
    assert!((100 * 8 * KIB..=100 * 16 * KIB).contains(&held), "{held} bytes for 100 batches");

    // A large one shares no memory, but its buffer may have doubled.
    for data in ["x".repeat(LIMIT), ["x", "\n"].map(|text| text.repeat(LIMIT / 2)).concat()] {
        let len = Event::new(&data).encoded_len();
        let held = usize::try_from(measure(|| slow.push(batch(&data))).bytes_current).unwrap();
        assert!(held <= 2 * len + KIB, "{held} for {len} bytes");
    }
}

/// An event that was parsed has the last event ID of its stream, and does not encode it if it is not its own.
#[test]
fn an_event_that_is_passed_on_takes_no_memory_for_an_id_that_it_does_not_write() {
    let stream = format!("id: {}\n\ndata\n\n", "x".repeat(LIMIT));
    let mut parser = parser();
    let mut events = parser.feed(stream.as_bytes());
    let event = events.next_event().unwrap().unwrap();
    assert_eq!(event.last_event_id().len(), LIMIT);
    let mut encoder = Encoder::new();
    let mut bytes = Bytes::new();
    let held = measure(|| {
        encoder.push(event);
        bytes = encoder.take();
    });
    assert_eq!(bytes, "data: \n\n");
    assert!(usize::try_from(held.bytes_max).unwrap() <= 16 * KIB, "{held:?}");
    let held = measure(|| bytes = event.encode()).bytes_max;
    assert_eq!(bytes, "data: \n\n");
    assert!(held <= 128, "{held}");
}

/// Runs with a stack of 128 KiB, which would overflow if its use grew with the input.
fn with_little_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(128 * KIB).spawn(work).unwrap().join().unwrap();
}

#[test]
fn the_stack_that_is_used_does_not_depend_on_input() {
    for endless in endless() {
        with_little_stack(move || {
            for size in [1400, 2 * LIMIT] {
                let chunks = endless.chunks(size);
                for method in METHODS {
                    let mut parser = parser();
                    assert_eq!(feed_all(&mut parser, &chunks, method), endless.refused_by(method));
                    parser.finish();
                }
                let mut lines = LineParser::new().with_max_line_size(LIMIT);
                for chunk in &chunks {
                    let mut lines = lines.feed(chunk);
                    refusals(|| lines.next_line().map(|line| line.map(drop)));
                }
            }
        });
    }
    with_little_stack(|| {
        for data in ["x".repeat(8 * LIMIT), "\n".repeat(LIMIT), "\r\n\u{1f680}".repeat(LIMIT)] {
            let event = Event::new(&data);
            let mut encoder = Encoder::new();
            let expected = event.encode();
            let mut writer = encoder.writer(Head::new());
            writer.push_bytes(data.as_bytes());
            writer.finish();
            assert_eq!(encoder.take(), expected);
            encoder.push(event);
            assert_eq!(encoder.take(), expected);
            let mut buf = event.into_owned().into_buf();
            assert_eq!(buf.copy_to_bytes(buf.remaining()), expected);
        }
    });
}

/// The tables name the tests that measure each row. All of these tests exist.
#[test]
fn the_tables_name_tests_that_exist() {
    let table = include_str!("../../src/bounds.md");
    let last_cells = table.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit("| ").next());
    let named: Vec<_> = last_cells.filter_map(|cell| cell.trim_matches('`').split_once("::")).collect();
    assert_eq!(named.len(), 28, "{named:?}");
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

#[test]
fn an_event_source_holds_what_its_parser_holds() {
    holds_at_most(PARSER, Endless::refused, |chunks| {
        let mut source = EventSource::new().with_parser(parser());
        source.response(200, http::EVENT_STREAM, Duration::ZERO).unwrap();
        refusals_in(chunks, |chunk| {
            let mut events = source.feed(chunk);
            refusals(|| events.next_event().map(|event| event.map(drop)))
        })
    });
}

/// The head of a response is checked without a copy.
#[test]
fn a_response_takes_no_memory() {
    let mut source = EventSource::new();
    let content_type = format!("text/event-stream;{}", " x=y;".repeat(LIMIT));
    let cost = measure(|| assert!(source.response(200, &content_type, Duration::ZERO).is_ok()));
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
    use sse_wire::stream::{BlockStream, EventStream};

    let transport = |chunks: Chunks| futures_util::stream::iter(chunks.map(Ok::<_, std::convert::Infallible>));
    holds_at_most(OWNED, Endless::refused, |chunks| refusals_of(EventStream::with_parser(transport(chunks), parser())));
    holds_at_most(BLOCKS, Endless::refused_blocks, |chunks| {
        refusals_of(BlockStream::with_parser(transport(chunks), parser()))
    });
}

#[cfg(feature = "http-body")]
#[test]
fn the_events_of_a_body_hold_what_their_parser_holds() {
    use sse_wire::body::{DataStream, EventBody};
    use sse_wire::stream::EventStream;

    holds_at_most(OWNED, Endless::refused, |chunks| {
        let body = EventBody::new(futures_util::stream::iter(chunks));
        refusals_of(EventStream::with_parser(DataStream::new(body), parser()))
    });
}

/// The body of a client that reads slowly is not polled.
#[cfg(feature = "http-body")]
#[test]
fn a_body_takes_one_event_when_it_is_polled_and_holds_none() {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use http_body::Body;
    use sse_wire::body::EventBody;

    use crate::script::Script;

    let data = "x".repeat(LIMIT);
    let events = (0..10).map(|_| sse_wire::OwnedEvent::new(Head::new(), data.as_str()));
    let mut source = Script::ready(events);
    let never = |_| std::future::pending::<()>();
    let mut body = EventBody::new(&mut source).with_keep_alive(std::time::Duration::MAX, never).vectored();
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

#[cfg(feature = "gzip")]
#[test]
fn a_body_that_is_compressed_holds_320_kib() {
    use sse_wire::body::EventBody;

    let mut request = ::http::HeaderMap::new();
    request.insert("accept-encoding", ::http::HeaderValue::from_static("gzip"));
    let mut source = crate::script::Script::ready(
        (0..1000)
            .map(|number: u32| {
                let text = number.wrapping_mul(2_654_435_761).to_string();
                Event::new(&text.repeat(100)).encode()
            })
            .collect::<Vec<_>>(),
    );
    let cost = measure(|| {
        let mut body = EventBody::new(&mut source).into_gzip_response(&request).into_body();
        while crate::body::poll_body(&mut body).map(|frame| frame.is_some()) == std::task::Poll::Ready(true) {}
    });
    assert!(cost.bytes_max <= 320 * KIB as u64, "{cost:?}");
}

/// Reads the rest of a chunk, and then the next chunk.
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
fn the_events_of_a_reader_hold_what_their_parser_holds_and_16_kib() {
    holds_at_most(OWNED + 16 * KIB, Endless::refused, |chunks| {
        let reader = Reader { chunk: Bytes::new(), chunks };
        sse_wire::io::Events::with_parser(reader, parser()).filter(Result::is_err).count()
    });
}

#[cfg(feature = "codec")]
#[test]
fn the_events_of_a_framed_reader_hold_what_their_parser_holds_and_16_kib() {
    use futures_util::StreamExt;
    use tokio_util::codec::FramedRead;

    holds_at_most(OWNED + 16 * KIB, Endless::refused, |chunks| {
        let reader = Reader { chunk: Bytes::new(), chunks };
        let codec = sse_wire::codec::EventCodec::new().with_parser(parser());
        // A block that is refused is an item.
        refusals_of(FramedRead::new(reader, codec).map(Result::unwrap))
    });
}

/// Writes this many bytes, and would block after that.
#[cfg(feature = "std")]
struct LimitedWriter(usize);

#[cfg(feature = "std")]
impl std::io::Write for LimitedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let len = bytes.len().min(self.0);
        self.0 -= len;
        if len == 0 { Err(std::io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A peer that does not read: what the writer does not take is kept, and `unsent` returns how much that is.
#[cfg(feature = "std")]
#[test]
fn what_a_writer_does_not_take_is_counted_and_released() {
    let mut events = sse_wire::io::WriteEvents::new(LimitedWriter(0));
    let data = "x".repeat(KIB);
    let event = Event::new(&data);
    let mut held = measure(|| (0..1000).for_each(|_| drop(events.write(event)))).bytes_current;
    let all = events.unsent();
    assert_eq!(all, 1000 * event.encoded_len());
    let mut taken = 0;
    for takes in [1, 1000, all / 4, all / 2, all / 5, 5000, usize::MAX] {
        let most = |unsent| i64::try_from(4 * unsent + 8 * KIB).unwrap();
        assert!(held <= most(events.unsent()), "{held} for {}", events.unsent());
        events.get_mut().0 = takes;
        held += measure(|| drop(events.flush())).bytes_current;
        taken += takes.min(all - taken);
        assert_eq!(events.unsent(), all - taken);
    }
    assert!(held <= 8 * 1024, "{held}");
}

/// A peer that reads a little at a time: what is left is not copied each time.
#[cfg(feature = "std")]
#[test]
fn what_a_writer_takes_little_by_little_is_copied_in_proportion() {
    let mut events = sse_wire::io::WriteEvents::new(LimitedWriter(0));
    assert!(events.write(Event::new(&"x".repeat(4 * LIMIT))).is_err());
    let all = events.unsent();
    let cost = measure(|| {
        while events.unsent() > 0 {
            events.get_mut().0 = 100;
            let _ = events.flush();
        }
    });
    // The rest is copied when it is a half, a quarter, and so on.
    assert!(cost.bytes_total <= all as u64 + KIB as u64, "{cost:?} for {all} bytes");
}

/// A client may send any last event ID.
#[test]
fn an_id_that_a_client_sends_takes_no_memory() {
    let mut own = ReplayBuffer::new();
    own.publish(Event::new("x").with_id(EventId::from_static("1"))).unwrap();
    let mut counted = ReplayBuffer::counted("e").unwrap();
    counted.publish(Event::new("x"));
    let long = "1".repeat(LIMIT);
    for id in [long.as_bytes(), b"\xff", format!("e-{long}").as_bytes()] {
        let cost = measure(|| {
            assert_eq!(own.since(id).err(), Some(UnknownId));
            assert_eq!(counted.since(id).err(), Some(UnknownId));
        });
        assert_eq!(cost.count_total, 0);
    }
}

/// Nested JSON is refused at a depth of 128. Other JSON takes the memory of its type.
#[cfg(feature = "json")]
#[test]
fn json_takes_what_its_type_takes_and_the_stack_for_a_depth_of_128() {
    thread::Builder::new()
        .stack_size(512 * KIB)
        .spawn(|| {
            let text = "[".repeat(LIMIT);
            let deep = Event::new(&text);
            assert!(deep.parse_json::<serde_json::Value>().is_err());
            let text = format!("[{}0]", "{\"\":0},".repeat(LIMIT / 7));
            let wide = Event::new(&text);
            let cost = measure(|| assert!(wide.parse_json::<serde_json::Value>().is_ok()));
            assert!(cost.bytes_max > 50 * LIMIT as u64, "{cost:?}");
            let cost = measure(|| assert!(wide.parse_json::<serde::de::IgnoredAny>().is_ok()));
            assert!(cost.bytes_max < KIB as u64, "{cost:?}");
        })
        .unwrap()
        .join()
        .unwrap();
}
