//! A block, with all of its lines.

use alloc::boxed::Box;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use bytestring::ByteString;

use crate::event::Event;
use crate::field;
use crate::lines;
use crate::names::EventId;
use crate::owned::OwnedEvent;

/// A block: the lines up to a blank line, whether they dispatch an event or not.
///
/// For relays, for clients with other rules than the standard's, and for debugging.
/// [`Feed::next_block`](crate::Feed::next_block) yields it.
///
/// ```
/// use sse_wire::{BlockLine, Parser};
///
/// let mut parser = Parser::new();
/// let mut blocks = parser.feed(b": hi\nid: 7\nx-own: y\n\n");
/// let block = blocks.next_block()?.unwrap();
/// assert_eq!((block.event(), block.id()), (None, Some("7")));
/// assert_eq!(block.lines().last(), Some(BlockLine::Field { name: "x-own", value: "y" }));
/// assert_eq!(block.encode(), ": hi\nid: 7\nx-own: y\n\n");
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
///
/// Two blocks are equal if their lines and events are, whatever the line ends.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The lines with their ends, as they came, with U+FFFD for ill-formed UTF-8.
    pub(crate) text: &'a str,
    pub(crate) event: Option<Event<'a>>,
    pub(crate) id: Option<EventId<'a>>,
    pub(crate) retry: Option<Duration>,
}

impl<'a> Block<'a> {
    /// The event that the block dispatches: `None` for a block without a data line.
    #[must_use]
    pub const fn event(&self) -> Option<Event<'a>> {
        self.event
    }

    /// The id of the block, which takes effect with or without an event.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.id.map(EventId::as_str)
    }

    /// The reconnection time that the block sets.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Every line in its order, comments and unknown fields included.
    ///
    /// If a part of the block was read by [`next_event`](crate::Feed::next_event), which keeps only what an event needs,
    /// these are lines with the same meaning, without comments and unknown fields.
    #[must_use]
    pub fn lines(&self) -> BlockLines<'a> {
        BlockLines(RawLines(self.text))
    }

    /// The lines that the standard says to ignore, without their ends, as they came: those that [`Parser::ignored_lines`]
    /// counts.
    ///
    /// For errors that a server puts outside of `data`. The lines of a bare JSON text, joined by LF, are that text.
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut blocks = parser.feed(b"error: overloaded\ndata: {}\n\n");
    /// let block = blocks.next_block()?.unwrap();
    /// assert!(block.ignored_lines().eq(["error: overloaded"]));
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    ///
    /// As [`lines`](Block::lines), it has none of them if a part of the block was read by
    /// [`next_event`](crate::Feed::next_event).
    ///
    /// [`Parser::ignored_lines`]: crate::Parser::ignored_lines
    pub fn ignored_lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        RawLines(self.text).filter(|line| field::is_ignored(line.as_bytes()))
    }

    /// The same block, owning its text. Copies the text.
    #[must_use]
    pub fn into_owned(self) -> OwnedBlock {
        self.into_owned_with(Event::into_owned)
    }

    pub(crate) fn into_owned_with(self, own: impl FnOnce(Event<'a>) -> OwnedEvent) -> OwnedBlock {
        let event = self.event.map(own);
        OwnedBlock { text: self.text.into(), event, id: self.id.map(|id| id.as_str().into()), retry: self.retry }
    }
}

impl PartialEq for Block<'_> {
    fn eq(&self, other: &Self) -> bool {
        let values = |block: &Self| (block.event, block.id, block.retry);
        values(self) == values(other) && (self.text == other.text || self.lines().eq(other.lines()))
    }
}

impl Eq for Block<'_> {}

impl Hash for Block<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.event, self.id, self.retry).hash(state);
        self.lines().for_each(|line| line.hash(state));
    }
}

/// A line of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockLine<'a> {
    /// A comment, without its colon and the one space after it.
    Comment(&'a str),
    /// A field, known or not.
    Field {
        /// The name, as it is written.
        name: &'a str,
        /// The value, without the one space after the colon; empty if there is no colon.
        value: &'a str,
    },
}

/// The lines of a [`Block`]: [`Block::lines`].
#[derive(Clone, Debug)]
pub struct BlockLines<'a>(RawLines<'a>);

impl<'a> Iterator for BlockLines<'a> {
    type Item = BlockLine<'a>;

    fn next(&mut self) -> Option<BlockLine<'a>> {
        let line = self.0.next()?;
        let (name, value) = field::split(line.as_bytes());
        let (name, value) = (&line[..name.len()], &line[line.len() - value.len()..]);
        Some(if line.starts_with(':') { BlockLine::Comment(value) } else { BlockLine::Field { name, value } })
    }
}

impl core::iter::FusedIterator for BlockLines<'_> {}

/// The lines of a block, without their ends.
#[derive(Clone, Debug)]
struct RawLines<'a>(&'a str);

impl<'a> Iterator for RawLines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.0.as_bytes();
        if bytes.is_empty() {
            return None;
        }
        // The unfinished block of a stream may end without a line end.
        let end = lines::find(bytes).unwrap_or(bytes.len());
        let next = if end < bytes.len() { lines::after(bytes, end) } else { end };
        let (line, rest) = (&self.0[..end], &self.0[next..]);
        self.0 = rest;
        Some(line)
    }
}

/// A block that owns its text: `Send + 'static`, for other tasks and threads.
#[derive(Clone, Debug, Default)]
pub struct OwnedBlock {
    text: Box<str>,
    event: Option<OwnedEvent>,
    id: Option<Box<str>>,
    retry: Option<Duration>,
}

impl OwnedBlock {
    /// The block, borrowing its text from this one.
    #[must_use]
    pub fn as_block(&self) -> Block<'_> {
        Block {
            text: &self.text,
            event: self.event.as_ref().map(OwnedEvent::as_event),
            id: self.id.as_deref().map(EventId::trusted),
            retry: self.retry,
        }
    }

    /// As [`Block::event`].
    #[must_use]
    pub fn event(&self) -> Option<Event<'_>> {
        self.as_block().event()
    }

    /// As [`Block::id`].
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// As [`Block::retry`].
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// As [`Block::lines`].
    #[must_use]
    pub fn lines(&self) -> BlockLines<'_> {
        self.as_block().lines()
    }

    /// As [`Block::ignored_lines`].
    pub fn ignored_lines(&self) -> impl Iterator<Item = &str> {
        self.as_block().ignored_lines()
    }

    /// Sets the last event ID of its event, which has none: see [`OwnedEvent::without_id`].
    pub(crate) fn set_last_event_id(&mut self, id: ByteString) {
        if let Some(event) = &mut self.event {
            event.set_last_event_id(id);
        }
    }

    /// The event by value, if the block dispatches one.
    #[must_use]
    pub fn into_event(self) -> Option<OwnedEvent> {
        self.event
    }
}

impl PartialEq for OwnedBlock {
    fn eq(&self, other: &OwnedBlock) -> bool {
        self.as_block() == other.as_block()
    }
}

impl Eq for OwnedBlock {}

impl Hash for OwnedBlock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_block().hash(state);
    }
}

impl From<Block<'_>> for OwnedBlock {
    fn from(block: Block<'_>) -> Self {
        block.into_owned()
    }
}

impl<'a> From<&'a OwnedBlock> for Block<'a> {
    fn from(block: &'a OwnedBlock) -> Self {
        block.as_block()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parser, event::Event};
    use alloc::vec::Vec;

    const STREAM: &[u8] =
        b"\xef\xbb\xbf: hi\r\n:\n:  two\revent: e\nid:7\nretry:5\rown: y:z\nbare\n :\ndata\ndata: \xff\n\n";

    fn lines() -> [BlockLine<'static>; 11] {
        let field = |name, value| BlockLine::Field { name, value };
        [
            BlockLine::Comment("hi"),
            BlockLine::Comment(""),
            BlockLine::Comment(" two"),
            field("event", "e"),
            field("id", "7"),
            field("retry", "5"),
            field("own", "y:z"),
            field("bare", ""),
            field(" ", ""),
            field("data", ""),
            field("data", "\u{fffd}"),
        ]
    }

    fn check(block: &Block<'_>) {
        assert_eq!(block.lines().collect::<Vec<_>>(), lines());
        let event = block.event().unwrap();
        assert_eq!((event.name(), event.data(), event.id()), ("e", "\n\u{fffd}", Some("7")));
        assert_eq!(
            (block.id(), block.retry(), event.retry()),
            (Some("7"), event.retry(), Some(Duration::from_millis(5)))
        );
        let encoded = ": hi\n: \n:  two\nevent: e\nid: 7\nretry: 5\nown: y:z\nbare: \n : \ndata: \ndata: \u{fffd}\n\n";
        assert_eq!(block.encode(), encoded);
        assert_eq!(block.encoded_len(), encoded.len());
    }

    #[test]
    fn a_block_has_all_lines_in_order_wherever_it_is_cut() {
        for cut in 0..=STREAM.len() {
            let mut parser = Parser::new();
            let mut seen = 0;
            for chunk in [&STREAM[..cut], &STREAM[cut..]] {
                let mut blocks = parser.feed(chunk);
                while let Some(block) = blocks.next_block().unwrap() {
                    check(&block);
                    let owned = block.into_owned();
                    check(&owned.as_block());
                    assert_eq!(owned.as_block(), block);
                    assert_eq!((owned.event(), owned.id(), owned.retry()), (block.event(), block.id(), block.retry()));
                    assert_eq!(owned.lines().collect::<Vec<_>>(), lines());
                    assert_eq!(OwnedBlock::from(block), owned);
                    assert_eq!(Block::from(&owned), block);
                    assert_eq!(owned.encode(), block.encode());
                    assert_eq!(owned.into_event().as_ref().map(OwnedEvent::as_event), block.event());
                    seen += 1;
                }
            }
            assert_eq!(seen, 1, "cut at {cut}");
        }
    }

    #[test]
    fn a_block_tells_which_lines_are_ignored_as_they_came() {
        let stream =
            b"error: {}\r\ndata: x\n: c\nid: 7\nid: a\0b\rretry: 5\nretry\n  \"message\":  \"y\"\n}\nevent\ndata\n\n";
        let ignored = ["error: {}", "id: a\0b", "retry", "  \"message\":  \"y\"", "}"];
        for cut in 0..=stream.len() {
            let mut parser = Parser::new();
            let mut blocks = Vec::new();
            for chunk in [&stream[..cut], &stream[cut..]] {
                blocks.extend(parser.feed(chunk).owned_blocks().map(Result::unwrap));
            }
            assert_eq!(blocks.len(), 1);
            assert!(blocks[0].ignored_lines().eq(ignored), "cut at {cut}");
            assert!(blocks[0].as_block().ignored_lines().eq(ignored), "cut at {cut}");
            assert_eq!(parser.ignored_lines(), 5);
        }
        // The last line has no end.
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"{\n}").next_block(), Ok(None));
        assert!(parser.finish().unwrap().ignored_lines().eq(["{", "}"]));
    }

    #[test]
    fn a_block_of_which_a_part_was_read_as_an_event_has_lines_with_the_same_meaning() {
        const BLOCK: &[u8] = b"own: y\n: c\r\ndata: x\rid: 7\n\n";
        for cut in 0..BLOCK.len() {
            for other in cut..BLOCK.len() {
                for first_two in 0..4 {
                    let reads_blocks = [first_two & 1 != 0, first_two & 2 != 0];
                    let mut parser = Parser::new();
                    for (part, blocks) in [&BLOCK[..cut], &BLOCK[cut..other]].into_iter().zip(reads_blocks) {
                        let mut feed = parser.feed(part);
                        assert!(if blocks { feed.next_block() == Ok(None) } else { feed.next_event() == Ok(None) });
                    }
                    let block = parser.feed(&BLOCK[other..]).next_block().unwrap().unwrap().into_owned();
                    assert_eq!((block.event().unwrap().data(), block.id()), ("x", Some("7")));
                    let whole = block.lines().count() == 4;
                    assert!(whole || reads_blocks != [true; 2], "cut at {cut} and {other}");
                    assert_eq!(block.encode().starts_with(b"own: y\n: c\n"), whole);
                    assert!(whole || block.encode() == "id: 7\ndata: x\n\n", "{block:?}");
                }
            }
        }
    }

    #[test]
    fn a_block_without_an_event_is_a_block_and_a_blank_line_alone_is_not() {
        let stream = b"\n\r\n: c\n\n\n\nown\r\r\nid: 1\n\nretry: 2\n\nevent: e\n\n\r";
        for size in 1..=stream.len() {
            let mut parser = Parser::new();
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                for block in parser.feed(chunk).owned_blocks() {
                    let block = block.unwrap();
                    assert_eq!(block.event(), None);
                    assert_eq!(block.lines().count(), 1);
                    seen.push((block.id() == Some("1"), block.retry().is_some()));
                }
            }
            let nothing = (false, false);
            assert_eq!(seen, [nothing, nothing, (true, false), (false, true), nothing], "chunks of {size}");
        }
    }

    #[test]
    fn a_bom_is_dropped_only_at_the_start_of_a_stream() {
        let mut parser = Parser::new();
        let mut blocks = parser.feed("\u{feff}data: 1\n\n\u{feff}data: 2\n\n".as_bytes());
        assert_eq!(blocks.next_block().unwrap().unwrap().event(), Some(Event::new("1")));
        let block = blocks.next_block().unwrap().unwrap();
        assert_eq!(block.event(), None);
        assert_eq!(block.lines().next(), Some(BlockLine::Field { name: "\u{feff}data", value: "2" }));
        // Encoded, it may become the start of a stream.
        let encoded = block.encode();
        let mut parser = Parser::new();
        let mut blocks = parser.feed(&encoded);
        let again = blocks.next_block().unwrap().unwrap();
        assert_eq!(again.event(), None);
        assert_eq!(again.lines().collect::<Vec<_>>()[1..], block.lines().collect::<Vec<_>>());
        assert_eq!(encoded, ":\n\u{feff}data: 2\n\n");
        assert_eq!(again.encode(), ": \n\u{feff}data: 2\n\n", "one comment is enough");
    }

    #[test]
    fn after_the_last_line_there_are_no_more() {
        let mut lines = BlockLines(RawLines("data: x"));
        assert_eq!(lines.next(), Some(BlockLine::Field { name: "data", value: "x" }));
        assert_eq!((lines.next(), lines.next()), (None, None));
    }

    #[test]
    fn the_default_owned_block_is_empty() {
        let block = OwnedBlock::default();
        assert_eq!((block.event(), block.id(), block.retry(), block.lines().count()), (None, None, None, 0));
        assert_eq!(block.into_event(), None);
    }

    #[test]
    fn blocks_with_equal_lines_are_equal_whatever_the_line_ends() {
        let block = |stream: &[u8]| Parser::new().feed(stream).owned_blocks().next().unwrap().unwrap();
        let hash = |block: &OwnedBlock| {
            let mut hasher = std::hash::DefaultHasher::new();
            block.hash(&mut hasher);
            hasher.finish()
        };
        let first = block(b": c\nx: y\ndata: z\n\n");
        for same in [&b": c\r\nx:y\rdata: z\r\r"[..], b":c\nx: y\ndata: z\n\n"] {
            assert_eq!((block(same), hash(&block(same))), (first.clone(), hash(&first)));
        }
        for other in [
            &b": d\nx: y\ndata: z\n\n"[..],
            b"x: y\ndata: z\n\n",
            b": c\nx: y\ndata: z\nid\n\n",
            b"x: y\n: c\ndata: z\n\n",
        ] {
            assert_ne!(block(other), first);
        }
    }
}
