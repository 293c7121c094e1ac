// E0080: it holds CR or LF

//! A constant is checked at compile time.

use sse_wire::EventName;

#[cfg(wrong)]
const BAD: EventName<'static> = EventName::from_static("a\nb");

const GOOD: EventName<'static> = EventName::from_static("a b");

fn main() {
    println!("{GOOD}");
}
