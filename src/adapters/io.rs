//! Blocking I/O: events out of any [`Read`] and into any [`Write`], for `ureq`, files, pipes and sockets.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter::FusedIterator;

use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use crate::encoder::Encoder;
use crate::event::Event;
use crate::parser::{Item, ParseError, Parser};

/// How much memory is taken at a time to read into.
const READ: usize = 16 * 1024;

/// Why [`Events`] has no event to give.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What the reader said.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A block is larger than the parser's limit. It is skipped, and the next call goes on with the block after it.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// The events of a blocking reader: an iterator that ends with the stream.
///
/// Reads no more than it must: it yields all events of one read before the next one. The unfinished event at the end of
/// a stream is not among them, as the standard wants it; [`finish`](Events::finish) has it.
///
/// # Errors
///
/// - [`ReadError::Parse`]: one block was larger than the limit, and the next call goes on after it.
/// - [`ReadError::Io`] of kind [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut):
///   nothing is lost, and the next call tries again. (A reader that was [`Interrupted`](io::ErrorKind::Interrupted) is
///   tried again at once.)
/// - [`ReadError::Io`] of any other kind: the iterator is at its end; every event before the error was yielded.
///
/// So `for event in events { let event = event?; … }` stops at the first error, and a caller that matches may go on.
///
/// # Panics
///
/// If the reader says that it read more than there was room for.
///
/// # Memory
///
/// It reads into a piece of 16 KiB, which small reads share and events point into: nothing is copied on the way from a
/// read to an event that lies in it. Once a piece is full it is used again, if no event is left of it. An event that is
/// kept keeps its whole piece; to keep a small one for long, keep `event.as_borrowed().to_shared()`.
///
/// ```
/// use sse_wire::io::Events;
///
/// # let connection: &[u8] = b"event: price\nid: 7\ndata: 42.17\n\n";
/// let mut events = Events::new(connection);
/// for event in &mut events {
///     let event = event?;
///     println!("{} ({}): {}", event.name(), event.last_event_id(), event.data());
/// }
/// // To come back with, and to wait for before that:
/// assert_eq!(events.parser().last_event_id(), "7");
/// assert_eq!(events.parser().reconnection_time(), None);
/// # Ok::<(), sse_wire::io::ReadError>(())
/// ```
pub struct Events<R> {
    reader: R,
    parser: Parser,
    /// What was read and not yet parsed.
    chunk: Bytes,
    /// What the next reads fill, from the front: bytes of no meaning, since safe code only reads into bytes that are
    /// there.
    room: BytesMut,
    ended: bool,
}

impl<R: Read> Events<R> {
    /// The events of `reader`, which is at the start of a stream.
    ///
    /// Buffering the reader gains nothing.
    pub fn new(reader: R) -> Self {
        Self::with_parser(reader, Parser::new())
    }

    /// The same with a parser of the caller's: with other limits, or with the last event ID of an earlier connection.
    ///
    /// A parser that has been used goes on where it is; for a new connection, [`reset`](Parser::reset) it first.
    pub fn with_parser(reader: R, parser: Parser) -> Self {
        Events { reader, parser, chunk: Bytes::new(), room: BytesMut::new(), ended: false }
    }

    /// The next event or comment: what [`next`](Iterator::next) gives, with the comments in between.
    ///
    /// Servers send comments as signs of life. Both methods may be called in turn.
    ///
    /// ```
    /// use sse_wire::{Event, Item, io::Events};
    ///
    /// let mut events = Events::new(&b": still here\n\ndata: x\n\n"[..]);
    /// assert_eq!(events.next_item().transpose()?, Some(Item::Comment("still here".into())));
    /// assert_eq!(events.next_item().transpose()?, Some(Item::Event(Event::new("x").to_shared())));
    /// assert!(events.next_item().is_none());
    /// # Ok::<(), sse_wire::io::ReadError>(())
    /// ```
    pub fn next_item(&mut self) -> Option<Result<Item<ByteString>, ReadError>> {
        self.advance(Parser::next_item_shared)
    }

    /// What `next` finds first in what was read, or in what is read then.
    fn advance<T>(
        &mut self,
        next: impl Fn(&mut Parser, &mut Bytes) -> Result<Option<T>, ParseError>,
    ) -> Option<Result<T, ReadError>> {
        loop {
            match next(&mut self.parser, &mut self.chunk) {
                Ok(Some(found)) => return Some(Ok(found)),
                Ok(None) if self.ended => return None,
                Ok(None) => {}
                Err(error) => return Some(Err(error.into())),
            }
            if let Err(error) = self.read() {
                return Some(Err(error.into()));
            }
        }
    }

    /// Reads once; the chunk before it has been taken.
    fn read(&mut self) -> io::Result<()> {
        if self.room.is_empty() {
            // The same memory again, if nobody holds any of it.
            self.room.reserve(READ);
            self.room.resize(READ, 0);
        }
        match self.reader.read(&mut self.room) {
            Ok(0) => self.ended = true,
            Ok(len) => self.chunk = self.room.split_to(len).freeze(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<R> Events<R> {
    /// The parser: for the last event ID and the reconnection time.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// The reader.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The reader, to set a timeout, say. What is read from it directly is missing from the stream.
    pub fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// After the end of the stream: the event of the unfinished block, if it has data. See [`Parser::finish`].
    ///
    /// Before the end it is `None`, and nothing happens.
    pub fn finish(&mut self) -> Option<Event<&str>> {
        if self.ended { self.parser.finish() } else { None }
    }

    /// The reader, the parser, and what was read and not yet parsed.
    pub fn into_parts(self) -> (R, Parser, Bytes) {
        (self.reader, self.parser, self.chunk)
    }
}

/// Ends with the stream, or with an error after which nothing more can be read; after the end it stays at the end.
impl<R: Read> Iterator for Events<R> {
    type Item = Result<Event<ByteString>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(Parser::next_event_shared)
    }
}

impl<R: Read> FusedIterator for Events<R> {}

impl<R: fmt::Debug> fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Events");
        shown.field("reader", &self.reader).field("parser", &self.parser).field("chunk", &self.chunk);
        shown.field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Writes events to a blocking writer, each in one call where the writer takes it whole.
///
/// Nothing is held back: what is written reaches the writer at once. [`flush`](WriteEvents::flush) flushes a writer
/// that has a buffer of its own.
///
/// # Errors
///
/// What is handed in is taken, also where the writer fails. What the writer did not take is kept, goes before what is
/// written next, and is counted by [`unsent`](WriteEvents::unsent): a writer that would block, timed out, or took half
/// of an event, breaks nothing. So write an event once, and call `flush` to try again. A writer that was
/// [`Interrupted`](io::ErrorKind::Interrupted) is tried again at once; one that takes nothing is an error of kind
/// [`WriteZero`](io::ErrorKind::WriteZero).
///
/// # Panics
///
/// If the writer says that it took more than there was.
///
/// ```
/// use sse_wire::{Encoder, Event, KEEP_ALIVE, io::WriteEvents};
///
/// # let connection = Vec::new();
/// let mut events = WriteEvents::new(connection);
/// events.write(&Event::new("42.17").with_name("price")?)?;
/// events.flush()?;
///
/// // Whole blocks: signs of life, and what an encoder makes.
/// events.write_blocks(KEEP_ALIVE)?;
/// events.write_blocks(&Encoder::new().id("7")?)?;
/// # assert_eq!(events.into_inner(), b"event: price\ndata: 42.17\n\n:\n\nid: 7\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WriteEvents<W> {
    writer: W,
    encoder: Encoder,
    /// What the writer has not taken. Empty, and without memory, unless it failed.
    unsent: BytesMut,
    /// How many bytes of it were taken, and are still in its memory.
    taken: usize,
}

impl<W: Write> WriteEvents<W> {
    /// Events to `writer`.
    pub fn new(writer: W) -> Self {
        WriteEvents { writer, encoder: Encoder::new(), unsent: BytesMut::new(), taken: 0 }
    }

    /// Writes one event.
    ///
    /// # Errors
    ///
    /// What the writer says; what it did not take is kept, [see above](WriteEvents#errors).
    pub fn write<S: AsRef<str>>(&mut self, event: &Event<S>) -> io::Result<()> {
        let block = self.encoder.encode(event);
        self.write_blocks(&block)
    }

    /// Writes whole blocks: an event for several subscribers that was encoded once, a comment, a reconnection time, an
    /// id, as an [`Encoder`] makes them; or [`KEEP_ALIVE`](crate::KEEP_ALIVE).
    ///
    /// # Errors
    ///
    /// What the writer says; what it did not take is kept, [see above](WriteEvents#errors).
    pub fn write_blocks(&mut self, mut blocks: &[u8]) -> io::Result<()> {
        let sent = self.send_rest().and_then(|()| send(&mut self.writer, &mut blocks));
        self.unsent.extend_from_slice(blocks);
        sent
    }

    /// Writes what is still unsent, and flushes the writer.
    ///
    /// # Errors
    ///
    /// What the writer says. Nothing is lost.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send_rest()?;
        self.writer.flush()
    }

    fn send_rest(&mut self) -> io::Result<()> {
        let before = self.unsent.len();
        let sent = send(&mut self.writer, &mut self.unsent);
        self.taken += before - self.unsent.len();
        // The memory before what is left is only given back with the whole. To copy costs no more than to write did.
        if self.taken >= self.unsent.len() {
            self.unsent = BytesMut::from(&self.unsent[..]);
            self.taken = 0;
        }
        sent
    }
}

/// Writes `bytes`, and takes off their front what was written.
fn send(writer: &mut impl Write, bytes: &mut impl Buf) -> io::Result<()> {
    while bytes.has_remaining() {
        match writer.write(bytes.chunk()) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => bytes.advance(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl<W> WriteEvents<W> {
    /// How many bytes the writer has not taken yet: 0 unless it failed.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// The writer.
    pub fn writer(&self) -> &W {
        &self.writer
    }

    /// The writer, to set a timeout, say. What is written to it directly must be whole blocks, and nothing
    /// [`unsent`](WriteEvents::unsent).
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer. What is [`unsent`](WriteEvents::unsent) is lost.
    pub fn into_inner(self) -> W {
        self.writer
    }
}
