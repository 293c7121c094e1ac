//! The same client with `eventsource-stream` and with this crate: what changes in a migration.

use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::routing::get;

const STREAM: &str = ": hi\n\nevent: price\nid: 7\ndata: 42.17\n\ndata: one\ndata: two\n\ndata: unfinished";

mod before {
    use std::error::Error;

    use eventsource_stream::Eventsource;
    use futures_util::StreamExt;

    pub async fn watch(url: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let mut events = reqwest::get(url).await?.bytes_stream().eventsource();
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            seen.push(format!("{} ({}): {}", event.event, event.id, event.data));
        }
        Ok(seen)
    }
}

mod after {
    use std::error::Error;

    use futures_util::StreamExt;
    use sse_wire::stream::TransportExt;

    pub async fn watch(url: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let mut events = reqwest::get(url).await?.bytes_stream().events();
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            seen.push(format!("{} ({}): {}", event.name(), event.last_event_id(), event.data()));
        }
        Ok(seen)
    }
}

#[tokio::test]
async fn both_yield_the_same_events() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(|| async { Ok::<_, Infallible>(STREAM) }));
    let server = tokio::spawn(async { axum::serve(listener, router).await });

    let expected = ["price (7): 42.17", "message (7): one\ntwo"];
    assert_eq!(after::watch(&url).await?, expected);
    assert_eq!(before::watch(&url).await?, expected);
    server.abort();
    Ok(())
}
