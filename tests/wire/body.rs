//! Streams of events to bodies, and back.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use futures_util::stream::{self, StreamExt};
use http_body::{Body, Frame};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::body::{BodyItem, DataStream, EventBody, Piece, Tail};
use sse_wire::http::RESPONSE_HEADERS;
use sse_wire::stream::TransportExt;
use sse_wire::{
    BlockLine, Comment, Encode, EncodedEvent, Event, EventId, EventName, Head, KEEP_ALIVE, OwnedEvent, Parser,
};

use crate::drive::chunks;
use crate::properties::{config, cuts, events, streams};
use crate::script::{Script, drain, poll};

/// What a poll of the body yields, as bytes; `None` at the end.
pub(crate) fn poll_body<B: Body<Data: Buf + Debug> + Unpin>(body: &mut B) -> Poll<Option<Result<Bytes, B::Error>>> {
    let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    frame.map_ok(|frame| {
        let mut chunk = frame.into_data().unwrap();
        chunk.copy_to_bytes(chunk.remaining())
    })
}

fn sent(bytes: &'static str) -> Poll<Option<Result<Bytes, Infallible>>> {
    Poll::Ready(Some(Ok(Bytes::from_static(bytes.as_bytes()))))
}

/// A clock for keep-alives that only moves by hand.
#[derive(Clone, Debug, Default)]
struct Clock {
    seconds: Rc<Cell<u64>>,
    sleeps: Rc<Cell<usize>>,
}

impl Clock {
    fn pass(&self, seconds: u64) {
        self.seconds.set(self.seconds.get() + seconds);
    }

    /// The function that sleeps, which counts its calls.
    fn sleep(&self) -> impl FnMut(Duration) -> Sleep + use<> {
        let clock = self.clone();
        move |time| {
            clock.sleeps.set(clock.sleeps.get() + 1);
            Sleep { until: clock.seconds.get() + time.as_secs(), clock: clock.clone(), was_ready: false }
        }
    }
}

/// Ready once; panics if it is polled after that.
struct Sleep {
    until: u64,
    clock: Clock,
    was_ready: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        assert!(!self.was_ready, "polled after it was ready");
        self.was_ready = self.clock.seconds.get() >= self.until;
        if self.was_ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// How long a body is silent before a keep-alive, in the tests with a [`Clock`].
const PERIOD: Duration = Duration::from_secs(15);

/// A sleep that is over at once: each poll of a source that has nothing is a keep-alive, where there can be one.
fn no_sleep(_: Duration) -> std::future::Ready<()> {
    std::future::ready(())
}

fn keep_alive() -> Poll<Option<Result<Bytes, Infallible>>> {
    Poll::Ready(Some(Ok(Bytes::from_static(KEEP_ALIVE))))
}

fn event(data: &str) -> OwnedEvent {
    Event::new(data).into_owned()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_that_goes_into_a_body_comes_out_of_it(
        events in vec((any::<bool>(), any::<bool>(), events()), 0..8),
    ) {
        let mut expected = Vec::new();
        let mut polls = Vec::new();
        for (wait, ready_made, event) in events {
            let bytes = event.encode();
            expected.push(bytes.clone());
            polls.extend(wait.then_some(Poll::Pending));
            let piece = if ready_made { Piece::Blocks(bytes) } else { event.into() };
            polls.push(Poll::Ready(Ok::<Piece, io::ErrorKind>(piece)));
        }
        let body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, no_sleep);
        let read = drain(&mut DataStream::new(body).events());
        let again: Vec<_> = read.into_iter().map(|event| event.unwrap().encode()).collect();
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn keep_alives_at_any_time_change_no_event_of_a_stream_that_is_relayed_in_pieces(
        stream in streams(), cuts in cuts(), waits in vec(any::<bool>(), 0..40),
    ) {
        // An unfinished BOM says nothing, and is not sent if there was a keep-alive.
        prop_assume!(![&b"\xef"[..], b"\xef\xbb"].contains(&&*stream));
        let waits = waits.into_iter().chain(std::iter::repeat(true));
        let polls = chunks(&stream, &cuts).into_iter().zip(waits).flat_map(|(chunk, wait)| {
            [wait.then_some(Poll::Pending), Some(Poll::Ready(Bytes::copy_from_slice(chunk)))].into_iter().flatten()
        });
        let body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, no_sleep);
        let mut relayed = DataStream::new(body).events();
        let mut direct = Script::ready([Ok::<_, Infallible>(Bytes::from(stream))]).events();
        prop_assert_eq!(drain(&mut relayed), drain(&mut direct));
        prop_assert_eq!(relayed.last_event_id(), direct.last_event_id());
        prop_assert_eq!(relayed.reconnection_time(), direct.reconnection_time());
        prop_assert_eq!(relayed.finish(), direct.finish());
    }
}

#[test]
fn a_keep_alive_is_sent_when_nothing_was_sent_for_the_period() {
    let clock = Clock::default();
    let source = Rc::new(Cell::new(None));
    let next = source.clone();
    let events = stream::poll_fn(move |_| next.take().map_or(Poll::Pending, |data| Poll::Ready(Some(event(data)))));
    let mut body = EventBody::new(events).with_keep_alive(PERIOD, clock.sleep());
    let mut after = |seconds| {
        clock.pass(seconds);
        poll_body(&mut body)
    };
    assert_eq!(after(0), Poll::Pending);
    assert_eq!(after(14), Poll::Pending);
    assert_eq!(after(1), keep_alive());
    assert_eq!(after(0), Poll::Pending);
    // An event starts the period anew: not one second early, and not up to two periods late.
    clock.pass(14);
    source.set(Some("x"));
    assert_eq!(after(0), sent("data: x\n\n"));
    assert_eq!(after(0), Poll::Pending);
    assert_eq!(after(14), Poll::Pending);
    assert_eq!(after(1), keep_alive());
    assert_eq!(after(0), Poll::Pending);
    // For two periods in which the client was not ready, one is sent.
    assert_eq!(after(30), keep_alive());
    assert_eq!(after(0), Poll::Pending);
    // An event goes first.
    clock.pass(15);
    source.set(Some("y"));
    assert_eq!(after(0), sent("data: y\n\n"));
    assert_eq!(after(0), Poll::Pending);
}

#[test]
fn events_that_come_without_a_pause_make_no_sleep() {
    let clock = Clock::default();
    let events = (0..1000).map(|_| Poll::Ready(event("x"))).chain([Poll::Pending, Poll::Pending]);
    let mut body = EventBody::new(Script::new(events)).with_keep_alive(PERIOD, clock.sleep());
    for _ in 0..1000 {
        assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
    }
    assert_eq!(clock.sleeps.get(), 0);
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(clock.sleeps.get(), 1);
}

#[test]
fn any_whole_blocks_can_be_the_keep_alive() {
    fn keep_alive_of(item: &impl Encode) -> Poll<Option<Result<Bytes, Infallible>>> {
        let pending = stream::pending::<OwnedEvent>();
        poll_body(&mut EventBody::new(pending).with_keep_alive_item(item).with_keep_alive(PERIOD, no_sleep))
    }
    assert_eq!(keep_alive_of(&Comment("still here")), sent(": still here\n\n"));
    assert_eq!(
        keep_alive_of(&Event::new("").with_name(EventName::from_static("ping"))),
        sent("event: ping\ndata: \n\n")
    );
    assert_eq!(keep_alive_of(&Head::new().with_retry(PERIOD)), sent("retry: 15000\n\n"));
    // Nothing keeps nothing alive.
    assert_eq!(keep_alive_of(&Bytes::new()), keep_alive());

    // Half a block is no place for them.
    let polls = [Poll::Ready(Bytes::from("data: 1\n")), Poll::Pending, Poll::Ready(Bytes::from("\n")), Poll::Pending];
    let body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, no_sleep);
    let mut body = body.with_keep_alive_item(&Comment("still here"));
    let all: Vec<_> = (0..4).map(|_| poll_body(&mut body)).collect();
    assert_eq!(all, [sent("data: 1\n"), sent(":\n"), sent("\n"), sent(": still here\n\n")]);
}

#[test]
fn an_empty_piece_does_not_count_as_sent() {
    let source = [Poll::Ready(Bytes::new()), Poll::Pending];
    let mut body = EventBody::new(Script::new(source)).with_keep_alive(PERIOD, no_sleep);
    assert_eq!(poll_body(&mut body), sent(""));
    assert_eq!(poll_body(&mut body), keep_alive());
}

#[test]
fn within_a_block_a_keep_alive_is_a_comment_line_and_within_a_line_there_is_none() {
    let pieces = ["data: 1\n", "\r", "\n", "id", ": 7\r", "\n", "\r\n", ""];
    let polls = pieces.into_iter().flat_map(|piece| [Poll::Ready(Bytes::from(piece)), Poll::Pending]);
    let mut body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, no_sleep);
    let mut sent_after = Vec::new();
    for piece in pieces {
        assert_eq!(poll_body(&mut body), sent(piece));
        sent_after.push(match poll_body(&mut body) {
            Poll::Ready(Some(Ok(bytes))) => Some(bytes),
            other => {
                assert_eq!(other, Poll::Pending);
                None
            }
        });
    }
    let sent_after: Vec<_> = sent_after.iter().map(Option::as_deref).collect();
    let whole = Some(KEEP_ALIVE);
    // The LF after `: 7\r` is a part of that line end, with or without the comment.
    let expected = [Some(&b":\n"[..]), whole, whole, None, Some(b":\r"), Some(b":\n"), whole, whole];
    assert_eq!(sent_after, expected);
}

#[test]
fn keep_alives_go_on_after_a_relayed_half_block() {
    let clock = Clock::default();
    let polls = ["data: 1\nda", "ta: 2\n"]
        .into_iter()
        .flat_map(|half| [Poll::Ready(Bytes::from(half)), Poll::Pending, Poll::Pending, Poll::Pending]);
    let mut body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, clock.sleep());
    let mut after = |seconds| {
        clock.pass(seconds);
        poll_body(&mut body)
    };
    assert_eq!(after(0), sent("data: 1\nda"));
    assert_eq!([after(0), after(15), after(15)], [Poll::Pending, Poll::Pending, Poll::Pending], "within a line");
    assert_eq!(after(15), sent("ta: 2\n"));
    assert_eq!([after(0), after(15), after(0)], [Poll::Pending, sent(":\n"), Poll::Pending]);
}

#[test]
fn after_an_event_there_may_be_a_keep_alive_whatever_came_before_it() {
    let pieces = [Piece::Raw(Bytes::from("data: cut")), Piece::from(event("x"))];
    let polls = pieces.into_iter().flat_map(|piece| [Poll::Ready(piece), Poll::Pending]);
    let mut body = EventBody::new(Script::new(polls)).with_keep_alive(PERIOD, no_sleep);
    assert_eq!(poll_body(&mut body), sent("data: cut"));
    assert!(!body.is_block_boundary());
    assert_eq!(poll_body(&mut body), Poll::Pending);
    assert_eq!(poll_body(&mut body), sent("\0\nevent: cut\n\ndata: x\n\n"));
    assert!(body.is_block_boundary());
    assert_eq!(poll_body(&mut body), keep_alive());
}

/// What is sent of these raw bytes after a keep-alive.
fn sent_after_a_keep_alive(chunks: &[&'static [u8]]) -> Vec<u8> {
    let chunks = chunks.iter().flat_map(|chunk| [Poll::Ready(Bytes::from_static(chunk)), Poll::Pending]);
    let source = Script::new([Poll::Pending].into_iter().chain(chunks));
    let mut body = EventBody::new(source).with_keep_alive_item(&Comment("ka")).with_keep_alive(PERIOD, no_sleep);
    let mut sent = Vec::new();
    loop {
        match poll_body(&mut body) {
            Poll::Ready(Some(Ok(bytes))) if bytes != ": ka\n\n" => sent.extend_from_slice(&bytes),
            Poll::Ready(None) => return sent,
            _ => {}
        }
    }
}

#[test]
fn a_bom_that_would_no_longer_be_at_the_start_is_dropped() {
    let bom = "\u{feff}".as_bytes();
    assert_eq!(sent_after_a_keep_alive(&[bom, b"data: 1\n\n"]), b"data: 1\n\n");
    assert_eq!(sent_after_a_keep_alive(&[b"\xef\xbb\xbfdata: 1\n\n"]), b"data: 1\n\n");
    assert_eq!(sent_after_a_keep_alive(&[b"", b"\xef", b"", b"\xbb", b"\xbfdata: 1\n\n"]), b"data: 1\n\n");
    // One BOM, and nothing that only begins like one.
    assert_eq!(sent_after_a_keep_alive(&[bom, b"\xef\xbb\xbfx"]), b"\xef\xbb\xbfx");
    assert_eq!(sent_after_a_keep_alive(&[b"\xef\xbb", b"x"]), b"\xef\xbbx");
    assert_eq!(sent_after_a_keep_alive(&[b"\xef\xbbx", b"y"]), b"\xef\xbbxy");
    assert_eq!(sent_after_a_keep_alive(&[b"x\n", bom, b"y"]), b"x\n:\n\xef\xbb\xbfy");
    // At the very start it stays, since clients ignore it there.
    let raw = |bytes: &'static [u8]| Piece::Raw(Bytes::from_static(bytes));
    let first = EventBody::new(Script::ready([raw(b"\xef\xbb"), raw(b"\xbfdata: 1\n\n"), raw(bom)]));
    assert_eq!(drain(&mut DataStream::new(first)).concat_bytes(), b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbf");
    // After an event, and after each end of the raw bytes.
    let pieces = [event("0").into(), raw(b"\xef\xbb\xbfdata: 1\n\n"), Piece::END_BLOCK, raw(bom), raw(b"data: 2\n\n")];
    let body = EventBody::new(Script::ready(pieces));
    assert_eq!(drain(&mut DataStream::new(body)).concat_bytes(), b"data: 0\n\ndata: 1\n\ndata: 2\n\n");
}

trait ConcatBytes {
    fn concat_bytes(self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Result<Bytes, Infallible>> {
    fn concat_bytes(self) -> Vec<u8> {
        self.into_iter().flat_map(Result::unwrap).collect()
    }
}

#[test]
fn the_end_and_an_error_are_yielded_once_and_the_source_is_not_polled_again() {
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
fn large_data_of_an_event_is_not_copied() {
    let (one, two) = ("1".repeat(4000), "2".repeat(4000));
    let event = OwnedEvent::new(Head::new(), format!("{one}\n{two}"));
    let data = event.data().as_ptr();
    let expected = event.encode();
    let piece = event.into_piece().unwrap();
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(piece.chunks_vectored(&mut slices), 5);
    assert_eq!(slices[..5].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>(), expected);
    assert_eq!(slices[1].as_ptr(), data);
    assert_eq!(slices[3].as_ptr(), data.wrapping_add(4001));

    let bytes = Bytes::from_static(b"data: x\n\n");
    for mut piece in [Piece::Raw(bytes.clone()), Piece::Blocks(bytes.clone())] {
        assert_eq!(piece.chunks_vectored(&mut [IoSlice::new(&[]); 8]), 1);
        assert_eq!(piece.copy_to_bytes(9).as_ptr(), bytes.as_ptr());
    }
}

/// What a client sees of a body: name, data and last event ID of each event, and the last event ID at the end.
fn seen_by_a_client<S: Stream<Item: BodyItem<Error: Debug>> + Unpin>(
    body: EventBody<S>,
) -> (Vec<(String, String, String)>, String) {
    let mut events = DataStream::new(body).events();
    let seen = drain(&mut events).into_iter().map(|event| {
        let event = event.map_err(|_| ()).unwrap();
        (event.name().to_owned(), event.data().to_owned(), event.last_event_id().to_owned())
    });
    let seen = seen.collect();
    (seen, events.last_event_id().to_owned())
}

const ERROR: EventName<'static> = EventName::from_static("error");

/// The raw bytes that an upstream sends before it fails, and an event about the failure.
fn failed_after(sent: &str) -> EventBody<impl Stream<Item = Piece> + Unpin + Debug> {
    let raw = Piece::Raw(Bytes::copy_from_slice(sent.as_bytes()));
    EventBody::new(stream::iter([raw, Event::new("broken").with_name(ERROR).into()]))
}

#[test]
fn what_a_client_sees_of_a_block_that_was_cut() {
    let error = |last_event_id: &str| ("error".to_owned(), "broken".to_owned(), last_event_id.to_owned());
    let cut = |data: &str, id: &str| ("cut".to_owned(), data.to_owned(), id.to_owned());
    // At the end of a block there is nothing to end.
    for whole in ["", "\n", "id: 7\n\n", ": c\n\n", "retry: 5\r\r", "event: x\r\n\r\n"] {
        let id = if whole.starts_with("id") { "7" } else { "" };
        assert_eq!(seen_by_a_client(failed_after(whole)), (vec![error(id)], id.to_owned()), "{whole:?}");
    }
    // Without data, nothing is dispatched, and nothing that was cut within a line takes effect.
    for cut in [
        ":",
        ": c",
        ": c\n",
        "d",
        "dat",
        "data",
        "event",
        "event: mess",
        "event: message\n",
        "i",
        "id",
        "id:",
        "id: 7",
        "id: \r",
        "id\n",
        "x: y",
        "x: y\r\n",
        "\u{feff}",
        "\u{feff}data",
    ] {
        assert_eq!(seen_by_a_client(failed_after(cut)), (vec![error("")], String::new()), "{cut:?}");
    }
    for (cut, time) in
        [("retry: 30", None), ("retry", None), ("retry: 30\r", Some(30)), ("retry: 30\nretry: 40", Some(30))]
    {
        let mut events = DataStream::new(failed_after(cut)).events();
        assert_eq!(drain(&mut events).len(), 1);
        assert_eq!(events.reconnection_time().map(|time| time.as_millis()), time, "{cut:?}");
    }
    // Data that was sent is dispatched with the name `cut`; data of a cut line is not JSON.
    for (sent, data) in [
        ("data:", "\0"),
        ("data: {\"a\": [1, 2", "{\"a\": [1, 2\0"),
        ("data: 12", "12\0"),
        ("data: 1\ndata: 2", "1\n2\0"),
        ("data: 1\nevent: mess", "1"),
        ("data: 1\nevent: message\n", "1"),
        ("data: 1\r", "1"),
        ("data: 1\r\n", "1"),
        ("event: price\ndata\n", ""),
        ("data: 1\n: c", "1"),
        ("data: 1\ndata", "1"),
        ("data: 1\nid: 7", "1"),
    ] {
        assert_eq!(seen_by_a_client(failed_after(sent)), (vec![cut(data, ""), error("")], String::new()), "{sent:?}");
        assert!(!data.ends_with('\0') || serde_json::from_str::<serde_json::Value>(data).is_err(), "{data:?}");
    }
    // An id that was sent whole takes effect.
    assert_eq!(seen_by_a_client(failed_after("id: 7\ndata: 1")), (vec![cut("1\0", "7"), error("7")], "7".to_owned()));
}

#[test]
fn the_name_of_a_cut_event_can_be_set() {
    let body = failed_after("data: half").with_cut_name(EventName::from_static("incomplete"));
    let (seen, _) = seen_by_a_client(body);
    assert_eq!(seen[0], ("incomplete".to_owned(), "half\0".to_owned(), String::new()));
    let (seen, _) = seen_by_a_client(failed_after("data: half").with_cut_name(EventName::from_static("")));
    assert_eq!(seen[0].0, "message");
}

#[test]
fn raw_bytes_go_on_with_a_block_and_every_other_piece_begins_one() {
    fn after_half_a_block(piece: impl Into<Piece>) -> String {
        let pieces = [Piece::Raw("data: 1".into()), piece.into()];
        let data = drain(&mut DataStream::new(EventBody::new(Script::ready(pieces))));
        String::from_utf8(data.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat()).unwrap()
    }
    const END: &str = "data: 1\0\nevent: cut\n\n";
    assert_eq!(after_half_a_block(Piece::Raw("2\n\n".into())), "data: 12\n\n");
    assert_eq!(after_half_a_block(event("x")), format!("{END}data: x\n\n"));
    assert_eq!(after_half_a_block(Event::new("x")), format!("{END}data: x\n\n"));
    assert_eq!(after_half_a_block(EncodedEvent::new(Head::new(), "x")), format!("{END}data: x\n\n"));
    assert_eq!(after_half_a_block(Piece::Blocks(Event::new("x").encode())), format!("{END}data: x\n\n"));
    assert_eq!(after_half_a_block(Comment("c")), format!("{END}: c\n\n"));
    assert_eq!(after_half_a_block(Head::from(EventId::from_static("7"))), format!("{END}id: 7\n\n"));
    assert_eq!(after_half_a_block(Piece::END_BLOCK), END);
    let block = Parser::new().feed(b"x: y\n\n").owned_blocks().next().unwrap().unwrap();
    assert_eq!(after_half_a_block(block.as_block()), format!("{END}x: y\n\n"));
    assert_eq!(after_half_a_block(block), format!("{END}x: y\n\n"));
}

#[test]
fn the_bytes_of_another_server_may_follow_where_a_block_was_ended() {
    let raw = |bytes: &'static str| Piece::Raw(Bytes::from(bytes));
    let pieces = [raw("data: one\n\ndata: ha"), Piece::END_BLOCK, raw("data: tw"), raw("o\n\n"), Piece::END_BLOCK];
    let (seen, _) = seen_by_a_client(EventBody::new(Script::ready(pieces)));
    let seen: Vec<_> = seen.iter().map(|(name, data, _)| (&**name, &**data)).collect();
    assert_eq!(seen, [("message", "one"), ("cut", "ha\0"), ("message", "two")]);
}

#[test]
fn a_relay_of_blocks_never_sends_half_a_block() {
    let upstream = ["data: 1\n\ndata: ha", "lf"].map(Ok::<_, io::ErrorKind>);
    let blocks = stream::iter(upstream.into_iter().chain([Err(io::ErrorKind::ConnectionReset)])).blocks();
    let pieces = blocks.map(|block| match block {
        Ok(block) => Piece::from(block),
        Err(error) => Event::new(&error.to_string()).with_name(ERROR).into(),
    });
    let (seen, _) = seen_by_a_client(EventBody::new(pieces));
    let names: Vec<_> = seen.iter().map(|(name, ..)| &**name).collect();
    assert_eq!(names, ["message", "error"]);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_event_after_any_bytes_is_the_last_that_a_client_sees(stream in streams(), cuts in cuts(), wait in any::<bool>()) {
        let mut polls: Vec<_> = chunks(&stream, &cuts)
            .into_iter()
            .map(|chunk| Poll::Ready(Piece::Raw(Bytes::copy_from_slice(chunk))))
            .collect();
        polls.extend(wait.then_some(Poll::Pending));
        let last = Event::new("last").with_name(ERROR).with_id(EventId::from_static("last")).into_owned();
        polls.push(Poll::Ready(last.clone().into()));
        let mut relayed = DataStream::new(EventBody::new(Script::new(polls))).events();
        let mut seen: Vec<OwnedEvent> = drain(&mut relayed).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(seen.pop(), Some(last));

        // Before it come the events of the stream, and the cut one, with a NUL if a line was cut.
        let mut parser = Parser::new();
        let mut expected: Vec<_> = parser.feed(&stream).owned().map(Result::unwrap).collect();
        if !stream.ends_with(b"\n") && !stream.ends_with(b"\r") {
            assert!(parser.feed(b"\0").next_event().unwrap().is_none());
        }
        let cut = parser.finish().and_then(|block| block.event());
        let name = EventName::from_static("cut");
        expected.extend(cut.map(|event| event.with_optional_name(Some(name)).into_owned()));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn where_the_tail_is_a_block_boundary_a_keep_alive_changes_nothing(stream in streams(), cuts in cuts(), at in 0..40_usize) {
        prop_assume!(!stream.starts_with(b"\xef"));
        let chunks = chunks(&stream, &cuts);
        let (mut tail, mut before) = (Tail::new(), 0);
        for chunk in chunks.iter().take(at) {
            tail.push(chunk);
            before += chunk.len();
        }
        let blocks = |stream: &[u8]| -> Vec<_> {
            let mut blocks: Vec<_> = Parser::new().feed(stream).owned_blocks().map(Result::unwrap).collect();
            blocks.retain(|block| !block.lines().eq([BlockLine::Comment("keep-alive")]));
            blocks
        };
        let with = [&stream[..before], b": keep-alive\n\n", &stream[before..]].concat();
        if tail.is_block_boundary() {
            prop_assert_eq!(blocks(&with), blocks(&stream));
        }
    }
}

#[test]
fn everything_that_is_encoded_can_be_the_item_of_a_body() {
    fn sent<T: BodyItem<Error = Infallible>>(item: T) -> Bytes {
        let Ok(mut data) = item.into_piece();
        data.copy_to_bytes(data.remaining())
    }
    let block = Parser::new().feed(b"x: y\n\n").owned_blocks().next().unwrap().unwrap();
    assert_eq!(sent(block.as_block()), "x: y\n\n");
    assert_eq!(sent(block), "x: y\n\n");
    assert_eq!(sent(Event::new("x")), "data: x\n\n");
    assert_eq!(sent(event("x")), "data: x\n\n");
    assert_eq!(sent(EncodedEvent::new(Head::new(), "x")), "data: x\n\n");
    assert_eq!(sent(Comment("c")), ": c\n\n");
    assert_eq!(sent(Head::from(EventId::from_static("7"))), "id: 7\n\n");
    assert_eq!(sent(Bytes::from_static(KEEP_ALIVE)), ":\n\n");
}

#[test]
fn every_source_makes_a_body_of_bytes() {
    fn of_bytes(_: &impl Body<Data = Bytes, Error = io::ErrorKind>) {}
    let mut body = EventBody::new(Script::ready([Ok(event("x")), Err(io::ErrorKind::Other)]));
    of_bytes(&body);
    assert_eq!(poll_body(&mut body), Poll::Ready(Some(Ok("data: x\n\n".into()))));
    assert_eq!(poll_body(&mut body), Poll::Ready(Some(Err(io::ErrorKind::Other))));
    of_bytes(&EventBody::new(Script::ready([Ok(Piece::END_BLOCK)])));
    of_bytes(&EventBody::new(Script::ready([Ok(Event::new("x"))])));
}

#[test]
fn a_vectored_body_sends_the_same_and_copies_no_large_data() {
    let large = event(&"x".repeat(2048));
    let data = large.data().as_ptr();
    let pieces = || [Piece::Raw("id: 1".into()), event("x").into(), large.clone().into()];
    let mut body = EventBody::new(Script::ready(pieces())).vectored();
    let mut frames = Vec::new();
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        assert!(!body.is_end_stream());
        frames.push(frame.unwrap().into_data().unwrap());
    }
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(frames[2].chunks_vectored(&mut slices), 3);
    assert_eq!(slices[1].as_ptr(), data);
    let vectored: Vec<_> = frames.iter_mut().map(|frame| frame.copy_to_bytes(frame.remaining())).collect();
    let copied = drain(&mut DataStream::new(EventBody::new(Script::ready(pieces()))));
    assert_eq!(copied.into_iter().map(Result::unwrap).collect::<Vec<_>>(), vectored);
}

#[test]
fn a_body_becomes_a_whole_response() {
    let response = EventBody::new(Script::ready([event("x")])).into_response();
    assert_eq!(response.status(), 200);
    let headers: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, RESPONSE_HEADERS);
    let mut body = response.map(EventBody::vectored).into_body();
    assert_eq!(poll_body(&mut body), sent("data: x\n\n"));
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
fn a_piece_is_the_buf_that_it_holds() {
    let encoded = Bytes::from("data: one\ndata: two\n\n");
    let pieces =
        [Piece::Event(event("one\ntwo").into_buf()), Piece::Raw(encoded.clone()), Piece::Blocks(encoded.clone())];
    for piece in pieces {
        for step in 1..=encoded.len() {
            let (mut piece, mut read) = (piece.clone(), Vec::new());
            while piece.has_remaining() {
                assert_eq!(piece.remaining(), encoded.len() - read.len());
                let mut slices = [IoSlice::new(&[]); 8];
                let filled = piece.chunks_vectored(&mut slices);
                let left: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                assert_eq!(left, encoded[read.len()..]);
                let taken = step.min(piece.chunk().len());
                read.extend_from_slice(&piece.chunk()[..taken]);
                piece.advance(taken);
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
