//! Chunks of a transport to events and blocks.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

use super::{Chunk as _, StreamError, Transport};
use crate::parser::Chunk;
use crate::{Block, OwnedBlock, OwnedEvent, ParseError, Parser};

/// How many chunks without an event one poll reads before other tasks may run.
const CHUNKS_PER_POLL: usize = 32;

/// How many bytes without an event one poll reads before other tasks may run. Longer chunks are read in parts.
const BYTES_PER_POLL: usize = 256 * 1024;

pin_project_lite::pin_project! {
    /// The events of a stream of chunks, owned.
    ///
    /// `S` is a [`Transport`]: a `Stream<Item = Result<B, E>>` where `B` is a [`Chunk`](super::Chunk).
    /// [`events`](super::TransportExt::events) makes one, too.
    ///
    /// # What it yields
    ///
    /// - The events of the stream, in order, however it is cut into chunks.
    /// - [`StreamError::Parse`], once for each block that the parser refuses. The next poll goes on after that block, unless
    ///   the stream was told to [end there](EventStream::end_on_refusal).
    /// - [`StreamError::Transport`], once and after every event before it, if the transport fails. This is the end.
    /// - `None` when the transport has ended, and from then on. The standard discards the unfinished block;
    ///   [`finish`](EventStream::finish) returns it.
    ///
    /// After the end the transport is not polled again.
    ///
    /// # Polling and cancelling
    ///
    /// One poll yields at most one event. If it has read 32 chunks, or 256 KiB (less than twice that, to be exact), without
    /// finding one, it wakes the task and returns pending, so that other tasks run.
    ///
    /// What was read and not yet yielded stays here: dropping the future of a `next()` loses nothing, so that it may be used
    /// in `select!` and with timeouts.
    ///
    /// This stream is [`Unpin`] if the transport is. A transport that is not can be pinned first (`pin!(transport)`, or
    /// `Box::pin`), and then the methods that take `&mut self` can be called.
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S> {
        #[pin]
        reading: Reading<S>,
    }
}

pin_project_lite::pin_project! {
    /// The blocks of a stream of chunks, owned, comments and unknown fields included.
    ///
    /// For relays, and for clients that want to see keep-alives. It behaves as [`EventStream`] does.
    /// [`blocks`](super::TransportExt::blocks) makes one, too.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sse_wire::{BlockLine, stream::BlockStream};
    /// # use futures_util::FutureExt;
    ///
    /// # async {
    /// let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(": still here\n\n")]);
    /// let mut blocks = BlockStream::new(chunks);
    /// let block = blocks.next().await.unwrap()?;
    /// assert_eq!(block.event(), None);
    /// assert_eq!(block.lines().next(), Some(BlockLine::Comment("still here")));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # }.now_or_never().unwrap().unwrap();
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct BlockStream<S> {
        #[pin]
        reading: Reading<S>,
    }
}

pin_project_lite::pin_project! {
    struct Reading<S> {
        #[pin]
        transport: S,
        parser: Parser,
        // The last chunk.
        chunk: Chunk,
        ended: bool,
        ends_on_refusal: bool,
    }
}

/// What an [`EventStream`] or a [`BlockStream`] is made of.
///
/// To go on with the same parser on a new connection: [`reset`](Parser::reset) it, and put the new transport and an empty
/// rest in place of the old ones.
#[derive(Clone, Debug)]
pub struct Parts<S> {
    /// Where chunks come from.
    pub transport: S,
    /// The parser, with what it holds of an unfinished block.
    pub parser: Parser,
    /// What the transport has yielded and the parser has not yet read.
    pub rest: Bytes,
}

/// The two streams have the same methods.
macro_rules! stream {
    ($stream:ident, $item:ty, $next:expr) => {
        impl<S: Transport> $stream<S> {
            /// What this transport yields, with a [`Parser::new`]: 16 MiB for one event, and an empty last event ID.
            pub fn new(transport: S) -> Self {
                Self::with_parser(transport, Parser::new())
            }

            /// What this transport yields, with this parser: with other limits, or with the last event ID of an earlier
            /// connection.
            ///
            /// ```
            #[doc = concat!("use sse_wire::{Parser, stream::", stringify!($stream), "};")]
            /// # let transport = futures_util::stream::empty::<Result<&str, std::io::Error>>();
            ///
            /// let parser = Parser::new().with_max_event_size(64 * 1024).with_last_event_id("42");
            #[doc = concat!("let stream = ", stringify!($stream), "::with_parser(transport, parser);")]
            /// assert_eq!(stream.last_event_id(), "42");
            /// ```
            pub fn with_parser(transport: S, parser: Parser) -> Self {
                Self::from_parts(Parts { transport, parser, rest: Bytes::new() })
            }
        }

        impl<S> $stream<S> {
            /// Goes on where [`into_parts`](Self::into_parts) left off: with the rest of the chunk, and then with the
            /// transport, which is polled even if it had ended.
            pub fn from_parts(parts: Parts<S>) -> Self {
                let Parts { transport, parser, rest } = parts;
                let chunk = Chunk::new(rest);
                $stream { reading: Reading { transport, parser, chunk, ended: false, ends_on_refusal: false } }
            }

            /// Takes this stream apart. Nothing that was not yet yielded is lost.
            pub fn into_parts(self) -> Parts<S> {
                let Reading { transport, mut parser, chunk, .. } = self.reading;
                let rest = chunk.into_rest(&mut parser);
                Parts { transport, parser, rest }
            }

            /// The same stream, which ends after the first block that the parser refuses: its error is the last item.
            pub fn end_on_refusal(mut self) -> Self {
                self.reading.ends_on_refusal = true;
                self
            }

            /// The parser, in the state after what was yielded last.
            pub fn parser(&self) -> &Parser {
                &self.reading.parser
            }

            /// What to send as `Last-Event-ID` when connecting again: see [`Parser::last_event_id`].
            pub fn last_event_id(&self) -> &str {
                self.reading.parser.last_event_id()
            }

            /// How long the server asked clients to wait before they connect again: see [`Parser::reconnection_time`].
            pub fn reconnection_time(&self) -> Option<Duration> {
                self.reading.parser.reconnection_time()
            }

            /// How many lines were ignored so far: see [`Parser::ignored_lines`].
            pub fn ignored_lines(&self) -> u64 {
                self.reading.parser.ignored_lines()
            }

            /// The block that the stream ended in, once: see [`Parser::finish`].
            ///
            /// Before the end it is `None`, and nothing happens.
            pub fn finish(&mut self) -> Option<Block<'_>> {
                if self.reading.ended { self.reading.parser.finish() } else { None }
            }

            /// The transport.
            pub fn get_ref(&self) -> &S {
                &self.reading.transport
            }

            /// The transport. Chunks that are taken from it do not reach the parser.
            pub fn get_mut(&mut self) -> &mut S {
                &mut self.reading.transport
            }

            /// The transport, pinned. Chunks that are taken from it do not reach the parser.
            #[must_use]
            pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
                self.project().reading.project().transport
            }
        }

        impl<S: Transport> Stream for $stream<S> {
            type Item = Result<$item, StreamError<S::Error>>;

            #[inline]
            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                self.project().reading.poll(cx, $next)
            }

            /// One chunk may hold any number of them, or none: the number is known only after the end.
            fn size_hint(&self) -> (usize, Option<usize>) {
                (0, self.reading.ended.then_some(0))
            }
        }

        impl<S: Transport> FusedStream for $stream<S> {
            fn is_terminated(&self) -> bool {
                self.reading.ended
            }
        }

        impl<S: fmt::Debug> fmt::Debug for $stream<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Reading { transport, parser, chunk, ended, .. } = &self.reading;
                let mut shown = f.debug_struct(stringify!($stream));
                shown.field("transport", transport).field("parser", parser).field("rest", &chunk.rest());
                shown.field("ended", ended).finish_non_exhaustive()
            }
        }
    };
}

stream!(EventStream, OwnedEvent, Chunk::next_event);
stream!(BlockStream, OwnedBlock, Chunk::next_block);

impl<S: Transport> Reading<S> {
    #[inline(always)]
    fn poll<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        next: impl Fn(&mut Chunk, &mut Parser) -> Option<Result<T, ParseError>>,
    ) -> Poll<Option<Result<T, StreamError<S::Error>>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let (mut chunks, mut bytes) = (0, 0);
        loop {
            if let Some(found) = next(this.chunk, this.parser) {
                *this.ended = found.is_err() && *this.ends_on_refusal;
                return Poll::Ready(Some(found.map_err(StreamError::Parse)));
            }
            if chunks == CHUNKS_PER_POLL || bytes >= BYTES_PER_POLL {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let fed = this.chunk.feed(BYTES_PER_POLL, this.parser);
            if fed > 0 {
                bytes += fed;
                continue;
            }
            match ready!(this.transport.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => *this.chunk = Chunk::new(chunk.into_bytes()),
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(StreamError::Transport(error))));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(None);
                }
            }
            chunks += 1;
        }
    }
}
