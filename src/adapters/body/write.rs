//! A stream of events as a body, with signs of life.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use super::IntoChunk;
use super::chunk::Ending;
use crate::KEEP_ALIVE;

/// How many ticks one poll takes.
const TICKS_PER_POLL: usize = 32;

pin_project_lite::pin_project! {
    /// A body that sends what a source yields: events, ready bytes, or both ([`IntoChunk`]).
    ///
    /// Each item becomes a frame of its own as soon as the source yields it. The body ends when the source does. An
    /// error of the source ends it too, after it was yielded once, as it is; hyper then breaks the connection, so that
    /// no client takes the end for a good one. After the end the source is not polled again.
    ///
    /// The data of an event is not copied: its [`Chunk`](super::Chunk) hands the pieces of the event to hyper's vectored
    /// write. What asks for a body of [`Bytes`], as axum's `Body::new` and tonic do, is given one by
    /// [`encoded`](crate::stream::EncodeExt::encoded): `EventBody::new(events.encoded())`.
    #[derive(Debug)]
    #[must_use = "bodies do nothing unless polled"]
    pub struct EventBody<S, K = NoTicks> {
        #[pin]
        source: S,
        // None: not asked for, or ended.
        #[pin]
        ticks: Option<K>,
        // Whether nothing has gone out since the last tick.
        quiet: bool,
        tail: Tail,
        ended: bool,
    }
}

impl<S> EventBody<S> {
    /// The body of what this source yields, without signs of life.
    pub fn new(source: S) -> Self {
        EventBody { source, ticks: None, quiet: true, tail: Tail::BLOCK_BOUNDARY, ended: false }
    }

    /// The same body, with a [`KEEP_ALIVE`] at each tick, unless something was sent since the tick before it.
    ///
    /// Ticks come from any stream, and what it yields does not matter: with tokio it is an `IntervalStream` of
    /// tokio-stream. The standard suggests "every 15 seconds or so" ([9.2.7]). The first tick of tokio's `interval` is
    /// due at once; `interval_at` gives a later one. For ticks that were missed,
    /// because the client was slow, one is sent.
    ///
    /// Ticks are only looked at while the source has nothing, so that they never delay an event or the end; when they
    /// end, the body goes on without. Ready bytes may end within a block: no comment is sent there, which would break
    /// the event. Where ready bytes may begin with a BOM, as those of another server may, no tick should come before
    /// the first of them, since a BOM only counts at the very start.
    ///
    /// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
    pub fn keep_alive<K: Stream>(self, ticks: K) -> EventBody<S, K> {
        let EventBody { source, ticks: _, quiet, tail, ended } = self;
        EventBody { source, ticks: Some(ticks), quiet, tail, ended }
    }
}

impl<S, K> Body for EventBody<S, K>
where
    S: Stream<Item: IntoChunk>,
    K: Stream,
{
    type Data = <S::Item as IntoChunk>::Data;
    type Error = <S::Item as IntoChunk>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = this.source.poll_next(cx) {
            let chunk = item.map(IntoChunk::into_chunk);
            match &chunk {
                Some(Ok(chunk)) => {
                    *this.quiet &= !chunk.has_remaining();
                    this.tail.push(chunk.ending());
                }
                Some(Err(_)) | None => *this.ended = true,
            }
            return Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)));
        }
        // A client that was slow leaves ticks to catch up with: one sign of life is enough for them.
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
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(KEEP_ALIVE).into()))));
        }
        if !waits && this.ticks.is_some() {
            // There may always be one more: others may run before it.
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

/// The ticks of an [`EventBody`] without signs of life. There are none.
#[derive(Debug)]
pub enum NoTicks {}

impl Stream for NoTicks {
    type Item = Infallible;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Infallible>> {
        match *self {}
    }
}

/// The last bytes that were sent: as many as a blank line and the terminator before it need to be known.
#[derive(Debug)]
struct Tail([u8; 3]);

impl Tail {
    /// Also the start of a stream is one.
    const BLOCK_BOUNDARY: Tail = Tail(*b"\n\n\n");

    fn push(&mut self, bytes: &[u8]) {
        let last = &bytes[bytes.len().saturating_sub(self.0.len())..];
        self.0.rotate_left(last.len());
        let kept = self.0.len() - last.len();
        self.0[kept..].copy_from_slice(last);
    }

    /// Whether the last line is blank. One LF more, of a CRLF whose CR was the last byte, would be another blank line.
    fn is_block_boundary(&self) -> bool {
        match self.0 {
            [before, b'\r', b'\n'] | [_, before, b'\r' | b'\n'] => matches!(before, b'\r' | b'\n'),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_boundary_is_known_from_the_tail_however_it_was_cut() {
        const BYTES: [u8; 3] = [b'\n', b'\r', b'x'];
        for number in 0..3_usize.pow(7) {
            let stream: Vec<u8> = (0..7).map(|place| BYTES[number / 3_usize.pow(place) % 3]).collect();
            for len in 0..=stream.len() {
                let sent = &stream[..len];
                // The last line is blank (or there is none), with CRLF and CR read as LF.
                let text = String::from_utf8_lossy(sent).replace("\r\n", "\n").replace('\r', "\n");
                let boundary = text.is_empty() || text == "\n" || text.ends_with("\n\n");
                for cut in 0..=len {
                    let mut tail = Tail::BLOCK_BOUNDARY;
                    tail.push(&sent[..cut]);
                    tail.push(&sent[cut..]);
                    assert_eq!(tail.is_block_boundary(), boundary, "{sent:?} cut at {cut}");
                }
            }
        }
    }
}
