//! What events are read from.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::{BlockStream, EventStream};

/// A piece of an event stream, as a transport yields it.
///
/// Types of your own can be chunks. Of those that are here, only `&[u8]` and `&str` are copied.
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::stream::Chunk;
///
/// struct Message {
///     payload: Vec<u8>,
/// }
///
/// impl Chunk for Message {
///     fn into_bytes(self) -> Bytes {
///         self.payload.into()
///     }
/// }
/// # assert_eq!(Message { payload: vec![b'x'] }.into_bytes(), "x");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a chunk of bytes",
    label = "not something that the parser can read",
    note = "`Bytes`, `BytesMut`, `Vec<u8>`, `Box<[u8]>`, `String`, `&[u8]` and `&str` are chunks; `Chunk` can be implemented for others"
)]
pub trait Chunk {
    /// The bytes of the chunk.
    fn into_bytes(self) -> Bytes;
}

macro_rules! chunks {
    ($($type:ty),*) => {$(
        impl Chunk for $type {
            fn into_bytes(self) -> Bytes {
                self.into()
            }
        }
    )*};
}

chunks!(Bytes, BytesMut, Vec<u8>, Box<[u8]>, String);

/// Copied.
impl Chunk for &[u8] {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

/// Copied.
impl Chunk for &str {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }
}

/// A transport: any `Stream<Item = Result<B, E>>` where `B` is a [`Chunk`]. It is implemented for all of these; do not
/// implement it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of `Result`s of chunks",
    label = "not a `Stream<Item = Result<B, E>>` where `B` is a chunk of bytes",
    note = "chunks are `Bytes`, `BytesMut`, `Vec<u8>`, `Box<[u8]>`, `String`, `&[u8]`, `&str`, and what implements `Chunk`",
    note = "if the items are plain chunks, map them: `.map(Ok::<_, std::convert::Infallible>)`"
)]
pub trait Transport: Stream<Item = Result<Self::Chunk, Self::Error>> {
    /// The chunks that it yields.
    type Chunk: Chunk;
    /// The error that it yields.
    type Error;
}

#[diagnostic::do_not_recommend]
impl<S, B, E> Transport for S
where
    S: Stream<Item = Result<B, E>> + ?Sized,
    B: Chunk,
{
    type Chunk = B;
    type Error = E;
}

/// `.events()` and `.blocks()` on every [`Transport`].
pub trait TransportExt: Transport + Sized {
    /// The events of this transport: [`EventStream::new`].
    fn events(self) -> EventStream<Self> {
        EventStream::new(self)
    }

    /// The blocks of this transport: [`BlockStream::new`].
    fn blocks(self) -> BlockStream<Self> {
        BlockStream::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Transport> TransportExt for S {}
