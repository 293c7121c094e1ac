//! Blocking I/O: events out of any [`Read`] and into any [`Write`], for `ureq`, files, pipes and sockets.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter::FusedIterator;

use bytes::Bytes;

use crate::encoder::{self, Encode};
use crate::parser::Cursor;
use crate::{Block, OwnedBlock, OwnedEvent, ParseError, Parser};

/// How much is read at a time, at most.
const READ: usize = 16 * 1024;

/// How much memory a writer keeps to encode into.
const KEPT: usize = 8 * 1024;

/// Why [`Events`] yields an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The error of the reader.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The parser refused a block. It is skipped, and the next call goes on with the block after it.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// The events of a blocking reader: an iterator that ends with the stream.
///
/// Reads no more than it must: it yields all events of one read before the next one. The unfinished block at the end of a
/// stream is not among them, as the standard wants it; [`finish`](Events::finish) returns it.
///
/// # Errors
///
/// - [`ReadError::Parse`]: the parser refused a block, and the next call goes on after it.
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
/// It reads into one buffer of 16 KiB. Events own their text.
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
/// // To connect again with, and to wait for before that:
/// assert_eq!(events.parser().last_event_id(), "7");
/// assert_eq!(events.parser().reconnection_time(), None);
/// # Ok::<(), sse_wire::io::ReadError>(())
/// ```
pub struct Events<R> {
    reader: R,
    parser: Parser,
    /// Empty before the first read.
    buffer: Vec<u8>,
    /// How much of it the last read has filled.
    filled: usize,
    cursor: Cursor,
    ended: bool,
}

impl<R: Read> Events<R> {
    /// The events of `reader`, which is at the start of a stream.
    ///
    /// Buffering the reader gains nothing.
    pub fn new(reader: R) -> Self {
        Self::with_parser(reader, Parser::new())
    }

    /// The same with this parser: with other limits, or with the last event ID of an earlier connection.
    ///
    /// A parser that has been used goes on where it is; for a new connection, [`reset`](Parser::reset) it first.
    pub fn with_parser(reader: R, parser: Parser) -> Self {
        Events { reader, parser, buffer: Vec::new(), filled: 0, cursor: Cursor::NEW, ended: false }
    }

    /// The next block, whether it dispatches an event or not: all that the stream says, with the comments that servers send
    /// as keep-alives.
    ///
    /// Both this and [`next`](Iterator::next) may be called in turn; [`Feed::next_block`](crate::Feed::next_block) says what
    /// that means for a block that lies in two reads. `None` is the end.
    ///
    /// ```
    /// use sse_wire::{BlockLine, Event, io::Events};
    ///
    /// let mut events = Events::new(&b": still here\n\ndata: x\n\n"[..]);
    /// let block = events.next_block().unwrap()?;
    /// assert_eq!(block.lines().next(), Some(BlockLine::Comment("still here")));
    /// assert_eq!(events.next_block().unwrap()?.event(), Some(Event::new("x")));
    /// assert!(events.next_block().is_none());
    /// # Ok::<(), sse_wire::io::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [As above](Events#errors).
    pub fn next_block(&mut self) -> Option<Result<OwnedBlock, ReadError>> {
        self.advance(Cursor::next_block)
    }

    /// Calls `next`, and reads more until it finds something.
    fn advance<T>(
        &mut self,
        next: impl Fn(&mut Cursor, &[u8], &mut Parser) -> Option<Result<T, ParseError>>,
    ) -> Option<Result<T, ReadError>> {
        loop {
            if let Some(found) = next(&mut self.cursor, &self.buffer[..self.filled], &mut self.parser) {
                return Some(found.map_err(ReadError::from));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.read() {
                return Some(Err(error.into()));
            }
        }
    }

    /// Reads once, and feeds it to the parser, which has read what came before.
    fn read(&mut self) -> io::Result<()> {
        self.buffer.resize(READ, 0);
        (self.cursor, self.filled) = (Cursor::NEW, 0);
        match self.reader.read(&mut self.buffer) {
            Ok(0) => self.ended = true,
            Ok(len) => {
                self.filled = len;
                self.cursor.feed(&self.buffer[..len], len, &mut self.parser);
            }
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
    /// The parser: for the last event ID, the reconnection time, and the count of ignored lines.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// The reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader, to set a timeout, say. What is read from it directly is missing from the stream.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// After the end of the stream: the block that it ended in. See [`Parser::finish`].
    ///
    /// Before the end it is `None`, and nothing happens.
    pub fn finish(&mut self) -> Option<Block<'_>> {
        if self.ended { self.parser.finish() } else { None }
    }

    /// The reader, the parser, and what was read from the reader and not yet by the parser.
    pub fn into_parts(mut self) -> (R, Parser, Bytes) {
        let chunk = &self.buffer[..self.filled];
        let read = self.cursor.leave(chunk, &mut self.parser);
        let rest = Bytes::copy_from_slice(&chunk[read..]);
        (self.reader, self.parser, rest)
    }
}

/// Ends with the stream, or with an error after which nothing more can be read; after the end it stays at the end.
impl<R: Read> Iterator for Events<R> {
    type Item = Result<OwnedEvent, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(|cursor, chunk, parser| cursor.next_event(chunk, None, parser))
    }
}

impl<R: Read> FusedIterator for Events<R> {}

impl<R: fmt::Debug> fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = &self.buffer[self.cursor.read_so_far()..self.filled];
        let mut shown = f.debug_struct("Events");
        shown.field("reader", &self.reader).field("parser", &self.parser);
        shown.field("rest", &Bytes::copy_from_slice(rest)).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Writes events to a blocking writer, each in one call where the writer takes it whole.
///
/// Nothing is held back: what is written reaches the writer at once. [`flush`](WriteEvents::flush) flushes a writer
/// that has a buffer of its own.
///
/// # Errors
///
/// Nothing is lost if the writer fails. The bytes that it did not take are kept, sent before the next ones, and counted by
/// [`unsent`](WriteEvents::unsent). So a writer may block, time out, or take half of an event: write each event once, and
/// call `flush` to try again. A writer that was [`Interrupted`](io::ErrorKind::Interrupted) is tried again at once; one that
/// takes nothing is an error of kind [`WriteZero`](io::ErrorKind::WriteZero).
///
/// # Panics
///
/// If the writer says that it took more than there was.
///
/// ```
/// use sse_wire::{Event, EventId, EventName, Head, KEEP_ALIVE, io::WriteEvents};
///
/// # let connection = Vec::new();
/// let mut events = WriteEvents::new(connection);
/// events.write(Event::new("42.17").with_name(EventName::from_static("price")))?;
/// events.write(Head::from(EventId::from_static("7")))?;
/// events.flush()?;
///
/// // Whole blocks: keep-alives, and what an encoder makes.
/// events.write_blocks(KEEP_ALIVE)?;
/// # assert_eq!(events.into_inner(), b"event: price\ndata: 42.17\n\nid: 7\n\n:\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WriteEvents<W> {
    writer: W,
    /// What the writer has not taken, after what it has taken. Empty unless it failed.
    pending: Vec<u8>,
    taken: usize,
}

impl<W: Write> WriteEvents<W> {
    /// Events to `writer`.
    pub fn new(writer: W) -> Self {
        WriteEvents { writer, pending: Vec::new(), taken: 0 }
    }

    /// Writes an event, a block, a comment, or anything else that implements [`Encode`].
    ///
    /// # Errors
    ///
    /// The error of the writer; what it did not take is kept, [see above](WriteEvents#errors).
    pub fn write(&mut self, part: impl Encode) -> io::Result<()> {
        encoder::append(&part, &mut self.pending);
        self.send_pending()
    }

    /// Writes whole blocks that were encoded before: an event for several subscribers, what an
    /// [`Encoder`](crate::Encoder) makes, or [`KEEP_ALIVE`](crate::KEEP_ALIVE). They are not copied, but for what the writer
    /// does not take.
    ///
    /// # Errors
    ///
    /// The error of the writer; what it did not take is kept, [see above](WriteEvents#errors).
    pub fn write_blocks(&mut self, blocks: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        let sent = self.send_pending().and_then(|()| send(&mut self.writer, blocks, &mut taken));
        self.pending.extend_from_slice(&blocks[taken..]);
        sent
    }

    /// Writes what is still unsent, and flushes the writer.
    ///
    /// # Errors
    ///
    /// The error of the writer. Nothing is lost.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send_pending()?;
        self.writer.flush()
    }

    fn send_pending(&mut self) -> io::Result<()> {
        let sent = send(&mut self.writer, &self.pending, &mut self.taken);
        if self.taken >= self.unsent() {
            // The memory of what was taken is used again, or released. Copying the rest costs no more than writing the other
            // part did.
            let rest = &self.pending[self.taken..];
            if self.pending.capacity() > KEPT {
                self.pending = rest.to_vec();
            } else {
                self.pending.drain(..self.taken);
            }
            self.taken = 0;
        }
        sent
    }
}

/// Writes `bytes` from `taken` on, and counts what was written.
fn send(writer: &mut impl Write, bytes: &[u8], taken: &mut usize) -> io::Result<()> {
    while *taken < bytes.len() {
        match writer.write(&bytes[*taken..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => {
                *taken += len;
                assert!(*taken <= bytes.len(), "the writer took more than there was");
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl<W> WriteEvents<W> {
    /// How many bytes the writer has not taken yet: 0 unless it failed.
    pub fn unsent(&self) -> usize {
        self.pending.len() - self.taken
    }

    /// The writer.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// The writer, to set a timeout, say. What is written to it directly must be whole blocks, and nothing
    /// [`unsent`](WriteEvents::unsent).
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer. What is [`unsent`](WriteEvents::unsent) is lost.
    pub fn into_inner(self) -> W {
        self.writer
    }
}
