//! The client's rules, one test each, and all of them against a naive model.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sse_wire::client::{
    Answer, CloseReason, EventSource, ReadyState, ReceiveError, Reconnect, Rejection, Repeat, Responses,
};
use sse_wire::{BlockLine, Event, ParseErrorKind, Parser};

use crate::drive::plain_event;
use crate::oracle::{self, Item, ItemKind, Limits, Outcome};

const EVENT_STREAM: &str = "text/event-stream";
const SECOND: Duration = Duration::from_secs(1);
/// When every connection begins, so that a time is also how long it was open.
const START: Duration = Duration::ZERO;

/// No randomness, no floor and no ceiling: waits are the reconnection time, doubled. Every connection that opened was good.
fn plain() -> Reconnect {
    let reconnect = Reconnect::new().with_time(SECOND).with_floor(Duration::ZERO).with_ceiling(Duration::MAX);
    reconnect.with_jitter(0).with_good_after(Duration::ZERO)
}

fn source(reconnect: Reconnect) -> EventSource {
    EventSource::new().with_reconnect(reconnect)
}

fn open(source: &mut EventSource) {
    source.response(200, EVENT_STREAM, START).unwrap();
    assert_eq!(source.ready_state(), ReadyState::Open);
}

/// The connection has ended. How long the source waits, without randomness.
fn ended(source: &mut EventSource, now: Duration) -> Result<Duration, CloseReason> {
    source.disconnected(now).map(|next| next.wait(0))
}

fn data(source: &mut EventSource, chunk: &[u8]) -> Vec<String> {
    let mut data = Vec::new();
    let mut events = source.feed(chunk);
    while let Some(event) = events.next_event().unwrap() {
        data.push(event.data().to_owned());
    }
    assert!(events.into_rest().is_empty());
    data
}

fn last_event_id_header(source: &EventSource) -> Option<Vec<u8>> {
    source.request_headers().find(|(name, _)| *name == "last-event-id").map(|(_, value)| value.to_vec())
}

#[test]
fn a_new_source_is_connecting_and_has_no_id_to_send() {
    let source = EventSource::new();
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(last_event_id_header(&source), None);
    assert_eq!(source.close_reason(), None);
}

#[test]
fn a_200_with_the_right_type_opens() {
    for content_type in [EVENT_STREAM, "Text/Event-Stream; charset=utf-8"] {
        let mut source = EventSource::new();
        assert_eq!(source.response(200, content_type, START), Ok(Answer::EventStream));
        assert_eq!(source.ready_state(), ReadyState::Open);
    }
}

#[test]
fn every_other_response_closes_the_source_and_is_the_reason() {
    let cases = [
        (204, EVENT_STREAM, Rejection::NoContent),
        (301, "", Rejection::Redirect { status: 301 }),
        (302, "", Rejection::Redirect { status: 302 }),
        (303, "", Rejection::Redirect { status: 303 }),
        (307, EVENT_STREAM, Rejection::Redirect { status: 307 }),
        (308, "", Rejection::Redirect { status: 308 }),
        (200, "text/html", Rejection::ContentType { content_type: "text/html".into() }),
        (200, "", Rejection::ContentType { content_type: String::new() }),
        (201, EVENT_STREAM, Rejection::Status { status: 201 }),
        (205, EVENT_STREAM, Rejection::Status { status: 205 }),
        (304, "", Rejection::Status { status: 304 }),
        (401, "application/json", Rejection::Status { status: 401 }),
        (429, "", Rejection::Status { status: 429 }),
        (503, EVENT_STREAM, Rejection::Status { status: 503 }),
    ];
    for (status, content_type, why) in cases {
        let mut source = EventSource::new();
        assert_eq!(source.response(status, content_type, START), Err(why.clone()), "{status} {content_type}");
        assert_eq!(source.ready_state(), ReadyState::Closed);
        assert_eq!(source.close_reason(), Some(&CloseReason::Rejected(why.clone())));
        assert_eq!(ended(&mut source, SECOND), Err(CloseReason::Rejected(why)));
    }
}

#[test]
fn temporary_statuses_are_tried_again_only_if_that_was_set() {
    let mut source = source(plain()).with_responses(Responses::new().with_retry_of_temporary());
    for (tries, status) in [408, 425, 429, 500, 503, 599].into_iter().enumerate() {
        assert_eq!(source.response(status, "", START), Err(Rejection::Status { status }));
        assert_eq!(source.ready_state(), ReadyState::Connecting);
        assert_eq!(ended(&mut source, Duration::ZERO), Ok(SECOND * (1 << tries)));
    }
    assert_eq!(source.response(404, "", START), Err(Rejection::Status { status: 404 }));
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

#[test]
fn retry_after_lengthens_the_next_wait_and_no_other_and_has_the_ceiling() {
    let mut source = source(plain().with_ceiling(100 * SECOND).with_backoff(Duration::ZERO));
    source = source.with_responses(Responses::new().with_retry_of_temporary());
    for (pause, wait) in [(30, 30), (0, 1), (1_000_000, 100)] {
        source.response(503, "", START).unwrap_err();
        if pause > 0 {
            source.set_retry_after(pause * SECOND);
        }
        assert_eq!(ended(&mut source, Duration::ZERO), Ok(wait * SECOND));
    }
    source.response(503, "", START).unwrap_err();
    source.set_retry_after(30 * SECOND);
    assert_eq!(ended(&mut source, Duration::ZERO), Ok(30 * SECOND));
    // A try without a response, or another response, clears the pause.
    assert_eq!(ended(&mut source, Duration::ZERO), Ok(SECOND));
    source.response(503, "", START).unwrap_err();
    source.set_retry_after(30 * SECOND);
    source.response(503, "", START).unwrap_err();
    assert_eq!(ended(&mut source, Duration::ZERO), Ok(SECOND));
    open(&mut source);
    assert_eq!(ended(&mut source, SECOND), Ok(SECOND));
}

#[test]
fn bytes_before_an_accepted_response_are_an_error_and_are_not_read() {
    let mut source = EventSource::new();
    let chunk = &Bytes::from_static(b"data: x\n\n");
    let mut events = source.feed(chunk);
    assert_eq!(events.next_event(), Err(ReceiveError::NotOpen));
    assert_eq!(events.next_block(), Err(ReceiveError::NotOpen));
    assert_eq!(events.into_rest(), chunk);
    let mut events = source.feed(chunk).owned();
    assert_eq!(events.next(), Some(Err(ReceiveError::NotOpen)));
    assert_eq!(events.into_rest(), chunk);
    let mut blocks = source.feed(chunk).owned_blocks();
    assert_eq!(blocks.next(), Some(Err(ReceiveError::NotOpen)));
    assert_eq!(blocks.into_rest(), chunk);
    let mut events = source.feed_bytes(chunk);
    assert_eq!(events.next(), Some(Err(ReceiveError::NotOpen)));
    let rest = events.into_rest();
    assert_eq!(rest, chunk);
    open(&mut source);
    assert_eq!(source.feed_bytes(&rest).next().unwrap().unwrap().data(), "x");
}

#[test]
fn an_iterator_yields_one_error_if_the_stream_is_not_open_and_then_ends() {
    let mut source = EventSource::new().with_end_data("end");
    assert_eq!(source.feed(b"data: x\n\n").owned().take(9).count(), 1);
    assert_eq!(source.feed(b"").owned_blocks().take(9).count(), 1);
    open(&mut source);
    let mut events = source.feed(b"data: end\n\ndata: x\n\n").owned();
    assert_eq!(events.next().unwrap().unwrap().data(), "end");
    assert_eq!(events.next(), Some(Err(ReceiveError::Closed(CloseReason::EndEvent))));
    assert_eq!((events.next(), events.next()), (None, None));
    let mut events = source.feed(b"data: x\n\n");
    for _ in 0..2 {
        assert_eq!(events.next_event(), Err(ReceiveError::Closed(CloseReason::EndEvent)));
    }
}

#[test]
fn the_rest_can_be_fed_again_or_is_an_error_and_the_source_stays_open() {
    let mut source = EventSource::new().with_close_on_too_large();
    open(&mut source);
    let chunk = &Bytes::from_static(b"data: 1\n\ndata: 2\n\ndata: 3\n\n");
    let mut events = source.feed(chunk);
    assert_eq!(events.next_event().unwrap().unwrap().data(), "1");
    let rest = events.into_rest();
    let mut events = source.feed(rest).owned();
    assert_eq!(events.next().unwrap().unwrap().data(), "2");
    let rest = events.into_rest();
    assert_eq!(data(&mut source, rest), ["3"]);
    let mut events = source.feed_bytes(chunk);
    assert_eq!(events.next().unwrap().unwrap().data(), "1");
    let rest = events.into_rest();
    assert_eq!(source.feed_bytes(&rest).count(), 2);

    // A reader that is dropped early is a mistake of the caller, and does not close the source.
    for method in 0..METHODS {
        assert_eq!(source.feed(chunk).next_event().unwrap().unwrap().data(), "1");
        let mut taken = Vec::new();
        let Err(ReceiveError::Parse(error)) = read(&mut source, b"data: 4\n\n", method, &mut taken) else {
            panic!("something was left")
        };
        assert_eq!(error.kind(), ParseErrorKind::Unread);
        assert_eq!(source.ready_state(), ReadyState::Open);
        source.response(200, EVENT_STREAM, START).unwrap();
    }
    assert_eq!(source.feed(chunk).next_event().unwrap().unwrap().data(), "1");
    let mut events = source.feed(b"data: 4\n\n");
    assert!(matches!(events.next_event(), Err(ReceiveError::Parse(_))));
    assert_eq!(events.next_event().unwrap().unwrap().data(), "4");
}

#[test]
fn a_reader_shows_the_state_after_what_was_read_last() {
    let mut source = EventSource::new();
    open(&mut source);
    let chunk = &Bytes::from_static(b"id: 1\nretry: 5\ndata\n\nid: 2\nretry: 6\ndata\n\n");
    let states = [("1", Some(Duration::from_millis(5))), ("2", Some(Duration::from_millis(6)))];
    let mut events = source.feed(chunk);
    for state in states {
        events.next_event().unwrap().unwrap();
        assert_eq!((events.last_event_id(), events.reconnection_time()), state);
    }
    let mut events = source.feed(chunk).owned();
    for state in states {
        events.next().unwrap().unwrap();
        assert_eq!((events.last_event_id(), events.reconnection_time()), state);
    }
    let mut blocks = source.feed(chunk).owned_blocks();
    for state in states {
        blocks.next().unwrap().unwrap();
        assert_eq!((blocks.last_event_id(), blocks.reconnection_time()), state);
    }
    let mut events = source.feed_bytes(chunk);
    for state in states {
        events.next().unwrap().unwrap();
        assert_eq!((events.last_event_id(), events.reconnection_time()), state);
    }
}

#[test]
fn the_last_id_is_sent_again_also_when_later_events_have_none() {
    let mut source = source(plain());
    open(&mut source);
    assert_eq!(data(&mut source, b"id: abc\ndata: 1\n\ndata: 2\n\n"), ["1", "2"]);
    ended(&mut source, SECOND).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
    ended(&mut source, SECOND).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
}

#[test]
fn after_an_empty_id_there_is_no_header() {
    let mut source = source(plain());
    open(&mut source);
    data(&mut source, b"id: abc\ndata: 1\n\nid\ndata: 2\n\n");
    ended(&mut source, SECOND).unwrap();
    assert_eq!(last_event_id_header(&source), None);
}

#[test]
fn an_id_is_sent_as_utf_8_and_left_out_where_no_header_can_carry_it() {
    for (id, sent) in [("\u{e9}\u{4e2d}", true), ("a\tb", true), ("a\u{1}", false), ("a\u{7f}", false)] {
        let source = EventSource::new().with_parser(Parser::new().with_last_event_id(id));
        assert_eq!(last_event_id_header(&source), sent.then(|| id.as_bytes().to_vec()), "{id:?}");
        assert_eq!(source.last_event_id(), id);
    }
}

#[test]
fn an_unfinished_event_is_discarded_and_its_id_with_it() {
    let mut source = source(plain());
    open(&mut source);
    assert_eq!(data(&mut source, b"id: abc\ndata: 1\n\nid: def\ndata: lost"), ["1"]);
    ended(&mut source, SECOND).unwrap();
    assert_eq!(last_event_id_header(&source).unwrap(), b"abc");
    open(&mut source);
    assert_eq!(data(&mut source, b"\xef\xbb\xbfdata: 2\n\n"), ["2"]);
}

#[test]
fn the_unfinished_event_is_returned_by_finish_until_the_connection_has_ended() {
    let mut source = source(plain());
    open(&mut source);
    data(&mut source, b"data: the en");
    assert_eq!(source.finish().unwrap().event().unwrap().data(), "the en");
    ended(&mut source, SECOND).unwrap();
    assert_eq!(source.finish(), None);
    // If `finish` is not called, it is gone with the connection, or once there is another.
    open(&mut source);
    data(&mut source, b"data: the en");
    ended(&mut source, SECOND).unwrap();
    open(&mut source);
    assert_eq!(source.finish(), None);
    data(&mut source, b"data: the en");
    open(&mut source);
    assert_eq!(source.finish(), None);
}

#[test]
fn comments_and_blocks_without_events_are_blocks_of_the_stream() {
    let mut source = EventSource::new();
    open(&mut source);
    let mut blocks = source.feed(b": hi\n\nid: 7\n\n");
    let block = blocks.next_block().unwrap().unwrap();
    assert_eq!(block.lines().collect::<Vec<_>>(), [BlockLine::Comment("hi")]);
    let block = blocks.next_block().unwrap().unwrap();
    assert_eq!((block.event(), block.id()), (None, Some("7")));
    assert_eq!(blocks.next_block(), Ok(None));
    let blocks: Vec<_> = source.feed(b": hi\n\n").owned_blocks().map(Result::unwrap).collect();
    assert_eq!(blocks[0].lines().collect::<Vec<_>>(), [BlockLine::Comment("hi")]);
    assert_eq!(data(&mut source, b"id: 8\n: hi\n"), [""; 0]);
    assert_eq!(source.finish().map(|block| (block.event().is_none(), block.id() == Some("8"))), Some((true, true)));
}

#[test]
fn retry_sets_the_wait_also_for_later_connections() {
    let mut source = source(plain());
    assert_eq!(ended(&mut source, Duration::ZERO), Ok(SECOND));
    open(&mut source);
    data(&mut source, b"retry: 250\n\n");
    for _ in 0..2 {
        assert_eq!(ended(&mut source, SECOND), Ok(Duration::from_millis(250)));
        open(&mut source);
    }
    assert_eq!(source.reconnection_time(), Some(Duration::from_millis(250)));
}

#[test]
fn the_floor_limits_retry_0_and_the_ceiling_an_absurd_retry() {
    let mut source = source(plain().with_floor(Duration::from_millis(100)).with_ceiling(60 * SECOND));
    open(&mut source);
    data(&mut source, b"retry: 0\n");
    assert_eq!(ended(&mut source, SECOND), Ok(Duration::from_millis(100)));
    open(&mut source);
    data(&mut source, b"retry: 99999999999999999999\n");
    assert_eq!(ended(&mut source, SECOND), Ok(60 * SECOND));
}

#[test]
fn an_absurd_retry_waits_an_hour_unless_the_ceiling_is_lifted_and_no_ceiling_is_below_the_floor() {
    let wait = |reconnect: Reconnect| {
        let mut source = source(reconnect.with_jitter(0));
        open(&mut source);
        data(&mut source, b"retry: 2147483648\n");
        ended(&mut source, Duration::ZERO).unwrap()
    };
    assert_eq!(wait(Reconnect::new()), 3600 * SECOND);
    assert_eq!(wait(Reconnect::new().with_ceiling(Duration::MAX)), Duration::from_millis(1 << 31));
    assert_eq!(wait(Reconnect::new().with_floor(9 * SECOND).with_ceiling(SECOND)), 9 * SECOND);
}

#[test]
fn a_connection_that_has_brought_an_event_was_good_however_short_it_was() {
    let mut source = source(plain().with_good_after(10 * SECOND));
    for (chunk, wait) in
        [(&b""[..], 1), (b": a comment\n\n", 2), (b"id: 1\n\n", 4), (b"data: cut", 8), (b"data: x\n\n", 1), (b"", 2)]
    {
        open(&mut source);
        data(&mut source, chunk);
        source.finish();
        assert_eq!(ended(&mut source, Duration::ZERO), Ok(wait * SECOND), "{chunk:?}");
    }
}

/// How many requests a client makes in an hour, all of whose connections end at once.
fn requests_in_an_hour(reconnect: Reconnect, status: u16, body: &[u8]) -> u32 {
    let responses = Responses::new().with_retry_of_temporary().with_retry([404]).with_retry_once([401]);
    let (mut source, mut now, mut requests) = (source(reconnect).with_responses(responses), Duration::ZERO, 0);
    while now < 3600 * SECOND {
        requests += 1;
        if source.response(status, EVENT_STREAM, START).is_ok() {
            data(&mut source, body);
        }
        match ended(&mut source, Duration::ZERO) {
            Ok(wait) => now += wait,
            Err(_) => break,
        }
    }
    requests
}

#[test]
fn no_server_makes_a_client_send_more_than_a_request_a_second() {
    // It closes at once, asks for no wait, and fails: the waits grow to a minute.
    for (status, body) in [(200, &b""[..]), (200, b"retry: 0\n\n"), (200, b":\n\n"), (503, b""), (404, b"")] {
        let requests = requests_in_an_hour(Reconnect::new(), status, body);
        assert!((60..100).contains(&requests), "{status} {body:?}: {requests}");
        assert_eq!(requests_in_an_hour(Reconnect::new().with_max_tries(5), status, body), 6, "{status} {body:?}");
    }
    // A server that answers, as in long polling, decides how often, up to the floor.
    assert_eq!(requests_in_an_hour(Reconnect::new(), 200, b"data: x\n\n"), 1200);
    assert_eq!(requests_in_an_hour(Reconnect::new(), 200, b"retry: 0\ndata: x\n\n"), 3600);
    assert_eq!(requests_in_an_hour(Reconnect::new(), 401, b""), 2);
}

#[test]
fn the_first_wait_after_a_good_connection_is_a_quarter_longer_at_most() {
    let mut source = source(Reconnect::new());
    open(&mut source);
    let wait = source.disconnected(10 * SECOND).unwrap().wait(u32::MAX);
    assert!(wait > 3 * SECOND && wait <= 3 * SECOND * 5 / 4, "{wait:?}");
}

#[test]
fn the_header_has_no_spaces_around_the_id() {
    for (id, header) in [(" 7 ", Some("7")), ("\ta b\t", Some("a b")), (" \t", None), ("7", Some("7"))] {
        let source = EventSource::new().with_parser(Parser::new().with_last_event_id(id));
        assert_eq!(last_event_id_header(&source), header.map(Vec::from), "{id:?}");
        assert_eq!(source.last_event_id(), id);
    }
}

#[test]
fn tries_that_fail_wait_longer_until_a_connection_was_good_for_a_while() {
    let mut source = source(plain().with_good_after(10 * SECOND));
    let mut wait = |opened: bool, open_for: Duration| {
        if opened {
            source.response(200, EVENT_STREAM, START).unwrap();
        }
        ended(&mut source, open_for).unwrap().as_secs()
    };
    assert_eq!(wait(false, Duration::ZERO), 1);
    assert_eq!(wait(false, Duration::ZERO), 2);
    assert_eq!(wait(true, 9 * SECOND), 4);
    // Time does not count for a connection that never opened.
    assert_eq!(wait(false, 99 * SECOND), 8);
    assert_eq!(wait(true, 10 * SECOND), 1);
}

#[test]
fn after_the_last_try_the_source_is_closed() {
    let mut source = source(plain().with_max_tries(5));
    open(&mut source);
    for _ in 0..5 {
        ended(&mut source, Duration::ZERO).unwrap();
    }
    assert_eq!(ended(&mut source, Duration::ZERO), Err(CloseReason::OutOfTries { tries: 5 }));
    assert_eq!(source.ready_state(), ReadyState::Closed);

    let mut source = self::source(plain().with_max_tries(0));
    open(&mut source);
    assert_eq!(ended(&mut source, SECOND), Err(CloseReason::OutOfTries { tries: 0 }));
}

#[test]
fn an_unrepeatable_request_is_not_repeated() {
    let unrepeatable = || source(plain()).with_repeat(Repeat::Never).with_responses(Responses::new().with_retry([429]));
    let mut source = unrepeatable();
    assert_eq!(ended(&mut source, Duration::ZERO), Err(CloseReason::UnrepeatableRequest));

    // The rules say that such a response means that nothing was started.
    let mut source = unrepeatable();
    source.response(429, "", START).unwrap_err();
    assert_eq!(ended(&mut source, Duration::ZERO), Ok(SECOND));
    assert_eq!(ended(&mut source, Duration::ZERO), Err(CloseReason::UnrepeatableRequest));

    let mut source = unrepeatable();
    open(&mut source);
    assert_eq!(data(&mut source, b"data: x\n\n"), ["x"]);
    assert_eq!(ended(&mut source, 99 * SECOND), Err(CloseReason::UnrepeatableRequest));
}

#[test]
fn an_end_event_is_the_last_and_what_follows_it_is_an_error() {
    let streams: [&[u8]; 2] =
        [b"data: 1\n\nevent: done\ndata: 2\n\ndata: 3\n\n", b"data: 1\n\ndata: [DONE]\n\ndata: 3\n\n"];
    for stream in streams {
        for method in 0..METHODS {
            let mut source = EventSource::new().with_end_name("done").with_end_data("[DONE]");
            open(&mut source);
            let (events, over) = receive(&mut source, stream, method);
            assert_eq!(events.len(), 2);
            // The next call returns the error without another chunk: the server may keep the connection open.
            assert_eq!(over, Err(ReceiveError::Closed(CloseReason::EndEvent)));
            assert_eq!(source.close_reason(), Some(&CloseReason::EndEvent));
            assert_eq!(receive(&mut source, b":\n\n", method).1, over);
            assert_eq!(ended(&mut source, SECOND), Err(CloseReason::EndEvent));
        }
    }
}

#[test]
fn an_unfinished_end_event_closes_the_source_if_finish_returns_it() {
    let mut source = EventSource::new().with_end_data("[DONE]");
    open(&mut source);
    assert_eq!(data(&mut source, b"data: 1\n\ndata: [DONE]\n"), ["1"]);
    assert_eq!(source.finish().unwrap().event().unwrap().data(), "[DONE]");
    assert_eq!(ended(&mut source, SECOND), Err(CloseReason::EndEvent));
    assert_eq!(source.finish(), None);
}

#[test]
fn a_source_can_be_closed_in_any_state_and_the_first_reason_stays() {
    let mut source = EventSource::new();
    source.close();
    assert_eq!(source.response(200, EVENT_STREAM, START), Err(Rejection::Closed));
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert_eq!(source.feed(b"data: x\n\n").next_event(), Err(ReceiveError::Closed(CloseReason::ByCaller)));
    assert_eq!(ended(&mut source, SECOND), Err(CloseReason::ByCaller));

    let mut source = EventSource::new();
    open(&mut source);
    assert_eq!(data(&mut source, b"data: unfinished"), [""; 0]);
    source.close();
    assert_eq!(source.finish(), None);
    assert_eq!(ended(&mut source, SECOND), Err(CloseReason::ByCaller));

    let mut source = EventSource::new();
    source.response(204, "", START).unwrap_err();
    source.close();
    assert_eq!(source.close_reason(), Some(&CloseReason::Rejected(Rejection::NoContent)));
}

#[test]
fn a_block_that_is_too_large_is_skipped_or_closes_the_source_as_was_set() {
    let chunk = b"data: four\n\ndata: 3\n\n";
    let limits = [
        (Parser::new().with_max_event_size(3).with_max_block_size(99), ParseErrorKind::EventTooLarge, 3),
        (Parser::new().with_max_block_size(10), ParseErrorKind::BlockTooLarge, 10),
    ];
    for (parser, kind, limit) in limits {
        let mut source = EventSource::new().with_parser(parser.clone());
        open(&mut source);
        let mut events = source.feed(chunk);
        let Err(ReceiveError::Parse(error)) = events.next_event() else { panic!("it is too large") };
        assert_eq!((error.kind(), error.limit()), (kind, Some(limit)));
        assert_eq!(events.next_event().unwrap().unwrap().data(), "3");
        assert_eq!(source.ready_state(), ReadyState::Open);

        let mut source = EventSource::new().with_parser(parser.clone()).with_close_on_too_large();
        open(&mut source);
        let mut events = source.feed(chunk);
        assert_eq!(events.next_event(), Err(ReceiveError::Parse(error.clone())));
        let closed = ReceiveError::Closed(CloseReason::TooLarge(error.clone()));
        assert_eq!(events.next_event(), Err(closed.clone()));
        assert_eq!(ended(&mut source, SECOND), Err(CloseReason::TooLarge(error.clone())));

        for method in 0..METHODS {
            let mut source = EventSource::new().with_parser(parser.clone()).with_close_on_too_large();
            open(&mut source);
            let mut seen = Vec::new();
            assert_eq!(read(&mut source, chunk, method, &mut seen), Err(ReceiveError::Parse(error.clone())));
            assert_eq!(read(&mut source, chunk, method, &mut seen), Err(closed.clone()));
            assert_eq!(seen, []);
        }
    }
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

/// The rules, in the plainest way: it reads all bytes of a connection again at each step.
#[derive(Default)]
struct Model {
    open: bool,
    closed: bool,
    /// The state before this connection, the bytes of this connection, and the state after them.
    before: Outcome,
    stream: Vec<u8>,
    now: Outcome,
    /// Whether this connection has brought an event.
    brought_event: bool,
    tries: u32,
}

const MAX_TRIES: u32 = 4;

impl Model {
    fn new_connection(&mut self) {
        self.before = self.now.clone();
        self.before.results.clear();
        self.now.results.clear();
        self.stream.clear();
        self.brought_event = false;
    }

    fn response(&mut self, status: u16, content_type: &str) {
        if !self.closed {
            self.new_connection();
            self.open = status == 200 && content_type == EVENT_STREAM;
            self.closed = !self.open && ![429, 503].contains(&status);
        }
    }

    /// The events that are new.
    fn bytes(&mut self, bytes: &[u8]) -> Vec<Item> {
        if self.closed || !self.open {
            return Vec::new();
        }
        let seen = self.now.results.len();
        self.stream.extend_from_slice(bytes);
        let read = |stream: &[u8]| oracle::interpret_after(&self.before, stream, Limits::NONE, ItemKind::Events);
        let is_end = |result: &Item| matches!(result, Item::Event(event) if event.data == "end");
        // The stream as far as the end event.
        let end = (0..=self.stream.len()).find(|&len| read(&self.stream[..len]).results.last().is_some_and(is_end));
        self.now = read(&self.stream[..end.unwrap_or(self.stream.len())]);
        self.closed = end.is_some();
        self.brought_event |= self.now.results.len() > seen;
        self.now.results[seen..].to_vec()
    }

    fn disconnected(&mut self, open_for: u32) -> Option<Duration> {
        if self.closed {
            return None;
        }
        if self.open && (self.brought_event || open_for >= 10) {
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

const METHODS: usize = 5;

/// The events of a chunk, by one of the methods, up to the first error.
fn receive(source: &mut EventSource, chunk: &[u8], method: usize) -> (Vec<Item>, Result<(), ReceiveError>) {
    let mut events = Vec::new();
    let result = read(source, chunk, method, &mut events);
    (events, result)
}

fn read(source: &mut EventSource, chunk: &[u8], method: usize, seen: &mut Vec<Item>) -> Result<(), ReceiveError> {
    let mut see = |event: Event<'_>| seen.push(Item::Event(plain_event(&event)));
    match method {
        0 => {
            let mut events = source.feed(chunk);
            while let Some(event) = events.next_event()? {
                see(event);
            }
        }
        1 => {
            let mut blocks = source.feed(chunk);
            while let Some(block) = blocks.next_block()? {
                block.event().into_iter().for_each(&mut see);
            }
        }
        2 => {
            for event in source.feed(chunk).owned() {
                see(event?.as_event());
            }
        }
        3 => {
            for block in source.feed(chunk).owned_blocks() {
                block?.event().into_iter().for_each(&mut see);
            }
        }
        _ => {
            for event in source.feed_bytes(&Bytes::copy_from_slice(chunk)) {
                see(event?.as_event());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_responses_bytes_and_ends_does_what_the_model_does(
        steps in prop::collection::vec(step(), 0..40),
        methods in prop::collection::vec(0..METHODS, 40),
    ) {
        let milliseconds = Duration::from_millis;
        let reconnect = Reconnect::new().with_time(milliseconds(8)).with_floor(milliseconds(6)).with_ceiling(milliseconds(50));
        let reconnect = reconnect.with_backoff(milliseconds(20)).with_jitter(100).with_max_tries(MAX_TRIES);
        let responses = Responses::new().with_retry_of_temporary();
        let mut source = source(reconnect.with_good_after(10 * SECOND)).with_responses(responses).with_end_data("end");
        let mut model = Model::default();
        for (step, method) in steps.into_iter().zip(methods) {
            match step {
                Step::Response(status, content_type) => {
                    let opened = source.response(status, content_type, START).is_ok();
                    model.response(status, content_type);
                    prop_assert_eq!(opened, model.state() == ReadyState::Open);
                }
                Step::Bytes(bytes) => {
                    let (events, outcome) = receive(&mut source, &bytes, method);
                    prop_assert_eq!(events, model.bytes(&bytes));
                    prop_assert_eq!(outcome.is_ok(), model.state() == ReadyState::Open);
                }
                Step::Disconnected(open_for, random) => {
                    let wait = source.disconnected(open_for * SECOND).ok().map(|next| next.wait(random));
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
            prop_assert_eq!(source.close_reason().is_some(), model.closed);
            prop_assert_eq!(source.last_event_id(), &model.now.last_event_id);
            prop_assert_eq!(source.reconnection_time(), model.now.reconnection_time.map(Duration::from_millis));
            let header = last_event_id_header(&source).unwrap_or_default();
            prop_assert_eq!(String::from_utf8(header).unwrap(), model.now.last_event_id.clone());
        }
    }
}
