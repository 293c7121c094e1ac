// E0277: is not a stream of `Result`s of chunks
// note: chunks are `Bytes`, `BytesMut`, `Vec<u8>`, `Box<[u8]>`, `String`, `&[u8]`, `&str`, and what implements `Chunk`

//! A number is no chunk of bytes.

use std::io;

use futures_util::stream;
use sse_wire::stream::EventStream;

#[cfg(wrong)]
fn wrong() {
    let _ = EventStream::new(stream::iter([Ok::<u64, io::Error>(1)]));
}

fn main() {
    let _ = EventStream::new(stream::iter([Ok::<Vec<u8>, io::Error>(vec![1])]));
}
