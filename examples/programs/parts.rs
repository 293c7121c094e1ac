//! Your own struct, made of the parts of an event: nothing is copied, whether it borrows or owns.
//!
//! `cargo run --example parts`

use std::time::Duration;

use bytes::Bytes;
use sse_wire::{ByteString, Event, EventName, OwnedEvent, ParseError, Parser};

/// The text lives as long as the chunk, and longer than the event.
#[derive(Debug, PartialEq)]
struct Borrowed<'a> {
    event: Option<&'a str>,
    data: &'a str,
    id: Option<&'a str>,
}

impl<'a> From<Event<'a>> for Borrowed<'a> {
    fn from(event: Event<'a>) -> Self {
        Borrowed { event: event.event_name().map(EventName::as_str), data: event.data(), id: event.id() }
    }
}

/// `ByteString` is text that is reference-counted, and becomes a `String` where one is needed.
#[derive(Debug)]
struct Message {
    event: Option<ByteString>,
    data: ByteString,
    id: Option<ByteString>,
    retry: Option<Duration>,
}

impl From<OwnedEvent> for Message {
    fn from(event: OwnedEvent) -> Self {
        let parts = event.into_parts();
        Message { event: parts.name, data: parts.data, id: parts.id, retry: parts.retry }
    }
}

fn main() -> Result<(), ParseError> {
    let large = "x".repeat(10_000);
    let chunk = Bytes::from(format!("event: n\nid: 7\nretry: 5\ndata: {large}\n\n"));
    let data_in_chunk = chunk[chunk.len() - large.len() - 2..].as_ptr();

    let mut parser = Parser::new();
    let mut events = parser.feed(&chunk);
    let borrowed = Borrowed::from(events.next_event()?.expect("there is one"));
    assert_eq!(borrowed, Borrowed { event: Some("n"), data: &large, id: Some("7") });
    assert_eq!(borrowed.data.as_ptr(), data_in_chunk);

    let mut messages = Vec::new();
    for event in Parser::new().feed_bytes(&chunk) {
        messages.push(Message::from(event?));
    }
    let Message { event, data, id, retry } = &messages[0];
    println!("{event:?}, id {id:?}, {} bytes, {retry:?}", data.len());
    assert_eq!((event.as_deref(), id.as_deref(), *retry), (Some("n"), Some("7"), Some(Duration::from_millis(5))));
    // Large data is shared with the chunk.
    assert_eq!((&**data, data.as_ptr()), (&*large, data_in_chunk));
    Ok(())
}
