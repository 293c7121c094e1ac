//! Clients by other authors: they read what the encoder writes, and the streams of the demos.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Value, json};
use sse_wire::{Event, Parser};

use crate::cases::encoder_cases;
use crate::foreign::{self, Program};
use crate::support::{Demos, serve};

const BEAT: Duration = Duration::from_millis(100);

/// Serves what the encoder writes for all of its cases as one stream. Returns its URL, and what our parser reads; `id` is
/// what the client prints as an event's id.
fn encoded(id: impl Fn(Event<'_>) -> Value) -> (String, Vec<Value>) {
    let stream: Bytes = encoder_cases().iter().flat_map(|case| case.stream.clone()).collect();
    let mut events = Vec::new();
    let mut parser = Parser::new();
    let mut feed = parser.feed(&stream);
    while let Some(event) = feed.next_event().unwrap() {
        events.push(json!({ "name": event.name(), "data": event.data(), "id": id(event) }));
    }
    let send = async || ([(CONTENT_TYPE, "text/event-stream")], stream);
    (serve(Router::new().route("/", get(send))), events)
}

fn assert_agree(seen: &[Value], expected: &[Value]) {
    for (number, (seen, expected)) in seen.iter().zip(expected).enumerate() {
        assert_eq!(seen, expected, "event {number}");
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn eventsource_reads_what_the_encoder_writes() {
    // Its `lastEventId` is the id of the event's own block.
    let (url, expected) = encoded(|event| event.id().unwrap_or_default().into());
    let names: BTreeSet<_> = expected.iter().map(|event| event["name"].as_str().unwrap()).collect();
    let argument = json!({ "url": url, "names": names, "count": expected.len() });
    let Some(program) = foreign::node("read-eventsource.mjs", &argument.to_string()) else { return };
    assert_agree(&program.all(), &expected);
}

#[test]
fn eventsource_parser_reads_what_the_encoder_writes() {
    let (url, expected) = encoded(|event| event.id().into());
    let argument = json!({ "url": url });
    let Some(program) = foreign::node("read-eventsource-parser.mjs", &argument.to_string()) else { return };
    assert_agree(&program.all(), &expected);
}

#[test]
fn httpx_sse_reads_what_the_encoder_writes() {
    let (url, mut expected) = encoded(|event| event.last_event_id().into());
    let Some(program) = foreign::python("read_httpx_sse.py", &json!({ "url": url }).to_string()) else { return };
    let mut seen = program.all();
    // After the first id, it reads a block without data as an event with empty data.
    for events in [&mut seen, &mut expected] {
        events.retain(|event| event["data"] != "");
    }
    assert_agree(&seen, &expected);
}

/// The numbers of the feed's next events.
fn numbers(program: &mut Program, count: usize) -> Vec<u64> {
    let number = |event: Value| {
        let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        data["number"].as_u64().unwrap()
    };
    (0..count).map(|_| number(program.json().unwrap())).collect()
}

#[test]
fn eventsource_misses_nothing_of_the_feed_however_often_it_is_cut() {
    let demos = Demos::start(BEAT);
    let argument = json!({ "url": format!("{}/feed/events", demos.url), "names": ["message"], "count": 20 });
    let Some(mut program) = foreign::node("read-eventsource.mjs", &argument.to_string()) else { return };
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.extend(numbers(&mut program, 5));
        demos.post("/feed/cut");
    }
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seen:?}");
    assert!(program.all().is_empty());
}

#[test]
fn eventsource_parser_reads_the_answer_to_a_post() {
    let demos = Demos::start(BEAT);
    let argument = json!({
        "url": format!("{}/chat", demos.url),
        "method": "POST",
        "headers": { "content-type": "application/json" },
        "body": json!({ "message": "one\ntwo" }).to_string(),
    });
    let Some(program) = foreign::node("read-eventsource-parser.mjs", &argument.to_string()) else { return };
    let mut events = program.all();
    assert_eq!(events.pop().unwrap(), json!({ "name": "done", "data": "", "id": null }));
    let answer: String = events.iter().map(|event| event["data"].as_str().unwrap()).collect();
    assert!(answer.starts_with("You asked:\n\n  one\ntwo\n\n"), "{answer}");
    assert!(answer.contains("\u{1f389}\n- \u{4e2d}\u{6587}"), "{answer}");
}

#[test]
fn httpx_sse_follows_a_report_to_its_end() {
    let demos = Demos::start(BEAT);
    let url = format!("{}/rooms/blue/report", demos.url);
    let argument = json!({ "url": url, "headers": { "authorization": "Bearer demo-bob" } });
    let Some(program) = foreign::python("read_httpx_sse.py", &argument.to_string()) else { return };
    let mut events = program.all();
    let end = events.pop().unwrap();
    assert_eq!((&end["name"], &end["data"]), (&json!("EXCEL_STATUS_END"), &json!("")));
    for (number, event) in (1..).zip(&events) {
        assert_eq!((&event["name"], &event["id"]), (&json!("EXCEL_STATUS"), &json!(number.to_string())));
    }
    assert!(events.len() > 2, "{events:?}");
}

#[test]
fn curl_shows_numbers_as_they_come_and_ends_without_an_error() {
    let demos = Demos::start(BEAT);
    let Some(mut program) = foreign::curl(&["-N", "-s", &format!("{}/numbers/events", demos.url)]) else { return };
    let mut data = 0;
    while data < 3 {
        let line = program.line().unwrap();
        data += usize::from(line.starts_with("data: {\"id\":"));
    }
    demos.stop();
    while program.line().is_some() {}
    assert!(program.all().is_empty());
}

/// The text that the client prints, and the error after it.
fn ask(program: Program) -> (String, Option<Value>) {
    let mut lines = program.all();
    let error = lines.pop_if(|line| !line["error"].is_null());
    (lines.iter().map(|line| line["text"].as_str().unwrap()).collect(), error)
}

/// Streams from the built-in upstream and from the relay's pass-through, which are the same to an `OpenAI` client.
fn assert_openai(start: impl Fn(&str) -> Option<Program>) {
    let demos = Demos::start(BEAT);
    for base in ["/upstream/v1", "/v1"] {
        let ask = |model: &str| {
            let url = format!("{}{base}", demos.url);
            start(&json!({ "url": url, "model": model, "question": "Why?" }).to_string()).map(ask)
        };
        let Some((text, error)) = ask("demo") else { return };
        assert!(text.starts_with("You asked: Why?\n\nA stream tells you at once; "), "{text}");
        assert!(text.ends_with("\u{1f680}\nThe end."), "{text}");
        assert_eq!(error, None);
        let (text, error) = ask("demo-unauthorized").unwrap();
        assert_eq!((text.as_str(), &error.unwrap()["status"]), ("", &json!(401)));
        for model in ["demo-broken", "demo-malformed"] {
            let (text, error) = ask(model).unwrap();
            assert!(text.starts_with("You asked:"), "{text}");
            let error = error.unwrap_or_else(|| panic!("no error from {model} at {base}"));
            if (model, base) == ("demo-broken", "/v1") {
                // The error of the relay, not one about half a chunk as JSON.
                assert!(error["error"].as_str().unwrap().contains("error decoding response body: "), "{error}");
            }
        }
    }
}

#[test]
fn the_openai_package_of_npm_streams_from_the_upstream_and_the_relay() {
    assert_openai(|argument| foreign::node("read-openai.mjs", argument));
}

#[test]
fn the_openai_package_of_pypi_streams_from_the_upstream_and_the_relay() {
    assert_openai(|argument| foreign::python("read_openai.py", argument));
}
