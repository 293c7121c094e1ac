// E0499

//! The borrow checker refuses a loop that returns what it was lent. `find_event` is that loop.

use sse_wire::{Event, Feed, ParseError, Parser};

#[cfg(wrong)]
fn wrong<'f>(events: &'f mut Feed<'_, '_>) -> Result<Option<Event<'f>>, ParseError> {
    while let Some(event) = events.next_event()? {
        if event.name() == "price" {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

fn price<'f>(events: &'f mut Feed<'_, '_>) -> Result<Option<Event<'f>>, ParseError> {
    events.find_event(|event| event.name() == "price")
}

fn main() -> Result<(), ParseError> {
    println!("{:?}", price(&mut Parser::new().feed(b"data: 1\n\nevent: price\ndata: 2\n\n"))?);
    Ok(())
}
