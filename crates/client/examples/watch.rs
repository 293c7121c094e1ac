//! Follows an event stream over lost connections, and says what happens.
//!
//! ```text
//! cargo run -p sse-wire-client --example watch              # a built-in feed, whose connections break; for 12 seconds
//! cargo run -p sse-wire-client --example watch -- http://127.0.0.1:8080/events
//! ```

mod shared;

use std::time::Duration;

use sse_wire_client::{BoxError, Event, EventSource, Reconnect, Responses};
use tokio::time::{interval, sleep};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Some(url) = std::env::args().nth(1) else {
        let demos = shared::demos().await?;
        tokio::spawn(cut(format!("{demos}/feed/cut")));
        let url = format!("{demos}/feed/events");
        tokio::select! {
            watched = watch(&url) => return watched,
            () = sleep(Duration::from_secs(12)) => return Ok(()),
        }
    };
    watch(&url).await
}

async fn watch(url: &str) -> Result<(), BoxError> {
    let mut source = EventSource::get(url)?
        .with_reconnect(Reconnect::new().with_max_tries(10))
        .with_responses(Responses::new().with_retry_of_temporary())
        .with_idle_timeout(Duration::from_secs(45));
    while let Some(item) = source.next().await {
        match item {
            Ok(Event::Open) => println!("open, after the event {:?}", source.last_event_id()),
            Ok(Event::Message(event)) => println!("{:?} {}: {}", event.last_event_id(), event.name(), event.data()),
            Ok(_) => {}
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

/// Cuts the connections of the feed now and then.
async fn cut(url: String) {
    let (client, mut every) = (reqwest::Client::new(), interval(Duration::from_secs(4)));
    every.tick().await;
    loop {
        every.tick().await;
        let _ = client.post(&url).send().await;
    }
}
