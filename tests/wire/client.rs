//! The client's rules, each by its name, and all of them against a naive model.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sse_wire::client::{Closed, EventSource, ReadyState, ReceiveError, Reconnect, Rejection};
use sse_wire::{Item, ParseErrorKind};

use crate::drive::seen_event;
use crate::oracle::{self, Outcome, Seen};

const EVENT_STREAM: &str = "text/event-stream";
const SECOND: Duration = Duration::from_secs(1);

/// No chance, no floor: waits are the reconnection time, doubled.
fn plain() -> Reconnect {
    Reconnect::new().time(SECOND).floor(Duration::ZERO).jitter(0)
}

fn source(reconnect: Reconnect) -> EventSource {
    EventSource::builder().reconnect(reconnect).build()
}

fn open(source: &mut EventSource) {
    source.response(200, EVENT_STREAM).unwrap();
    assert_eq!(source.ready_state(), ReadyState::Open);
}

fn data(source: &mut EventSource, mut chunk: &[u8]) -> Vec<String> {
    let mut data = Vec::new();
    while let Some(event) = source.next_event(&mut chunk).unwrap() {
        data.push(event.data().to_owned());
    }
    assert!(chunk.is_empty());
    data
}

fn last_event_id_header(source: &EventSource) -> Option<Vec<u8>> {
    source.request_headers().find(|(name, _)| *name == "last-event-id").map(|(_, value)| value.to_vec())
}

#[test]
fn it_begins_connecting_with_no_id_to_send() {
    let source = EventSource::new();
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(last_event_id_header(&source), None);
    assert_eq!(source.closed(), None);
}

#[test]
fn a_200_with_the_right_type_opens() {
    for content_type in [EVENT_STREAM, "Text/Event-Stream; charset=utf-8"] {
        let mut source = EventSource::new();
        assert_eq!(source.response(200, content_type), Ok(()));
        assert_eq!(source.ready_state(), ReadyState::Open);
    }
}

#[test]
fn every_other_response_is_final_and_says_why() {
    let cases = [
        (204, EVENT_STREAM, Rejection::NoContent),
        (301, "", Rejection::Redirect { status: 301 }),
        (302, "", Rejection::Redirect { status: 302 }),
        (303, "", Rejection::Redirect { status: 303 }),
        (307, EVENT_STREAM, Rejection::Redirect { status: 307 }),
        (308, "", Rejection::Redirect { status: 308 }),
        (200, "text/html", Rejection::ContentType),
        (200, "", Rejection::ContentType),
        (201, EVENT_STREAM, Rejection::Status { status: 201 }),
        (205, EVENT_STREAM, Rejection::Status { status: 205 }),
        (304, "", Rejection::Status { status: 304 }),
        (401, "application/json", Rejection::Status { status: 401 }),
        (429, "", Rejection::Status { status: 429 }),
        (503, EVENT_STREAM, Rejection::Status { status: 503 }),
    ];
    for (status, content_type, why) in cases {
        let mut source = EventSource::new();
        assert_eq!(source.response(status, content_type), Err(why), "{status} {content_type}");
        assert_eq!(source.ready_state(), ReadyState::Closed);
        assert_eq!(source.closed(), Some(&Closed::Rejected(why)));
        assert_eq!(source.disconnected(SECOND, 0), Err(Closed::Rejected(why)));
    }
}

#[test]
fn temporary_statuses_are_tried_again_only_if_that_was_chosen() {
    let mut source = source(plain().retry_temporary_statuses());
    for (tries, status) in [429, 500, 503, 599].into_iter().enumerate() {
        assert_eq!(source.response(status, ""), Err(Rejection::Status { status }));
        assert_eq!(source.ready_state(), ReadyState::Connecting);
        assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(SECOND * (1 << tries)));
    }
    assert_eq!(source.response(404, ""), Err(Rejection::Status { status: 404 }));
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

#[test]
fn retry_after_lengthens_the_next_wait_and_no_other_and_has_the_ceiling() {
    let mut source = source(plain().retry_temporary_statuses().ceiling(100 * SECOND).backoff(Duration::ZERO));
    for (pause, wait) in [(30, 30), (0, 1), (1_000_000, 100)] {
        source.response(503, "").unwrap_err();
        if pause > 0 {
            source.retry_after(pause * SECOND);
        }
        assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(wait * SECOND));
    }
    source.response(503, "").unwrap_err();
    source.retry_after(30 * SECOND);
    assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(30 * SECOND));
    // No response at all, and then another one: what the last one asked for is forgotten.
    assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(SECOND));
    source.response(503, "").unwrap_err();
    source.retry_after(30 * SECOND);
    source.response(503, "").unwrap_err();
    assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(SECOND));
    open(&mut source);
    assert_eq!(source.disconnected(SECOND, 0), Ok(SECOND));
}

#[test]
fn bytes_before_an_accepted_response_are_a_mistake_and_are_not_taken() {
    let mut source = EventSource::new();
    let mut chunk: &[u8] = b"data: x\n\n";
    assert_eq!(source.next_event(&mut chunk), Err(ReceiveError::NotOpen));
    assert_eq!(source.next_item(&mut chunk), Err(ReceiveError::NotOpen));
    assert_eq!(chunk.len(), 9);
    let mut chunk = Bytes::from_static(b"data: x\n\n");
    assert_eq!(source.next_event_shared(&mut chunk), Err(ReceiveError::NotOpen));
    assert_eq!(source.next_item_shared(&mut chunk), Err(ReceiveError::NotOpen));
    assert_eq!(chunk.len(), 9);
    open(&mut source);
    assert_eq!(source.next_event_shared(&mut chunk).unwrap().unwrap().data(), "x");
}

#[test]
fn the_last_id_is_sent_again_also_when_later_events_have_none() {
    let mut source = source(plain());
    open(&mut source);
    assert_eq!(data(&mut source, b"id: abc\ndata: 1\n\ndata: 2\n\n"), ["1", "2"]);
    source.disconnected(SECOND, 0).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
    source.disconnected(SECOND, 0).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
}

#[test]
fn an_empty_id_takes_the_header_away() {
    let mut source = source(plain());
    open(&mut source);
    data(&mut source, b"id: abc\ndata: 1\n\nid\ndata: 2\n\n");
    source.disconnected(SECOND, 0).unwrap();
    assert_eq!(last_event_id_header(&source), None);
}

#[test]
fn an_id_is_sent_as_utf_8_and_left_out_where_no_header_can_carry_it() {
    for (id, sent) in [("\u{e9}\u{4e2d}", true), ("a\tb", true), ("a\u{1}", false), ("a\u{7f}", false)] {
        let source = EventSource::builder().last_event_id(id).build();
        assert_eq!(last_event_id_header(&source), sent.then(|| id.as_bytes().to_vec()), "{id:?}");
        assert_eq!(source.last_event_id(), id);
    }
}

#[test]
fn an_unfinished_event_is_discarded_and_its_id_with_it() {
    let mut source = source(plain());
    open(&mut source);
    assert_eq!(data(&mut source, b"id: abc\ndata: 1\n\nid: def\ndata: lost"), ["1"]);
    source.disconnected(SECOND, 0).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
    open(&mut source);
    assert_eq!(data(&mut source, b"\xef\xbb\xbfdata: 2\n\n"), ["2"]);
}

#[test]
fn the_unfinished_event_is_there_for_who_asks_in_time() {
    let mut source = source(plain());
    open(&mut source);
    data(&mut source, b"data: the en");
    assert_eq!(source.finish().unwrap().data(), "the en");
    source.disconnected(SECOND, 0).unwrap();
    assert_eq!(source.finish(), None);
    // Nobody asked, and it is gone: when the connection is, and when there is another.
    open(&mut source);
    data(&mut source, b"data: the en");
    source.disconnected(SECOND, 0).unwrap();
    open(&mut source);
    assert_eq!(source.finish(), None);
    data(&mut source, b"data: the en");
    open(&mut source);
    assert_eq!(source.finish(), None);
}

#[test]
fn comments_are_there_for_who_asks() {
    let mut source = EventSource::new();
    open(&mut source);
    let mut chunk: &[u8] = b": hi\n";
    assert_eq!(source.next_item(&mut chunk), Ok(Some(Item::Comment("hi"))));
    let mut chunk = Bytes::from_static(b": hi\n");
    assert_eq!(source.next_item_shared(&mut chunk), Ok(Some(Item::Comment("hi".into()))));
}

#[test]
fn retry_sets_the_wait_also_for_later_connections() {
    let mut source = source(plain());
    assert_eq!(source.disconnected(Duration::ZERO, 0), Ok(SECOND));
    open(&mut source);
    data(&mut source, b"retry: 250\n\n");
    for _ in 0..2 {
        assert_eq!(source.disconnected(SECOND, 0), Ok(Duration::from_millis(250)));
        open(&mut source);
    }
    assert_eq!(source.reconnection_time(), Some(Duration::from_millis(250)));
}

#[test]
fn retry_0_does_not_make_a_loop_and_an_absurd_retry_does_not_last_for_ever() {
    let mut source = source(plain().floor(Duration::from_millis(100)).ceiling(60 * SECOND));
    open(&mut source);
    data(&mut source, b"retry: 0\n");
    assert_eq!(source.disconnected(SECOND, 0), Ok(Duration::from_millis(100)));
    open(&mut source);
    data(&mut source, b"retry: 99999999999999999999\n");
    assert_eq!(source.disconnected(SECOND, 0), Ok(60 * SECOND));
}

#[test]
fn tries_that_fail_wait_longer_until_a_connection_was_good_for_a_while() {
    let mut source = source(plain().good_after(10 * SECOND));
    let mut wait = |opened: bool, open_for: Duration| {
        if opened {
            source.response(200, EVENT_STREAM).unwrap();
        }
        source.disconnected(open_for, 0).unwrap().as_secs()
    };
    assert_eq!(wait(false, Duration::ZERO), 1);
    assert_eq!(wait(false, Duration::ZERO), 2);
    assert_eq!(wait(true, 9 * SECOND), 4);
    // How long a connection that never opened was open means nothing.
    assert_eq!(wait(false, 99 * SECOND), 8);
    assert_eq!(wait(true, 10 * SECOND), 1);
}

#[test]
fn at_most_5_tries() {
    let mut source = source(plain().max_tries(5));
    open(&mut source);
    for _ in 0..5 {
        source.disconnected(Duration::ZERO, 0).unwrap();
    }
    assert_eq!(source.disconnected(Duration::ZERO, 0), Err(Closed::OutOfTries { tries: 5 }));
    assert_eq!(source.ready_state(), ReadyState::Closed);

    let mut source = self::source(plain().max_tries(0));
    open(&mut source);
    assert_eq!(source.disconnected(SECOND, 0), Err(Closed::OutOfTries { tries: 0 }));
}

#[test]
fn a_request_that_cannot_be_repeated_is_not() {
    let not_repeatable =
        || EventSource::builder().not_repeatable().reconnect(plain().retry_temporary_statuses()).build();
    let mut source = not_repeatable();
    assert_eq!(source.disconnected(Duration::ZERO, 0), Err(Closed::NotRepeatable));

    let mut source = not_repeatable();
    source.response(503, "").unwrap_err();
    assert_eq!(source.disconnected(Duration::ZERO, 0), Err(Closed::NotRepeatable));

    let mut source = not_repeatable();
    open(&mut source);
    assert_eq!(data(&mut source, b"data: x\n\n"), ["x"]);
    assert_eq!(source.disconnected(99 * SECOND, 0), Err(Closed::NotRepeatable));
}

#[test]
fn an_end_event_is_the_last_and_what_follows_it_is_refused() {
    let streams: [&[u8]; 2] =
        [b"data: 1\n\nevent: done\ndata: 2\n\ndata: 3\n\n", b"data: 1\n\ndata: [DONE]\n\ndata: 3\n\n"];
    for stream in streams {
        for door in 0..4 {
            let mut source = EventSource::builder().end_name("done").end_data("[DONE]").build();
            open(&mut source);
            let (events, over) = receive(&mut source, stream, door);
            assert_eq!(events.len(), 2);
            // Whoever goes on reading learns it at once: a server may well keep the connection open.
            assert_eq!(over, Err(ReceiveError::Closed(Closed::EndEvent)));
            assert_eq!(source.closed(), Some(&Closed::EndEvent));
            assert_eq!(receive(&mut source, b":\n\n", door).1, over);
            assert_eq!(source.disconnected(SECOND, 0), Err(Closed::EndEvent));
        }
    }
}

#[test]
fn an_end_event_may_be_the_unfinished_one_for_who_takes_that() {
    let mut source = EventSource::builder().end_data("[DONE]").build();
    open(&mut source);
    assert_eq!(data(&mut source, b"data: 1\n\ndata: [DONE]\n"), ["1"]);
    assert_eq!(source.finish().unwrap().data(), "[DONE]");
    assert_eq!(source.disconnected(SECOND, 0), Err(Closed::EndEvent));
    assert_eq!(source.finish(), None);
}

#[test]
fn close_is_the_end_from_any_state_and_the_first_reason_stays() {
    let mut source = EventSource::new();
    source.close();
    assert_eq!(source.response(200, EVENT_STREAM), Err(Rejection::Closed));
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert_eq!(source.next_event(&mut &b"data: x\n\n"[..]), Err(ReceiveError::Closed(Closed::ByCaller)));
    assert_eq!(source.disconnected(SECOND, 0), Err(Closed::ByCaller));

    let mut source = EventSource::new();
    open(&mut source);
    assert_eq!(data(&mut source, b"data: unfinished"), [""; 0]);
    source.close();
    assert_eq!(source.finish(), None);
    assert_eq!(source.disconnected(SECOND, 0), Err(Closed::ByCaller));

    let mut source = EventSource::new();
    source.response(204, "").unwrap_err();
    source.close();
    assert_eq!(source.closed(), Some(&Closed::Rejected(Rejection::NoContent)));
}

#[test]
fn an_event_that_is_too_large_is_skipped_or_the_end_as_was_chosen() {
    let mut source = EventSource::builder().max_event_size(3).build();
    open(&mut source);
    let mut chunk: &[u8] = b"data: four\n\ndata: 3\n\n";
    let Err(ReceiveError::Parse(error)) = source.next_event(&mut chunk) else { panic!("it is too large") };
    assert_eq!(error.kind(), ParseErrorKind::EventTooLarge { limit: 3 });
    assert_eq!(source.next_event(&mut chunk).unwrap().unwrap().data(), "3");

    let mut source = EventSource::builder().max_event_size(3).close_on_too_large().build();
    open(&mut source);
    let mut chunk: &[u8] = b"data: four\n\ndata: 3\n\n";
    assert_eq!(source.next_event(&mut chunk), Err(ReceiveError::Parse(error.clone())));
    assert_eq!(source.next_event(&mut chunk), Err(ReceiveError::Closed(Closed::TooLarge(error.clone()))));
    assert_eq!(source.disconnected(SECOND, 0), Err(Closed::TooLarge(error)));
}

#[derive(Clone, Debug)]
enum Step {
    Response(u16, &'static str),
    Bytes(Vec<u8>),
    Disconnected(u32, u32),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![4 => Just(200), 1 => prop::sample::select(vec![204, 302, 404, 429, 503])];
    let content_type = prop_oneof![4 => Just(EVENT_STREAM), 1 => Just("text/plain")];
    let line = prop::sample::select(vec![
        "data: x\n",
        "data: end\n",
        "\n",
        "\n",
        "\r\n",
        "id: 1\n",
        "id: 22\n",
        "id\n",
        "retry: 5\n",
        "retry: 70\n",
        ": c\n",
        "da",
        "ta: y",
    ]);
    prop_oneof![
        4 => (status, content_type).prop_map(|(status, content_type)| Step::Response(status, content_type)),
        8 => prop::collection::vec(line, 0..8).prop_map(|lines| Step::Bytes(lines.concat().into_bytes())),
        3 => (0_u32..20, any::<u32>()).prop_map(|(open_for, random)| Step::Disconnected(open_for, random)),
        1 => Just(Step::Close),
    ]
}

/// The rules, written down without a thought for cost: it reads all bytes of a connection anew at each step.
#[derive(Default)]
struct Model {
    open: bool,
    closed: bool,
    /// What the connections before left, the bytes of this one, and what they come to.
    before: Outcome,
    stream: Vec<u8>,
    now: Outcome,
    tries: u32,
}

const MAX_TRIES: u32 = 4;

impl Model {
    fn new_connection(&mut self) {
        self.before = self.now.clone();
        self.before.results.clear();
        self.now.results.clear();
        self.stream.clear();
    }

    fn response(&mut self, status: u16, content_type: &str) {
        if !self.closed {
            self.new_connection();
            self.open = status == 200 && content_type == EVENT_STREAM;
            self.closed = !self.open && ![429, 503].contains(&status);
        }
    }

    /// The events that are new.
    fn bytes(&mut self, bytes: &[u8]) -> Vec<Seen> {
        if self.closed || !self.open {
            return Vec::new();
        }
        let seen = self.now.results.len();
        self.stream.extend_from_slice(bytes);
        let read = |stream: &[u8]| oracle::interpret_after(&self.before, stream, usize::MAX, false);
        let is_end = |result: &Seen| matches!(result, Seen::Event(event) if event.data == "end");
        // The stream as far as the end event.
        let end = (0..=self.stream.len()).find(|&len| read(&self.stream[..len]).results.last().is_some_and(is_end));
        self.now = read(&self.stream[..end.unwrap_or(self.stream.len())]);
        self.closed = end.is_some();
        self.now.results[seen..].to_vec()
    }

    fn disconnected(&mut self, open_for: u32) -> Option<Duration> {
        if self.closed {
            return None;
        }
        if self.open && open_for >= 10 {
            self.tries = 0;
        }
        self.new_connection();
        self.open = false;
        self.tries += 1;
        self.closed = self.tries > MAX_TRIES;
        let time = self.now.reconnection_time.unwrap_or(8).clamp(6, 50);
        let doubled = time * 2_u64.pow(self.tries - 1);
        (!self.closed).then(|| Duration::from_millis(doubled.min(time.max(20))))
    }

    fn state(&self) -> ReadyState {
        match (self.closed, self.open) {
            (true, _) => ReadyState::Closed,
            (false, true) => ReadyState::Open,
            (false, false) => ReadyState::Connecting,
        }
    }
}

/// All that comes of a chunk, by one of the four doors.
fn receive(source: &mut EventSource, mut chunk: &[u8], door: usize) -> (Vec<Seen>, Result<(), ReceiveError>) {
    let mut shared = Bytes::copy_from_slice(chunk);
    let mut events = Vec::new();
    loop {
        let item = match door % 4 {
            0 => source.next_event(&mut chunk).map(|event| event.map(|event| Item::Event(event.to_shared()))),
            1 => source.next_event_shared(&mut shared).map(|event| event.map(Item::Event)),
            2 => source.next_item(&mut chunk).map(|item| item.map(|item| item.to_shared())),
            _ => source.next_item_shared(&mut shared),
        };
        match item {
            Ok(None) => return (events, Ok(())),
            Ok(Some(Item::Event(event))) => events.push(Seen::Event(seen_event(&event))),
            Ok(Some(Item::Comment(_))) => {}
            Err(error) => return (events, Err(error)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_responses_bytes_and_ends_does_what_the_model_does(
        steps in prop::collection::vec(step(), 0..40),
        doors in prop::collection::vec(0..4_usize, 40),
    ) {
        let milliseconds = Duration::from_millis;
        let reconnect = Reconnect::new().time(milliseconds(8)).floor(milliseconds(6)).ceiling(milliseconds(50));
        let reconnect = reconnect.backoff(milliseconds(20)).jitter(100).max_tries(MAX_TRIES);
        let reconnect = reconnect.good_after(10 * SECOND).retry_temporary_statuses();
        let mut source = EventSource::builder().reconnect(reconnect).end_data("end").build();
        let mut model = Model::default();
        for (step, door) in steps.into_iter().zip(doors) {
            match step {
                Step::Response(status, content_type) => {
                    let opened = source.response(status, content_type).is_ok();
                    model.response(status, content_type);
                    prop_assert_eq!(opened, model.state() == ReadyState::Open);
                }
                Step::Bytes(bytes) => {
                    let (events, outcome) = receive(&mut source, &bytes, door);
                    prop_assert_eq!(events, model.bytes(&bytes));
                    prop_assert_eq!(outcome.is_ok(), model.state() == ReadyState::Open);
                }
                Step::Disconnected(open_for, random) => {
                    let wait = source.disconnected(open_for * SECOND, random).ok();
                    let least = model.disconnected(open_for);
                    prop_assert_eq!(wait.is_some(), least.is_some());
                    prop_assert!(wait >= least && wait <= least.map(|least| least * 2), "{:?} {:?}", wait, least);
                }
                Step::Close => {
                    source.close();
                    model.closed = true;
                }
            }
            prop_assert_eq!(source.ready_state(), model.state());
            prop_assert_eq!(source.closed().is_some(), model.closed);
            prop_assert_eq!(source.last_event_id(), &model.now.last_event_id);
            prop_assert_eq!(source.reconnection_time(), model.now.reconnection_time.map(Duration::from_millis));
            let header = last_event_id_header(&source).unwrap_or_default();
            prop_assert_eq!(String::from_utf8(header).unwrap(), model.now.last_event_id.clone());
        }
    }
}
