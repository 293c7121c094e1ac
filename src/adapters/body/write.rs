//! A stream of events as a body, with keep-alives.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Buf;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use super::piece::Data;
use super::{BodyItem, Tail};
use crate::EventName;

/// How many ticks one poll reads.
const TICKS_PER_POLL: usize = 32;

/// The name of an event whose block was cut, unless the caller says otherwise.
const CUT: EventName<'static> = EventName::from_static("cut");

pin_project_lite::pin_project! {
    /// A body that sends what a source yields: events, blocks, ready bytes, or all of them ([`BodyItem`]).
    ///
    /// Each item becomes a frame of its own as soon as the source yields it. The body ends when the source does. An error of
    /// the source ends it too, after it was yielded once, as it is; hyper then breaks the connection, so that clients see
    /// that the stream was cut. After the end the source is not polled again.
    ///
    /// Large data of an [`OwnedEvent`](crate::OwnedEvent) is not copied: a [`Piece`](super::Piece) leaves it where it is for
    /// hyper's vectored write. For a body of [`Bytes`](bytes::Bytes), which axum's `Body::new` and tonic need, use
    /// [`encoded`](crate::stream::EncodeExt::encoded): `EventBody::new(events.encoded())`.
    #[derive(Debug)]
    #[must_use = "bodies do nothing unless polled"]
    pub struct EventBody<S, K = NoTicks> {
        #[pin]
        source: S,
        // None: not set, or ended.
        #[pin]
        ticks: Option<K>,
        // Whether nothing was sent since the last tick.
        quiet: bool,
        tail: Tail,
        cut_name: EventName<'static>,
        ended: bool,
    }
}

impl<S: Stream<Item: BodyItem>> EventBody<S> {
    /// The body of what this source yields, without keep-alives.
    pub fn new(source: S) -> Self {
        EventBody { source, ticks: None, quiet: true, tail: Tail::new(), cut_name: CUT, ended: false }
    }
}

impl<S, K> EventBody<S, K> {
    /// The same body, with a [`KEEP_ALIVE`](crate::KEEP_ALIVE) at each tick, unless something was sent since the tick before.
    ///
    /// Ticks come from any stream, and what it yields does not matter: with tokio it is an `IntervalStream` of
    /// tokio-stream. The standard suggests "every 15 seconds or so" ([9.2.7]). The first tick of tokio's `interval` is
    /// due at once; `interval_at` gives a later one. For ticks that were missed, because the client was slow, one keep-alive
    /// is sent.
    ///
    /// Ticks are only looked at while the source has nothing, so that they never delay an event or the end; when they
    /// end, the body goes on without. Raw bytes may end within a block: no keep-alive is sent there, since it would break
    /// the block. Where raw bytes may begin with a BOM, as those of another server may, no tick should come before the first
    /// of them, since a BOM only counts at the very start.
    ///
    /// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
    pub fn with_keep_alive<T: Stream>(self, ticks: T) -> EventBody<S, T> {
        let EventBody { source, ticks: _, quiet, tail, cut_name, ended } = self;
        EventBody { source, ticks: Some(ticks), quiet, tail, cut_name, ended }
    }

    /// The same body, with this name for what was sent of an event [whose block was cut](super#a-block-that-was-cut), if
    /// something else follows. It is `cut` unless set.
    ///
    /// Choose one that no client listens for.
    pub fn with_cut_name(self, name: EventName<'static>) -> Self {
        EventBody { cut_name: name, ..self }
    }

    /// Whether what was sent so far ends with a block: nothing was left open by raw bytes.
    #[must_use]
    pub fn is_block_boundary(&self) -> bool {
        self.tail.is_block_boundary()
    }
}

impl<S, K> Body for EventBody<S, K>
where
    S: Stream<Item: BodyItem>,
    K: Stream,
{
    type Data = <S::Item as BodyItem>::Data;
    type Error = <S::Item as BodyItem>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = this.source.poll_next(cx) {
            let data = item.map(|item| item.into_frame_data().map(|data| data.after(*this.tail, *this.cut_name)));
            match &data {
                Some(Ok(data)) => {
                    *this.quiet &= !data.has_remaining();
                    this.tail.push(data.ending());
                }
                Some(Err(_)) | None => *this.ended = true,
            }
            return Poll::Ready(data.map(|data| data.map(Frame::data)));
        }
        // A slow client misses ticks: one keep-alive is enough for all of them.
        let (mut due, mut waits) = (false, false);
        for _ in 0..TICKS_PER_POLL {
            let Some(ticks) = this.ticks.as_mut().as_pin_mut() else { break };
            match ticks.poll_next(cx) {
                Poll::Ready(Some(_)) => due |= std::mem::replace(this.quiet, true),
                Poll::Ready(None) => this.ticks.set(None),
                Poll::Pending => {
                    waits = true;
                    break;
                }
            }
        }
        if due && this.tail.is_block_boundary() {
            return Poll::Ready(Some(Ok(Frame::data(Data::keep_alive()))));
        }
        if !waits && this.ticks.is_some() {
            // There may be more ticks: other tasks run first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// The ticks of an [`EventBody`] without keep-alives. There are none.
#[derive(Debug)]
pub enum NoTicks {}

impl Stream for NoTicks {
    type Item = Infallible;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Infallible>> {
        match *self {}
    }
}
