//! The source, or its runtime, goes away.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sse_wire_client::{CloseReason, ErrorKind, EventSource, Parser, ReadyState, Reconnect, ResponseExt};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{sleep, timeout};

use crate::server::{SOON, Server, nowhere};
use crate::{client, error, event, lost, next, opens, source};

/// More than enough for a request to arrive.
const MOMENT: Duration = Duration::from_millis(100);

/// Two ways to be done with a source.
const WAYS: [fn(EventSource) -> Option<EventSource>; 2] = [
    |source| {
        drop(source);
        None
    },
    |mut source| {
        source.close();
        Some(source)
    },
];

/// Polls a source from which nothing comes yet.
async fn nothing_comes(source: &mut EventSource) {
    let item = timeout(MOMENT, source.next()).await;
    assert!(item.is_err(), "{item:?}");
}

/// Waits until reqwest has ended all of its tasks, and checks what is left of the source.
async fn nothing_is_left(source: Option<EventSource>) {
    let until = Instant::now() + SOON;
    while Handle::current().metrics().num_alive_tasks() > 0 {
        assert!(Instant::now() < until, "a task is left");
        sleep(Duration::from_millis(5)).await;
    }
    if let Some(mut source) = source {
        assert_eq!(source.ready_state(), ReadyState::Closed);
        assert_eq!(source.close_reason(), Some(&CloseReason::ByCaller));
        assert!(next(&mut source).await.is_none());
        source.reconnect();
        assert!(next(&mut source).await.is_none());
    }
}

#[tokio::test]
async fn done_before_the_first_poll() {
    for done in WAYS {
        let server = Server::start(|server| assert!(server.accept_within(2 * MOMENT).is_none()));
        nothing_is_left(done(source(&server.url))).await;
        server.end().await;
    }
}

#[tokio::test]
async fn done_while_it_waits() {
    for done in WAYS {
        let server = Server::start(|server| {
            server.accept().stream("");
            assert!(server.accept_within(3 * MOMENT).is_none());
        });
        let reconnect = Reconnect::new().with_time(2 * MOMENT).with_floor(Duration::ZERO).with_jitter(0);
        let mut source = source(&server.url).with_reconnect(reconnect);
        opens(&mut source).await;
        error(&mut source).await;
        nothing_comes(&mut source).await;
        nothing_is_left(done(source)).await;
        server.end().await;
    }
}

#[tokio::test]
async fn done_while_the_request_is_made() {
    for done in WAYS {
        let held = Arc::new(());
        let moved = held.clone();
        let mut source = EventSource::from_fn(move |_| {
            let moved = moved.clone();
            async move {
                let made = pending::<Result<reqwest::RequestBuilder, &str>>().await;
                drop(moved);
                made
            }
        });
        nothing_comes(&mut source).await;
        assert_eq!(Arc::strong_count(&held), 3);
        let source = done(source);
        // The function stays in a source that is closed. What it was waiting for does not.
        assert_eq!(Arc::strong_count(&held), if source.is_some() { 2 } else { 1 });
        nothing_is_left(source).await;
    }
}

#[tokio::test]
async fn done_before_the_response() {
    for done in WAYS {
        let server = Server::start(|server| server.accept().wait_until_closed());
        // The caller's client lives on, and holds nothing open.
        let client = client();
        let mut source = EventSource::new(client.get(&server.url)).unwrap();
        nothing_comes(&mut source).await;
        nothing_is_left(done(source)).await;
        server.end().await;
    }
}

#[tokio::test]
async fn done_while_it_is_open() {
    // Within a stream that is silent, and within one that has sent more than was read.
    for body in ["data: a\n\n".into(), "data: a\n\n".repeat(100_000)] {
        for done in WAYS {
            let body = body.clone();
            let server = Server::start(move |server| {
                let mut connection = server.accept();
                connection.open("data: a\n\n");
                if connection.try_send(body.as_bytes()) {
                    connection.wait_until_closed();
                }
            });
            let client = client();
            let mut source = EventSource::new(client.get(&server.url)).unwrap();
            opens(&mut source).await;
            event(&mut source).await;
            nothing_is_left(done(source)).await;
            server.end().await;
        }
    }
}

/// The connection is closed with the source, not when the source is polled again.
#[tokio::test]
async fn the_end_event_closes_the_connection() {
    let server = Server::start(|server| {
        for end in ["data: [DONE]\n\n", "data: [DONE] and more\n\n"] {
            let mut connection = server.accept();
            connection.open(end);
            connection.wait_until_closed();
        }
    });
    let mut source = source(&server.url).with_end_data("[DONE]");
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "[DONE]");
    assert_eq!(source.close_reason(), Some(&CloseReason::EndEvent));
    let mut too_large = crate::source(&server.url).with_parser(Parser::new().with_max_event_size(8));
    too_large = too_large.with_close_on_too_large();
    opens(&mut too_large).await;
    assert!(error(&mut too_large).await.is_final());
    server.end().await;
    assert!(next(&mut source).await.is_none() && next(&mut too_large).await.is_none());
}

#[tokio::test]
async fn one_response_is_dropped() {
    let server = Server::start(|server| {
        let mut connection = server.accept();
        connection.open("data: a\n\n");
        connection.wait_until_closed();
    });
    let client = client();
    let mut one = client.get(&server.url).send().await.unwrap().event_stream().unwrap();
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a");
    assert!(timeout(MOMENT, one.next()).await.is_err());
    drop(one);
    nothing_is_left(None).await;
    server.end().await;
}

/// A runtime, with a task that reads a source to its end, and what that task holds too until it is dropped.
fn reads(mut source: EventSource) -> (Runtime, Arc<()>) {
    let held = Arc::new(());
    let moved = held.clone();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move {
        while source.next().await.is_some() {}
        drop(moved);
    });
    (runtime, held)
}

#[test]
fn the_runtime_ends_while_it_waits() {
    let hour = Duration::from_secs(60 * 60);
    let (runtime, held) = reads(source(&nowhere()).with_reconnect(Reconnect::new().with_time(hour)));
    std::thread::sleep(MOMENT);
    assert_eq!(Arc::strong_count(&held), 2);
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn the_runtime_ends_while_it_is_open() {
    let server = Server::start(|server| {
        let mut connection = server.accept();
        connection.open("data: a\n\n");
        server.wait();
        connection.wait_until_closed();
        assert!(server.accept_within(2 * MOMENT).is_none());
    });
    let (runtime, held) = reads(source(&server.url));
    std::thread::sleep(MOMENT);
    assert_eq!(Arc::strong_count(&held), 2);
    server.go();
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
    server.join();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn another_runtime_goes_on() {
    let server = Server::start(|server| {
        let mut first = server.accept();
        first.open("id: 1\ndata: a\n\n");
        first.wait_until_closed();
        let second = server.accept();
        assert_eq!(second.header("last-event-id"), Some("1"));
        second.stream("data: b\n\n");
        server.accept().stream("data: c\n\n");
    });
    let mut source = source(&server.url);
    runtime().block_on(async {
        opens(&mut source).await;
        event(&mut source).await;
        nothing_comes(&mut source).await;
    });
    // The connection went with its runtime.
    let second = runtime();
    second.block_on(async {
        assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Transport(_)));
        opens(&mut source).await;
        assert_eq!(event(&mut source).await.data(), "b");
        lost(&mut source).await;
        // It waits, with a timer of this runtime.
        assert!(timeout(Duration::from_millis(1), source.next()).await.is_err());
    });
    drop(second);
    source.reconnect();
    runtime().block_on(async {
        opens(&mut source).await;
        assert_eq!(event(&mut source).await.data(), "c");
    });
    server.join();
}
