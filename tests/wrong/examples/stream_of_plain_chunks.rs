// E0277: is not a stream of `Result`s of chunks
// note: not a `Stream<Item = Result<B, E>>` where `B` is a chunk of bytes
// note: if the items are plain chunks, map them: `.map(Ok::<_, std::convert::Infallible>)`
// E0599: is not a stream of `Result`s of chunks
// note: not a `Stream<Item = Result<B, E>>` where `B` is a chunk of bytes
// note: if the items are plain chunks, map them: `.map(Ok::<_, std::convert::Infallible>)`

//! The chunks of a transport are `Result`s.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sse_wire::stream::{EventStream, TransportExt};

#[cfg(wrong)]
fn wrong() {
    let _ = EventStream::new(stream::iter([Bytes::new()]));
    let _ = stream::iter([Bytes::new()]).events();
}

fn main() {
    let _ = EventStream::new(stream::iter([Bytes::new()]).map(Ok::<_, Infallible>));
    let _ = stream::iter([Bytes::new()]).map(Ok::<_, Infallible>).events();
}
