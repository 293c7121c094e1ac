// E0502

//! While a chunk is read, its state is read from the event or from the reader.

use sse_wire::{ParseError, Parser};

#[cfg(wrong)]
fn wrong(mut parser: Parser) -> Result<(), ParseError> {
    let mut events = parser.feed(b"data: 1\n\n");
    while let Some(event) = events.next_event()? {
        println!("{} {}", event.data(), parser.last_event_id());
    }
    Ok(())
}

fn main() -> Result<(), ParseError> {
    let mut parser = Parser::new();
    let mut events = parser.feed(b"data: 1\n\n");
    while let Some(event) = events.next_event()? {
        println!("{} {}", event.data(), event.last_event_id());
        println!("{}", events.parser().position());
    }
    println!("{}", parser.position());
    Ok(())
}
