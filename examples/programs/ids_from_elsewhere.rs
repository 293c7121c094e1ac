//! An SDK whose ids and names come from a database, in a stream that cannot fail: an id or a name that is refused is left
//! out, and the event is sent without it.
//!
//! `cargo run --example ids_from_elsewhere --features stream`

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::stream::EncodeExt;
use sse_wire::{Event, EventId, EventName, OwnedEvent};

/// Text from a database, not checked.
struct Row {
    id: Option<String>,
    topic: String,
    text: String,
}

impl Row {
    fn to_event(&self) -> OwnedEvent {
        let id = self.id.as_deref().and_then(|id| EventId::new(id).ok());
        let name = EventName::new(&self.topic).ok();
        Event::new(&self.text).with_optional_name(name).with_optional_id(id).into_owned()
    }
}

/// The body of a response, for axum's `Body::from_stream` and others.
fn body(rows: impl Stream<Item = Row>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    rows.map(|row| row.to_event()).encoded()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let row = |id: Option<&str>, topic: &str, text: &str| Row {
        id: id.map(Into::into),
        topic: topic.into(),
        text: text.into(),
    };
    let rows = [
        row(Some("7"), "a", "x"),
        row(Some("8\ndata: forged"), "a", "y"),
        row(None, "a\rid: forged", "data: not forged\n\nid: text"),
    ];
    let sent: Vec<_> = body(stream::iter(rows)).map(|Ok(bytes)| bytes).collect().await;
    let sent = String::from_utf8_lossy(&sent.concat()).into_owned();
    println!("{sent}");
    assert_eq!(
        sent,
        "event: a\nid: 7\ndata: x\n\n\
         event: a\ndata: y\n\n\
         data: data: not forged\ndata: \ndata: id: text\n\n"
    );

    // The error says what was wrong.
    let error = EventId::new("8\ndata: forged").unwrap_err();
    assert_eq!(error.to_string(), "the id field cannot carry LF (byte 0x0a at index 1)");
}
