// E0499

//! An event must be gone before the next one is read. One that is kept is owned.

use sse_wire::{ParseError, Parser};

#[cfg(wrong)]
fn wrong(mut parser: Parser) -> Result<(), ParseError> {
    let mut events = parser.feed(b"data: 1\n\ndata: 2\n\n");
    let first = events.next_event()?;
    let second = events.next_event()?;
    println!("{first:?} {second:?}");
    Ok(())
}

fn main() -> Result<(), ParseError> {
    let mut parser = Parser::new();
    let events: Vec<_> = parser.feed(b"data: 1\n\ndata: 2\n\n").owned().collect::<Result<_, _>>()?;
    println!("{events:?}");
    Ok(())
}
