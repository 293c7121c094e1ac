// E0308

//! A name is checked once: as a constant at compile time, or where the text comes from.

use sse_wire::{Event, EventName, FieldError};

#[cfg(wrong)]
fn wrong() {
    let _ = Event::new("x").with_name("price");
}

const PRICE: EventName<'static> = EventName::from_static("price");

fn main() -> Result<(), FieldError> {
    let _ = Event::new("x").with_name(PRICE);
    let topic = String::from("price");
    let _ = Event::new("x").with_name(EventName::new(&topic)?);
    Ok(())
}
