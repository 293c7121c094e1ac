//! Chunks of a transport to events.

use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use futures_core::{FusedStream, Stream};

use crate::{Event, Item, ParseError, Parser};
use parsed::Parsed;

/// How many chunks without an event one poll takes before it lets other tasks run.
const CHUNKS_PER_POLL: usize = 32;

/// The events of a stream of chunks: see [`ParserStream`].
pub type EventStream<S> = ParserStream<S, Event<ByteString>>;

/// The events and comments of a stream of chunks, for clients that want to see signs of life: see [`ParserStream`].
///
/// ```
/// use futures_util::StreamExt;
/// use sse_wire::{Item, stream::ItemStream};
/// # use futures_util::FutureExt;
///
/// # async {
/// let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(": still here\n\n".as_bytes())]);
/// let mut items = ItemStream::new(chunks);
/// assert_eq!(items.next().await.unwrap().unwrap(), Item::Comment("still here"));
/// # }.now_or_never().unwrap();
/// ```
pub type ItemStream<S> = ParserStream<S, Item<ByteString>>;

pin_project_lite::pin_project! {
    /// What a [`Parser`] finds in a stream of chunks: events (an [`EventStream`]) or items (an [`ItemStream`]).
    ///
    /// `S` is the transport: a `Stream<Item = Result<B, E>>` where `B` becomes [`Bytes`]. The texts of the events share
    /// the memory of the chunks, as those of [`Parser::next_event_shared`] do.
    ///
    /// # What it yields
    ///
    /// - The events of the stream, in order, whatever the chunks are.
    /// - [`StreamError::Parse`], once for each block that is larger than the limit of the parser. The next poll goes on
    ///   with the block after it.
    /// - [`StreamError::Transport`], once and after every event before it, when the transport fails. This is the end;
    ///   the transport is not polled again.
    /// - `None` when the transport has ended, and for ever after. The standard discards an unfinished event;
    ///   [`finish`](ParserStream::finish) hands it over.
    ///
    /// # Polling and cancelling
    ///
    /// One poll gives at most one event, and takes at most 32 chunks. If there was no event in them, and the transport
    /// may well have more, it wakes the task and returns pending, so that other tasks run.
    ///
    /// What was read and not yet yielded stays here: dropping the future of a `next()` loses nothing, so that it may
    /// be used in `select!` and with timeouts.
    ///
    /// This stream is [`Unpin`] if the transport is. A transport that is not can be pinned before it is handed over
    /// (`let transport = pin!(transport)`, or `Box::pin`), and then the methods that take `&mut self` can be called.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct ParserStream<S, T> {
        #[pin]
        transport: S,
        parser: Parser,
        // What is left of the last chunk.
        chunk: Bytes,
        // Then nothing is left of the chunk: the transport is polled once all of it was taken.
        ended: bool,
        yields: PhantomData<fn() -> T>,
    }
}

/// What a [`ParserStream`] is made of.
///
/// To go on with the same parser on a new connection: [`reset`](Parser::reset) it, and put the new transport and an
/// empty rest in place of the old ones.
#[derive(Clone, Debug)]
pub struct Parts<S> {
    /// Where chunks come from.
    pub transport: S,
    /// The parser, with what it holds of an unfinished event.
    pub parser: Parser,
    /// What the transport has given and the parser has not yet taken.
    pub rest: Bytes,
}

impl<S, T> ParserStream<S, T> {
    /// The events of this transport, with a [`Parser::new`]: 16 MiB for one event, and an empty last event ID.
    pub fn new(transport: S) -> Self {
        Self::with_parser(transport, Parser::new())
    }

    /// The events of this transport, with a parser that has settings, or a past.
    ///
    /// ```
    /// use sse_wire::{Parser, stream::EventStream};
    /// # let transport = ();
    ///
    /// let parser = Parser::builder().max_event_size(64 * 1024).last_event_id("42").build();
    /// let events = EventStream::with_parser(transport, parser);
    /// assert_eq!(events.last_event_id(), "42");
    /// ```
    pub fn with_parser(transport: S, parser: Parser) -> Self {
        Self::from_parts(Parts { transport, parser, rest: Bytes::new() })
    }

    /// Goes on where [`into_parts`](ParserStream::into_parts) left off: with the rest of the chunk, and then with the
    /// transport, which is polled even if it had ended.
    pub fn from_parts(parts: Parts<S>) -> Self {
        let Parts { transport, parser, rest } = parts;
        ParserStream { transport, parser, chunk: rest, ended: false, yields: PhantomData }
    }

    /// Takes this stream apart. Nothing that was not yet yielded is lost.
    pub fn into_parts(self) -> Parts<S> {
        Parts { transport: self.transport, parser: self.parser, rest: self.chunk }
    }

    /// The parser, in the state after what was yielded last.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// What to send as `Last-Event-ID` when connecting again: see [`Parser::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// How long the server asked clients to wait before they connect again: see [`Parser::reconnection_time`].
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    /// The unfinished event after the end of the stream, once: see [`Parser::finish`].
    ///
    /// Before the end it is `None`, and nothing happens.
    pub fn finish(&mut self) -> Option<Event<&str>> {
        if self.ended { self.parser.finish() } else { None }
    }

    /// The transport.
    pub fn get_ref(&self) -> &S {
        &self.transport
    }

    /// The transport. Chunks that are taken from it do not reach the parser.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.transport
    }

    /// The transport, pinned. Chunks that are taken from it do not reach the parser.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().transport
    }
}

impl<S, B, E, T> Stream for ParserStream<S, T>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    T: Parsed,
{
    type Item = Result<T, StreamError<E>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        for _ in 0..CHUNKS_PER_POLL {
            match T::next(this.parser, this.chunk) {
                Ok(Some(found)) => return Poll::Ready(Some(Ok(found))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(StreamError::Parse(error)))),
            }
            match ready!(this.transport.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => *this.chunk = chunk.into(),
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(StreamError::Transport(error))));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One chunk may hold any number of events, or none: only after the end is anything known.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.ended.then_some(0))
    }
}

impl<S, B, E, T> FusedStream for ParserStream<S, T>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    T: Parsed,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// Why a [`ParserStream`] yields an error.
///
/// It shows itself as the error that it holds, and has the same source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError<E> {
    /// The transport failed, and the stream has ended.
    #[error(transparent)]
    Transport(E),
    /// One block is larger than the limit. The stream goes on after it.
    #[error(transparent)]
    Parse(ParseError),
}

/// [`events`](TransportExt::events) and [`items`](TransportExt::items) for every stream of chunks.
pub trait TransportExt: Sized {
    /// The events of this stream of chunks: [`EventStream::new`](ParserStream::new).
    fn events(self) -> EventStream<Self>;

    /// Its events and comments: [`ItemStream::new`](ParserStream::new).
    fn items(self) -> ItemStream<Self>;
}

impl<S, B, E> TransportExt for S
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    fn events(self) -> EventStream<Self> {
        EventStream::new(self)
    }

    fn items(self) -> ItemStream<Self> {
        ItemStream::new(self)
    }
}

/// What a parser can be asked for. Sealed: the module is private, so nobody else can name the trait.
mod parsed {
    use super::{ByteString, Bytes, Event, Item, ParseError, Parser};

    pub trait Parsed: Sized {
        fn next(parser: &mut Parser, chunk: &mut Bytes) -> Result<Option<Self>, ParseError>;
    }

    impl Parsed for Event<ByteString> {
        #[inline]
        fn next(parser: &mut Parser, chunk: &mut Bytes) -> Result<Option<Self>, ParseError> {
            parser.next_event_shared(chunk)
        }
    }

    impl Parsed for Item<ByteString> {
        #[inline]
        fn next(parser: &mut Parser, chunk: &mut Bytes) -> Result<Option<Self>, ParseError> {
            parser.next_item_shared(chunk)
        }
    }
}
