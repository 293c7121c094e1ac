//! A compressed stream in Chromium, which asks for gzip by itself.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Html;
use axum::routing::get;
use futures_util::stream;
use sse_wire::body::EventBody;
use sse_wire::{Event, OwnedEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::browser::Page;
use crate::support::serve;

const PAGE: &str = r#"<!doctype html><ol id="events"></ol><script>
new EventSource("/events").onmessage = ({ data }) => {
  const item = document.createElement("li");
  item.textContent = data;
  document.getElementById("events").append(item);
};
</script>"#;

#[test]
fn chromium_reads_each_event_of_a_compressed_stream_when_it_is_sent() {
    let Some(mut page) = Page::open() else { return };
    let (sender, events) = unbounded_channel();
    let events = Arc::new(Mutex::new(Some(events)));
    let answer = async move |headers: HeaderMap| {
        let events: UnboundedReceiver<OwnedEvent> = events.lock().unwrap().take().expect("one request");
        let events = stream::unfold(events, async |mut events| Some((events.recv().await?, events)));
        let response = EventBody::new(events).into_gzip_response(&headers);
        assert_eq!(response.headers()["content-encoding"], "gzip");
        response
    };
    let url = serve(Router::new().route("/", get(Html(PAGE))).route("/events", get(answer)));
    page.goto(&url);
    let mut sent = Vec::new();
    for number in 0..10 {
        let data = format!("event {number}");
        sender.send(Event::new(&data).into_owned()).unwrap();
        sent.push(data);
        // The next one is sent when this one has arrived.
        page.wait_for_items("#events", sent.len());
    }
    assert_eq!(page.items("#events"), sent);
}
