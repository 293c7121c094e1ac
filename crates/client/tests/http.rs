//! Over HTTP/2, and over compressed bodies: each event arrives before the next is sent.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Version};
use axum::routing::get;
use futures_util::stream;
use reqwest::Client;
use sse_wire::body::EventBody;
use sse_wire::{Event, OwnedEvent};
use sse_wire_client::{Event as Item, EventSource, RequestBuilderExt, ResponseExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// A server of one stream at a time, whose events the test sends. Returns its URL.
async fn serve(events: mpsc::Receiver<OwnedEvent>) -> String {
    let events = std::sync::Arc::new(tokio::sync::Mutex::new(events));
    let answer = async move |version: Version, headers: HeaderMap| {
        let body = EventBody::new(stream::unfold(events.lock_owned().await, |mut events| async {
            let event = events.recv().await?;
            Some((Ok::<_, Infallible>(event), events))
        }));
        let mut response = body.into_gzip_response(&headers);
        let version = format!("{version:?}").parse().unwrap();
        response.headers_mut().insert("x-version", version);
        response
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let routes = Router::new().route("/", get(answer.clone()).post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn event(number: u32) -> OwnedEvent {
    Event::new(&format!("event {number}")).into_owned()
}

async fn next(source: &mut EventSource) -> String {
    match timeout(SOON, source.next()).await.expect("an item").unwrap().unwrap() {
        Item::Open => String::from("open"),
        Item::Message(event) => event.data().to_owned(),
        item => panic!("{item:?}"),
    }
}

#[tokio::test]
async fn a_source_over_http_2_without_tls() {
    let (sender, events) = mpsc::channel(1);
    let url = serve(events).await;
    let client = Client::builder().no_proxy().no_gzip().http2_prior_knowledge().build().unwrap();
    let mut source = client.get(&url).eventsource().unwrap();
    assert_eq!(next(&mut source).await, "open");
    let response = source.last_response().unwrap();
    assert_eq!(
        (&response.headers["x-version"], response.headers.get("content-encoding")),
        (&"HTTP/2.0".parse().unwrap(), None)
    );
    for number in 0..20 {
        sender.send(event(number)).await.unwrap();
        assert_eq!(next(&mut source).await, format!("event {number}"));
    }
    // Dropping the source ends its stream, which the server waits for before it answers another, by the same connection.
    drop(source);
    let mut again = client.get(&url).eventsource().unwrap();
    assert_eq!(next(&mut again).await, "open");
    sender.send(event(20)).await.unwrap();
    assert_eq!(next(&mut again).await, "event 20");
}

#[tokio::test]
async fn events_of_a_compressed_body() {
    for is_http_2 in [false, true] {
        let (sender, events) = mpsc::channel(1);
        let url = serve(events).await;
        let client = Client::builder().no_proxy().gzip(true);
        let client = if is_http_2 { client.http2_prior_knowledge() } else { client }.build().unwrap();
        // A request without a body, as by a POST that asks for everything.
        let sent = tokio::spawn({
            let sender = sender.clone();
            async move { sender.send(event(0)).await }
        });
        let response = timeout(SOON, client.post(&url).send()).await.expect("a response").unwrap();
        sent.await.unwrap().unwrap();
        // reqwest removes the header of what it undoes.
        assert_eq!(response.headers().get("content-encoding"), None);
        assert_eq!(response.headers()["vary"], "accept-encoding");
        let mut events = response.event_stream().unwrap();
        for number in 0..20 {
            let next = timeout(SOON, events.next()).await.expect("an event").unwrap().unwrap();
            assert_eq!(next.data(), format!("event {number}"));
            sender.send(event(number + 1)).await.unwrap();
        }
    }
}
