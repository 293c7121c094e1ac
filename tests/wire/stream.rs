//! Streams of chunks to streams of events, and back.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_core::{FusedStream, Stream};
use futures_util::{FutureExt, StreamExt};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::stream::{BlockStream, Chunk, EncodeExt, EncodeItem, EventStream, Parts, StreamError, TransportExt};
use sse_wire::{
    BlockLine, Comment, Event, EventId, EventName, FieldError, Head, OwnedBlock, OwnedEvent, ParseErrorKind, Parser,
};

use crate::drive::{block_item, chunks, event_item, milliseconds, parser, plain_block};
use crate::oracle::{self, Item, ItemKind, Outcome};
use crate::properties::{config, cuts, events, limits, streams};
use crate::script::{Script, Task, drain, poll};

pub type Transport = Script<Result<Bytes, io::ErrorKind>>;

/// A transport of these chunks, which is pending before a chunk where `waits` is true.
pub fn transport(stream: &[u8], cuts: &[usize], waits: &[bool]) -> Transport {
    let waits = waits.iter().copied().chain(std::iter::repeat(false));
    let polls = chunks(stream, cuts).into_iter().zip(waits).flat_map(|(chunk, wait)| {
        let chunk = Poll::Ready(Ok(Bytes::copy_from_slice(chunk)));
        [wait.then_some(Poll::Pending), Some(chunk)].into_iter().flatten()
    });
    Script::new(polls)
}

fn owned_event_item(result: Result<OwnedEvent, StreamError<io::ErrorKind>>) -> Item {
    let result = match result {
        Ok(event) => event_item(Ok(Some(event.as_event()))),
        Err(StreamError::Parse(error)) => event_item(Err(error)),
        Err(error) => panic!("{error}"),
    };
    result.unwrap()
}

fn owned_block_item(result: Result<OwnedBlock, StreamError<io::ErrorKind>>) -> Item {
    match result {
        Ok(block) => block_item(Ok(Some(block.as_block()))).unwrap(),
        Err(StreamError::Parse(error)) => block_item(Err(error)).unwrap(),
        Err(error) => panic!("{error}"),
    }
}

/// The results, and the state of a stream that has ended.
macro_rules! outcome {
    ($stream:expr, $results:expr) => {{
        let mut stream = $stream;
        let (position, ignored_lines) = (stream.parser().position(), stream.ignored_lines());
        let unfinished = stream.finish().as_ref().map(plain_block);
        assert_eq!(stream.finish(), None, "an unfinished block is returned once");
        Outcome {
            results: $results,
            unfinished,
            last_event_id: stream.last_event_id().to_owned(),
            reconnection_time: stream.reconnection_time().map(milliseconds),
            position,
            ignored_lines,
            ignored_lines_at_end: stream.ignored_lines(),
        }
    }};
}

/// The events over this transport, and the state at its end.
pub fn read_events(transport: Transport, parser: Parser) -> Outcome {
    let mut events = EventStream::with_parser(transport, parser);
    let results = drain(&mut events).into_iter().map(owned_event_item).collect();
    without_lines(outcome!(events, results))
}

/// Without the lines of the unfinished block, which a parser keeps only for `next_block`.
fn without_lines(mut outcome: Outcome) -> Outcome {
    outcome.unfinished.iter_mut().for_each(|block| block.lines.clear());
    outcome
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(
        stream in streams(), cuts in cuts(), limits in limits(), waits in vec(any::<bool>(), 0..20),
    ) {
        let expected = without_lines(oracle::interpret(&stream, limits, ItemKind::Events));
        prop_assert_eq!(read_events(transport(&stream, &cuts, &waits), parser(limits)), expected);

        let mut blocks = BlockStream::with_parser(transport(&stream, &cuts, &waits), parser(limits));
        let results = drain(&mut blocks).into_iter().map(owned_block_item).collect();
        prop_assert_eq!(outcome!(blocks, results), oracle::interpret(&stream, limits, ItemKind::Blocks));
    }

    #[test]
    fn a_stream_that_is_taken_apart_after_each_poll_loses_nothing(
        stream in streams(), cuts in cuts(), limits in limits(), waits in vec(any::<bool>(), 0..20),
    ) {
        let mut blocks = BlockStream::with_parser(transport(&stream, &cuts, &waits), parser(limits));
        let mut results = Vec::new();
        loop {
            match poll(&mut blocks) {
                Poll::Ready(Some(result)) => results.push(owned_block_item(result)),
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
            blocks = BlockStream::from_parts(blocks.into_parts());
        }
        prop_assert_eq!(outcome!(blocks, results), oracle::interpret(&stream, limits, ItemKind::Blocks));
    }

    #[test]
    fn end_on_refusal_ends_the_stream_at_the_first_refusal(stream in streams(), cuts in cuts(), limits in limits()) {
        let all = EventStream::with_parser(transport(&stream, &cuts, &[]), parser(limits));
        let mut expected = drain(&mut { all });
        let first = expected.iter().position(Result::is_err);
        expected.truncate(first.map_or(expected.len(), |first| first + 1));

        let mut events = EventStream::with_parser(transport(&stream, &cuts, &[]), parser(limits)).end_on_refusal();
        prop_assert_eq!(drain(&mut events), expected);
        prop_assert!(events.is_terminated());
    }

    #[test]
    fn what_is_encoded_is_read_back(events in vec(events(), 0..8)) {
        let expected: Vec<_> = events.iter().map(OwnedEvent::encode).collect();
        let results = events.into_iter().map(Ok::<_, Infallible>);
        let mut encoded = Script::ready(results).encoded();
        prop_assert_eq!(encoded.size_hint(), (0, None));
        let encoded = drain(&mut encoded);
        prop_assert_eq!(&encoded, &expected.iter().cloned().map(Ok).collect::<Vec<_>>());

        let mut read = Script::ready(encoded.clone()).events();
        let again: Vec<_> = drain(&mut read).into_iter().map(|event| event.unwrap().encode()).collect();
        prop_assert_eq!(again, &expected[..]);

        let mut read = Script::ready(encoded).blocks();
        let again: Vec<_> = drain(&mut read).into_iter().map(|block| block.unwrap().into_event().unwrap().encode()).collect();
        prop_assert_eq!(again, expected);
    }
}

fn ready(chunks: &[&'static str]) -> Transport {
    Script::ready(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))))
}

fn event(data: &str) -> OwnedEvent {
    Event::new(data).into_owned()
}

#[test]
fn the_error_of_a_transport_is_yielded_once_after_every_event_before_it() {
    let error = Err(io::ErrorKind::ConnectionReset);
    let chunks = [Ok("data: 1\n\ndata: 2\n\nid: 7\ndata: unfini"), error, Ok("shed\n\n")];
    let mut events = Script::ready(chunks).events();
    let failed = Err(StreamError::Transport(io::ErrorKind::ConnectionReset));
    assert_eq!(drain(&mut events), [Ok(event("1")), Ok(event("2")), failed]);
    assert!(events.is_terminated());
    assert_eq!(events.get_ref().left(), 1, "not polled again");
    let unfinished = events.finish().unwrap().event();
    assert_eq!(unfinished, Some(Event::new("unfini").with_id(EventId::from_static("7"))));
    assert_eq!(drain(&mut events), []);
}

#[test]
fn an_event_over_the_limit_is_an_error_and_the_next_one_is_not() {
    let parser = Parser::new().with_max_event_size(4);
    let mut events = EventStream::with_parser(ready(&["data: long", "er\n\ndata: ok\n\n"]), parser);
    let Poll::Ready(Some(Err(StreamError::Parse(error)))) = poll(&mut events) else { panic!() };
    assert_eq!((error.kind(), error.limit(), error.position()), (ParseErrorKind::EventTooLarge, Some(4), 0));
    assert!(!events.is_terminated());
    assert_eq!(drain(&mut events), [Ok(event("ok"))]);
}

#[test]
fn a_next_that_is_dropped_while_it_waits_loses_nothing() {
    let polls = [
        Poll::Ready(Ok("data: 1\n\nda")),
        Poll::Pending,
        Poll::Ready(Ok("ta: ")),
        Poll::Pending,
        Poll::Ready(Ok::<_, Infallible>("2\n\n")),
    ];
    let mut events = Script::new(polls).events();
    assert_eq!(events.next().now_or_never(), Some(Some(Ok(event("1")))));
    assert_eq!(events.next().now_or_never(), None);
    assert_eq!(events.finish(), None, "not the end yet");
    assert_eq!(events.next().now_or_never(), None);
    assert_eq!(events.next().now_or_never(), Some(Some(Ok(event("2")))));
    assert_eq!(events.next().now_or_never(), Some(None));
}

#[test]
fn a_transport_that_is_always_ready_without_an_event_lets_others_run() {
    let task = Arc::new(Task::default());
    let waker = Waker::from(task.clone());
    let mut events = futures_util::stream::repeat(Ok::<_, Infallible>(": nothing\n".as_bytes())).events();
    for polls in 1..4 {
        assert!(events.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(task.woken(), polls);
    }
}

#[test]
fn one_poll_yields_one_event_and_reads_no_further() {
    let mut events = ready(&["data: 1\n\ndata: 2\n\n", "data: 3\n\n"]).events();
    for (data, left) in [("1", 1), ("2", 1), ("3", 0)] {
        assert_eq!(poll(&mut events), Poll::Ready(Some(Ok(event(data)))));
        assert_eq!(events.get_ref().left(), left);
    }
}

#[test]
fn the_size_hint_promises_nothing_before_the_end() {
    let mut events = ready(&["data: 1\n\ndata: 2\n\n"]).events();
    assert_eq!(events.size_hint(), (0, None));
    drain(&mut events);
    assert_eq!(events.size_hint(), (0, Some(0)));
}

#[test]
fn large_data_shares_the_chunk_and_small_data_does_not() {
    for (len, shared) in [(10, false), (10_000, true)] {
        let chunk = Bytes::from(format!("data: {}\n\n", "x".repeat(len)));
        let mut events = Script::ready([Ok::<_, Infallible>(chunk.clone())]).events();
        let Poll::Ready(Some(Ok(event))) = poll(&mut events) else { panic!() };
        assert_eq!(event.data().as_ptr() == chunk["data: ".len()..].as_ptr(), shared);
        drop(events);
        assert_eq!(chunk.is_unique(), !shared, "nothing else keeps it");
    }
}

#[test]
fn an_event_of_a_long_chunk_does_not_keep_it() {
    // Most of what is read of the chunk at a time, but not of the chunk.
    let data = "x".repeat(200_000);
    let chunk = Bytes::from(format!("data: {data}\n\n").repeat(10));
    let events: Vec<_> = drain(&mut Script::ready([Ok::<_, Infallible>(chunk.clone())]).events());
    assert_eq!(events, vec![Ok(event(&data)); 10]);
    assert!(chunk.is_unique());
}

#[test]
fn a_parser_goes_on_over_a_new_connection() {
    let mut events = ready(&["id: 7\nretry: 20\ndata: 1\n\ndata: lost"]).events();
    drain(&mut events);
    let mut parser = events.into_parts().parser;
    parser.reset();
    let mut events = EventStream::from_parts(Parts { transport: ready(&["data: 2\n\n"]), parser, rest: Bytes::new() });
    let [Ok(event)] = &drain(&mut events)[..] else { panic!() };
    assert_eq!((event.data(), event.last_event_id()), ("2", "7"));
    assert_eq!(events.reconnection_time().map(milliseconds), Some(20));
}

#[test]
fn a_transport_that_cannot_move_is_pinned_where_it_is_or_with_the_stream() {
    let chunks = || futures_util::stream::once(async { Ok::<_, Infallible>("data: x\n\ndata: y") });

    let transport = std::pin::pin!(chunks());
    let mut events = EventStream::new(transport);
    assert_eq!(drain(&mut events), [Ok(event("x"))]);
    assert_eq!(events.finish().unwrap().event().unwrap().data(), "y");

    let mut events = std::pin::pin!(chunks().events());
    assert_eq!(events.next().now_or_never(), Some(Some(Ok(event("x")))));
    assert_eq!(events.as_mut().get_pin_mut().next().now_or_never(), Some(None));
}

#[test]
fn the_transport_can_be_accessed_and_changed() {
    let mut blocks = ready(&["data: 1\n\n"]).blocks();
    assert_eq!(blocks.get_ref().left(), 1);
    *blocks.get_mut() = ready(&[": c\n\n"]);
    let [Ok(block)] = &drain(&mut blocks)[..] else { panic!() };
    assert_eq!(block.lines().collect::<Vec<_>>(), [BlockLine::Comment("c")]);
}

#[test]
fn debug_shows_the_transport_and_the_rest_that_was_not_read() {
    let mut events = ready(&["data: 1\n\nrest"]).events();
    assert_eq!(poll(&mut events), Poll::Ready(Some(Ok(event("1")))));
    let shown = format!("{events:?}");
    for part in ["EventStream { transport: Script {", "parser: Parser {", "rest: b\"rest\"", "ended: false", ".. }"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
}

#[test]
fn an_error_is_displayed_as_the_one_that_it_holds() {
    let inner = io::Error::other(EventId::new("\n").unwrap_err());
    let shown = inner.to_string();
    let error = StreamError::Transport(inner);
    assert_eq!(error.to_string(), shown);

    let mut parser = Parser::new().with_max_event_size(0);
    let inner = parser.feed(b"data: x").next_event().unwrap_err();
    assert_eq!(StreamError::<io::Error>::from(inner.clone()).to_string(), inner.to_string());
}

/// An error that has a source.
#[derive(Debug)]
struct Outer(FieldError);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn every_error_of_a_transport_can_be_passed_on_and_boxed_with_its_source() {
    /// As `?` does, also into `anyhow::Error`.
    fn passed_on<E>(error: StreamError<E>) -> Box<dyn Error + Send + Sync>
    where
        StreamError<E>: Error + Send + Sync + 'static,
    {
        error.into()
    }
    let refused = || EventName::new("\n").unwrap_err();
    let boxed: Box<dyn Error + Send + Sync> = refused().into();
    assert_eq!(passed_on(StreamError::Transport("text".to_owned())).to_string(), "text");
    assert_eq!(passed_on(StreamError::Transport(boxed)).to_string(), refused().to_string());
    assert_eq!(passed_on(StreamError::Transport(io::Error::other(refused()))).to_string(), refused().to_string());

    // The box is the error itself: with its type, and its own source.
    let boxed: Box<dyn Error + Send + Sync> = Box::new(refused());
    assert!(StreamError::Transport(boxed).into_boxed().is::<FieldError>());
    let boxed = StreamError::Transport(Outer(refused())).into_boxed();
    assert!(boxed.source().unwrap().is::<FieldError>());
    let parse = Parser::new().with_max_event_size(0).feed(b"data: x").next_event().unwrap_err();
    assert!(StreamError::<io::Error>::from(parse).into_boxed().is::<sse_wire::ParseError>());
}

#[test]
fn chunks_of_every_kind_are_read_and_only_borrowed_ones_are_copied() {
    fn read<B: Chunk + Unpin>(chunk: B) {
        let mut events = Script::ready([Ok::<_, Infallible>(chunk)]).events();
        assert_eq!(drain(&mut events), [Ok(event("x"))]);
    }
    fn stays<B: Chunk + AsRef<[u8]>>(chunk: B) {
        let at = chunk.as_ref().as_ptr();
        assert_eq!(chunk.into_bytes().as_ptr(), at);
    }

    let text = String::from("data: x\n\n");
    read(&text[..]);
    read(text.as_bytes());
    read(Bytes::from(text.clone()));
    read(BytesMut::from(&text[..]));
    read(text.clone().into_bytes());
    read(text.clone().into_bytes().into_boxed_slice());
    read(text.clone());

    stays(Bytes::from(text.clone()));
    stays(BytesMut::from(&text[..]));
    stays(text.clone().into_bytes());
    stays(text.clone().into_bytes().into_boxed_slice());
    stays(text);
}

#[test]
fn everything_that_can_be_encoded_is_and_errors_are_passed_on() {
    fn encoded<T: EncodeItem<Error = Infallible> + Unpin>(part: T) -> Bytes {
        let [Ok(bytes)] = &drain(&mut Script::ready([part]).encoded())[..] else { panic!() };
        bytes.clone()
    }

    let mut events = Script::ready([Ok(Event::new("x")), Err(io::ErrorKind::Other), Ok(Event::new("y"))]);
    let expected = [Ok(Bytes::from("data: x\n\n")), Err(io::ErrorKind::Other), Ok(Bytes::from("data: y\n\n"))];
    assert_eq!(drain(&mut (&mut events).encoded()), expected);

    let mut parser = Parser::new();
    let block = parser.feed(b": c\nx: y\n\n").owned_blocks().next().unwrap().unwrap();
    assert_eq!(encoded(block.as_block()), ": c\nx: y\n\n");
    assert_eq!(encoded(&block), ": c\nx: y\n\n");
    assert_eq!(encoded(block), ": c\nx: y\n\n");
    assert_eq!(encoded(Comment("hi")), ": hi\n\n");
    assert_eq!(encoded(Head::from(EventId::from_static("7"))), "id: 7\n\n");
    assert_eq!(encoded(event("x")), "data: x\n\n");

    let bytes = Bytes::from_static(b"data: as it is");
    let mut encoded = futures_util::stream::iter([bytes.clone()]).encoded();
    assert_eq!(encoded.size_hint(), (1, Some(1)));
    let Poll::Ready(Some(Ok(same))) = poll(&mut encoded) else { panic!() };
    assert_eq!(same.as_ptr(), bytes.as_ptr());
    assert!(!encoded.is_terminated());
    assert_eq!(drain(&mut encoded), []);
    assert!(encoded.is_terminated());
}

#[test]
fn events_are_encoded_when_they_come_and_no_sooner() {
    let polls = [Poll::Pending, Poll::Ready(Event::new("x")), Poll::Pending];
    let mut encoded = Script::new(polls).encoded();
    assert_eq!(poll(&mut encoded), Poll::Pending);
    assert_eq!(poll(&mut encoded), Poll::Ready(Some(Ok(Bytes::from("data: x\n\n")))));
    assert_eq!(poll(&mut encoded), Poll::Pending);
    assert!(!encoded.is_terminated());
    assert_eq!(drain(&mut encoded), []);
    assert!(encoded.is_terminated());
    assert_eq!(encoded.size_hint(), (0, Some(0)));
    assert_eq!(futures_util::stream::iter([Event::new("x"); 3]).encoded().size_hint(), (3, Some(3)));
}

#[test]
fn a_poll_takes_32_chunks_without_an_event_and_then_lets_others_run() {
    let task = Arc::new(Task::default());
    let waker = Waker::from(task.clone());
    let comments = std::iter::repeat_n(":\n\n", 100).map(|chunk| Ok::<_, Infallible>(Bytes::from(chunk)));
    let mut taken = 0;
    let transport = futures_util::stream::iter(comments).inspect(|_| taken += 1);
    let mut events = transport.events();
    let polled = std::pin::Pin::new(&mut events).poll_next(&mut Context::from_waker(&waker));
    drop(events);
    assert!(polled.is_pending());
    assert_eq!((taken, task.woken()), (32, 1));
}

#[test]
fn a_poll_reads_half_a_mebibyte_at_most_of_a_chunk_and_then_lets_others_run() {
    const MOST: u64 = 512 * 1024;
    let comments = Bytes::from(":\n\n: some comment\r\n\r\nid: 7\n\n".repeat(100_000));
    let long_line = Bytes::from(vec![b'x'; 3_000_000]);
    for chunks in
        [vec![comments.clone()], vec![long_line], vec![comments; 3], vec![Bytes::from(vec![b':'; 200_000]); 20]]
    {
        let task = Arc::new(Task::default());
        let waker = Waker::from(task.clone());
        let all: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let mut events = Script::ready(chunks.into_iter().map(Ok::<_, Infallible>)).events();
        let (mut polls, mut position) = (0, 0);
        while Pin::new(&mut events).poll_next(&mut Context::from_waker(&waker)).is_pending() {
            let read = events.parser().position() - position;
            assert!(0 < read && read < MOST, "{read} bytes in a poll");
            position += read;
            polls += 1;
            assert_eq!(task.woken(), polls, "and is polled again");
        }
        assert_eq!(events.parser().position(), all);
        assert!(all - position < MOST && polls as u64 >= all / MOST);
    }
}

#[test]
fn a_long_chunk_yields_the_same_blocks_as_short_ones() {
    // Characters, line ends and blocks lie across the ends of the parts in which it is read.
    let mut stream = Vec::new();
    for number in 0..20_000 {
        stream.extend_from_slice(format!("id: {number}\r\ndata: \u{1f680}\u{e9}\r\n: c\r\n\r\n").as_bytes());
    }
    stream.extend_from_slice(format!("data: {}\r\r", "\u{20ac}".repeat(300_000)).as_bytes());
    let mut long = Script::ready([Ok::<_, Infallible>(Bytes::from(stream.clone()))]).blocks();
    let mut short = Script::ready(stream.chunks(1000).map(Ok::<_, Infallible>)).blocks();
    let blocks = drain(&mut long);
    assert_eq!(blocks.len(), 20_001);
    assert!(blocks == drain(&mut short));
    assert_eq!(long.parser().position(), short.parser().position());

    // Taken apart after any event, it goes on the same.
    let mut events = Script::ready([Ok::<_, Infallible>(Bytes::from(stream.clone()))]).events();
    let mut seen = 0;
    loop {
        match poll(&mut events) {
            Poll::Ready(None) => break,
            Poll::Ready(Some(event)) => {
                event.unwrap();
                seen += 1;
            }
            Poll::Pending => {}
        }
        let parts = events.into_parts();
        assert_eq!(parts.parser.position() + parts.rest.len() as u64, if seen > 0 { stream.len() as u64 } else { 0 });
        events = EventStream::from_parts(parts);
    }
    assert_eq!(seen, 20_001);
}

#[test]
fn a_stream_begins_with_an_error_if_its_parser_lost_the_rest_of_a_chunk() {
    let mut parser = Parser::new();
    assert!(parser.feed(b"data: 1\n\ndata: 2\n\n").next_event().unwrap().is_some());
    let mut events = EventStream::with_parser(ready(&["", "data: 3\n\n"]), parser);
    let Poll::Ready(Some(Err(StreamError::Parse(error)))) = poll(&mut events) else { panic!() };
    assert_eq!((error.kind(), error.position()), (ParseErrorKind::Unread, 9));
    assert_eq!(drain(&mut events), [Ok(event("3"))]);
}

#[test]
fn after_a_refusal_that_ends_the_stream_nothing_is_read_or_polled() {
    let parser = Parser::new().with_max_event_size(4);
    let transport = ready(&["data: ok\n\ndata: too long\n\ndata: ok\n\n", "data: ok\n\n"]);
    let mut events = EventStream::with_parser(transport, parser).end_on_refusal();
    assert_eq!(poll(&mut events), Poll::Ready(Some(Ok(event("ok")))));
    let Poll::Ready(Some(Err(StreamError::Parse(error)))) = poll(&mut events) else { panic!() };
    assert_eq!((error.kind(), error.position()), (ParseErrorKind::EventTooLarge, 10));
    assert!(events.is_terminated());
    assert_eq!(drain(&mut events), []);
    assert_eq!(events.finish(), None);
    assert_eq!(events.get_ref().left(), 1);

    // A block is one as well.
    let parser = Parser::new().with_max_block_size(4);
    let mut blocks = BlockStream::with_parser(ready(&[": a\n\n: too long\n\n: b\n\n"]), parser).end_on_refusal();
    assert!(matches!(drain(&mut blocks)[..], [Ok(_), Err(_)]));
}
