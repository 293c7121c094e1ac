//! What a client sees when something goes wrong, and what it does next: a test for each row of the table in `src/faults.md`,
//! which names them. All of it goes over real sockets.

#![cfg(not(target_arch = "wasm32"))]

mod connecting;
mod lifetime;
mod rate;
mod responses;
mod server;
mod streams;
mod time;

use std::time::Duration;

use sse_wire_client::{CloseReason, Error, Event, EventSource, EventStream, OwnedEvent, Reconnect, ResponseExt};
use tokio::time::timeout;

use crate::server::SOON;

/// The longest wait of a [`source`].
const NEXT_TRY: Duration = Duration::from_millis(100);

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Connects again as soon as a source may.
fn soon() -> Reconnect {
    Reconnect::new().with_time(Duration::ZERO).with_floor(Duration::ZERO).with_jitter(0)
}

fn source(url: &str) -> EventSource {
    EventSource::new(client().get(url)).unwrap().with_reconnect(soon())
}

/// The other door: the event stream of one response.
async fn stream(url: &str) -> EventStream {
    client().get(url).send().await.unwrap().event_stream().unwrap()
}

async fn next(source: &mut EventSource) -> Option<Result<Event, Error>> {
    timeout(SOON, source.next()).await.expect("an item")
}

/// The next item opens the stream.
async fn opens(source: &mut EventSource) {
    let item = next(source).await;
    assert!(matches!(item, Some(Ok(Event::Open))), "{item:?}");
}

/// The next item is an event.
async fn event(source: &mut EventSource) -> OwnedEvent {
    match next(source).await {
        Some(Ok(Event::Message(event))) => event,
        other => panic!("no event but {other:?}"),
    }
}

/// The next item is an error.
async fn error(source: &mut EventSource) -> Error {
    match next(source).await {
        Some(Err(error)) => error,
        other => panic!("no error but {other:?}"),
    }
}

/// The next item is an error after which the source connects again, and soon.
async fn lost(source: &mut EventSource) -> Error {
    let error = error(source).await;
    assert!(error.retry_in().is_some_and(|wait| wait <= NEXT_TRY), "{error:?}");
    assert!(!error.is_final() && source.close_reason().is_none());
    error
}

/// The next item is an error, and the last item.
async fn closed(source: &mut EventSource) -> Error {
    let error = error(source).await;
    assert!(error.is_final() && error.retry_in().is_none(), "{error:?}");
    assert_eq!(source.close_reason(), error.close_reason());
    assert!(next(source).await.is_none());
    error
}

/// Whether the source is closed because of a response.
fn is_rejected(error: &Error) -> bool {
    matches!(error.close_reason(), Some(CloseReason::Rejected(_)))
}

/// All of these tests exist.
#[test]
fn the_table_names_tests_that_exist() {
    let table = include_str!("../../src/faults.md");
    let last_cells = table.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit("| ").next());
    let named: Vec<_> = last_cells.filter_map(|cell| cell.trim_matches('`').split_once("::")).collect();
    for (module, test) in &named {
        let source = match *module {
            "connecting" => include_str!("connecting.rs"),
            "lifetime" => include_str!("lifetime.rs"),
            "rate" => include_str!("rate.rs"),
            "responses" => include_str!("responses.rs"),
            "streams" => include_str!("streams.rs"),
            "time" => include_str!("time.rs"),
            _ => panic!("no tests are in {module}"),
        };
        assert!(source.contains(&format!("fn {test}()")), "{module}::{test}");
    }
    assert_eq!(named.len(), 62, "{named:?}");
}
