//! Bytes to lines: the layer below blocks and events.

use alloc::vec::Vec;

use crate::field;
use crate::lines::{self, LineEnds, Seam};
use crate::parser::{DEFAULT_LIMIT, KEPT_CAPACITY, ParseError, ParseErrorKind};

/// One line of an event stream ([9.2.5]), without its end.
///
/// These are bytes, not text: the standard decodes them as UTF-8, with U+FFFD for what is ill-formed.
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line<'a> {
    /// A field, known ([`Field::from_name`](crate::Field::from_name)) or not.
    Field {
        /// All before the first colon, or the whole line if it has none.
        name: &'a [u8],
        /// All after the colon, without one leading space; empty if there is no colon.
        value: &'a [u8],
    },
    /// A comment: all that comes after the first colon, a leading space included.
    Comment(&'a [u8]),
    /// A blank line: the block before it is complete.
    Blank,
}

impl<'a> Line<'a> {
    fn of(line: &'a [u8]) -> Self {
        match line {
            [] => Line::Blank,
            [b':', comment @ ..] => Line::Comment(comment),
            _ => {
                let (name, value) = field::split(line);
                Line::Field { name, value }
            }
        }
    }
}

/// Splits an event stream into lines: for relays and inspectors that need every line as it came.
///
/// A relay that writes the lines again must not begin a stream with a line that begins with U+FEFF: that would be a BOM, and a
/// line that clients ignore would become a field. Write `:` and a line end before it, as an encoded [`Block`](crate::Block)
/// does.
///
/// It drops the BOM at the start of the stream and the line ends (LF, CR, CRLF), and joins lines that were cut. It is used
/// as [`Parser`](crate::Parser) is: [`feed`](LineParser::feed) it a chunk, read lines until there is no more, then feed the
/// next chunk.
///
/// ```
/// use sse_wire::{Line, LineParser};
///
/// let mut parser = LineParser::new();
/// let mut lines = parser.feed(b": hi\r\nda");
/// assert_eq!(lines.next_line()?, Some(Line::Comment(b" hi")));
/// assert_eq!(lines.next_line()?, None);
///
/// let mut lines = parser.feed(b"ta: x\n\n");
/// assert_eq!(lines.next_line()?, Some(Line::Field { name: b"data", value: b"x" }));
/// assert_eq!(lines.next_line()?, Some(Line::Blank));
/// assert_eq!(lines.next_line()?, None);
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LineParser {
    state: State,
    /// Whether the last reader has not read its chunk to the end.
    unread: bool,
    /// Whether the last line was long.
    long: bool,
    seam: Seam,
    position: u64,
    line_start: u64,
    /// The beginning of a line that was cut, or the whole line, until the next call.
    line: Vec<u8>,
    max_line_size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two lines.
    Between,
    /// `line` holds the beginning of a line.
    Within,
    /// In a line that was refused.
    Refused,
}

impl LineParser {
    /// A parser at the start of a stream, for lines of up to 16 MiB.
    #[must_use]
    pub fn new() -> LineParser {
        LineParser {
            state: State::Between,
            unread: false,
            long: false,
            seam: Seam::default(),
            position: 0,
            line_start: 0,
            line: Vec::new(),
            max_line_size: DEFAULT_LIMIT,
        }
    }

    /// The same parser, with this limit on one line, in bytes, without its end. `usize::MAX` means no limit.
    ///
    /// A longer line is a [`ParseErrorKind::LineTooLong`]; the rest of it is skipped.
    #[must_use]
    pub fn with_max_line_size(self, bytes: usize) -> LineParser {
        LineParser { max_line_size: bytes, ..self }
    }

    /// Reads a chunk: the reader yields the lines that end in it. As for [`Parser::feed`](crate::Parser::feed), it must be
    /// read to its end.
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> LineFeed<'p, 'c> {
        let unread = self.unread;
        if unread {
            // Whether the lost bytes ended in CR does not count.
            self.seam = Seam::Plain;
        }
        let mut rest = chunk;
        if chunk.is_empty() {
            return LineFeed { parser: self, bytes: chunk, pos: 0, ends: LineEnds::NEW, unread };
        }
        if self.seam != Seam::Plain {
            let content;
            (content, rest) = self.seam.skip(chunk);
            self.position += (chunk.len() - rest.len()) as u64;
            if !content.is_empty() {
                self.begin_line(self.position - content.len() as u64);
                self.line.extend_from_slice(content);
                self.state = State::Within;
            }
        }
        if chunk.ends_with(b"\r") {
            self.seam = Seam::Cr;
        }
        self.unread = unread || !rest.is_empty();
        LineFeed { parser: self, bytes: rest, pos: 0, ends: LineEnds::NEW, unread }
    }

    /// End of stream: the last line, if it has no end.
    ///
    /// The standard ignores such a line. Never fails; a line that was refused is not returned. What comes next is another
    /// stream.
    ///
    /// A stream of one or two bytes that could have become a BOM is a line too, whatever the limit.
    pub fn finish(&mut self) -> Option<Line<'_>> {
        let incomplete_bom = self.seam.finish();
        self.unread = false;
        if !incomplete_bom.is_empty() {
            return Some(Line::of(incomplete_bom));
        }
        let unfinished = self.state == State::Within;
        self.state = State::Between;
        unfinished.then(|| Line::of(&self.line))
    }

    /// A new stream: clears the cut line and the position, and drops a BOM again.
    pub fn reset(&mut self) {
        self.begin_line(0);
        self.state = State::Between;
        (self.unread, self.position, self.seam) = (false, 0, Seam::default());
    }

    /// Bytes read since the parser was made or reset: the position of the next byte in the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Where the line begins that was read last, or that was cut, in bytes from the start of the stream.
    #[must_use]
    pub fn line_start(&self) -> u64 {
        self.line_start
    }

    /// Clears the line before, and releases the memory of a long one.
    fn begin_line(&mut self, start: u64) {
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        self.line_start = start;
    }
}

impl Default for LineParser {
    fn default() -> Self {
        LineParser::new()
    }
}

/// The lines that end in a chunk: see [`LineParser::feed`].
#[derive(Debug)]
#[must_use = "a chunk is read by `next_line`"]
pub struct LineFeed<'p, 'c> {
    parser: &'p mut LineParser,
    bytes: &'c [u8],
    pos: usize,
    ends: LineEnds,
    unread: bool,
}

impl<'c> LineFeed<'_, 'c> {
    /// The next line; `None` once all of the chunk was read.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::LineTooLong`], once for each line over the limit; the next call goes on after it. And
    /// [`ParseErrorKind::Unread`] once, at first, if the chunk before was not read to its end.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ParseError> {
        if core::mem::take(&mut self.unread) {
            self.parser.unread = self.pos < self.bytes.len();
            return Err(ParseError::unread(self.parser.position));
        }
        while self.pos < self.bytes.len() {
            let (start, state) = (self.pos, self.parser.state);
            if state == State::Between {
                self.parser.begin_line(self.parser.position);
            }
            let end = self.ends.find(self.bytes, start, &mut self.parser.long);
            let part = &self.bytes[start..end.unwrap_or(self.bytes.len())];
            self.pos = end.map_or(self.bytes.len(), |end| lines::after(self.bytes, end));
            let parser = &mut *self.parser;
            parser.position += (self.pos - start) as u64;
            parser.unread = self.pos < self.bytes.len();
            parser.state = match state {
                _ if end.is_some() => State::Between,
                State::Refused => State::Refused,
                State::Between | State::Within => State::Within,
            };
            if state == State::Refused {
                continue;
            }
            if parser.line.len() + part.len() > parser.max_line_size {
                if end.is_none() {
                    parser.state = State::Refused;
                }
                let start = parser.line_start;
                parser.begin_line(start);
                return Err(ParseError::too_large(ParseErrorKind::LineTooLong, parser.max_line_size, start));
            }
            if end.is_some() && state == State::Between {
                return Ok(Some(Line::of(part)));
            }
            parser.line.extend_from_slice(part);
            if end.is_some() {
                return Ok(Some(Line::of(&self.parser.line)));
            }
        }
        Ok(None)
    }

    /// What was not read: feed it to the parser next, or drop it and [`reset`](LineParser::reset) the parser before another
    /// stream.
    #[must_use]
    pub fn into_rest(self) -> &'c [u8] {
        let rest = &self.bytes[self.pos..];
        self.parser.unread = self.unread;
        if !rest.is_empty() {
            self.parser.seam = Seam::Plain;
        }
        rest
    }

    /// The parser, in the state after what was read last: for [`line_start`](LineParser::line_start).
    #[must_use]
    pub fn parser(&self) -> &LineParser {
        self.parser
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(error: &ParseError) -> (ParseErrorKind, Option<usize>, u64) {
        (error.kind(), error.limit(), error.position())
    }

    #[test]
    fn after_a_reader_that_is_dropped_early_the_next_one_begins_with_an_error() {
        let mut parser = LineParser::new();
        drop(parser.feed(b"\xef\xbb\xbfa\nb\n"));
        let mut lines = parser.feed(b"c\nd\n");
        assert_eq!(unread(&lines.next_line().unwrap_err()), (ParseErrorKind::Unread, None, 3));
        assert_eq!(lines.next_line(), Ok(Some(Line::Field { name: b"c", value: b"" })));
        drop(lines);
        let mut lines = parser.feed(b"");
        assert_eq!(unread(&lines.next_line().unwrap_err()), (ParseErrorKind::Unread, None, 5));
        assert_eq!(lines.next_line(), Ok(None));
        let mut lines = parser.feed(b"e\n");
        assert_eq!(lines.next_line(), Ok(Some(Line::Field { name: b"e", value: b"" })));
        // It was read to its end, though `None` was not returned.
        drop(lines);
        assert_eq!(parser.feed(b"f").next_line(), Ok(None));
    }

    #[test]
    fn after_the_error_of_an_empty_chunk_the_stream_goes_on_where_the_dropped_reader_stopped() {
        let mut parser = LineParser::new();
        drop(parser.feed(b"\n\r"));
        assert_eq!(parser.feed(b"").next_line().unwrap_err().kind(), ParseErrorKind::Unread);
        // It begins with LF, and the lost chunk ended in CR.
        assert_eq!(parser.feed(b"\n\r").next_line(), Ok(Some(Line::Blank)));
    }

    #[test]
    fn there_is_no_error_after_into_rest_reset_or_finish() {
        let ways: [fn(&mut LineParser); 3] = [
            |parser| assert_eq!(parser.feed(b"x\ny\n").into_rest(), b"x\ny\n"),
            |parser| {
                drop(parser.feed(b"x\ny\n"));
                parser.reset();
            },
            |parser| {
                drop(parser.feed(b"x\ny\n"));
                assert_eq!(parser.finish(), None);
            },
        ];
        for way in ways {
            let mut parser = LineParser::new();
            way(&mut parser);
            assert_eq!(parser.position(), 0);
            assert_eq!(parser.feed(b"z\n").next_line(), Ok(Some(Line::Field { name: b"z", value: b"" })));
        }
    }

    #[test]
    fn the_rest_may_be_fed_again_after_every_line() {
        let stream = b"\xef\xbb\xbfa\r\n\r\r\nb: c\n\n:d\r";
        for cut in 0..=stream.len() {
            let mut parser = LineParser::new();
            let mut seen = Vec::new();
            for mut chunk in [&stream[..cut], &stream[cut..]] {
                loop {
                    let mut lines = parser.feed(chunk);
                    match lines.next_line().unwrap() {
                        Some(Line::Field { name, value }) => seen.push([name, b":", value].concat()),
                        Some(Line::Comment(text)) => seen.push([b":", text].concat()),
                        Some(Line::Blank) => seen.push(Vec::new()),
                        None => break,
                    }
                    chunk = lines.into_rest();
                }
            }
            assert_eq!(seen, [&b"a:"[..], b"", b"", b"b:c", b"", b":d"], "cut at {cut}");
            assert_eq!(parser.position(), stream.len() as u64);
        }
    }

    #[test]
    fn an_incomplete_bom_counts_for_the_limit() {
        for stream in [&b"\xef\xbb\n"[..], b"\xef\n", b"\xef\xbbx\n"] {
            for (limit, cut) in (0..5).flat_map(|limit| (0..=stream.len()).map(move |cut| (limit, cut))) {
                let mut parser = LineParser::new().with_max_line_size(limit);
                let mut refused = Vec::new();
                for chunk in [&stream[..cut], &stream[cut..]] {
                    let mut lines = parser.feed(chunk);
                    while lines.next_line().map_err(|error| refused.push(error.position())) != Ok(None) {}
                }
                let expected: &[u64] = if limit + 1 < stream.len() { &[0] } else { &[] };
                assert_eq!(refused, expected, "{stream:?} cut at {cut} under {limit}");
            }
        }
    }

    #[test]
    fn it_tells_where_a_line_begins() {
        let mut parser = LineParser::new();
        let mut starts = Vec::new();
        for chunk in ["\u{feff}ab\r", "\n\nc", "d\ne"] {
            let mut lines = parser.feed(chunk.as_bytes());
            while lines.next_line().unwrap().is_some() {
                starts.push(lines.parser().line_start());
            }
        }
        assert_eq!(starts, [3, 7, 8]);
        assert_eq!(parser.line_start(), 11);
        assert_eq!(parser.finish(), Some(Line::Field { name: b"e", value: b"" }));
    }
}
