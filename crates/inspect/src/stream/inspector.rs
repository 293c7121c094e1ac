//! From chunks to lines and events, each with its place in the stream.

use std::io::{self, Write};
use std::ops::Range;

use sse_wire::{Line, LineParser, Parser};

use super::notes::{Holds, Notes};
use crate::stream::findings::{Findings, Place, Problem};
use crate::view::output::{LineKind, Output, RawLine};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// How much longer than its value a line may be, so that no line of an event within the limit is too long.
const NAME_AND_COLON: usize = "event: ".len();

/// Both parsers are fed the same bytes, line by line: the [`LineParser`] finds the lines, the [`Parser`] the events. Since
/// no parser is fed more than one line at a time, the place of each is known.
///
/// What is shown does not depend on how the stream was cut into chunks.
pub struct Inspector {
    lines: LineParser,
    events: Parser,
    limit: usize,
    /// The first bytes of the stream, as many as a BOM has.
    head: Vec<u8>,
    /// Bytes fed to the parsers.
    position: u64,
    /// Where the current line begins.
    line_start: u64,
    line_too_long: bool,
    /// The terminator of the line before.
    last_terminator: Terminator,
    /// A CR that ended the last chunk, and will be fed to the parsers with the next.
    held_cr: bool,
    notes: Notes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Terminator {
    Lf,
    /// A LF may follow, which makes it a CRLF.
    Cr,
    CrLf,
}

impl Inspector {
    pub fn new(limit: usize) -> Self {
        Inspector {
            lines: LineParser::new().with_max_line_size(limit.saturating_add(NAME_AND_COLON)),
            events: Parser::new().with_max_event_size(limit),
            limit,
            head: Vec::new(),
            position: 0,
            line_start: 0,
            line_too_long: false,
            last_terminator: Terminator::Lf,
            held_cr: false,
            notes: Notes::default(),
        }
    }

    /// Bytes read.
    pub fn position(&self) -> u64 {
        self.position + u64::from(self.held_cr)
    }

    /// Shows what `chunk` completes.
    pub fn read(&mut self, mut chunk: &[u8], output: &mut Output<impl Write>) -> io::Result<()> {
        let missing = BOM.len() - self.head.len();
        self.head.extend(chunk.iter().take(missing));
        if self.held_cr && !chunk.is_empty() {
            self.held_cr = false;
            if let Some(rest) = chunk.strip_prefix(b"\n") {
                chunk = rest;
                self.piece(b"\r\n", Some(Terminator::CrLf), output)?;
            } else {
                self.piece(b"\r", Some(Terminator::Cr), output)?;
            }
        } else if self.last_terminator == Terminator::Cr
            && self.position == self.line_start
            && let Some(rest) = chunk.strip_prefix(b"\n")
        {
            chunk = rest;
            self.line_feed();
        }
        while let Some(at) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (terminator, len) = match &chunk[at..] {
                [b'\n', ..] => (Terminator::Lf, 1),
                [b'\r', b'\n', ..] => (Terminator::CrLf, 2),
                // Where lines end in CRLF, the event is shown only once the LF has come.
                [b'\r'] if self.last_terminator == Terminator::CrLf => {
                    self.held_cr = true;
                    chunk = &chunk[..at];
                    break;
                }
                _ => (Terminator::Cr, 1),
            };
            let (line, rest) = chunk.split_at(at + len);
            chunk = rest;
            self.piece(line, Some(terminator), output)?;
        }
        if chunk.is_empty() { Ok(()) } else { self.piece(chunk, None, output) }
    }

    /// Shows what is left at the end of the stream.
    pub fn finish(mut self, output: &mut Output<impl Write>) -> io::Result<Findings> {
        if self.held_cr {
            self.held_cr = false;
            self.piece(b"\r", Some(Terminator::Cr), output)?;
        }
        let place = self.place();
        if place.offset < self.position {
            self.note_long_line(place);
            let line = self.lines.finish();
            let kind = self.notes.line(line, place, false);
            output.line(&raw_line(line, kind, place.offset..self.position, false))?;
        }
        let Notes { mut findings, block } = self.notes;
        findings.bytes = self.position;
        findings.bom = self.head == BOM;
        findings.last_event_id = self.events.last_event_id().to_owned();
        findings.reconnection_time = self.events.reconnection_time();
        if let Some(block) = block {
            let range = block.start.offset..self.position;
            if block.refused {
                findings.add(Problem::BlockTooLarge, block.start);
                output.refused(range, self.limit)?;
            } else if block.holds > Holds::Nothing {
                findings.add(Problem::Unfinished, block.start);
                if let Some(event) = self.events.finish().and_then(|block| block.event()) {
                    output.event(range, event, true)?;
                }
            }
        }
        Ok(findings)
    }

    /// Feeds both parsers a line with its terminator, or a part of one without.
    fn piece(
        &mut self,
        piece: &[u8],
        terminator: Option<Terminator>,
        output: &mut Output<impl Write>,
    ) -> io::Result<()> {
        self.position += piece.len() as u64;
        let place = self.place();

        let mut lines = self.lines.feed(piece);
        let line = lines.next_line();
        self.line_too_long |= line.is_err();
        let mut kind = None;
        if let Some(terminator) = terminator {
            let line = line.ok().flatten();
            let shown = self.notes.line(line, place, true);
            let end = self.position - terminator.len();
            output.line(&raw_line(line, shown, place.offset..end, true))?;
            kind = Some(shown);
        }

        let end = terminator.map_or(self.position, |terminator| self.block_end(terminator));
        let mut events = self.events.feed(piece);
        loop {
            match events.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => {
                    let start = self.notes.block(place).start.offset;
                    self.notes.findings.events += 1;
                    self.notes.findings.event_names.add(event.name().as_bytes());
                    output.event(start..end, event, false)?;
                }
                Err(_) => self.notes.block(place).refused = true,
            }
        }

        if kind == Some(LineKind::Blank) {
            self.end_block(end, output)?;
        }
        if let Some(terminator) = terminator {
            self.end_line(terminator, place);
        }
        Ok(())
    }

    fn end_block(&mut self, end: u64, output: &mut Output<impl Write>) -> io::Result<()> {
        let Some(block) = self.notes.block.take() else { return Ok(()) };
        if block.refused {
            self.notes.findings.add(Problem::BlockTooLarge, block.start);
            return output.refused(block.start.offset..end, self.limit);
        }
        self.notes.end_block(&block);
        Ok(())
    }

    /// A long line is a problem unless its block is refused because of it.
    fn note_long_line(&mut self, place: Place) {
        if self.line_too_long && !self.notes.block(place).refused {
            self.notes.findings.add(Problem::LineTooLong, place);
        }
        self.line_too_long = false;
    }

    fn end_line(&mut self, terminator: Terminator, place: Place) {
        self.note_long_line(place);
        self.line_start = self.position;
        self.last_terminator = terminator;
        let terminators = &mut self.notes.findings.terminators;
        match terminator {
            Terminator::Lf => terminators.lf += 1,
            Terminator::Cr => terminators.cr += 1,
            Terminator::CrLf => terminators.crlf += 1,
        }
    }

    /// The LF of a CRLF whose CR ended the line already: it completes nothing.
    fn line_feed(&mut self) {
        let (mut lines, mut events) = (self.lines.feed(b"\n"), self.events.feed(b"\n"));
        let (line, event) = (lines.next_line(), events.next_event());
        debug_assert_eq!(line, Ok(None));
        debug_assert_eq!(event, Ok(None));
        self.position += 1;
        self.line_start = self.position;
        self.last_terminator = Terminator::CrLf;
        self.notes.findings.terminators.cr -= 1;
        self.notes.findings.terminators.crlf += 1;
    }

    /// Where the current line begins. A BOM is not part of it.
    fn place(&self) -> Place {
        let bom = if self.line_start == 0 && self.head == BOM { BOM.len() as u64 } else { 0 };
        Place { offset: self.line_start + bom, line: self.notes.findings.lines + 1 }
    }

    /// Where a block ends whose blank line ends here. The LF of a CRLF counts only if the line before ended in CRLF, too:
    /// otherwise the event is shown before it comes.
    fn block_end(&self, terminator: Terminator) -> u64 {
        let too_far = terminator == Terminator::CrLf && self.last_terminator != Terminator::CrLf;
        self.position - u64::from(too_far)
    }
}

impl Terminator {
    fn len(self) -> u64 {
        if self == Terminator::CrLf { 2 } else { 1 }
    }
}

/// The line as it is in the stream. [`Line`] does not hold the colon and the space after it: whether they are there follows
/// from the length.
fn raw_line(line: Option<Line<'_>>, kind: LineKind, range: Range<u64>, ended: bool) -> RawLine<'_> {
    let len = range.end - range.start;
    let parts: [&[u8]; 3] = match line {
        None | Some(Line::Blank) => [b"", b"", b""],
        Some(Line::Comment(text)) => [b"", b":", text],
        Some(Line::Field { name, value }) => {
            let separator: &[u8] = match len - (name.len() + value.len()) as u64 {
                0 => b"",
                1 => b":",
                _ => b": ",
            };
            [name, separator, value]
        }
    };
    RawLine { range, kind, parts, ended }
}
