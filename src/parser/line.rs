//! Bytes to lines, wherever the chunks are cut: the only place that knows the BOM.

use alloc::vec::Vec;

use super::error::{ParseError, ParseErrorKind};
use super::field;
use crate::line::{LineEnd, find_line_end};

/// The default limit for one event or one line, in bytes: 16 MiB.
pub(super) const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One line of an event stream ([9.2.5]), its terminator dropped.
///
/// These are bytes, not text: the standard decodes them as UTF-8, with U+FFFD for what is ill-formed.
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line<'a> {
    /// A field, known ([`Field::from_name`](crate::Field::from_name)) or not.
    Field {
        /// What stands before the first colon, or the whole line if it has none.
        name: &'a [u8],
        /// What stands after the colon, without one leading space; empty if there is no colon.
        value: &'a [u8],
    },
    /// A comment: all that stands after the colon that the line begins with, a leading space included.
    Comment(&'a [u8]),
    /// A blank line: the block before it is complete.
    Blank,
}

/// Splits an event stream into lines: for relays and inspectors, which want to see all of it.
///
/// It drops the BOM at the start of the stream and the terminators (LF, CR, CRLF), and joins lines that were cut
/// between chunks. It is driven as [`Parser`](crate::Parser) is: call [`next_line`](LineParser::next_line) until it
/// returns `None`, then bring the next chunk.
///
/// ```
/// use sse_wire::{Line, LineParser};
///
/// let mut parser = LineParser::new();
/// let mut chunk: &[u8] = b": hi\r\nda";
/// assert_eq!(parser.next_line(&mut chunk)?, Some(Line::Comment(b" hi")));
/// assert_eq!(parser.next_line(&mut chunk)?, None);
///
/// let mut chunk: &[u8] = b"ta: x\n\n";
/// assert_eq!(parser.next_line(&mut chunk)?, Some(Line::Field { name: b"data", value: b"x" }));
/// assert_eq!(parser.next_line(&mut chunk)?, Some(Line::Blank));
/// assert_eq!(parser.next_line(&mut chunk)?, None);
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LineParser {
    scanner: Scanner,
    state: LineState,
    // The line under way, or the one last yielded; empty otherwise.
    line: Vec<u8>,
    line_start: u64,
    max_line_size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    /// Between two lines; `line` may hold what was yielded last.
    Between,
    /// `line` holds the start of a line.
    Within,
    /// In a line that was refused.
    Refused,
}

impl LineParser {
    /// A parser at the start of a stream, for lines of up to 16 MiB.
    #[must_use]
    pub fn new() -> LineParser {
        LineParser::with_max_line_size(DEFAULT_LIMIT)
    }

    /// A parser at the start of a stream, for lines of up to `limit` bytes, terminators not counted.
    ///
    /// `usize::MAX` means no limit.
    #[must_use]
    pub fn with_max_line_size(limit: usize) -> LineParser {
        LineParser {
            scanner: Scanner::default(),
            state: LineState::Between,
            line: Vec::new(),
            line_start: 0,
            max_line_size: limit,
        }
    }

    /// Takes bytes off the front of `input` up to and including the next line's terminator.
    ///
    /// `Ok(None)`: all of `input` was taken, and more is needed. A line that ends in CR is complete at once; a LF
    /// that follows it, perhaps in the next chunk, is dropped.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::LineTooLong`], once for each line over the limit. The rest of that line is skipped.
    pub fn next_line<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Line<'p>>, ParseError> {
        while let Some(piece) = self.scanner.next_piece(input) {
            let state = self.state;
            if state == LineState::Between {
                release(&mut self.line);
                self.line_start = piece.start;
            }
            self.state = match state {
                _ if piece.ends_line => LineState::Between,
                LineState::Refused => LineState::Refused,
                _ => LineState::Within,
            };
            if state == LineState::Refused {
                continue;
            }
            if piece.bytes.len() > self.max_line_size - self.line.len() {
                if !piece.ends_line {
                    self.state = LineState::Refused;
                }
                release(&mut self.line);
                let kind = ParseErrorKind::LineTooLong { limit: self.max_line_size };
                return Err(ParseError::new(kind, self.line_start));
            }
            if piece.ends_line && state == LineState::Between {
                return Ok(Some(field::split_line(piece.bytes)));
            }
            self.line.extend_from_slice(piece.bytes);
            if piece.ends_line {
                return Ok(Some(field::split_line(&self.line)));
            }
        }
        Ok(None)
    }

    /// End of stream: the last line, if it has no terminator.
    ///
    /// The standard ignores such a line. It is handed back for the caller to decide. Never fails; a line that was
    /// refused is not handed back. What comes after it is another stream.
    ///
    /// A stream of one or two bytes that could have become a BOM is a line too, whatever the limit.
    pub fn finish(&mut self) -> Option<Line<'_>> {
        let incomplete_bom = self.scanner.finish();
        if !incomplete_bom.is_empty() {
            return Some(field::split_line(incomplete_bom));
        }
        let unfinished = self.state == LineState::Within;
        self.state = LineState::Between;
        unfinished.then(|| field::split_line(&self.line))
    }

    /// Starts over with a new stream: forgets the line under way and the position, and expects a BOM again.
    pub fn reset(&mut self) {
        self.scanner = Scanner::default();
        self.state = LineState::Between;
        release(&mut self.line);
    }

    /// Bytes taken since the parser was made or reset.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.scanner.position
    }
}

impl Default for LineParser {
    fn default() -> Self {
        LineParser::new()
    }
}

/// Empties `line`, and gives back what one long line made it take.
fn release(line: &mut Vec<u8>) {
    line.clear();
    line.shrink_to(super::KEPT_CAPACITY);
}

/// Finds the ends of lines, whatever the chunks, and looks at each byte once.
///
/// A line comes as one piece if it lies in one chunk, and as several otherwise. Between two calls the scanner knows
/// only its position and what it may have to skip: whoever needs the start of a line later has kept it.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    /// Bytes taken since the start of the stream.
    pub(super) position: u64,
    skip: Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    Nothing,
    /// A LF, because the last chunk ended in CR.
    LineFeed,
    /// A BOM, this much of which has been taken.
    Bom(u8),
}

/// A line, or a part of one.
pub(super) struct Piece<'i> {
    pub(super) bytes: &'i [u8],
    /// Whether a terminator follows; it was taken with the piece.
    pub(super) ends_line: bool,
    /// Offset of the first byte in the stream.
    pub(super) start: u64,
}

impl Scanner {
    /// Takes the next piece off the front of `input`; `None` if there is nothing left.
    ///
    /// A piece that does not end its line is not empty.
    pub(super) fn next_piece<'i>(&mut self, input: &mut &'i [u8]) -> Option<Piece<'i>> {
        self.skip(input).or_else(|| self.piece(input, find_line_end(input)))
    }

    /// The same where there is nothing to skip, and the first line ends at `end`.
    #[inline]
    pub(super) fn piece<'i>(&mut self, input: &mut &'i [u8], end: Option<LineEnd>) -> Option<Piece<'i>> {
        if input.is_empty() {
            return None;
        }
        let start = self.position;
        Some(if let Some(end) = end {
            Piece { bytes: self.take_line(input, end), ends_line: true, start }
        } else {
            let bytes = *input;
            self.take(input, bytes.len());
            Piece { bytes, ends_line: false, start }
        })
    }

    /// Takes the first line, which ends at `end`, and its terminator.
    #[inline(always)]
    pub(super) fn take_line<'i>(&mut self, input: &mut &'i [u8], end: LineEnd) -> &'i [u8] {
        let (line, rest) = input.split_at(end.at);
        if rest == b"\r" {
            self.skip = Skip::LineFeed;
        }
        self.take(input, end.at + end.terminator);
        line
    }

    /// Whether the next byte is neither to be dropped nor to be compared with a BOM.
    #[inline]
    pub(super) fn takes_all(&self) -> bool {
        self.skip == Skip::Nothing
    }

    /// Takes `count` bytes of whole lines, or of a part of one.
    #[inline]
    pub(super) fn take(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.position += count as u64;
    }

    /// Drops what the bytes so far leave to be dropped.
    ///
    /// Gives back bytes that looked like a BOM in earlier chunks and turn out to be content.
    #[inline]
    pub(super) fn skip<'i>(&mut self, input: &mut &'i [u8]) -> Option<Piece<'i>> {
        match self.skip {
            Skip::Nothing => None,
            Skip::LineFeed => self.skip_expected(b"\n", 0, input),
            Skip::Bom(matched) => self.skip_expected(BOM, matched, input),
        }
    }

    #[cold]
    fn skip_expected<'i>(&mut self, expected: &'static [u8], matched: u8, input: &mut &'i [u8]) -> Option<Piece<'i>> {
        let start = self.position - u64::from(matched);
        let more = field::matching(&expected[usize::from(matched)..], input);
        *input = &input[usize::from(more)..];
        self.position += u64::from(more);
        let (seen, unseen) = expected.split_at(usize::from(matched + more));
        if !unseen.is_empty() && input.is_empty() {
            if expected == BOM {
                self.skip = Skip::Bom(matched + more);
            }
            return None;
        }
        self.skip = Skip::Nothing;
        let content = !seen.is_empty() && !unseen.is_empty();
        content.then_some(Piece { bytes: seen, ends_line: false, start })
    }

    /// End of stream: what comes next is another stream. Gives back an incomplete BOM, which is content.
    pub(super) fn finish(&mut self) -> &'static [u8] {
        let skip = core::mem::replace(&mut self.skip, Skip::Bom(0));
        if let Skip::Bom(matched) = skip { &BOM[..usize::from(matched)] } else { &[] }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner { position: 0, skip: Skip::Bom(0) }
    }
}
