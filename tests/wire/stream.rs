//! Streams of chunks to streams of events, and back.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_util::{FutureExt, StreamExt};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::stream::{EncodeExt, EventStream, ItemStream, ParserStream, Parts, StreamError, TransportExt};
use sse_wire::{Encoder, Event, Item, Parser};

use crate::drive::{chunks, milliseconds, seen, seen_event};
use crate::oracle::{self, Outcome, Seen};
use crate::properties::{config, cuts, events, limits, streams};
use crate::script::{Script, Task, drain, poll};

type Transport = Script<Result<Bytes, io::ErrorKind>>;

/// A transport of these chunks, which is pending before each of those that `waits` says.
fn transport(stream: &[u8], cuts: &[usize], waits: &[bool]) -> Transport {
    let waits = waits.iter().copied().chain(std::iter::repeat(false));
    let polls = chunks(stream, cuts).into_iter().zip(waits).flat_map(|(chunk, wait)| {
        let chunk = Poll::Ready(Ok(Bytes::copy_from_slice(chunk)));
        [wait.then_some(Poll::Pending), Some(chunk)].into_iter().flatten()
    });
    Script::new(polls)
}

fn seen_result(result: Result<Item, StreamError<io::ErrorKind>>) -> Seen {
    match result {
        Ok(item) => seen::<sse_wire::ByteString>(Ok(Some(item))).unwrap(),
        Err(StreamError::Parse(error)) => seen::<&str>(Err(error)).unwrap(),
        Err(StreamError::Transport(error)) => panic!("{error}"),
    }
}

fn outcome<S, T>(mut stream: ParserStream<S, T>, results: Vec<Seen>) -> Outcome {
    let position = stream.parser().position();
    let unfinished = stream.finish().as_ref().map(seen_event);
    assert_eq!(stream.finish(), None, "an unfinished event is handed back once");
    Outcome {
        results,
        unfinished,
        last_event_id: stream.last_event_id().to_owned(),
        reconnection_time: stream.reconnection_time().map(milliseconds),
        position,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(
        stream in streams(), cuts in cuts(), limit in limits(), waits in vec(any::<bool>(), 0..20),
    ) {
        let parser = Parser::builder().max_event_size(limit).build();
        let mut events = EventStream::with_parser(transport(&stream, &cuts, &waits), parser.clone());
        let results = drain(&mut events).into_iter().map(|result| seen_result(result.map(Item::Event))).collect();
        prop_assert_eq!(outcome(events, results), oracle::interpret(&stream, limit, false));

        let mut items = ItemStream::with_parser(transport(&stream, &cuts, &waits), parser);
        let results = drain(&mut items).into_iter().map(seen_result).collect();
        prop_assert_eq!(outcome(items, results), oracle::interpret(&stream, limit, true));
    }

    #[test]
    fn taken_apart_after_each_poll_it_loses_nothing(
        stream in streams(), cuts in cuts(), limit in limits(), waits in vec(any::<bool>(), 0..20),
    ) {
        let parser = Parser::builder().max_event_size(limit).build();
        let mut items = ItemStream::with_parser(transport(&stream, &cuts, &waits), parser);
        let mut results = Vec::new();
        loop {
            match poll(&mut items) {
                Poll::Ready(Some(result)) => results.push(seen_result(result)),
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
            items = ParserStream::from_parts(items.into_parts());
        }
        prop_assert_eq!(outcome(items, results), oracle::interpret(&stream, limit, true));
    }

    #[test]
    fn what_is_encoded_is_read_back(events in vec(events(), 0..8)) {
        let mut encoder = Encoder::new();
        let expected: Vec<_> = events.iter().map(|event| encoder.encode(event)).collect();
        let results = events.into_iter().map(Ok::<_, Infallible>);
        let mut encoded = Script::ready(results).encoded();
        prop_assert_eq!(encoded.size_hint(), (0, None));
        let encoded = drain(&mut encoded);
        prop_assert_eq!(&encoded, &expected.iter().cloned().map(Ok).collect::<Vec<_>>());

        let mut read = Script::ready(encoded).events();
        let again: Vec<_> = drain(&mut read).into_iter().map(|event| encoder.encode(&event.unwrap())).collect();
        prop_assert_eq!(again, expected);
    }
}

fn ready(chunks: &[&'static str]) -> Transport {
    Script::ready(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))))
}

fn event(data: &'static str) -> Event {
    Event::new(data).to_shared()
}

#[test]
fn a_transport_that_fails_is_seen_once_and_after_every_event_before_it() {
    let error = Err(io::ErrorKind::ConnectionReset);
    let chunks = [Ok("data: 1\n\ndata: 2\n\nid: 7\ndata: unfini"), error, Ok("shed\n\n")];
    let mut events = Script::ready(chunks).events();
    let failed = Err(StreamError::Transport(io::ErrorKind::ConnectionReset));
    assert_eq!(drain(&mut events), [Ok(event("1")), Ok(event("2")), failed]);
    assert!(events.is_terminated());
    assert_eq!(events.get_ref().left(), 1, "not polled again");
    assert_eq!(events.finish().unwrap(), Event::new("unfini").with_id("7").unwrap());
    assert_eq!(drain(&mut events), []);
}

#[test]
fn an_event_over_the_limit_is_an_error_and_the_next_one_is_not() {
    let parser = Parser::builder().max_event_size(4).build();
    let mut events = EventStream::with_parser(ready(&["data: long", "er\n\ndata: ok\n\n"]), parser);
    let Poll::Ready(Some(Err(StreamError::Parse(error)))) = poll(&mut events) else { panic!() };
    assert_eq!(error.position(), 0);
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
fn the_text_of_an_event_is_that_of_the_chunk() {
    let chunk = Bytes::from("data: not copied\n\n".to_owned());
    let mut events = Script::ready([Ok::<_, Infallible>(chunk.clone())]).events();
    let Poll::Ready(Some(Ok(event))) = poll(&mut events) else { panic!() };
    assert_eq!(event.data().as_ptr(), chunk["data: ".len()..].as_ptr());
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
    assert_eq!(events.finish().unwrap().data(), "y");

    let mut events = std::pin::pin!(chunks().events());
    assert_eq!(events.next().now_or_never(), Some(Some(Ok(event("x")))));
    assert_eq!(events.as_mut().get_pin_mut().next().now_or_never(), Some(None));
}

#[test]
fn the_transport_may_be_looked_at_and_changed() {
    let mut items = ready(&["data: 1\n\n"]).items();
    assert_eq!(items.get_ref().left(), 1);
    *items.get_mut() = ready(&[": c\n"]);
    assert_eq!(drain(&mut items), [Ok(Item::Comment("c".into()))]);
}

#[test]
fn an_error_shows_what_it_holds() {
    let inner = io::Error::other(Event::new("x").with_id("\n").unwrap_err());
    let shown = inner.to_string();
    let error = StreamError::Transport(inner);
    assert_eq!(error.to_string(), shown);
    assert!(error.source().is_none(), "as the source of that io::Error");

    let mut parser = Parser::builder().max_event_size(0).build();
    let inner = parser.next_event(&mut &b"data: x"[..]).unwrap_err();
    assert_eq!(StreamError::<io::Error>::Parse(inner.clone()).to_string(), inner.to_string());
}

#[test]
fn whatever_can_be_encoded_is_and_the_rest_passes_through() {
    let mut items =
        Script::ready([Ok(Item::Event(Event::new("x"))), Err(io::ErrorKind::Other), Ok(Item::Comment("hi"))]);
    let expected = [Ok(Bytes::from("data: x\n\n")), Err(io::ErrorKind::Other), Ok(Bytes::from(": hi\n\n"))];
    assert_eq!(drain(&mut (&mut items).encoded()), expected);

    let bytes = Bytes::from_static(b"data: as it is");
    let mut encoded = futures_util::stream::iter([bytes.clone()]).encoded();
    assert_eq!(encoded.size_hint(), (1, Some(1)));
    let Poll::Ready(Some(same)) = poll(&mut encoded) else { panic!() };
    assert_eq!(same.as_ptr(), bytes.as_ptr());
    assert!(!encoded.is_terminated());
    assert_eq!(drain(&mut encoded), Vec::<Bytes>::new());
    assert!(encoded.is_terminated());
}

#[test]
fn events_are_encoded_when_they_come_and_no_sooner() {
    let polls = [Poll::Pending, Poll::Ready(Event::new("x")), Poll::Pending];
    let mut encoded = Script::new(polls).encoded();
    assert_eq!(poll(&mut encoded), Poll::Pending);
    assert_eq!(poll(&mut encoded), Poll::Ready(Some(Bytes::from("data: x\n\n"))));
    assert_eq!(poll(&mut encoded), Poll::Pending);
    assert!(!encoded.is_terminated());
    assert_eq!(drain(&mut encoded), [""; 0]);
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
