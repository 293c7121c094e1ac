//! JSON into your own types, by the name of the event. Their text is borrowed from the chunk.
//!
//! `cargo run --example typed_json --features json`

use std::error::Error;

use serde::Deserialize;
use sse_wire::{Event, Parser};

#[derive(Debug, Deserialize, PartialEq)]
struct Price<'a> {
    symbol: &'a str,
    cents: u64,
}

#[derive(Debug, PartialEq)]
enum Message<'a> {
    Price(Price<'a>),
    Ping,
    /// A server may send new types of events before its clients know them.
    Unknown(Event<'a>),
}

fn decode(event: Event<'_>) -> serde_json::Result<Message<'_>> {
    Ok(match event.name() {
        "price" => Message::Price(event.parse_json()?),
        "ping" => Message::Ping,
        _ => Message::Unknown(event),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let chunk = "event: price\ndata: {\"symbol\": \"A\", \"cents\": 1}\n\n\
                 event: ping\ndata\n\n\
                 event: price\ndata: {\"symbol\": \"B\"}\n\n\
                 data: ?\n\n";
    let mut parser = Parser::new();
    let mut events = parser.feed(chunk.as_bytes());
    let mut seen = Vec::new();
    while let Some(event) = events.next_event()? {
        seen.push(match decode(event) {
            Ok(Message::Price(Price { symbol, cents })) => {
                // Not a copy.
                assert!(chunk.as_bytes().as_ptr_range().contains(&symbol.as_ptr()));
                format!("{symbol} costs {cents}")
            }
            Ok(Message::Ping) => "ping".to_owned(),
            Ok(Message::Unknown(event)) => format!("unknown: {} {:?}", event.name(), event.data()),
            Err(error) => format!("not a price: {error}"),
        });
    }
    println!("{seen:#?}");
    assert_eq!(seen[..2], ["A costs 1", "ping"]);
    assert!(seen[2].starts_with("not a price: missing field `cents`"));
    assert_eq!(seen[3..], ["unknown: message \"?\""]);
    Ok(())
}
