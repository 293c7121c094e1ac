// E0716

//! A reader is bound to a variable that lives as long as its events.

use sse_wire::{ParseError, Parser};

#[cfg(wrong)]
fn wrong(mut parser: Parser) -> Result<(), ParseError> {
    let event = parser.feed(b"data: 1\n\n").next_event()?;
    println!("{event:?}");
    Ok(())
}

fn main() -> Result<(), ParseError> {
    let mut parser = Parser::new();
    let mut events = parser.feed(b"data: 1\n\n");
    let event = events.next_event()?;
    println!("{event:?}");
    Ok(())
}
