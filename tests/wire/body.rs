//! Streams of events to bodies, and back.

use std::convert::Infallible;
use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use futures_util::stream::{self, StreamExt};
use http_body::{Body, Frame};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::body::{Chunk, DataStream, EventBody, IntoChunk};
use sse_wire::stream::TransportExt;
use sse_wire::{Encoder, Event, KEEP_ALIVE};

use crate::drive::chunks;
use crate::properties::{config, cuts, events, streams};
use crate::script::{Script, Task, drain, poll};

/// What a poll of the body gives, as bytes; `None` at the end.
fn poll_body<B: Body<Data: Buf + Debug> + Unpin>(body: &mut B) -> Poll<Option<Result<Bytes, B::Error>>> {
    let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    frame.map_ok(|frame| {
        let mut chunk = frame.into_data().unwrap();
        chunk.copy_to_bytes(chunk.remaining())
    })
}

fn sent(bytes: &'static str) -> Poll<Option<Result<Bytes, Infallible>>> {
    Poll::Ready(Some(Ok(Bytes::from_static(bytes.as_bytes()))))
}

fn keep_alive() -> Poll<Option<Result<Bytes, Infallible>>> {
    Poll::Ready(Some(Ok(Bytes::from_static(KEEP_ALIVE))))
}

fn event(data: &'static str) -> Event {
    Event::new(data).to_shared()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_that_goes_into_a_body_comes_out_of_it(
        events in vec((any::<bool>(), any::<bool>(), events()), 0..8),
    ) {
        let mut encoder = Encoder::new();
        let mut expected = Vec::new();
        let mut polls = Vec::new();
        for (wait, ready_made, event) in events {
            let bytes = encoder.encode(&event);
            expected.push(bytes.clone());
            polls.extend(wait.then_some(Poll::Pending));
            let chunk = if ready_made { bytes.into() } else { event.as_borrowed().to_shared().into() };
            polls.push(Poll::Ready(Ok::<Chunk, io::ErrorKind>(chunk)));
        }
        let body = EventBody::new(Script::new(polls)).keep_alive(stream::repeat(()));
        let read = drain(&mut DataStream::new(body).events());
        let again: Vec<_> = read.into_iter().map(|event| encoder.encode(&event.unwrap())).collect();
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn ticks_at_any_time_change_no_event_of_a_stream_that_is_relayed_in_pieces(
        stream in streams(), cuts in cuts(), waits in vec(any::<bool>(), 0..40),
    ) {
        // A BOM would no longer be at the very start.
        prop_assume!(!stream.starts_with(b"\xef"));
        let waits = waits.into_iter().chain(std::iter::repeat(true));
        let polls = chunks(&stream, &cuts).into_iter().zip(waits).flat_map(|(chunk, wait)| {
            [wait.then_some(Poll::Pending), Some(Poll::Ready(Bytes::copy_from_slice(chunk)))].into_iter().flatten()
        });
        let body = EventBody::new(Script::new(polls)).keep_alive(stream::repeat(()));
        let mut relayed = DataStream::new(body).events();
        let mut direct = Script::ready([Ok::<_, Infallible>(Bytes::from(stream))]).events();
        prop_assert_eq!(drain(&mut relayed), drain(&mut direct));
        prop_assert_eq!(relayed.last_event_id(), direct.last_event_id());
        prop_assert_eq!(relayed.reconnection_time(), direct.reconnection_time());
        prop_assert_eq!(relayed.finish(), direct.finish());
    }
}

/// A tick for each poll.
fn one_at_a_time() -> impl Stream<Item = ()> + Unpin {
    Script::new([Poll::Ready(()), Poll::Pending].into_iter().cycle().take(100))
}

#[test]
fn a_tick_is_a_sign_of_life_only_if_nothing_was_sent_since_the_last_tick() {
    let wait = || Poll::Pending;
    let source = [wait(), Poll::Ready(event("x")), wait(), wait(), wait(), Poll::Ready(event("y"))];
    let mut body = EventBody::new(Script::new(source)).keep_alive(one_at_a_time());
    assert_eq!(poll_body(&mut body), keep_alive());
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(poll_body(&mut body), keep_alive());
    assert_eq!(poll_body(&mut body), keep_alive());
    assert_eq!(poll_body(&mut body), sent("data: y\n\n"));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
}

#[test]
fn an_empty_chunk_is_no_sign_of_life() {
    let source = [Poll::Ready(Bytes::new()), Poll::Pending];
    let mut body = EventBody::new(Script::new(source)).keep_alive(stream::repeat(()));
    assert_eq!(poll_body(&mut body), sent(""));
    assert_eq!(poll_body(&mut body), keep_alive());
}

#[test]
fn ticks_that_are_passed_over_leave_the_task_awake() {
    let task = Arc::new(Task::default());
    let waker = Waker::from(task.clone());
    let within_a_block = || stream::iter([Bytes::from("data: x")]).chain(stream::pending());
    let mut body = EventBody::new(within_a_block()).keep_alive(stream::repeat(()));
    let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)).is_pending();
    assert!(!poll());
    assert!(poll());
    assert_eq!(task.woken(), 1, "there are more ticks, which have no waker");

    let mut body = EventBody::new(within_a_block()).keep_alive(one_at_a_time());
    let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)).is_pending();
    assert!(!poll());
    assert!(poll());
    assert_eq!(task.woken(), 1, "the ticks have a waker of their own");
}

#[test]
fn for_ticks_that_were_missed_one_sign_of_life_is_enough() {
    let ticks = Script::new([Poll::Ready(()); 30].into_iter().chain([Poll::Pending]));
    let mut body = EventBody::new(stream::pending::<Event>()).keep_alive(ticks);
    assert_eq!(poll_body(&mut body), keep_alive());
    assert_eq!(poll_body(&mut body), Poll::Pending);
}

#[test]
fn no_sign_of_life_within_a_block() {
    let pieces = ["data: 1\n", "\r", "\n", "id", ": 7\r", "\n", "\r\n", ""];
    let polls = pieces.into_iter().flat_map(|piece| [Poll::Ready(Bytes::from(piece)), Poll::Pending, Poll::Pending]);
    let mut body = EventBody::new(Script::new(polls)).keep_alive(one_at_a_time());
    let mut alive_after = Vec::new();
    for piece in pieces {
        assert_eq!(poll_body(&mut body), sent(piece));
        // The first tick sees that something was sent; the second would be the sign of life.
        let after = [poll_body(&mut body), poll_body(&mut body)];
        alive_after.push(after.contains(&keep_alive()));
    }
    assert_eq!(alive_after, [false, true, true, false, false, false, true, true]);
}

#[test]
fn after_an_event_there_may_be_a_sign_of_life_whatever_came_before_it() {
    let pieces = [Chunk::from(Bytes::from("data: cut")), Chunk::from(event("x"))];
    let polls = pieces.into_iter().flat_map(|piece| [Poll::Ready(piece), Poll::Pending, Poll::Pending]);
    let mut body = EventBody::new(Script::new(polls)).keep_alive(one_at_a_time());
    assert_eq!(poll_body(&mut body), sent("data: cut"));
    assert_eq!([poll_body(&mut body), poll_body(&mut body)], [Poll::Pending, Poll::Pending]);
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    assert!([poll_body(&mut body), poll_body(&mut body)].contains(&keep_alive()));
}

#[test]
fn ticks_that_end_are_fine_and_ticks_delay_neither_events_nor_the_end() {
    let source = [Poll::Pending, Poll::Pending, Poll::Pending, Poll::Ready(event("x"))];
    let mut body = EventBody::new(Script::new(source)).keep_alive(Script::ready([()]));
    assert_eq!(poll_body(&mut body), keep_alive());
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));

    let mut body = EventBody::new(Script::ready([event("x")])).keep_alive(stream::repeat(()));
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
}

#[test]
fn the_end_and_an_error_are_seen_once_and_the_source_is_left_alone() {
    let mut body = EventBody::new(Script::ready([Ok(event("x")), Err(io::ErrorKind::Other), Ok(event("y"))]));
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(poll_body(&mut body), Poll::Ready(Some(Ok("data: x\n\n".into()))));
    assert_eq!(poll_body(&mut body), Poll::Ready(Some(Err(io::ErrorKind::Other))));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));

    let mut body = EventBody::new(Script::ready([event("x")]));
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    assert!(!body.is_end_stream());
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
    assert!(body.is_end_stream());
}

#[test]
fn the_data_of_an_event_is_handed_over_where_it_lies() {
    let event = Event::new("one\ntwo").to_shared();
    let data = event.data().as_ptr();
    let chunk = event.into_chunk().unwrap();
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(chunk.chunks_vectored(&mut slices), 5);
    assert_eq!(slices[..5].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>(), b"data: one\ndata: two\n\n");
    assert_eq!(slices[1].as_ptr(), data);
    assert_eq!(slices[3].as_ptr(), data.wrapping_add(4));

    let bytes = Bytes::from_static(b"data: x\n\n");
    let mut chunk = Chunk::from(bytes.clone());
    assert_eq!(chunk.chunks_vectored(&mut slices), 1);
    assert_eq!(chunk.copy_to_bytes(9).as_ptr(), bytes.as_ptr());
}

/// A body of these frames.
struct Frames(Script<Result<Frame<Bytes>, io::ErrorKind>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = io::ErrorKind;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::ErrorKind>>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

#[test]
fn a_chunk_is_the_buf_that_it_holds() {
    let encoded = Bytes::from("data: one\ndata: two\n\n");
    let chunks = [Chunk::from(Event::new("one\ntwo").to_shared()), Chunk::from(encoded.clone())];
    for chunk in chunks {
        for step in 1..=encoded.len() {
            let (mut chunk, mut read) = (chunk.clone(), Vec::new());
            while chunk.has_remaining() {
                assert_eq!(chunk.remaining(), encoded.len() - read.len());
                let mut slices = [IoSlice::new(&[]); 8];
                let filled = chunk.chunks_vectored(&mut slices);
                let left: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                assert_eq!(left, encoded[read.len()..]);
                let taken = step.min(chunk.chunk().len());
                read.extend_from_slice(&chunk.chunk()[..taken]);
                chunk.advance(taken);
            }
            assert_eq!(read, encoded);
        }
    }
}

#[test]
fn the_data_of_a_body_is_read_without_its_trailers_and_without_a_copy() {
    let bytes = Bytes::from_static(b"data: x\n\n");
    let frames = [Ok(Frame::data(bytes.clone())), Ok(Frame::trailers(http::HeaderMap::new()))];
    let mut data = DataStream::new(Frames(Script::ready(frames)));
    assert_eq!(data.size_hint(), (0, None));
    let Poll::Ready(Some(Ok(chunk))) = poll(&mut data) else { panic!() };
    assert_eq!(chunk.as_ptr(), bytes.as_ptr());
    assert!(!data.is_terminated());
    assert_eq!(drain(&mut data), []);
    assert!(data.is_terminated());
    assert_eq!(data.size_hint(), (0, Some(0)));
}

#[test]
fn an_error_of_a_body_ends_its_data() {
    let frames = [Err(io::ErrorKind::Other), Ok(Frame::data(Bytes::new()))];
    let mut data = DataStream::new(Frames(Script::ready(frames)));
    assert_eq!(drain(&mut data), [Err(io::ErrorKind::Other)]);
    assert!(data.is_terminated());
}
