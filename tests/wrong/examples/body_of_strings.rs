// E0277: `String` cannot be sent in an event stream
// note: neither an event, a block, a head, a comment, `Bytes` or a `Piece`, nor a `Result` of one
// note: for text, map it to events: `.map(|text| OwnedEvent::new(Head::new(), text))`

//! Text may be data or a comment.

use futures_util::{StreamExt, stream};
use sse_wire::body::EventBody;
use sse_wire::{Head, OwnedEvent};

#[cfg(wrong)]
fn wrong() {
    let _ = EventBody::new(stream::iter([String::from("x")]));
}

fn main() {
    let texts = stream::iter([String::from("x")]);
    let _ = EventBody::new(texts.map(|text| OwnedEvent::new(Head::new(), text)));
}
