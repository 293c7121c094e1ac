//! Events over any `AsyncRead` and `AsyncWrite`: the codec of `tokio-util`'s `FramedRead`, `FramedWrite` and `Framed`.

use std::io;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use tokio_util::codec;

use crate::encoder::Encoder;
use crate::event::Event;
use crate::parser::{ParseError, Parser};

/// Decodes events for `FramedRead`, and encodes them for `FramedWrite`; for `Framed`, both.
///
/// # Decoding
///
/// An item is a `Result`: an event, or the [`ParseError`] for a block that was larger than the limit, after which the
/// stream goes on. It is an item, because a codec's *error* ends a `FramedRead`: `tokio-util` then yields `None`, and
/// may never ask for what came after it. The one error is that of the reader, so that
/// `while let Some(event) = events.next().await { let event = event??; … }` stops at either.
///
/// Events share the memory that `FramedRead` reads into, 8 KiB unless told otherwise: nothing is copied on the way from
/// a read to an event that lies in it, and an event that is kept keeps the whole piece. To keep a small one for long,
/// keep `event.as_borrowed().to_shared()`.
///
/// An error of the reader comes once, after every event before it, and then `None`; a `FramedRead` that is asked once
/// more reads again. The end of the stream is never an error. The unfinished event is not an item, as the standard wants it;
/// [`finish`](EventCodec::finish) has it. A stream that grows again, such as a file, goes on where it was.
///
/// `next` may be cancelled at any time: nothing is lost.
///
/// # Encoding
///
/// Takes events, owned or by reference, and [`Bytes`] of whole blocks as an [`Encoder`] makes them: an event for
/// several subscribers, a comment, a reconnection time. It never fails; errors are those of the writer.
///
/// ```
/// use bytes::BytesMut;
/// use sse_wire::{Event, codec::EventCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// // With a socket: `Framed::new(socket, EventCodec::new())`.
/// let mut codec = EventCodec::new();
/// let mut wire = BytesMut::new();
/// codec.encode(Event::new("42.17").with_name("price")?, &mut wire)?;
/// assert_eq!(wire, "event: price\ndata: 42.17\n\n");
///
/// let event = codec.decode(&mut wire)?.unwrap()?;
/// assert_eq!((event.name(), event.data()), ("price", "42.17"));
/// assert!(codec.decode(&mut wire)?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct EventCodec {
    parser: Parser,
    /// What was taken from the reader's buffer and not yet parsed.
    chunk: Bytes,
}

impl EventCodec {
    /// A codec for one connection, at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        EventCodec::default()
    }

    /// The same with a parser of the caller's: with other limits, or with the last event ID of an earlier connection.
    ///
    /// A parser that has been used goes on where it is; for a new connection, [`reset`](Parser::reset) it first.
    #[must_use]
    pub fn with_parser(parser: Parser) -> Self {
        EventCodec { parser, chunk: Bytes::new() }
    }

    /// The parser: for the last event ID and the reconnection time.
    #[must_use]
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// After the end of the stream: the event of the unfinished block, if it has data. See [`Parser::finish`].
    ///
    /// Only the caller knows when that is: before it, the rest of that event would be lost.
    pub fn finish(&mut self) -> Option<Event<&str>> {
        self.parser.finish()
    }

    /// The parser, and the bytes that were taken from the reader's buffer and not yet parsed; what `FramedRead` holds
    /// in its own buffer comes after them.
    #[must_use]
    pub fn into_parts(self) -> (Parser, Bytes) {
        (self.parser, self.chunk)
    }
}

impl codec::Decoder for EventCodec {
    type Item = Result<Event<ByteString>, ParseError>;
    type Error = io::Error;

    /// Takes all of `src`, and gives its events one at a time. Never fails; and as it leaves nothing in `src`, nor does
    /// the end of the stream.
    fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        loop {
            let found = self.parser.next_event_shared(&mut self.chunk).transpose();
            if found.is_some() || src.is_empty() {
                return Ok(found);
            }
            self.chunk = src.split().freeze();
        }
    }
}

/// Never fails.
impl<S: AsRef<str>> codec::Encoder<&Event<S>> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: &Event<S>, dst: &mut BytesMut) -> io::Result<()> {
        Encoder::new().encode_into(event, dst);
        Ok(())
    }
}

/// Never fails.
impl<S: AsRef<str>> codec::Encoder<Event<S>> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: Event<S>, dst: &mut BytesMut) -> io::Result<()> {
        self.encode(&event, dst)
    }
}

/// Whole blocks, as they are. Never fails.
impl codec::Encoder<Bytes> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, blocks: Bytes, dst: &mut BytesMut) -> io::Result<()> {
        dst.extend_from_slice(&blocks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Decoder as _;

    #[test]
    fn events_point_into_the_buffer_they_were_read_into() {
        let mut src = BytesMut::from("data: 1\n\ndata: 2\n\n");
        let buffer = src.as_ptr() as usize;
        let mut codec = EventCodec::new();
        for at in [6, 15] {
            let event = codec.decode(&mut src).unwrap().unwrap().unwrap();
            assert_eq!(event.data().as_ptr() as usize, buffer + at);
        }
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
