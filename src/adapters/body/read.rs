//! The data of any body as a stream of chunks.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use http_body::Body;

pin_project_lite::pin_project! {
    /// The data of a body, as chunks for an [`EventStream`](crate::stream::EventStream):
    /// `DataStream::new(body).events()`, with [`TransportExt`](crate::stream::TransportExt).
    ///
    /// It also makes a stream of chunks of an [`EventBody`](super::EventBody), for a framework that takes one.
    ///
    /// Trailers are dropped. Data that is [`Bytes`] is not copied. An error of the body is yielded as it is, once, and
    /// ends the stream; after the end the body is not polled again. Dropping the future of a `next()` loses nothing.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct DataStream<B> {
        #[pin]
        body: B,
        ended: bool,
    }
}

impl<B> DataStream<B> {
    /// The data of this body.
    pub fn new(body: B) -> Self {
        DataStream { body, ended: false }
    }
}

impl<B: Body> Stream for DataStream<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while !*this.ended {
            match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining()))));
                    }
                    // Trailers are dropped.
                }
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => *this.ended = true,
            }
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.ended.then_some(0))
    }
}

impl<B: Body> FusedStream for DataStream<B> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}
