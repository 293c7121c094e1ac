//! An axum handler over `body`, read back by reqwest over `stream`.

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::body::{EventBody, Piece};
use sse_wire::stream::TransportExt;
use sse_wire::{BlockLine, Event, Head, OwnedEvent};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

async fn count() -> impl IntoResponse {
    let events = stream::iter(1..=3).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(30)).await;
        OwnedEvent::new(Head::new(), number.to_string())
    });
    EventBody::new(events).with_keep_alive(Duration::from_millis(5), tokio::time::sleep).into_response()
}

#[tokio::test]
async fn events_that_a_handler_streams_are_read_back() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/count", listener.local_addr()?);
    let router = Router::new().route("/count", get(count));
    let server = tokio::spawn(async { axum::serve(listener, router).await });

    let mut blocks = reqwest::get(url).await?.error_for_status()?.bytes_stream().blocks();
    let mut received = Vec::new();
    let mut comments = 0;
    while let Some(block) = blocks.next().await {
        let block = block?;
        comments += block.lines().filter(|line| *line == BlockLine::Comment("")).count();
        received.extend(block.into_event().map(OwnedEvent::into_data));
    }
    assert_eq!(received, ["1", "2", "3"]);
    assert!(comments > 0, "an event takes six times as long as a keep-alive");
    server.abort();
    Ok(())
}

#[tokio::test]
async fn a_handler_can_pass_on_the_events_of_another_server() -> Result<(), Box<dyn Error>> {
    let upstream = stream::iter(["id: 1\nda", "ta: x\n\n", ": hi\n\n", "id: 2\nown: y\n\n"]).map(Ok::<_, Infallible>);
    let body = Body::new(EventBody::new(upstream.blocks()));
    assert_eq!(axum::body::to_bytes(body, 1000).await?, "id: 1\ndata: x\n\n: hi\n\nid: 2\nown: y\n\n");
    Ok(())
}

/// Each source makes a response that a handler can return.
#[tokio::test]
async fn every_body_is_a_response_of_axum() {
    fn checked(response: impl IntoResponse) {
        let response = response.into_response();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
    }
    let event = || Event::new("x").into_owned();
    let period = Duration::from_secs(15);
    checked(EventBody::new(stream::iter([event()])).into_response());
    checked(EventBody::new(stream::iter([Ok(event()), Err(std::io::Error::other("x"))])).into_response());
    checked(EventBody::new(stream::iter([Event::new("x")])).into_response());
    checked(EventBody::new(stream::iter([event().encode()])).into_response());
    checked(EventBody::new(stream::iter([Piece::END_BLOCK])).into_response());
    checked(EventBody::new(stream::iter([event()])).with_keep_alive(period, tokio::time::sleep).into_response());
    checked(EventBody::new(stream::iter([event()])).into_gzip_response(&HeaderMap::new()));
}

/// reqwest asks for gzip by itself, and undoes it.
#[tokio::test]
async fn what_is_compressed_is_read_event_by_event() -> Result<(), Box<dyn Error>> {
    let (sender, events) = mpsc::unbounded_channel();
    let events = Arc::new(Mutex::new(Some(UnboundedReceiverStream::new(events))));
    let answer = async move |headers: HeaderMap| {
        assert_eq!(headers["accept-encoding"], "gzip");
        let events = events.lock().unwrap().take().expect("one request");
        EventBody::new(events)
            .with_keep_alive(Duration::from_millis(500), tokio::time::sleep)
            .into_gzip_response(&headers)
    };
    let router = Router::new().route("/", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async { axum::serve(listener, router).await });

    // Without the coding to be seen: reqwest drops the header of what it has undone.
    let response = reqwest::get(url).await?;
    assert_eq!(response.headers()["vary"], "accept-encoding");
    assert!(!response.headers().contains_key("content-encoding"));
    let mut blocks = response.bytes_stream().blocks();
    for number in 0..20 {
        let data = format!("{{\"number\": {number}}}");
        sender.send(Event::new(&data).into_owned())?;
        // The next one is sent when this one has arrived.
        let block = timeout(Duration::from_secs(5), blocks.next()).await?.unwrap()?;
        assert_eq!(block.event().map(|event| event.data().to_owned()), Some(data));
    }
    let keep_alive = timeout(Duration::from_secs(5), blocks.next()).await?.unwrap()?;
    assert!(keep_alive.lines().eq([BlockLine::Comment("")]));
    drop(sender);
    assert!(timeout(Duration::from_secs(5), blocks.next()).await?.is_none(), "with a trailer");
    server.abort();
    Ok(())
}

/// As in `guide::server`.
fn until_shutdown(events: impl Stream<Item = OwnedEvent>, shutdown: CancellationToken) -> impl Stream<Item = Piece> {
    let reconnection_time = Duration::from_millis(fastrand::u64(1_000..10_000));
    let last = Piece::from(Head::new().with_retry(reconnection_time));
    events.map(Piece::from).take_until(shutdown.cancelled_owned()).chain(stream::iter([last]))
}

#[tokio::test]
async fn a_graceful_shutdown_ends_open_streams_and_spreads_the_reconnections() -> Result<(), Box<dyn Error>> {
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let answer = async move || {
        let events = stream::iter([Event::new("x").into_owned()]).chain(stream::pending());
        let body = EventBody::new(until_shutdown(events, token.clone()));
        body.with_keep_alive(Duration::from_secs(15), tokio::time::sleep).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(answer));
    let graceful = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let server = tokio::spawn(async { graceful.await });

    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut events = reqwest::get(&url).await?.bytes_stream().events();
        assert_eq!(events.next().await.unwrap()?.data(), "x");
        assert_eq!(events.reconnection_time(), None);
        clients.push(events);
    }
    assert!(!server.is_finished());
    shutdown.cancel();
    let mut times = Vec::new();
    for mut events in clients {
        assert!(timeout(Duration::from_secs(2), events.next()).await?.is_none());
        let time = events.reconnection_time().expect("the server has said when to come back");
        assert!((1_000..10_000).contains(&time.as_millis()), "{time:?}");
        times.push(time);
    }
    times.sort();
    times.dedup();
    assert!(times.len() > 5, "not at the same time: {times:?}");
    timeout(Duration::from_secs(2), server).await???;
    Ok(())
}
