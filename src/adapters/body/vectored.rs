//! The body of pieces that are not copied.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use super::{BodyItem, EventBody, Piece};

pin_project_lite::pin_project! {
    /// An [`EventBody`] whose frames hold [`Piece`]s, for vectored writes. [`EventBody::vectored`] makes it.
    #[derive(Debug)]
    #[must_use = "bodies do nothing unless polled"]
    pub struct VectoredBody<B> {
        #[pin]
        body: B,
    }
}

impl<B> VectoredBody<B> {
    pub(super) fn new(body: B) -> Self {
        VectoredBody { body }
    }
}

impl<S, F, M> Body for VectoredBody<EventBody<S, F, M>>
where
    S: Stream<Item: BodyItem>,
    F: Future,
    M: FnMut(Duration) -> F,
{
    type Data = Piece;
    type Error = <S::Item as BodyItem>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        self.project().body.poll_piece(cx).map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
