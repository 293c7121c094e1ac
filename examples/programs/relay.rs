//! A relay: drops one type of event, rewrites the data of another, and passes on everything else as it is.
//!
//! `cargo run --example relay`

use bytes::Bytes;
use sse_wire::{Encoder, Parser};

struct Relay {
    parser: Parser,
    out: Encoder,
}

impl Relay {
    /// Reads a chunk, however it is cut, and returns what to send for it.
    fn pass(&mut self, chunk: &[u8]) -> Bytes {
        let mut blocks = self.parser.feed(chunk);
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => match block.event() {
                    Some(event) if event.name() == "trade" => {}
                    // Name, id and retry stay.
                    Some(event) if event.name() == "price" => {
                        self.out.push(event.with_data(&event.data().replace('.', ",")));
                    }
                    // Ids and retries without an event, comments and unknown fields included.
                    _ => self.out.push(block),
                },
                Ok(None) => return self.out.take(),
                // A relay goes on with the next block. With a `?` here, the rest of the chunk would be lost.
                Err(error) => eprintln!("dropped: {error}"),
            }
        }
    }
}

fn main() {
    let stream = "retry: 9\n\n: hi\nevent: price\nid: 1\ndata: 4.2\n\nevent: trade\ndata: x\n\n\
                  data: this block is longer than the relay allows\n\n: still here\n\nid: 2\n\nx-own: y\ndata: z\n\n";
    let expected = "retry: 9\n\nevent: price\nid: 1\ndata: 4,2\n\n: still here\n\nid: 2\n\nx-own: y\ndata: z\n\n";
    for size in [1, 7, 1400] {
        let parser = Parser::new().with_max_block_size(40);
        let mut relay = Relay { parser, out: Encoder::new() };
        let sent: Vec<Bytes> = stream.as_bytes().chunks(size).map(|chunk| relay.pass(chunk)).collect();
        assert_eq!(sent.concat(), expected.as_bytes(), "chunks of {size}");
    }
    println!("{expected}");
}
