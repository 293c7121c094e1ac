//! Servers by other authors, read by our client over several connections.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sse_wire::client::{CloseReason, EventSource, Reconnect};
use sse_wire::stream::TransportExt;

use crate::foreign::{self, Program};
use crate::support::{RUNTIME, printed};

/// What both servers send, two events on each connection.
fn events() -> Vec<Value> {
    vec![
        json!({ "name": "message", "data": "first", "id": "1" }),
        json!({ "name": "report", "data": "two\nlines: and a colon", "id": "2" }),
        json!({ "name": "message", "data": "\u{1f980} \u{6f22}\u{5b57} \u{e9}\n\n", "id": "3" }),
        json!({ "name": "message", "data": "x".repeat(100_000), "id": "4" }),
        json!({ "name": "message", "data": "{\"last\": true}", "id": "last \u{2026}" }),
    ]
}

fn argument() -> String {
    json!({ "events": events(), "each": 2 }).to_string()
}

fn url(server: &mut Program) -> String {
    format!("http://127.0.0.1:{}/", server.json().unwrap()["port"])
}

/// Reads until the server answers 204.
async fn read(url: &str) -> Vec<Value> {
    let client = reqwest::Client::new();
    let mut source = EventSource::new().with_reconnect(Reconnect::new().with_floor(Duration::ZERO));
    let mut seen = Vec::new();
    loop {
        let headers = source.request_headers();
        let request = headers.fold(client.get(url), |request, (name, value)| request.header(name, value));
        let mut response = request.send().await.unwrap();
        let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        if source.response(response.status().as_u16(), content_type, Duration::ZERO).is_ok() {
            while let Some(chunk) = response.chunk().await.unwrap() {
                for event in source.feed_bytes(&chunk) {
                    seen.push(printed(event.unwrap().as_event()));
                    assert!(seen.len() <= events().len(), "the server started again");
                }
            }
        }
        match source.disconnected(Duration::ZERO) {
            Ok(next) => {
                let wait = next.wait(0);
                assert_eq!(wait, Duration::from_millis(120), "the server's `retry`");
                tokio::time::sleep(wait).await;
            }
            Err(reason) => {
                assert!(matches!(reason, CloseReason::Rejected(_)), "{reason}");
                return seen;
            }
        }
    }
}

#[test]
fn our_client_reads_better_sse_over_all_its_connections() {
    let Some(mut server) = foreign::node("serve-better-sse.mjs", &argument()) else { return };
    let mut expected = events();
    for event in &mut expected {
        // By default it sends data as JSON. As plain text, a line break in it would forge a field.
        event["data"] = event["data"].to_string().into();
    }
    assert_eq!(RUNTIME.block_on(read(&url(&mut server))), expected);
}

#[test]
fn our_client_reads_sse_starlette_over_all_its_connections() {
    let Some(mut server) = foreign::python("serve_sse_starlette.py", &argument()) else { return };
    assert_eq!(RUNTIME.block_on(read(&url(&mut server))), events());
}

#[test]
fn a_stream_of_events_reads_the_crlf_of_sse_starlette() {
    let Some(mut server) = foreign::python("serve_sse_starlette.py", &argument()) else { return };
    let url = url(&mut server);
    let (text, seen) = RUNTIME.block_on(async {
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        let events = reqwest::get(&url).await.unwrap().bytes_stream().events();
        (text, events.map(|event| printed(event.unwrap().as_event())).collect::<Vec<_>>().await)
    });
    assert!(text.ends_with("\r\n\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    assert_eq!(seen, events()[..2]);
}
