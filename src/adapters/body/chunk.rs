//! What the body of an event stream is made of.

use core::convert::Infallible;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use bytestring::ByteString;

use crate::{EncodedEvent, Event};
pub(super) use ending::Ending;

/// A piece of an event stream: an event whose data is not copied, or ready bytes.
///
/// It is the data of the frames of an [`EventBody`](super::EventBody). A source that has both yields these.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// An encoded event, for a vectored write.
    Event(EncodedEvent),
    /// Bytes of an event stream, such as an [`Encoder`](crate::Encoder) makes, or another server sends. They may end
    /// anywhere, if what comes next is the rest of them. Before an [`Event`](Chunk::Event), or bytes from elsewhere, they must
    /// end with a block: what another server left unfinished would become part of that event, with a name, an id and data that
    /// are not yours.
    Bytes(Bytes),
}

impl From<Event<ByteString>> for Chunk {
    fn from(event: Event<ByteString>) -> Chunk {
        Chunk::Event(event.into_buf())
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Chunk {
        Chunk::Bytes(bytes)
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        match self {
            Chunk::Event(event) => event.remaining(),
            Chunk::Bytes(bytes) => bytes.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Chunk::Event(event) => event.chunk(),
            Chunk::Bytes(bytes) => bytes.chunk(),
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        match self {
            Chunk::Event(event) => event.chunks_vectored(dst),
            Chunk::Bytes(bytes) => bytes.chunks_vectored(dst),
        }
    }

    /// # Panics
    ///
    /// If `count` is more than [`remaining`](Buf::remaining).
    fn advance(&mut self, count: usize) {
        match self {
            Chunk::Event(event) => event.advance(count),
            Chunk::Bytes(bytes) => bytes.advance(count),
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        match self {
            Chunk::Event(event) => event.copy_to_bytes(len),
            Chunk::Bytes(bytes) => bytes.copy_to_bytes(len),
        }
    }
}

/// What the source of an [`EventBody`](super::EventBody) may yield: an event, ready bytes, a [`Chunk`], or a `Result` of
/// one of these.
#[diagnostic::on_unimplemented(
    message = "an `EventBody` cannot send `{Self}`",
    note = "it sends `Event<ByteString>`, `Bytes`, `Chunk`, and `Result`s of these",
    note = "call `encoded()` on a stream of events that hold other text"
)]
pub trait IntoChunk {
    /// The data of the body: [`Bytes`] from ready bytes, [`Chunk`] from the others.
    type Data: Ending;

    /// What goes wrong instead; [`Infallible`] if nothing does.
    type Error;

    /// The data to send for it.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, as it is. It ends the body.
    fn into_chunk(self) -> Result<Self::Data, Self::Error>;
}

impl IntoChunk for Event<ByteString> {
    type Data = Chunk;
    type Error = Infallible;

    fn into_chunk(self) -> Result<Chunk, Infallible> {
        Ok(self.into())
    }
}

impl IntoChunk for Bytes {
    type Data = Bytes;
    type Error = Infallible;

    fn into_chunk(self) -> Result<Bytes, Infallible> {
        Ok(self)
    }
}

impl IntoChunk for Chunk {
    type Data = Chunk;
    type Error = Infallible;

    fn into_chunk(self) -> Result<Chunk, Infallible> {
        Ok(self)
    }
}

impl<T: IntoChunk<Error = Infallible>, E> IntoChunk for Result<T, E> {
    type Data = T::Data;
    type Error = E;

    fn into_chunk(self) -> Result<T::Data, E> {
        match self?.into_chunk() {
            Ok(data) => Ok(data),
            Err(never) => match never {},
        }
    }
}

/// Data whose last bytes can be seen. Sealed: the module is private, so nobody else can name the trait.
mod ending {
    use super::{Buf, Bytes, Chunk};

    pub trait Ending: Buf + From<Bytes> {
        /// Its last bytes: as many as tell whether it ends in a blank line.
        fn ending(&self) -> &[u8];
    }

    impl Ending for Bytes {
        fn ending(&self) -> &[u8] {
            self
        }
    }

    impl Ending for Chunk {
        fn ending(&self) -> &[u8] {
            match self {
                // Every event ends in a blank line.
                Chunk::Event(event) => &b"\n\n"[..event.remaining().min(2)],
                Chunk::Bytes(bytes) => bytes,
            }
        }
    }
}
