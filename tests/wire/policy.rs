//! What a client may decide otherwise than the standard: responses, requests, waits, and silence.

use std::time::Duration;

use proptest::prelude::*;
use sse_wire::client::{
    Answer, CloseReason, EventSource, InvalidMimeType, NextTry, ReadyState, Reconnect, Rejection, Repeat, Responses,
};
use sse_wire::{Parser, http};

const EVENT_STREAM: &str = "text/event-stream";
const START: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn source(responses: Responses) -> EventSource {
    EventSource::new().with_responses(responses).with_reconnect(Reconnect::new().with_jitter(0))
}

/// Opens the stream, and reads these bytes.
fn receive(source: &mut EventSource, stream: &[u8]) {
    assert_eq!(source.response(200, EVENT_STREAM, START), Ok(Answer::EventStream));
    source.feed(stream).owned().for_each(|event| drop(event.unwrap()));
}

fn header<'s>(source: &'s EventSource, name: &str) -> Option<&'s [u8]> {
    source.request_headers().find(|(of, _)| *of == name).map(|(_, value)| value)
}

#[test]
fn another_status_opens_the_stream_if_that_was_set() {
    for status in [201, 202, 206] {
        let mut source = source(Responses::new().with_status(201).with_status(206));
        let opened = source.response(status, EVENT_STREAM, START);
        assert_eq!(opened.is_ok(), status != 202, "{status}");
        // The type must still be right.
        assert!(EventSource::new().with_responses(Responses::new().with_status(201)).response(201, "", START).is_err());
    }
    // 204 is the end in any case, as it has no body.
    let mut source = source(Responses::new().with_status(204).with_retry([204]).with_retry_once([204]));
    assert_eq!(source.response(204, EVENT_STREAM, START), Err(Rejection::NoContent));
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

#[test]
fn an_event_stream_that_is_served_as_another_type_is_read_if_that_was_set() {
    let responses = Responses::new().with_event_stream_type("application/json").unwrap();
    let responses = responses.with_event_stream_type("Application/Octet-Stream").unwrap();
    for (content_type, opens) in [
        ("application/json", true),
        ("APPLICATION/JSON; charset=utf-8", true),
        ("application/octet-stream", true),
        ("text/event-stream", true),
        ("text/html, application/json", true),
        ("application/json, text/html", false),
        ("application/jsonl", false),
        ("", false),
        ("no type", false),
    ] {
        assert_eq!(source(responses.clone()).response(200, content_type, START).is_ok(), opens, "{content_type}");
        // By the standard none but the one opens.
        let standard = EventSource::new().response(200, content_type, START);
        assert_eq!(standard.is_ok(), content_type == EVENT_STREAM, "{content_type}");
    }
    let mut without = source(Responses::new().with_event_stream_type("").unwrap());
    assert_eq!(without.response(200, "", START), Ok(Answer::EventStream));
    assert_eq!(without.response(200, "no type", START), Ok(Answer::EventStream));
    assert!(without.response(200, "text/plain", START).is_err());
}

#[test]
fn a_type_that_could_never_match_is_an_error() {
    for no in [" ", "json", "a/b; c=d", "a/b, c/d", "a/b\r\nx: y", "/", "a/", "a b/c", "\u{e9}/x"] {
        assert_eq!(Responses::new().with_other_type(no), Err(InvalidMimeType), "{no:?}");
        assert_eq!(Responses::new().with_event_stream_type(no), Err(InvalidMimeType), "{no:?}");
    }
    assert_eq!(Responses::new().with_other_type(""), Err(InvalidMimeType));
}

#[test]
fn an_answer_of_another_accepted_type_is_a_value_and_ends_the_source() {
    let responses = Responses::new().with_other_type("application/json").unwrap();
    let mut source = source(responses.with_status(201)).with_repeat(Repeat::Never);
    assert_eq!(header(&source, "accept"), Some(&b"text/event-stream, application/json"[..]));
    assert_eq!(source.response(201, "application/json; charset=utf-8", START), Ok(Answer::Other));
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert_eq!(source.disconnected(START), Err(CloseReason::Answered));
    assert_eq!(source.response(200, EVENT_STREAM, START), Err(Rejection::Closed));
    // An error is still an error.
    let mut source = self::source(Responses::new().with_other_type("application/json").unwrap());
    assert_eq!(source.response(400, "application/json", START), Err(Rejection::Status { status: 400 }));
}

#[test]
fn a_rejection_names_the_type_that_came_and_keeps_no_more_than_its_beginning() {
    let message = |content_type: &[u8]| {
        let rejection = EventSource::new().response(200, content_type, START).unwrap_err();
        rejection.to_string()
    };
    assert_eq!(message(b"text/html"), "the content type is \"text/html\", not text/event-stream");
    assert_eq!(message(b""), "the content type is \"\", not text/event-stream");
    // What a terminal would obey is escaped.
    assert_eq!(message(b"\x1b[2J\xff"), "the content type is \"\\u{1b}[2J\u{fffd}\", not text/event-stream");
    let Err(Rejection::ContentType { content_type }) = EventSource::new().response(200, vec![b'x'; 1 << 20], START)
    else {
        panic!("it is none")
    };
    assert_eq!(content_type, "x".repeat(128));
}

#[test]
fn a_status_that_was_named_is_tried_again_and_any_other_is_final() {
    let responses = Responses::new().with_retry([404]).with_retry([409]).with_retry(500..504);
    for (status, again) in
        [(404, true), (409, true), (500, true), (503, true), (504, false), (429, false), (401, false)]
    {
        let mut source = source(responses.clone());
        let rejection = source.response(status, "", START).unwrap_err();
        assert_eq!((&rejection, rejection.status()), (&Rejection::Status { status }, Some(status)));
        assert_eq!(source.ready_state() == ReadyState::Connecting, again, "{status}");
        assert_eq!(source.disconnected(START).is_ok(), again, "{status}");
    }
    let mut redirected = source(Responses::new().with_retry([302]));
    assert_eq!(redirected.response(302, "", START), Err(Rejection::Redirect { status: 302 }));
    assert_eq!(redirected.ready_state(), ReadyState::Closed);
}

#[test]
fn after_a_401_there_is_one_more_try_with_id_and_reconnection_time_as_before() {
    let mut source = source(Responses::new().with_retry_once([401, 403]));
    receive(&mut source, b"id: 7\nretry: 9000\ndata: x\n\n");
    assert_eq!(source.disconnected(START).unwrap().wait(0), seconds(9));
    for _ in 0..2 {
        assert_eq!(source.response(401, "", START), Err(Rejection::Status { status: 401 }));
        assert_eq!(source.ready_state(), ReadyState::Connecting);
        assert!(source.disconnected(START).unwrap().wait(0) >= seconds(9));
        assert_eq!(header(&source, http::LAST_EVENT_ID), Some(&b"7"[..]));
        // The token was good: the next time there is one more try again.
        receive(&mut source, b"data: x\n\n");
        let _ = source.disconnected(START).unwrap();
    }
    let mut twice = source.clone();
    twice.response(401, "", START).unwrap_err();
    let _ = twice.disconnected(START).unwrap();
    twice.response(403, "", START).unwrap_err();
    assert_eq!(twice.disconnected(START), Err(CloseReason::Rejected(Rejection::Status { status: 403 })));
}

#[test]
fn a_request_that_was_not_sent_may_be_sent_whatever_it_is() {
    let mut source = EventSource::new().with_repeat(Repeat::Never);
    for number in 1..3 {
        source.not_sent();
        assert_eq!(source.disconnected(START).unwrap().number(), number);
    }
    let mut unknown = source.clone();
    assert_eq!(unknown.disconnected(START), Err(CloseReason::UnrepeatableRequest));
    source.response(200, EVENT_STREAM, START).unwrap();
    source.not_sent();
    assert_eq!(source.disconnected(START), Err(CloseReason::UnrepeatableRequest));
}

#[test]
fn a_post_is_resumed_by_another_request_once_there_is_an_id() {
    let mut source = EventSource::new().with_repeat(Repeat::WithId);
    assert_eq!(source.response(200, EVENT_STREAM, START), Ok(Answer::EventStream));
    assert_eq!(source.disconnected(START), Err(CloseReason::UnrepeatableRequest));

    let mut source = EventSource::new().with_repeat(Repeat::WithId);
    receive(&mut source, b"id: 1\ndata:\n\n");
    assert_eq!(source.disconnected(START).unwrap().number(), 1);
    assert_eq!(source.last_event_id(), "1");
    // Now a GET was sent, which may be sent again.
    assert_eq!(source.disconnected(START).unwrap().number(), 2);
    // The server takes the id back: there is nothing left to resume.
    receive(&mut source, b"id\ndata:\n\n");
    assert_eq!(source.disconnected(START), Err(CloseReason::UnrepeatableRequest));
}

#[test]
fn errors_outside_of_data_and_the_end_of_a_stream_are_not_lost() {
    let mut source = EventSource::new();
    receive(&mut source, b"error: {}\n\n{\"error\": 1}\n\nid: \0\ndata: [DONE]\n");
    assert_eq!(source.ignored_lines(), 3);
    assert_eq!(source.finish().unwrap().event().unwrap().data(), "[DONE]");
    let _ = source.disconnected(START).unwrap();
    assert_eq!(source.ignored_lines(), 0);
    // Those who read blocks see them.
    source.response(200, EVENT_STREAM, START).unwrap();
    let block = source.feed(b"error: {}\n\n").owned_blocks().next().unwrap().unwrap();
    assert_eq!(block.ignored_lines().collect::<Vec<_>>(), ["error: {}"]);
}

#[test]
fn a_source_that_has_failed_is_closed_for_that_reason() {
    let mut source = EventSource::new();
    receive(&mut source, b"id: 1\ndata: cut");
    source.fail();
    source.close();
    assert_eq!(source.finish(), None);
    assert_eq!(source.disconnected(START), Err(CloseReason::Failed));
    assert_eq!(source.close_reason(), Some(&CloseReason::Failed));
}

#[test]
fn the_last_event_id_of_a_source_in_use_can_be_set() {
    let mut source = EventSource::new();
    receive(&mut source, b"id: 1\ndata: x\n\nid: 2\ndata: cut");
    source.set_last_event_id("41");
    assert_eq!(
        source
            .feed(b"\n\ndata: y\n\n")
            .owned()
            .map(|event| event.unwrap().last_event_id().to_owned())
            .collect::<Vec<_>>(),
        ["2", "2"]
    );
    source.set_last_event_id("41");
    assert_eq!(source.feed(b"data: y\n\n").owned().next().unwrap().unwrap().last_event_id(), "41");
    let _ = source.disconnected(START).unwrap();
    assert_eq!(header(&source, http::LAST_EVENT_ID), Some(&b"41"[..]));
    source.set_last_event_id("");
    assert_eq!(header(&source, http::LAST_EVENT_ID), None);

    // Also where owned events share a large one.
    let (one, other) = ("x".repeat(5000), "y".repeat(5000));
    let mut parser = Parser::new().with_last_event_id(one);
    for _ in 0..2 {
        let event = parser.feed(b"data: x\n\n").owned().next().unwrap().unwrap();
        assert_eq!(event.last_event_id(), parser.last_event_id());
        parser.set_last_event_id(other.clone());
    }
}

#[test]
fn a_caller_with_a_policy_of_its_own_has_the_numbers_that_the_wait_is_made_of() {
    let reconnect = Reconnect::new().with_time(seconds(2)).with_ceiling(seconds(50)).with_jitter(100);
    let mut source = EventSource::new().with_reconnect(reconnect);
    source = source.with_responses(Responses::new().with_retry_of_temporary());
    let numbers = |next: NextTry| (next.number(), next.reconnection_time(), next.retry_after());
    assert_eq!(numbers(source.disconnected(START).unwrap()), (1, seconds(2), Duration::ZERO));
    source.response(503, "", START).unwrap_err();
    source.set_retry_after(seconds(20));
    let next = source.disconnected(START).unwrap();
    assert_eq!(numbers(next), (2, seconds(2), seconds(20)));
    assert_eq!(next.wait(0), seconds(20));
    assert!(next.wait(u32::MAX) > seconds(39));
    source.response(503, "", START).unwrap_err();
    source.set_retry_after(seconds(999));
    assert_eq!(numbers(source.disconnected(START).unwrap()), (3, seconds(2), seconds(50)));
    receive(&mut source, b"retry: 7000\ndata:\n\n");
    assert_eq!(numbers(source.disconnected(START).unwrap()), (1, seconds(7), Duration::ZERO));
}

#[test]
fn a_silent_connection_has_a_deadline_and_every_byte_moves_it() {
    let mut source = EventSource::new().with_idle_timeout(seconds(45));
    assert_eq!(source.idle_deadline(), None);
    source.heard(seconds(9));
    assert_eq!(source.idle_deadline(), None);
    source.response(200, EVENT_STREAM, seconds(10)).unwrap();
    assert_eq!(source.idle_deadline(), Some(seconds(55)));
    source.heard(seconds(30));
    assert_eq!(source.idle_deadline(), Some(seconds(75)));
    // A clock that goes back, and the end of time.
    source.heard(seconds(1));
    assert_eq!(source.idle_deadline(), Some(seconds(75)));
    source.heard(Duration::MAX);
    assert_eq!(source.idle_deadline(), Some(Duration::MAX));
    let _ = source.disconnected(seconds(75)).unwrap();
    assert_eq!(source.idle_deadline(), None);
    source.response(200, EVENT_STREAM, seconds(80)).unwrap();
    assert_eq!(source.idle_deadline(), Some(seconds(125)));
    source.close();
    assert_eq!(source.idle_deadline(), None);
    let mut unlimited = EventSource::new();
    unlimited.response(200, EVENT_STREAM, START).unwrap();
    assert_eq!(unlimited.idle_deadline(), None);
}

#[test]
fn a_clock_that_goes_back_makes_a_connection_short_and_nothing_worse() {
    let mut source = source(Responses::new());
    for number in 1..=3 {
        source.response(200, EVENT_STREAM, seconds(1000)).unwrap();
        assert_eq!(source.disconnected(seconds(7)).unwrap().number(), number);
    }
    source.response(200, EVENT_STREAM, seconds(7)).unwrap();
    assert_eq!(source.disconnected(seconds(1000)).unwrap().number(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the rules, and whatever the server answers: between two requests lies the floor, and a server that refuses or
    /// sends nothing is asked less than 100 times an hour.
    #[test]
    fn no_rules_for_responses_make_a_storm(
        retried in prop::collection::vec(200_u16..600, 0..5),
        once in prop::collection::vec(200_u16..600, 0..5),
        answers in prop::collection::vec((200_u16..600, any::<bool>(), prop::option::of(0_u64..100)), 1..50),
    ) {
        let responses = Responses::new().with_retry(retried).with_retry_once(once).with_retry_of_temporary();
        let mut source = source(responses.with_status(201)).with_idle_timeout(START);
        let (mut now, mut requests) = (START, 0);
        for (status, is_stream, pause) in answers.into_iter().cycle() {
            if now > seconds(3600) {
                break;
            }
            requests += 1;
            let _ = source.response(status, if is_stream { EVENT_STREAM } else { "text/html" }, now);
            if let Some(pause) = pause {
                source.set_retry_after(seconds(pause));
            }
            let Ok(next) = source.disconnected(now) else { break };
            prop_assert!(next.wait(0) >= seconds(1));
            now += next.wait(0);
        }
        prop_assert!(requests < 100, "{requests}");
    }
}
