//! A stream of events as a body, with keep-alives.

use core::future::{Future, Pending};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use super::keep_alive::KeepAlive;
use super::raw_start::RawStart;
use super::{BodyItem, Piece, Tail, VectoredBody};
use crate::{Encode, EventName, KEEP_ALIVE};

/// The name of an event whose block was cut, unless the caller says otherwise.
const CUT: EventName<'static> = EventName::from_static("cut");

pin_project_lite::pin_project! {
    /// A body that sends what a source yields: events, blocks, ready bytes, or all of them ([`BodyItem`]).
    ///
    /// Each item becomes a frame of its own as soon as the source yields it. The body ends when the source does. An error of
    /// the source ends it too, after it was yielded once, as it is; hyper then breaks the connection, so that clients see
    /// that the stream was cut. After the end the source is not polled again.
    ///
    /// The data of its frames is [`Bytes`], which axum and tonic ask for. hyper takes any data, and then
    /// [`vectored`](EventBody::vectored) saves the copy of large data.
    ///
    /// `F` and `M` belong to the [keep-alives](EventBody::with_keep_alive): `M` is the function that sleeps, and `F` is the
    /// future that it returns. To name the type, cast the function: with `tokio::time::sleep as fn(_) -> _` it is
    /// `EventBody<S, tokio::time::Sleep>`.
    #[derive(Debug)]
    #[must_use = "bodies do nothing unless polled"]
    pub struct EventBody<S, F = Pending<()>, M = fn(Duration) -> F> {
        #[pin]
        source: S,
        #[pin]
        keep_alive: Option<KeepAlive<F, M>>,
        keep_alive_item: Bytes,
        raw_start: RawStart,
        tail: Tail,
        cut_name: EventName<'static>,
        ended: bool,
    }
}

impl<S: Stream<Item: BodyItem>> EventBody<S> {
    /// The body of what this source yields, without keep-alives.
    pub fn new(source: S) -> Self {
        EventBody {
            source,
            keep_alive: None,
            keep_alive_item: Bytes::from_static(KEEP_ALIVE),
            raw_start: RawStart::new(),
            tail: Tail::new(),
            cut_name: CUT,
            ended: false,
        }
    }
}

impl<S, F, M> EventBody<S, F, M> {
    /// The same body, with a [`KEEP_ALIVE`] each time that nothing was sent for this period.
    ///
    /// `sleep` returns a future that is ready after the time that it is given. Any runtime has one. The standard suggests
    /// "every 15 seconds or so" ([9.2.7]). Everything that is sent starts the period anew. A period of zero sends
    /// keep-alives without a pause.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sse_wire::{OwnedEvent, body::EventBody};
    ///
    /// # let events = futures_util::stream::empty::<OwnedEvent>();
    /// let body = EventBody::new(events).with_keep_alive(Duration::from_secs(15), tokio::time::sleep);
    /// ```
    ///
    /// `sleep` is called only when the source has nothing, and keep-alives delay neither events nor the end.
    ///
    /// Raw bytes may end within a block. If they end with a line, the keep-alive is a comment line, which changes nothing of
    /// the block but its length. Within a line nothing can be sent: the body is silent until the source goes on.
    ///
    /// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
    pub fn with_keep_alive<G, N>(self, period: Duration, sleep: N) -> EventBody<S, G, N>
    where
        G: Future,
        N: FnMut(Duration) -> G,
    {
        let EventBody { source, keep_alive: _, keep_alive_item, raw_start, tail, cut_name, ended } = self;
        let keep_alive = Some(KeepAlive::new(period, sleep));
        EventBody { source, keep_alive, keep_alive_item, raw_start, tail, cut_name, ended }
    }

    /// The same body, whose keep-alives are this comment, event or head, such as a `ping` event that a client's script can
    /// see. It is [`KEEP_ALIVE`] unless set, and where this item is empty.
    ///
    /// Between the lines of a block that raw bytes left open, a keep-alive is an empty comment line, whatever is set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sse_wire::{Event, EventName, OwnedEvent, body::EventBody};
    ///
    /// # let events = futures_util::stream::empty::<OwnedEvent>();
    /// let body = EventBody::new(events)
    ///     .with_keep_alive(Duration::from_secs(15), tokio::time::sleep)
    ///     .with_keep_alive_item(&Event::new("").with_name(EventName::from_static("ping")));
    /// ```
    pub fn with_keep_alive_item(self, item: &impl Encode) -> Self {
        let mut keep_alive_item = crate::encoder::to_bytes(item);
        if keep_alive_item.is_empty() {
            keep_alive_item = Bytes::from_static(KEEP_ALIVE);
        }
        EventBody { keep_alive_item, ..self }
    }

    /// The same body, with this name for what was sent of an event [whose block was cut](super#a-block-that-was-cut), if
    /// something else follows. It is `cut` unless set.
    ///
    /// Choose one that no client listens for.
    pub fn with_cut_name(self, name: EventName<'static>) -> Self {
        EventBody { cut_name: name, ..self }
    }

    /// The same body with [`Piece`]s as the data of its frames, for hyper: large data of an
    /// [`OwnedEvent`](crate::OwnedEvent) is written from where it lies, without a copy.
    pub fn vectored(self) -> VectoredBody<Self> {
        VectoredBody::new(self)
    }

    /// Whether what was sent so far ends with a block: nothing was left open by raw bytes.
    #[must_use]
    pub fn is_block_boundary(&self) -> bool {
        self.tail.is_block_boundary()
    }
}

type PolledPiece<S> = Poll<Option<Result<Piece, <<S as Stream>::Item as BodyItem>::Error>>>;

impl<S, F, M> EventBody<S, F, M>
where
    S: Stream<Item: BodyItem>,
    F: Future,
    M: FnMut(Duration) -> F,
{
    /// The data of the next frame.
    pub(super) fn poll_piece(self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledPiece<S> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let piece = match this.source.poll_next(cx) {
            Poll::Ready(Some(item)) => match item.into_piece() {
                Ok(piece) => this.raw_start.without_bom(piece).after(*this.tail, *this.cut_name),
                Err(error) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            },
            Poll::Ready(None) => {
                *this.ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                let Some(keep_alive) = this.keep_alive.as_mut().as_pin_mut() else { return Poll::Pending };
                match this.tail.keep_alive(this.keep_alive_item) {
                    Some(bytes) if keep_alive.poll_is_due(cx) => Piece::Raw(bytes),
                    _ => return Poll::Pending,
                }
            }
        };
        if piece.has_remaining() {
            this.tail.push(piece.ending());
            this.raw_start.set_sent();
            if let Some(keep_alive) = this.keep_alive.as_mut().as_pin_mut() {
                keep_alive.restart();
            }
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

impl<S, F, M> Body for EventBody<S, F, M>
where
    S: Stream<Item: BodyItem>,
    F: Future,
    M: FnMut(Duration) -> F,
{
    type Data = Bytes;
    type Error = <S::Item as BodyItem>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_piece(cx).map_ok(|mut piece| Frame::data(piece.copy_to_bytes(piece.remaining())))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
