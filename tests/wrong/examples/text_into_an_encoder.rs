// E0277: `&str` is not something that an event stream is made of
// note: not an event, a head, a block, a comment, or encoded `Bytes`
// note: for text, build an event: `Event::new(&text)`; for a comment: `Comment(&text)`

//! Text may be data or a comment, and bytes may be anything.

use sse_wire::{Comment, Encoder, Event};

#[cfg(wrong)]
fn wrong(mut encoder: Encoder) {
    encoder.push("hello");
}

fn main() {
    let mut encoder = Encoder::new();
    encoder.push(Event::new("hello"));
    encoder.push(Comment("hello"));
}
