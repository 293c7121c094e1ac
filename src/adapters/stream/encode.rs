//! Events to chunks for a transport.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use crate::encoder::{self, Encode};

/// What an [`EncodedStream`] can encode: whatever implements [`Encode`], a `Result` of it, and types of your own.
///
/// ```
/// use std::convert::Infallible;
/// use bytes::Bytes;
/// use sse_wire::{Event, stream::EncodeItem};
///
/// struct Price(f64);
///
/// impl EncodeItem for Price {
///     type Error = Infallible;
///
///     fn encode_item(self) -> Result<Bytes, Infallible> {
///         Ok(Event::new(&self.0.to_string()).encode())
///     }
/// }
/// # assert_eq!(Price(42.17).encode_item().unwrap(), "data: 42.17\n\n");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in an event stream",
    label = "neither an event, a block, a head, a comment or `Bytes`, nor a `Result` of one",
    note = "for text, map it to events: `.map(|text| OwnedEvent::new(Head::new(), text))`"
)]
pub trait EncodeItem {
    /// The error of the source; [`Infallible`] if there is none.
    type Error;

    /// The bytes to send for it: whole blocks.
    ///
    /// # Errors
    ///
    /// The error of a `Result`, as it is.
    fn encode_item(self) -> Result<Bytes, Self::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Encode> EncodeItem for T {
    type Error = Infallible;

    fn encode_item(self) -> Result<Bytes, Infallible> {
        Ok(encoder::to_bytes(&self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Encode, E> EncodeItem for Result<T, E> {
    type Error = E;

    fn encode_item(self) -> Result<Bytes, E> {
        self.map(|part| encoder::to_bytes(&part))
    }
}

pin_project_lite::pin_project! {
    /// A stream of events, encoded: see [`EncodeExt::encoded`].
    ///
    /// One chunk for each item, in order. An error of the source is passed on in its place; more may follow it. For a source
    /// without errors, the error is [`Infallible`]. After the end it yields `None`, and does not poll the source again. It
    /// holds nothing between two polls, so that dropping the future of a `next()` loses nothing.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EncodedStream<S> {
        #[pin]
        source: S,
        ended: bool,
    }
}

impl<S: Stream<Item: EncodeItem>> EncodedStream<S> {
    /// The items of this source, encoded.
    pub fn new(source: S) -> Self {
        EncodedStream { source, ended: false }
    }
}

impl<S: Stream<Item: EncodeItem>> Stream for EncodedStream<S> {
    type Item = Result<Bytes, <S::Item as EncodeItem>::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let item = ready!(this.source.poll_next(cx));
        *this.ended = item.is_none();
        Poll::Ready(item.map(EncodeItem::encode_item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.ended { (0, Some(0)) } else { self.source.size_hint() }
    }
}

impl<S: Stream<Item: EncodeItem>> FusedStream for EncodedStream<S> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// `.encoded()` on every stream of what can be encoded.
pub trait EncodeExt: Stream<Item: EncodeItem> + Sized {
    /// The items of this stream as chunks for a transport, such as axum's `Body::from_stream` takes.
    fn encoded(self) -> EncodedStream<Self> {
        EncodedStream::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stream<Item: EncodeItem>> EncodeExt for S {}
