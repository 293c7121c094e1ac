//! Bytes to events.
//!
//! # How it works
//!
//! The standard says: decode, split into lines, interpret ([9.2.6]). Here the lines come first, because only what is used
//! must be checked to be text. This is what happens to `data: hello\n\n`:
//!
//! 1. [`Parser::feed`] calls `Parser::begin_chunk`. It drops the rest of a BOM, or the LF of a CRLF, from the front
//!    of the chunk (`lines::Seam`), and reads a few bytes of a cut block. A [`Feed`] borrows what is left.
//! 2. [`Feed::next_event`] calls `Feed::advance` (in `read`), and that `Feed::read_usual` (in `whole`). It finds `data: `, then
//!    the end of the line (`lines::LineEnds::find`), and then a blank line: a usual block, as nearly all are.
//! 3. `Feed::check` makes sure that `hello` is text, and the event borrows it from the chunk. Nothing is copied or kept.
//!
//! Blocks with other lines go on to `Feed::read_whole`, which reads line by line: `field::Line::of` says what a line is by its
//! first bytes. `Feed::take` decides whether the event can still borrow from the chunk.
//!
//! If it cannot, the block goes the second way (in `kept`), into the standard's buffers (`buffers`): one that the end of a
//! chunk cuts, that has several data lines, that is not text, or that is so long that it may exceed a limit. `Feed::keep` puts
//! there what was found, and `Feed::read_kept` goes on line by line. A cut line is decoded and kept in parts. At the blank
//! line, the event borrows from the buffers.
//!
//! What must hold:
//!
//! - The first way changes no result: without it, all blocks would go the second way. Nor does any `Fast path`.
//! - Between two calls, the parser holds all that is known of the stream before [`position`](Parser::position), so that a
//!   [`Feed`] can be dropped at any time. `State` says what is in the buffers.
//! - Whether a limit is exceeded depends on the bytes of a block, never on where it was cut. `Buffers::grow` checks the limit
//!   of an event; `Feed::max_block_size` is that of a block. Near a limit, `whole` leaves the block to `kept`.
//! - Each line that the standard ignores is counted once, at its end: by the second way in `Buffers`, by the first in `Found`,
//!   which is added to it once it is known that the lines will not be read again.
//! - Events and blocks (`BLOCKS`) share all of this. For blocks, the bytes of a cut block are kept as well.
//!
//! [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

mod buffers;
#[cfg(any(feature = "std", feature = "stream"))]
mod cursor;
mod error;
mod feed;
mod kept;
#[cfg(test)]
mod linear;
mod owned;
mod read;
mod whole;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use crate::block::Block;
use crate::decode;
use crate::lines::Seam;
use crate::names::EventId;
pub(crate) use buffers::KEPT_CAPACITY;
use buffers::{Buffers, set};

#[cfg(any(feature = "codec", feature = "stream"))]
pub(crate) use cursor::Chunk;
#[cfg(feature = "std")]
pub(crate) use cursor::Cursor;
pub use error::{ParseError, ParseErrorKind};
pub use feed::Feed;
pub use owned::{FeedBytes, OwnedBlocks, OwnedEvents};

/// Up to this many bytes of a cut block are read by `feed` itself.
const FEW: usize = 32;

/// The default limit for one event, and for one line, in bytes: 16 MiB.
pub(crate) const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Turns the bytes of an event stream into events, as they arrive ([9.2.5], [9.2.6]).
///
/// [`feed`](Parser::feed) it a chunk, and read what it yields until there is no more; then feed the next chunk. Chunks may be
/// cut anywhere: the events, the errors and the state at the end are the same for every cut.
///
/// # What happens to odd input
///
/// Every byte sequence is an event stream; only what exceeds a limit is an error.
///
/// - Ill-formed UTF-8 becomes U+FFFD, one for each maximal subpart, wherever the chunks are cut.
/// - One BOM at the very start of the stream is dropped.
/// - Lines end in LF, CR or CRLF. A CR ends its line at once: an event is not held back for a LF that may follow.
/// - An id with NUL, a retry that is not all ASCII digits, comments and fields with other names are ignored. All but the
///   comments [are counted](Parser::ignored_lines). A retry beyond `u64` milliseconds saturates.
/// - A block without a data line dispatches nothing, but its id and retry take effect.
///
/// # Limits
///
/// The data of one event, with the values of `event`, `id` and `retry` in its block, may come to 16 MiB of text unless
/// [`with_max_event_size`](Parser::with_max_event_size) says otherwise. Comments and unknown fields do not count; they are
/// skipped as they come, and may be of any length unless [`with_max_block_size`](Parser::with_max_block_size) is set.
///
/// A parser holds no heap memory before it must keep part of a block or an id, and at most 64 KiB besides the last event ID
/// once a large event is over. It never keeps a chunk alive.
///
/// ```
/// use sse_wire::Parser;
///
/// let mut parser = Parser::new();
/// let mut received = Vec::new();
/// for chunk in ["id: 1\ndata: hel", "lo\n\nevent: bye\ndata:\n", "\n"] {
///     let mut events = parser.feed(chunk.as_bytes());
///     while let Some(event) = events.next_event()? {
///         received.push(format!("{}: {:?}, id {}", event.name(), event.data(), event.last_event_id()));
///     }
/// }
/// assert_eq!(received, ["message: \"hello\", id 1", "bye: \"\", id 1"]);
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
/// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone, Debug)]
pub struct Parser {
    state: State,
    unread: Unread,
    /// Whether the last line was long.
    long: bool,
    seam: Seam,
    position: u64,
    /// Where the block in the buffers begins.
    block_start: u64,
    buffers: Buffers,
    last_event_id: String,
    /// A copy for owned events to share, once one needs it: only for large ids. (A box, since it is rare.)
    shared_id: Option<Box<ByteString>>,
    reconnection_time: Option<Duration>,
    max_event_size: usize,
    max_block_size: usize,
}

/// What is in the buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: what comes next begins a block.
    Between,
    /// The block so far.
    Within,
    /// An event or block that was returned; the next call clears it.
    Returned,
    /// The block was refused, and the buffers are empty. `Buffers::cut` says whether a line of it was cut.
    Refused,
}

/// What the reader of the last chunk has not read yet, and what is lost if it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Unread {
    Nothing,
    /// Bytes of its chunk.
    Bytes,
    /// Nothing is left of its chunk, which was the LF of a CRLF. With that, the block may be too large.
    LineEnd,
    /// The error that bytes of the chunk before were lost, and then its own chunk.
    Error,
}

impl Parser {
    /// A parser at the start of a stream: 16 MiB for one event, and an empty last event ID.
    #[must_use]
    pub fn new() -> Parser {
        Parser {
            state: State::Between,
            unread: Unread::Nothing,
            long: false,
            seam: Seam::default(),
            position: 0,
            block_start: 0,
            buffers: Buffers::default(),
            last_event_id: String::new(),
            shared_id: None,
            reconnection_time: None,
            max_event_size: DEFAULT_LIMIT,
            max_block_size: usize::MAX,
        }
    }

    /// The same parser, with this limit on one event, in bytes: its data, with the values of `event`, `id` and `retry` in
    /// its block, as UTF-8 text.
    ///
    /// 16 MiB unless set; `usize::MAX` means no limit. An event that exceeds it is a
    /// [`ParseErrorKind::EventTooLarge`], as soon as that is known; the rest of its block is skipped.
    #[must_use]
    pub fn with_max_event_size(self, bytes: usize) -> Parser {
        Parser { max_event_size: bytes, ..self }
    }

    /// The same parser, with this limit on the length of one block as it comes, in bytes: all of its lines and their ends,
    /// comments and unknown fields included, without the blank line.
    ///
    /// `usize::MAX` unless set, which means: none for [`next_event`](Feed::next_event), which skips comments and unknown
    /// fields, and as much as one event for [`next_block`](Feed::next_block), which keeps them. A block that exceeds it is a
    /// [`ParseErrorKind::BlockTooLarge`]; the rest of it is skipped.
    #[must_use]
    pub fn with_max_block_size(self, bytes: usize) -> Parser {
        Parser { max_block_size: bytes, ..self }
    }

    /// The same parser, with a last event ID to start with, for a client that goes on where another stopped.
    ///
    /// It is taken as it is, since it never becomes part of a stream. Ids that a parser reads hold no CR, LF or NUL; if this
    /// one comes from elsewhere and goes into a request by hand, check it first ([`EventId::new`]).
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Parser {
        self.set_last_event_id(id);
        self
    }

    /// Sets the last event ID of a parser in use: [`with_last_event_id`](Parser::with_last_event_id) says what it may be.
    ///
    /// Of an unfinished block, an id still takes effect at its end.
    pub fn set_last_event_id(&mut self, id: impl Into<String>) {
        self.last_event_id = id.into();
        self.shared_id = None;
    }

    /// Reads a chunk: the reader yields what the chunk completes.
    ///
    /// Bind the reader to a variable before the loop, and read it until `None`. If a reader is dropped before that, the
    /// parser does not have the rest of the chunk: feed [the rest](Feed::into_rest) next, or [`reset`](Parser::reset) the
    /// parser. If you do neither, the next reader begins with an error of kind [`Unread`](ParseErrorKind::Unread), so that
    /// no event is lost unnoticed.
    ///
    /// ```
    /// # let mut parser = sse_wire::Parser::new();
    /// # let chunk = b"data: x\n\n";
    /// let mut events = parser.feed(chunk);
    /// while let Some(event) = events.next_event()? {
    ///     println!("{}: {}", event.name(), event.data());
    /// }
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    #[inline]
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Feed<'p, 'c> {
        let rest = self.begin_chunk(chunk);
        Feed::new(self, rest)
    }

    /// Reads a chunk that is reference-counted, into owned events: an ordinary iterator.
    ///
    /// As `parser.feed(&chunk).owned()`, but data of 2 KiB and more that makes up at least half of the chunk is shared with
    /// it and not copied.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let chunk = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
    /// for event in parser.feed_bytes(&chunk) {
    ///     println!("{}", event?.data());
    /// }
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    #[inline]
    pub fn feed_bytes<'p, 'c>(&'p mut self, chunk: &'c Bytes) -> FeedBytes<'p, 'c> {
        FeedBytes::new(self.feed(chunk), chunk)
    }

    /// Drops the rest of a BOM or CRLF, and reads a few bytes of a cut block up to a blank line. Returns what is left to
    /// read.
    #[inline(never)]
    fn begin_chunk<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let mut rest = chunk;
        if self.unread != Unread::Nothing || self.seam != Seam::Plain {
            rest = self.begin_after(chunk);
        } else if chunk.len() <= FEW
            && self.state == State::Within
            // If it may be too large, or is read by `next_block`, it is left to the reader.
            && self.max_block_size == usize::MAX
            && self.buffers.is_for_few(chunk.len(), self.max_event_size)
        {
            rest = self.buffers.push_few(chunk);
            self.position += (chunk.len() - rest.len()) as u64;
        }
        if chunk.last() == Some(&b'\r') {
            self.seam = Seam::Cr;
        }
        if !rest.is_empty() && self.unread == Unread::Nothing {
            self.unread = Unread::Bytes;
        }
        rest
    }

    /// Begins a chunk after lost bytes, or whose first bytes may continue a BOM or a CRLF. Returns what is left to read.
    #[cold]
    fn begin_after<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        if matches!(self.unread, Unread::Bytes | Unread::Error) {
            // Whether the lost bytes ended in CR does not count.
            self.seam = Seam::Plain;
            self.unread = Unread::Error;
            return chunk;
        }
        self.unread = Unread::Nothing;
        let (content, rest) = self.seam.skip(chunk);
        self.position += (chunk.len() - rest.len()) as u64;
        if !content.is_empty() {
            // `finish` may have returned the block before.
            self.buffers.clear();
            // A line that begins like a BOM is ignored, so it cannot make an event too large.
            self.state = State::Within;
            self.block_start = self.position - content.len() as u64;
            let _ = self.buffers.push(content, usize::MAX);
            self.buffers.keeps_raw = true;
            self.buffers.raw.extend_from_slice(content);
        }
        if rest.is_empty() && self.state == State::Within {
            self.unread = Unread::LineEnd;
        }
        rest
    }

    /// End of stream: the block that the stream ended in, or `None` if it ended between two blocks, or in a comment there.
    ///
    /// The standard discards that block, because it may be incomplete ([9.2.6]). Some servers leave out the last blank line,
    /// though: [`Block::event`] is the event that it would have dispatched. Its id does not take effect, nor does a retry
    /// line that has not ended.
    ///
    /// What comes next is another stream; [`reset`](Parser::reset) also starts the position over. Never fails; a block that
    /// was refused is not returned.
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// assert_eq!(parser.feed(b"id: 7\ndata: the en").next_event()?, None);
    /// let block = parser.finish().expect("the stream was cut");
    /// assert_eq!(block.event().map(|event| event.data()), Some("the en"));
    /// assert_eq!(parser.last_event_id(), "");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    pub fn finish(&mut self) -> Option<Block<'_>> {
        if self.state == State::Returned {
            self.buffers.clear();
            self.state = State::Between;
        }
        self.reconnection_time = self.reconnection_time();
        let content = self.seam.finish();
        let unfinished = match self.state {
            State::Between => !content.is_empty(),
            State::Within => {
                // Not checked against the limit: all it may add is the U+FFFD for an incomplete last character.
                let _ = self.buffers.end_line(usize::MAX);
                // If the stream ended in LF, that may make the block too large.
                let fits = self.position - self.block_start <= self.max_block_size as u64;
                self.buffers.has_field && fits
            }
            State::Returned | State::Refused => false,
        };
        // The start of a BOM is a line of a field that the standard does not know.
        self.buffers.ignored_lines += u64::from(!content.is_empty());
        self.unread = Unread::Nothing;
        self.set_between_blocks();
        if !unfinished {
            self.buffers.clear();
            return None;
        }
        if !content.is_empty() {
            self.buffers.keeps_raw = true;
            self.buffers.raw.extend_from_slice(content);
        }
        self.state = State::Returned;
        self.make_text();
        // It is returned, but does not take effect.
        let retry = self.buffers.retry.take();
        let block = self.block();
        Some(Block { retry, event: block.event.map(|event| event.with_optional_retry(retry)), ..block })
    }

    /// A new connection: clears the unfinished block, the position and the count of ignored lines, and drops a BOM again.
    ///
    /// The last event ID and the reconnection time stay what they are.
    pub fn reset(&mut self) {
        self.reconnection_time = self.reconnection_time();
        self.buffers.clear();
        self.set_between_blocks();
        self.unread = Unread::Nothing;
        self.buffers.ignored_lines = 0;
        self.position = 0;
        self.seam = Seam::default();
    }

    /// What was not read of a chunk will be fed again, or dropped.
    fn leave(&mut self, rest: &[u8]) {
        if self.unread != Unread::Error {
            self.unread = Unread::Nothing;
        }
        if !rest.is_empty() {
            // A CR at its end will come again, too.
            self.seam = Seam::Plain;
        }
    }

    fn set_between_blocks(&mut self) {
        self.state = State::Between;
        self.buffers.cut = buffers::Cut::No;
    }

    /// The last event ID ([9.2.6]): what a client sends as `Last-Event-ID` when it reconnects, if it is not empty.
    ///
    /// It changes when a block with a valid id ends, with or without data.
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The last reconnection time that the server has set ([9.2.6]); `None` if it has not.
    ///
    /// It changes when a valid retry line ends, before its block does.
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.buffers.retry.or(self.reconnection_time)
    }

    /// Bytes read since the parser was made or reset: the position of the next byte in the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many lines of the stream the standard says to ignore ([9.2.6]), since the parser was made or reset: fields of other
    /// names, an id with NUL, and a retry that is not all ASCII digits.
    ///
    /// A good stream has none. Errors that a server puts outside of `data` count: a field such as `error: {...}`, or bare JSON.
    /// [`Block::ignored_lines`] returns such lines themselves.
    ///
    /// A line counts when it ends, before its block does; [`finish`](Parser::finish) counts a last line that has no end.
    /// Comments and blank lines do not count, nor does what is skipped of a block once it is refused.
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// assert_eq!(parser.feed(b"{\"error\":\"overloaded\"}\n").next_event()?, None);
    /// assert_eq!(parser.ignored_lines(), 1);
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use]
    pub fn ignored_lines(&self) -> u64 {
        self.buffers.ignored_lines
    }

    /// The blank line after the block in the buffers: its id and retry take effect.
    fn end_block(&mut self) {
        self.reconnection_time = self.reconnection_time();
        if self.buffers.has_id && set(&mut self.last_event_id, &self.buffers.id) {
            self.shared_id = None;
        }
    }

    /// The last event ID, which is large, shared by all owned events that have it.
    fn shared_id(&mut self) -> ByteString {
        (**self.shared_id.get_or_insert_with(|| Box::new(self.last_event_id.as_str().into()))).clone()
    }

    /// Makes the bytes of the block in the buffers well-formed UTF-8.
    fn make_text(&mut self) {
        let buffers = &mut self.buffers;
        if !buffers.keeps_raw {
            // It was read for its event: lines with the same meaning.
            let mut lines = Vec::new();
            let event = buffers.event("");
            if buffers.has_data {
                event.encode_into(&mut lines);
            } else {
                event.head().encode_into(&mut lines);
            }
            // Without the blank line.
            lines.pop();
            buffers.raw = lines;
        } else if decode::well_formed(&buffers.raw).is_none() {
            buffers.raw = String::from_utf8_lossy(&buffers.raw).into_owned().into_bytes();
        }
    }

    /// The block in the buffers, whose bytes are text.
    fn block(&self) -> Block<'_> {
        let buffers = &self.buffers;
        Block {
            text: decode::well_formed(&buffers.raw).unwrap_or_default(),
            event: buffers.has_data.then(|| buffers.event(&self.last_event_id)),
            id: buffers.has_id.then(|| EventId::trusted(&buffers.id)),
            retry: buffers.retry,
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Parser::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn the_bytes_of_a_block_are_dropped_once_it_is_read_as_an_event() {
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b": \xf0\x9f").next_block(), Ok(None));
        assert_eq!(parser.feed(b"\x9a\nid: ").next_event(), Ok(None));
        let mut events = parser.feed(b"1\ndata: x\n\n");
        assert_eq!(events.next_event(), Ok(Some(Event::new("x").with_id(EventId::from_static("1")))));
    }

    #[test]
    fn a_block_that_finish_returned_is_not_part_of_the_next_stream() {
        for end in [&b"\xefx: y\n\n"[..], b"\xef\xbb: y\n\n", b"\n\n"] {
            let mut parser = Parser::new();
            assert_eq!(parser.feed(b"event: e\nid: 9\ndata: old").next_event(), Ok(None));
            assert!(parser.finish().is_some());
            assert_eq!(parser.feed(end).next_event(), Ok(None));
            assert_eq!(parser.last_event_id(), "");
            assert_eq!(parser.finish(), None);
        }
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"data: old").next_event(), Ok(None));
        assert!(parser.finish().is_some());
        assert_eq!(parser.feed(b"\xef").next_event(), Ok(None));
        assert_eq!(parser.finish().map(|block| block.lines().count()), Some(1));
    }

    #[test]
    fn a_block_that_was_read_as_an_event_has_the_lines_of_its_event() {
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"id: 7\nretry: 5\ndata: a\nda").next_event(), Ok(None));
        let mut blocks = parser.feed(b"ta: b\n\n");
        let block = blocks.next_block().unwrap().unwrap();
        assert_eq!(block.encode(), "id: 7\nretry: 5\ndata: a\ndata: b\n\n");
        assert_eq!(block.event().map(|event| event.data()), Some("a\nb"));
        assert_eq!(parser.feed(b"event: e\ndata: cut").next_event(), Ok(None));
        assert_eq!(parser.finish().unwrap().encode(), "event: e\ndata: cut\n\n");
        assert_eq!(parser.feed(b"id: 8\n").next_event(), Ok(None));
        assert_eq!(parser.finish().unwrap().encode(), "id: 8\n\n");
    }

    #[test]
    fn into_rest_keeps_the_error_of_its_reader() {
        let mut parser = Parser::new();
        drop(parser.feed(b"data: lost\n\n"));
        let rest = parser.feed(b"data: b\n\n").into_rest();
        let error = parser.feed(rest).next_event().unwrap_err();
        assert_eq!((error.kind(), error.position()), (ParseErrorKind::Unread, 0));
        // Nor is a LF that makes a block too large.
        let mut parser = Parser::new().with_max_block_size(7);
        assert_eq!(parser.feed(b"data: \r").next_event(), Ok(None));
        drop(parser.feed(b"\n"));
        assert_eq!(parser.finish(), None);
    }

    #[test]
    fn a_parser_has_256_bytes_at_most() {
        assert!(size_of::<Parser>() <= 256, "{}", size_of::<Parser>());
    }

    #[test]
    fn the_position_counts_what_a_dropped_reader_has_read() {
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"data: a").next_event(), Ok(None));
        // `feed` itself may read a few bytes, up to a blank line.
        drop(parser.feed(b"b\n\n"));
        assert_eq!(parser.position(), 9);
        let mut events = parser.feed(b"data: c");
        let error = events.next_event().unwrap_err();
        assert_eq!((error.kind(), error.position()), (ParseErrorKind::Unread, 9));
        assert_eq!(events.next_event(), Ok(None));
        assert_eq!(parser.feed(b"\n\n").next_event(), Ok(Some(Event::new("ab\nc"))));
    }
    #[test]
    fn after_the_error_of_an_empty_chunk_the_stream_goes_on_where_the_dropped_reader_stopped() {
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"data: 1\n").next_event(), Ok(None));
        drop(parser.feed(b"\n\r"));
        assert_eq!(parser.feed(b"").next_event().unwrap_err().kind(), ParseErrorKind::Unread);
        // It begins with LF, and the lost chunk ended in CR.
        assert_eq!(parser.feed(b"\n\r").next_event(), Ok(Some(Event::new("1"))));
    }
}
