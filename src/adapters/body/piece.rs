//! What the body of an event stream is made of.

use core::convert::Infallible;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use super::Tail;
use crate::{Block, Comment, EncodedEvent, Event, EventName, Head, OwnedBlock, OwnedEvent};

/// From this length of its data, an event is not copied into one piece of memory.
const VECTORED_LEN: usize = 2048;

/// A piece of an event stream: an event whose data is not copied, or ready bytes.
///
/// A source that has both events and bytes yields these. In a [`VectoredBody`](super::VectoredBody) they are the data of the
/// frames.
///
/// What is not [`Raw`](Piece::Raw) always begins a block: if the piece before it has left one open, the body
/// [ends it](super#a-block-that-was-cut) first.
#[derive(Clone, Debug)]
pub enum Piece {
    /// An event, for a vectored write.
    Event(EncodedEvent),
    /// Whole blocks, as an [`Encoder`](crate::Encoder) makes them.
    Blocks(Bytes),
    /// Bytes of another event stream, such as another server's. They may end anywhere; the next raw bytes go on from there.
    ///
    /// If something was sent before the first of them, their BOM is dropped: clients ignore one only at the very start.
    Raw(Bytes),
}

impl Piece {
    /// Ends the block that raw bytes left open, if any. Raw bytes that come next begin another stream: a BOM at their start
    /// is dropped.
    pub const END_BLOCK: Piece = Piece::Blocks(Bytes::new());

    /// Its last bytes: as many as tell whether it ends in a blank line.
    pub(super) fn ending(&self) -> &[u8] {
        match self {
            // Every event ends in a blank line.
            Piece::Event(event) => &b"\n\n"[..event.remaining().min(2)],
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes,
        }
    }

    /// The same piece. If it begins a block, and `tail` ends within one, the bytes that end that block come first.
    pub(super) fn after(mut self, tail: Tail, cut_name: EventName<'_>) -> Self {
        if matches!(self, Piece::Raw(_)) || tail.is_block_boundary() {
            return self;
        }
        // Copied: this is rare, and what follows a failure is mostly short.
        let (end, rest) = (tail.end_block(cut_name), self.copy_to_bytes(self.remaining()));
        Piece::Blocks([end, rest].concat().into())
    }
}

impl From<EncodedEvent> for Piece {
    fn from(event: EncodedEvent) -> Piece {
        Piece::Event(event)
    }
}

/// Data of 2 KiB and more is not copied.
impl From<OwnedEvent> for Piece {
    fn from(event: OwnedEvent) -> Piece {
        if event.data().len() < VECTORED_LEN { Piece::Blocks(event.encode()) } else { Piece::Event(event.into_buf()) }
    }
}

impl From<Comment<'_>> for Piece {
    fn from(comment: Comment<'_>) -> Piece {
        Piece::Blocks(crate::encoder::to_bytes(&comment))
    }
}

macro_rules! blocks {
    ($($type:ty),*) => {$(
        impl From<$type> for Piece {
            fn from(part: $type) -> Piece {
                Piece::Blocks(part.encode())
            }
        }
    )*};
}

blocks!(Event<'_>, Head<'_>, Block<'_>, OwnedBlock);

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Piece::Event(event) => event.remaining(),
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Piece::Event(event) => event.chunk(),
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes.chunk(),
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        match self {
            Piece::Event(event) => event.chunks_vectored(dst),
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes.chunks_vectored(dst),
        }
    }

    /// # Panics
    ///
    /// If `count` is more than [`remaining`](Buf::remaining).
    fn advance(&mut self, count: usize) {
        match self {
            Piece::Event(event) => event.advance(count),
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes.advance(count),
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        match self {
            Piece::Event(event) => event.copy_to_bytes(len),
            Piece::Blocks(bytes) | Piece::Raw(bytes) => bytes.copy_to_bytes(len),
        }
    }
}

/// What the source of an [`EventBody`](super::EventBody) may yield: an event, a block, a head, a comment, ready bytes, a
/// [`Piece`], a `Result` of one of these, or a type of your own that becomes a [`Piece`].
///
/// [`Bytes`] by themselves are taken to be [`Raw`](Piece::Raw): only keep-alives are put between two of them, and only where
/// they change nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in an event stream",
    label = "neither an event, a block, a head, a comment, `Bytes` or a `Piece`, nor a `Result` of one",
    note = "for text, map it to events: `.map(|text| OwnedEvent::new(Head::new(), text))`"
)]
pub trait BodyItem {
    /// The error of an item; [`Infallible`] if there is none.
    type Error;

    /// The piece to send for it.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, as it is. It ends the body.
    fn into_piece(self) -> Result<Piece, Self::Error>;
}

impl BodyItem for Piece {
    type Error = Infallible;

    fn into_piece(self) -> Result<Piece, Infallible> {
        Ok(self)
    }
}

impl BodyItem for Bytes {
    type Error = Infallible;

    fn into_piece(self) -> Result<Piece, Infallible> {
        Ok(Piece::Raw(self))
    }
}

macro_rules! items {
    ($($type:ty),*) => {$(
        impl BodyItem for $type {
            type Error = Infallible;

            fn into_piece(self) -> Result<Piece, Infallible> {
                Ok(self.into())
            }
        }
    )*};
}

items!(OwnedEvent, EncodedEvent, Event<'_>, Head<'_>, Block<'_>, OwnedBlock, Comment<'_>);

#[diagnostic::do_not_recommend]
impl<T: BodyItem<Error = Infallible>, E> BodyItem for Result<T, E> {
    type Error = E;

    fn into_piece(self) -> Result<Piece, E> {
        match self?.into_piece() {
            Ok(piece) => Ok(piece),
            Err(never) => match never {},
        }
    }
}
