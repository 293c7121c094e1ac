//! Events over any `AsyncRead` and `AsyncWrite`: codecs for `tokio-util`'s `FramedRead`, `FramedWrite` and `Framed`.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec;

use crate::encoder::{self, Encode};
use crate::parser::Chunk;
use crate::{Block, OwnedBlock, OwnedEvent, ParseError, Parser};

/// Decodes events for `FramedRead`, and encodes them for `FramedWrite`; for `Framed`, both.
///
/// # Decoding
///
/// An item is a `Result`: an event, or the [`ParseError`] for a block that the parser refused, after which the stream goes
/// on. It is an item because a codec's *error* ends a `FramedRead`: `tokio-util` then yields `None`, and may never decode
/// what follows. The codec itself never fails; the outer `Result` is the reader's. So
/// `while let Some(event) = events.next().await { let event = event??; … }` stops at either.
///
/// It takes the memory that `FramedRead` has read into, and releases it once its events were returned. Only events with much
/// data share that memory instead of copying.
///
/// An error of the reader comes once, after every event before it, and then `None`; a `FramedRead` that is polled once more
/// reads again. The end of the stream is never an error. The unfinished block is not an item, as the standard wants it;
/// [`finish`](EventCodec::finish) returns it. A stream that grows again, such as a file, goes on where it was.
///
/// `next` may be cancelled at any time: nothing is lost.
///
/// # Encoding
///
/// Encodes what implements [`Encode`], by value or by reference. [`Bytes`] are taken to be whole blocks, as an
/// [`Encoder`](crate::Encoder) makes them. It never fails; errors are those of the writer.
///
/// ```
/// use bytes::BytesMut;
/// use sse_wire::{Event, EventName, codec::EventCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// // With a socket: `Framed::new(socket, EventCodec::new())`.
/// let mut codec = EventCodec::new();
/// let mut wire = BytesMut::new();
/// codec.encode(Event::new("42.17").with_name(EventName::from_static("price")), &mut wire)?;
/// assert_eq!(wire, "event: price\ndata: 42.17\n\n");
///
/// let event = codec.decode(&mut wire)?.unwrap()?;
/// assert_eq!((event.name(), event.data()), ("price", "42.17"));
/// assert!(codec.decode(&mut wire)?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventCodec(Reading);

/// Decodes blocks, with comments and unknown fields, and encodes them: for relays. It behaves as [`EventCodec`] does.
///
/// ```
/// use bytes::BytesMut;
/// use sse_wire::codec::BlockCodec;
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let (mut codec, mut relayed) = (BlockCodec::new(), BytesMut::new());
/// let mut wire = BytesMut::from(": hi\n\nid: 7\nx-own: y\n\n");
/// while let Some(block) = codec.decode(&mut wire)? {
///     codec.encode(block?, &mut relayed)?;
/// }
/// assert_eq!(relayed, ": hi\n\nid: 7\nx-own: y\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockCodec(Reading);

#[derive(Debug)]
struct Reading {
    parser: Parser,
    /// The bytes that were last taken from the reader's buffer.
    chunk: Chunk,
}

impl Reading {
    fn new(parser: Parser) -> Self {
        Reading { parser, chunk: Chunk::new(Bytes::new()) }
    }

    /// Takes all of `src`, and returns what is in it one at a time.
    fn next<T>(&mut self, src: &mut BytesMut, next: impl Fn(&mut Chunk, &mut Parser) -> Option<T>) -> Option<T> {
        loop {
            let found = next(&mut self.chunk, &mut self.parser);
            if found.is_some() {
                return found;
            }
            if self.chunk.feed(usize::MAX, &mut self.parser) > 0 {
                continue;
            }
            if src.is_empty() {
                return None;
            }
            self.chunk = Chunk::new(src.split().freeze());
        }
    }
}

/// The two codecs have the same methods.
macro_rules! codec {
    ($codec:ident, $item:ty, $next:expr) => {
        impl $codec {
            /// A codec for one connection, at the start of a stream, with a [`Parser::new`].
            #[must_use]
            pub fn new() -> Self {
                $codec(Reading::new(Parser::new()))
            }

            /// The same codec with this parser: with other limits, or with the last event ID of an earlier connection.
            ///
            /// A parser that has been used goes on where it is; for a new connection, [`reset`](Parser::reset) it first.
            #[must_use]
            pub fn with_parser(self, parser: Parser) -> Self {
                $codec(Reading { parser, ..self.0 })
            }

            /// The parser: for the last event ID, the reconnection time, and the count of ignored lines.
            #[must_use]
            pub fn parser(&self) -> &Parser {
                &self.0.parser
            }

            /// After the end of the stream: the block that it ended in. See [`Parser::finish`].
            ///
            /// Call it only at the end: earlier, the rest of that block would be lost. In a `FramedRead`, that is
            /// `framed.decoder_mut().finish()`.
            pub fn finish(&mut self) -> Option<Block<'_>> {
                self.0.parser.finish()
            }

            /// The parser, and the bytes that were taken from the reader's buffer and not yet read; what `FramedRead` holds
            /// in its own buffer comes after them.
            #[must_use]
            pub fn into_parts(self) -> (Parser, Bytes) {
                let Reading { mut parser, chunk } = self.0;
                let rest = chunk.into_rest(&mut parser);
                (parser, rest)
            }
        }

        impl Default for $codec {
            fn default() -> Self {
                $codec::new()
            }
        }

        impl codec::Decoder for $codec {
            type Item = Result<$item, ParseError>;
            type Error = io::Error;

            /// Takes all of `src`, and returns what is in it one at a time. Never fails. It leaves nothing in `src`, so that
            /// the end of the stream is no error either.
            fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<Self::Item>> {
                Ok(self.0.next(src, $next))
            }
        }

        /// Never fails.
        impl<T: Encode> codec::Encoder<T> for $codec {
            type Error = io::Error;

            fn encode(&mut self, part: T, dst: &mut BytesMut) -> io::Result<()> {
                encoder::append(&part, dst);
                Ok(())
            }
        }
    };
}

codec!(EventCodec, OwnedEvent, Chunk::next_event);
codec!(BlockCodec, OwnedBlock, Chunk::next_block);

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Decoder as _;

    #[test]
    fn large_data_points_into_the_buffer_it_was_read_into() {
        let data = "x".repeat(8000);
        let mut src = BytesMut::from(&*format!("data: 1\n\ndata: {data}\n\n"));
        let buffer = src.as_ptr() as usize;
        let mut codec = EventCodec::new();
        let small = codec.decode(&mut src).unwrap().unwrap().unwrap();
        let large = codec.decode(&mut src).unwrap().unwrap().unwrap();
        assert_eq!((small.data(), large.data()), ("1", &*data));
        assert_eq!(large.data().as_ptr() as usize, buffer + "data: 1\n\ndata: ".len());
        assert!(!(buffer..buffer + 8015).contains(&(small.data().as_ptr() as usize)));
    }

    #[test]
    fn the_buffer_is_free_once_its_events_were_taken() {
        let mut src = BytesMut::with_capacity(1024);
        let buffer = src.as_ptr();
        let mut codec = EventCodec::new();
        let mut kept = Vec::new();
        for _ in 0..10 {
            src.extend_from_slice(&b"data: kept\n\n".repeat(60));
            while let Some(event) = codec.decode(&mut src).unwrap() {
                kept.push(event.unwrap());
            }
            src.reserve(1024);
            assert_eq!(src.as_ptr(), buffer);
        }
        assert_eq!(kept.len(), 600);
    }

    #[test]
    fn bytes_may_come_before_all_events_of_those_before_were_taken() {
        let mut codec = EventCodec::new();
        let mut src = BytesMut::from("data: 1\n\ndata: 2\n\nda");
        assert_eq!(codec.decode(&mut src).unwrap().unwrap().unwrap().data(), "1");
        src.extend_from_slice(b"ta: 3\n\ndata");
        let mut data = || Some(codec.decode_eof(&mut src).unwrap()?.unwrap().into_data());
        assert_eq!(data().unwrap(), "2");
        assert_eq!(data().unwrap(), "3");
        assert_eq!(data(), None);
        assert_eq!(data(), None);
    }
}
