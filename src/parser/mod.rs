//! Bytes to events: [`Parser`], on top of lines (`line`), fields (`field`) and the block under way (`block`); how they
//! work together is told in `machine`.

mod block;
mod builder;
mod error;
mod field;
mod item;
mod last_event_id;
mod line;
#[cfg(test)]
mod linear;
mod machine;
mod text;

use core::time::Duration;

use bytes::{Buf, Bytes};
use bytestring::ByteString;

use crate::event::Event;
use crate::line::Search;
use block::{Block, Found};
use field::PartialLine;
use last_event_id::LastEventId;
use line::Scanner;
use machine::{Phase, Shortcut, Stop};
use text::{Borrowed, Chunk};

pub use builder::ParserBuilder;
pub use error::{ParseError, ParseErrorKind};
pub use item::Item;
pub use line::{Line, LineParser};

/// What a parser keeps of the memory that one large block made it take, in bytes, all buffers together.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Turns the bytes of an event stream into events, as they arrive ([9.2.5], [9.2.6]).
///
/// **Call [`next_event`](Parser::next_event) until it returns `None`, then bring the next chunk**; nothing is ever
/// queued inside, and what was not taken is still in your `input`. Chunks may be cut anywhere: the events, the errors
/// and the state at the end are the same for every cut.
///
/// Events come *borrowed* (`&str` into the chunk or the parser; no allocation) or *shared*
/// ([`next_event_shared`](Parser::next_event_shared): reference-counted parts of a [`Bytes`] chunk, which outlive it
/// and go to other threads and tasks). Both may be mixed.
///
/// # What happens to odd input
///
/// Every byte sequence is an event stream; the size limit is the only error.
///
/// - Ill-formed UTF-8 becomes U+FFFD, one for each maximal subpart, wherever the chunks are cut.
/// - One BOM at the very start of the stream is dropped.
/// - Lines end in LF, CR or CRLF. A CR ends its line at once: an event is not held back for a LF that may follow.
/// - An id with NUL, a retry that is not all ASCII digits, comments and fields with other names are ignored.
///   A retry beyond `u64` milliseconds saturates.
/// - A block without a data line dispatches nothing, but its id and retry take effect.
///
/// # Memory
///
/// The name, id and data of an event, with the value being read, may take 16 MiB as UTF-8 text, or as much as
/// [`max_event_size`](ParserBuilder::max_event_size) says. Comments and unknown fields are skipped as they come and
/// may be of any length. A parser holds no heap memory before it must keep part of a block or an id, and at most
/// 64 KiB besides the last event ID once a large event is over.
///
/// ```
/// use sse_wire::Parser;
///
/// let mut parser = Parser::new();
/// let mut received = Vec::new();
/// for mut chunk in ["id: 1\ndata: hel", "lo\n\nevent: bye\ndata:\n", "\n"].map(str::as_bytes) {
///     while let Some(event) = parser.next_event(&mut chunk)? {
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
    scanner: Scanner,
    phase: Phase,
    /// Where the block under way begins.
    block_start: u64,
    block: Block,
    last_event_id: LastEventId,
    reconnection_time: Option<Duration>,
}

/// Takes bytes up to the next event, comment or error, or all of them; does what `$taken` says; and returns what the
/// caller sees of it, which the method `$view` makes of what was found. A macro, because the view must be made last and in
/// place: a call, or a copy of what was just written, costs as much as an event.
macro_rules! step {
    ($parser:expr, $chunk:expr, $input:expr, $comments:expr, $taken:block, $view:ident) => {{
        let search = match $parser.shortcut($input, $comments) {
            Shortcut::Block { data, end, len } => match $chunk.text(data) {
                Some(data) => {
                    $parser.scanner.take($input, len);
                    $taken
                    return Ok($parser.$view(Stop::Event, Found::only_data(data)));
                }
                None => Search::End(end),
            },
            Shortcut::All => {
                $taken
                return Ok(None);
            }
            Shortcut::None(search) => search,
        };
        let mut found = Found::default();
        let stop = $parser.advance($chunk, $input, $comments, search, &mut found);
        $taken
        stop.map(|stop| $parser.$view(stop, found))
    }};
}

/// Takes all but the last `left` bytes of `input`.
#[inline]
fn take_shared(input: &mut Bytes, left: usize) {
    if left == 0 {
        // An empty `Bytes` that was advanced would still keep the chunk alive.
        *input = Bytes::new();
    } else {
        input.advance(input.len() - left);
    }
}

impl Parser {
    /// A parser at the start of a stream: 16 MiB for one event, and an empty last event ID.
    #[must_use]
    pub fn new() -> Parser {
        Parser::builder().build()
    }

    /// A parser with settings of its own.
    pub fn builder() -> ParserBuilder {
        ParserBuilder::new()
    }

    /// Takes bytes off the front of `input` up to and including the next dispatched event, and borrows that event.
    ///
    /// `Ok(None)`: all of `input` was taken, and more is needed.
    ///
    /// Text is borrowed from `input` where it lies there in one piece, and from the parser otherwise. The event must
    /// be gone before the next call; [`Event::to_shared`] copies it.
    ///
    /// # Errors
    ///
    /// [`ParseError`], once for each block that is larger than the limit. The rest of that block is skipped, and the
    /// next call goes on with the block after it.
    #[inline]
    pub fn next_event<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Event<&'p str>>, ParseError> {
        if self.few_bytes(input) { Ok(None) } else { self.read_event(input) }
    }

    /// The ways that [`few_bytes`](Parser::few_bytes), which is for the caller's loop, leaves over.
    fn read_event<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Event<&'p str>>, ParseError> {
        step!(self, &Borrowed(input), input, false, {}, borrowed_event)
    }

    /// The same as [`next_event`](Parser::next_event), with an event that shares the memory of `input`.
    ///
    /// Text that does not lie in `input` in one piece is copied to memory of its own. The chunk lives as long as the
    /// events taken from it; the parser never keeps it alive. Once all of `input` is taken, it is an empty `Bytes`
    /// that holds no memory.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut chunk = Bytes::from_static(b"data: to another thread\n\n");
    /// let event = parser.next_event_shared(&mut chunk)?.unwrap();
    /// std::thread::spawn(move || assert_eq!(event.data(), "to another thread")).join().unwrap();
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Parser::next_event).
    pub fn next_event_shared(&mut self, input: &mut Bytes) -> Result<Option<Event<ByteString>>, ParseError> {
        let mut rest = &input[..];
        step!(self, &*input, &mut rest, false, { take_shared(input, rest.len()) }, shared_event)
    }

    /// The same as [`next_event`](Parser::next_event), with the comments too, each in its place.
    ///
    /// Servers send comments as signs of life. A comment within a block comes before that block's event.
    ///
    /// ```
    /// use sse_wire::{Event, Item, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let mut chunk: &[u8] = b": still here\n\ndata: x\n\n";
    /// assert_eq!(parser.next_item(&mut chunk)?, Some(Item::Comment("still here")));
    /// assert_eq!(parser.next_item(&mut chunk)?, Some(Item::Event(Event::new("x"))));
    /// assert_eq!(parser.next_item(&mut chunk)?, None);
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Parser::next_event). A comment counts towards the limit while it is read, with what the
    /// parser holds of the block around it.
    pub fn next_item<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Item<&'p str>>, ParseError> {
        step!(self, &Borrowed(input), input, true, {}, borrowed_item)
    }

    /// The same as [`next_item`](Parser::next_item), with text that shares the memory of `input`, as
    /// [`next_event_shared`](Parser::next_event_shared) does.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Parser::next_item).
    pub fn next_item_shared(&mut self, input: &mut Bytes) -> Result<Option<Item<ByteString>>, ParseError> {
        let mut rest = &input[..];
        step!(self, &*input, &mut rest, true, { take_shared(input, rest.len()) }, shared_item)
    }

    /// End of stream: the event of the unfinished block, if it has data.
    ///
    /// The standard discards it, because nobody knows how much of it is missing ([9.2.6]). Some servers leave out the
    /// last blank line, though, so it is handed back for the caller to decide: it is the event that a line terminator
    /// and a blank line would have dispatched. Its id does not take effect, nor does a retry line that has not ended.
    ///
    /// What comes after it is another stream; [`reset`](Parser::reset) also starts the position over, and gives back
    /// the memory of the event. Never fails; a block that was refused is not handed back.
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut chunk: &[u8] = b"id: 7\ndata: the en";
    /// assert_eq!(parser.next_event(&mut chunk)?, None);
    /// assert_eq!(parser.finish().map(|event| event.into_data()), Some("the en"));
    /// assert_eq!(parser.last_event_id(), "");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    pub fn finish(&mut self) -> Option<Event<&str>> {
        self.scanner.finish();
        let reconnection_time = self.reconnection_time();
        let within = self.phase == Phase::Within;
        if within {
            // Not checked against the limit: all it may add is the U+FFFD for an incomplete last character.
            self.block.end_value();
            self.block.take_value();
        }
        let unfinished = within && self.block.has_data;
        let retry = self.block.retry.take();
        self.reconnection_time = reconnection_time;
        self.block.line = PartialLine::Empty;
        if !unfinished {
            self.end_block();
            return None;
        }
        self.phase = Phase::Dispatched;
        let has_id = self.block.has_id;
        let last_event_id = if has_id { &self.block.id } else { &self.last_event_id.text };
        Some(Event::from_block(Some(&self.block.name), &self.block.data, Some(last_event_id), has_id, retry))
    }

    /// A new connection: forgets the block under way and the position, and expects a BOM again.
    ///
    /// The last event ID and the reconnection time stay what they are.
    pub fn reset(&mut self) {
        self.end_block();
        self.block.line = PartialLine::Empty;
        self.scanner = Scanner::default();
    }

    /// The last event ID ([9.2.6]): what a client sends as `Last-Event-ID` when it reconnects, if it is not empty.
    ///
    /// It changes when a block with a valid id ends, with or without data.
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id.text
    }

    /// The last reconnection time that the server asked for ([9.2.6]); `None` if it has not.
    ///
    /// It changes when a valid retry line ends, before its block does.
    ///
    /// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.block.retry.or(self.reconnection_time)
    }

    /// Bytes taken since the parser was made or reset: the offset of what comes next in the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.scanner.position
    }

    #[inline(always)]
    fn borrowed_event<'p, 'i: 'p>(&'p mut self, stop: Stop, found: Found<&'i str>) -> Option<Event<&'p str>> {
        match stop {
            Stop::Event => Some(self.borrowed(found)),
            Stop::Comment | Stop::End => None,
        }
    }

    #[inline(always)]
    fn borrowed_item<'p, 'i: 'p>(&'p mut self, stop: Stop, found: Found<&'i str>) -> Option<Item<&'p str>> {
        match stop {
            Stop::Event => Some(Item::Event(self.borrowed(found))),
            Stop::Comment => Some(Item::Comment(found.comment.unwrap_or(&self.block.value))),
            Stop::End => None,
        }
    }

    #[inline(always)]
    fn shared_event(&mut self, stop: Stop, found: Found<ByteString>) -> Option<Event<ByteString>> {
        match stop {
            Stop::Event => Some(self.shared(found)),
            Stop::Comment | Stop::End => None,
        }
    }

    #[inline(always)]
    fn shared_item(&mut self, stop: Stop, found: Found<ByteString>) -> Option<Item<ByteString>> {
        match stop {
            Stop::Event => Some(Item::Event(self.shared(found))),
            Stop::Comment => {
                let kept = || block::take(&mut self.block.value).into();
                Some(Item::Comment(found.comment.unwrap_or_else(kept)))
            }
            Stop::End => None,
        }
    }

    /// The dispatched event, as it lies in the chunk and in the parser.
    #[inline(always)]
    fn borrowed<'p>(&'p self, found: Found<&'p str>) -> Event<&'p str> {
        let has_id = self.has_id(&found);
        Event::from_block(
            Some(found.name.unwrap_or(&self.block.name)),
            found.data.unwrap_or(&self.block.data),
            Some(found.id.unwrap_or(&self.last_event_id.text)),
            has_id,
            self.block.retry,
        )
    }

    /// The dispatched event, with what is kept moved out of the parser.
    #[inline(always)]
    fn shared(&mut self, found: Found<ByteString>) -> Event<ByteString> {
        let has_id = self.has_id(&found);
        let block = &mut self.block;
        Event::from_block(
            found.name.or_else(|| (!block.name.is_empty()).then(|| block::take(&mut block.name).into())),
            found.data.unwrap_or_else(|| block.take_data().into()),
            found.id.or_else(|| self.last_event_id.shared()),
            has_id,
            block.retry,
        )
    }

    fn has_id<T>(&self, found: &Found<T>) -> bool {
        found.id.is_some() || self.block.has_id
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

    #[test]
    fn a_comment_that_is_no_longer_asked_for_leaves_nothing_behind() {
        let mut parser = Parser::new();
        assert_eq!(parser.next_item(&mut &b": \xf0\x9f"[..]), Ok(None));
        assert_eq!(parser.next_event(&mut &b"\x9a\nid: "[..]), Ok(None));
        let event = parser.next_event(&mut &b"1\ndata: x\n\n"[..]).unwrap().unwrap();
        assert_eq!(event, Event::new("x").with_id("1").unwrap());
    }
}
