// E0308
// E0308

//! A chunk is lent, so that what was not read of it can be fed again.

use bytes::Bytes;
use sse_wire::Parser;

#[cfg(wrong)]
fn wrong(mut parser: Parser, chunk: Bytes) {
    let _ = parser.feed(chunk.clone()).into_rest();
    let _ = parser.feed_bytes(chunk).into_rest();
}

fn main() {
    let (mut parser, chunk) = (Parser::new(), Bytes::new());
    let _ = parser.feed(&chunk).into_rest();
    let _ = parser.feed_bytes(&chunk).into_rest();
}
