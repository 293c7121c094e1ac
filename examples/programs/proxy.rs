//! A proxy with a limit on the raw length of a block, comments and unknown fields included. It never holds more, and passes
//! on all other blocks.
//!
//! `cargo run --example proxy`

use bytes::Bytes;
use sse_wire::{Encoder, ParseErrorKind, Parser};

struct Proxy {
    parser: Parser,
    out: Encoder,
    refused: usize,
}

impl Proxy {
    fn new(max_block_size: usize) -> Proxy {
        Proxy { parser: Parser::new().with_max_block_size(max_block_size), out: Encoder::new(), refused: 0 }
    }

    fn pass(&mut self, chunk: &[u8]) -> Bytes {
        let mut blocks = self.parser.feed(chunk);
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => self.out.push(block),
                Ok(None) => return self.out.take(),
                Err(error) => {
                    self.refused += 1;
                    println!("{error}");
                    assert_eq!((error.kind(), error.limit()), (ParseErrorKind::BlockTooLarge, Some(64)));
                    assert_eq!(error.position(), 9);
                }
            }
        }
    }
}

fn main() {
    // 64 bytes of lines, with their ends, are just small enough.
    let fits = format!("data: {}\n\n", "x".repeat(57));
    let stream = format!("data: a\n\n:{}\ndata: b\n\n{fits}x-own: c\n\n", "x".repeat(100));
    for size in [1, 7, 1400] {
        let mut proxy = Proxy::new(64);
        let sent: Vec<Bytes> = stream.as_bytes().chunks(size).map(|chunk| proxy.pass(chunk)).collect();
        assert_eq!(sent.concat(), format!("data: a\n\n{fits}x-own: c\n\n").as_bytes());
        assert_eq!(proxy.refused, 1);
    }
}
