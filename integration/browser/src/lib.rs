//! The clients that the page runs, one for each name. Each reports what it sees, line by line; the tests read the lines.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;
use std::{future, panic};

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use sse_wire_client::{
    ErrorKind, Event, EventSource, EventStream, IdIn, OwnedEvent, Reconnect, RequestBuilderExt, ResponseExt, Responses,
    StreamError,
};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Sends a line to the test. It is a function of the page.
    fn report(line: &str);
}

/// Runs the client of this name with this URL, to its end.
///
/// # Panics
///
/// If something is other than the client expects. The panic is a line too.
#[wasm_bindgen]
pub async fn run(client: String, url: String) {
    panic::set_hook(Box::new(|panic| report(&panic.to_string())));
    let get = || reqwest::Client::new().get(&url);
    match client.as_str() {
        "watch" => watch(source(get())).await,
        "cookies" => watch(source(get().fetch_credentials_include())).await,
        "id in the query" => watch(source(get()).with_last_event_id_in(IdIn::Query("lastEventId".to_owned()))).await,
        "idle timeout" => watch(source(get()).with_idle_timeout(Duration::from_secs(1))).await,
        "no ceiling" => watch(source(get()).with_reconnect(soon().with_ceiling(Duration::MAX))).await,
        "retry of temporary" => watch(source(get()).with_responses(Responses::new().with_retry_of_temporary())).await,
        "fresh token" => watch(with_fresh_token(url)).await,
        "close" => {
            let mut source = source(get());
            first_message(&mut source).await;
            source.close();
            report(&format!("end: {:?}", source.close_reason().unwrap()));
            // It is neither polled again nor dropped.
            future::pending::<()>().await;
        }
        "drop" => first_message(&mut source(get())).await,
        "ask" => ask(&url, None).await,
        "ask with idle timeout" => ask(&url, Some(Duration::from_secs(1))).await,
        "ask and drop" => {
            let mut events = send_question(&url).await.unwrap();
            report_event(&events.next().await.unwrap().unwrap());
        }
        other => panic!("there is no client {other}"),
    }
}

/// A source that connects again soon.
fn source(request: RequestBuilder) -> EventSource {
    request.eventsource().unwrap().with_reconnect(soon()).with_end_name("end")
}

/// Whose token is another one for each request, and which tries again once after a 401.
fn with_fresh_token(url: String) -> EventSource {
    let client = reqwest::Client::new();
    let source = EventSource::from_fn(move |attempt| {
        let request = client.get(&url).bearer_auth(format!("token-{}", attempt.number));
        async move { reqwest::Result::Ok(request) }
    });
    source.with_responses(Responses::new().with_retry_once([401])).with_reconnect(soon())
}

fn soon() -> Reconnect {
    Reconnect::new().with_time(Duration::from_millis(200)).with_floor(Duration::ZERO).with_jitter(0)
}

/// Reports each item of a source.
async fn watch(mut source: EventSource) {
    while let Some(item) = source.next().await {
        match item {
            Ok(Event::Open) => report("open"),
            Ok(Event::Message(event)) => report_event(&event),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                let then = error.retry_in().map_or("closed".to_owned(), |wait| format!("again in {wait:?}"));
                let what = match error.into_kind() {
                    ErrorKind::Ended => "ended".to_owned(),
                    ErrorKind::Rejected { response, .. } => status_and_body(response).await,
                    ErrorKind::Silent(_) => "silent".to_owned(),
                    ErrorKind::Transport(_) => "broken".to_owned(),
                    other => panic!("{other:?}"),
                };
                report(&format!("{what}; {then}"));
            }
        }
    }
    report(&format!("end: {:?}", source.close_reason().unwrap()));
}

/// Reads up to the first message.
async fn first_message(source: &mut EventSource) {
    loop {
        if let Event::Message(event) = source.next().await.unwrap().unwrap() {
            return report_event(&event);
        }
    }
}

/// Sends a POST with a JSON body.
async fn send_question(url: &str) -> Result<EventStream, String> {
    let question = json!({ "question": "What is 1 + 1?", "stream": true });
    let response = reqwest::Client::new().post(url).json(&question).send().await.unwrap();
    match response.event_stream() {
        Ok(events) => Ok(events),
        Err(error) => Err(status_and_body(error.into_response()).await),
    }
}

/// Reports the answer to a POST.
async fn ask(url: &str, idle_timeout: Option<Duration>) {
    let mut events = match send_question(url).await {
        Ok(events) => events,
        Err(error) => return report(&error),
    };
    if let Some(timeout) = idle_timeout {
        events = events.with_idle_timeout(timeout);
    }
    while let Some(event) = events.next().await {
        match event {
            Ok(event) if event.data().starts_with('{') => {
                let answer: Value = event.parse_json().unwrap();
                report(&format!("answer: {}", answer["text"].as_str().unwrap()));
            }
            Ok(event) => report_event(&event),
            Err(StreamError::Silent(_)) => report("silent"),
            Err(StreamError::Transport(_)) => report("broken"),
            Err(other) => panic!("{other:?}"),
        }
    }
    report("end");
}

async fn status_and_body(response: Response) -> String {
    format!("{}: {}", response.status().as_u16(), response.text().await.unwrap())
}

fn report_event(event: &OwnedEvent) {
    report(&format!("{}: {}", event.name(), event.data()));
}
