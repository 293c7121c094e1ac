// unused_must_use
// note: a chunk is read by `next_event`, `next_block` or `owned`
// unused_must_use
// note: encoding sends nothing by itself

//! Feeding alone reads nothing, and encoding alone sends nothing.

#![deny(unused_must_use)]

use sse_wire::{Event, ParseError, Parser};

#[cfg(wrong)]
fn wrong(mut parser: Parser) {
    parser.feed(b"data: 1\n\n");
    Event::new("x").encode();
}

fn main() -> Result<(), ParseError> {
    let mut parser = Parser::new();
    let bytes = Event::new("x").encode();
    let mut events = parser.feed(&bytes);
    while let Some(event) = events.next_event()? {
        println!("{}", event.data());
    }
    Ok(())
}
