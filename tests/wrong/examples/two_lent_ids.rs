// E0499

//! An id is lent until the next one is made. An event that is kept until then is encoded or owned.

use sse_wire::Event;
use sse_wire::server::{CountedIds, ReplayError};

#[cfg(wrong)]
fn wrong(mut ids: CountedIds) {
    let first = Event::new("x").with_id(ids.next_id());
    let second = Event::new("y").with_id(ids.next_id());
    println!("{first:?} {second:?}");
}

fn main() -> Result<(), ReplayError> {
    let mut ids = CountedIds::new("a")?;
    let first = Event::new("x").with_id(ids.next_id()).into_owned();
    let second = Event::new("y").with_id(ids.next_id());
    println!("{first:?} {second:?}");
    Ok(())
}
