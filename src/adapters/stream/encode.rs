//! Events to chunks for a transport.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use crate::{Encoder, Event, Item};

/// What an [`EncodedStream`] can encode: events, items, ready bytes, a `Result` of one of these, and types of your own.
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::{Encoder, Event, stream::Encode};
///
/// struct Price(f64);
///
/// impl Encode for Price {
///     type Encoded = Bytes;
///
///     fn encode(self, encoder: &mut Encoder) -> Bytes {
///         encoder.encode(&Event::new(self.0.to_string()))
///     }
/// }
/// # assert_eq!(Price(42.17).encode(&mut Encoder::new()), "data: 42.17\n\n");
/// ```
pub trait Encode {
    /// What it becomes: [`Bytes`], or a `Result` of them.
    type Encoded;

    /// What to send for it.
    fn encode(self, encoder: &mut Encoder) -> Self::Encoded;
}

impl<S: AsRef<str>> Encode for Event<S> {
    type Encoded = Bytes;

    fn encode(self, encoder: &mut Encoder) -> Bytes {
        encoder.encode(&self)
    }
}

/// A comment becomes a block of its own.
impl<S: AsRef<str>> Encode for Item<S> {
    type Encoded = Bytes;

    fn encode(self, encoder: &mut Encoder) -> Bytes {
        match self {
            Item::Event(event) => encoder.encode(&event),
            Item::Comment(text) => encoder.comment(text.as_ref()),
        }
    }
}

/// Ready bytes stay what they are.
impl Encode for Bytes {
    type Encoded = Bytes;

    fn encode(self, _: &mut Encoder) -> Bytes {
        self
    }
}

/// An error stays what it is.
impl<T: Encode, E> Encode for Result<T, E> {
    type Encoded = Result<T::Encoded, E>;

    fn encode(self, encoder: &mut Encoder) -> Self::Encoded {
        self.map(|value| value.encode(encoder))
    }
}

pin_project_lite::pin_project! {
    /// A stream of events, encoded: see [`EncodeExt::encoded`].
    ///
    /// One chunk for each item, in order. An error of the source passes through in its place; whether more follows it
    /// is up to the source. After the end it goes on to yield `None`, and does not poll the source again. It holds
    /// nothing between two polls, so that dropping the future of a `next()` loses nothing.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EncodedStream<S> {
        #[pin]
        source: S,
        encoder: Encoder,
        ended: bool,
    }
}

impl<S> EncodedStream<S> {
    /// The events of this source, encoded.
    pub fn new(source: S) -> Self {
        EncodedStream { source, encoder: Encoder::new(), ended: false }
    }
}

impl<S: Stream<Item: Encode>> Stream for EncodedStream<S> {
    type Item = <S::Item as Encode>::Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let item = ready!(this.source.poll_next(cx));
        *this.ended = item.is_none();
        Poll::Ready(item.map(|item| item.encode(this.encoder)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.ended { (0, Some(0)) } else { self.source.size_hint() }
    }
}

impl<S: Stream<Item: Encode>> FusedStream for EncodedStream<S> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// [`encoded`](EncodeExt::encoded) for every stream of what can be encoded.
pub trait EncodeExt: Stream<Item: Encode> + Sized {
    /// This stream as chunks for a transport, all encoded by one [`Encoder`].
    fn encoded(self) -> EncodedStream<Self> {
        EncodedStream::new(self)
    }
}

impl<S: Stream<Item: Encode>> EncodeExt for S {}
