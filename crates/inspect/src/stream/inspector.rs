//! From chunks to lines and events, each with its place in the stream.

use std::io;
use std::time::Duration;

use memchr::memchr2;
use sse_wire::{Line, LineParser, Parser};

use super::data;
use super::findings::{Findings, Pending, Place};
use super::notes::{Block, End, Holds, Notes};
use super::opening::binary_format;
use super::problem::Problem;
use crate::view::output::{LineKind, Output, RawLine, When};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// How much longer than its value a line may be, so that no line of an event within the limit is too long.
const NAME_AND_COLON: usize = "event: ".len();

/// How much of the start of the input is kept.
const HEAD: usize = 4096;

/// How much of a pending event is kept.
const PENDING: usize = 4096;

/// How long data may wait for its blank line, if no event came before. A server writes an event whole.
const BLANK_LINE_AFTER: Duration = Duration::from_secs(1);

/// Both parsers are fed the same bytes, line by line: the [`LineParser`] finds the lines, the [`Parser`] the events. Since
/// no parser is fed more than one line at a time, the place of each is known.
///
/// What is shown does not depend on how the stream was cut into chunks.
pub struct Inspector {
    lines: LineParser,
    events: Parser,
    limit: usize,
    /// The first bytes of the input.
    head: Vec<u8>,
    /// When the current chunk came, since the start. `None` if the input is a file.
    now: Option<Duration>,
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
            now: None,
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
    pub fn read(&mut self, mut chunk: &[u8], now: Option<Duration>, output: &mut Output<'_>) -> io::Result<()> {
        self.now = now;
        if !chunk.is_empty() {
            let timing = &mut self.notes.findings.timing;
            timing.first_byte = timing.first_byte.or(now);
        }
        if self.head.len() < HEAD {
            self.head.extend(chunk.iter().take(HEAD - self.head.len()));
        }
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
        while let Some(at) = memchr2(b'\n', b'\r', chunk) {
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

    /// The reconnection time that the stream has set.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.events.reconnection_time()
    }

    /// The first bytes of the input.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The findings so far.
    pub fn findings(&mut self) -> &mut Findings {
        &mut self.notes.findings
    }

    /// The end of a connection after which another one follows: what is unfinished is discarded.
    pub fn disconnected(&mut self, output: &mut Output<'_>) -> io::Result<()> {
        self.end(None, output)?;
        self.notes.findings.pending = None;
        self.lines.reset();
        self.events.reset();
        self.line_start = self.position;
        self.line_too_long = false;
        self.last_terminator = Terminator::Lf;
        self.notes.line_since = None;
        Ok(())
    }

    /// Notes what is left at the end of the stream. `stopped`: when the user ended it, since the start. `None` if it came to
    /// its end, so that what is unfinished is a mistake.
    pub fn finish(mut self, stopped: Option<Duration>, output: &mut Output<'_>) -> io::Result<Findings> {
        self.end(stopped, output)?;
        let start = Place { offset: 0, line: 1 };
        // Where events came, a first line of another format is a line that clients ignore, and was noted as one.
        let opening = self.notes.opening.problem().filter(|_| self.notes.findings.events == 0);
        if let Some(problem) = binary_format(&self.head).or(opening) {
            self.notes.findings.add(problem, start);
        }
        let mut findings = self.notes.findings;
        if findings.events == 0 && findings.problems(false).next().is_none() {
            findings.add(Problem::NoEvent, start);
        }
        findings.bytes = self.position;
        findings.bom = self.head.starts_with(BOM);
        self.events.last_event_id().clone_into(&mut findings.last_event_id);
        findings.reconnection_time = self.events.reconnection_time();
        Ok(findings)
    }

    fn end(&mut self, stopped: Option<Duration>, output: &mut Output<'_>) -> io::Result<()> {
        if self.held_cr {
            self.held_cr = false;
            self.piece(b"\r", Some(Terminator::Cr), output)?;
        }
        let place = self.place();
        let mut half_line = Vec::new();
        if place.offset < self.position {
            self.note_long_line(place);
            let line = self.lines.finish();
            let parts = raw_parts(line, self.position - place.offset);
            let kind = self.notes.line(line, parts, place, End::None);
            output.line(&RawLine { range: place.offset..self.position, kind, parts, ended: false })?;
            half_line = parts.concat();
            half_line.truncate(PENDING);
        }
        let Some(block) = self.notes.block.take() else { return Ok(()) };
        if block.refused {
            self.notes.findings.add(Problem::BlockTooLarge, block.start);
            return output.refused(block.start.offset..self.position, self.limit);
        }
        if block.holds > Holds::Nothing {
            self.pending(&block, half_line, stopped);
        }
        Ok(())
    }

    /// Notes the half event that no blank line has ended.
    fn pending(&mut self, block: &Block, half_line: Vec<u8>, stopped: Option<Duration>) {
        let mut pending = Pending {
            start: block.start,
            bytes: self.position - block.start.offset,
            name: String::from("message"),
            id: None,
            data: String::new(),
            half_line,
        };
        let mut is_done = pending.half_line.starts_with(b"data") && pending.half_line.ends_with(b"[DONE]");
        if let Some(block) = self.events.finish() {
            pending.id = block.id().map(str::to_owned);
            if let Some(event) = block.event() {
                event.name().clone_into(&mut pending.name);
                first(event.data(), PENDING).clone_into(&mut pending.data);
                is_done |= event.data().ends_with("[DONE]");
                // It is not all of the data, so JSON may well stop in the middle.
                if let Some(problem) = data::problem(event).filter(|&problem| problem != Problem::TruncatedJson) {
                    self.notes.data_problem(problem, event, pending.start);
                }
            }
        }
        let findings = &mut self.notes.findings;
        let waited = stopped.zip(block.data_since).map(|(now, since)| now.saturating_sub(since));
        let is_late = findings.events == 0 && waited.is_some_and(|waited| waited >= BLANK_LINE_AFTER);
        if stopped.is_none() || is_late {
            let problem = if is_done {
                Problem::DoneUnfinished
            } else if is_late || findings.events == 0 && findings.data_lines > 0 {
                Problem::NeverDispatched
            } else {
                Problem::Unfinished
            };
            findings.add(problem, block.start);
        }
        findings.pending = Some(pending);
    }

    /// Feeds both parsers a line with its terminator, or a part of one without.
    fn piece(&mut self, piece: &[u8], terminator: Option<Terminator>, output: &mut Output<'_>) -> io::Result<()> {
        self.position += piece.len() as u64;
        self.notes.line_since = self.notes.line_since.or(self.now);
        let place = self.place();

        let mut lines = self.lines.feed(piece);
        let line = lines.next_line();
        self.line_too_long |= line.is_err();
        let mut kind = None;
        if let Some(terminator) = terminator {
            let line = line.ok().flatten();
            let end = self.position - terminator.len();
            let parts = raw_parts(line, end - place.offset);
            let ending = if terminator == Terminator::Lf { End::Lf } else { End::Cr };
            let shown = self.notes.line(line, parts, place, ending);
            output.line(&RawLine { range: place.offset..end, kind: shown, parts, ended: true })?;
            if let Some(Line::Comment(text)) = line {
                output.comment(When { offset: place.offset, at: self.now, gap: None }, text)?;
            }
            kind = Some(shown);
        }

        let end = terminator.map_or(self.position, |terminator| self.block_end(terminator));
        let mut events = self.events.feed(piece);
        loop {
            match events.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => {
                    let start = self.notes.block(place).start;
                    let gap = self.now.and_then(|now| self.notes.findings.timing.event(now));
                    self.notes.event(event, start);
                    output.event(When { offset: start.offset, at: self.now, gap }, end, event)?;
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

    fn end_block(&mut self, end: u64, output: &mut Output<'_>) -> io::Result<()> {
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
        self.notes.line_since = None;
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
        let bom = if self.line_start == 0 && self.head.starts_with(BOM) { BOM.len() as u64 } else { 0 };
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

/// The line as it is in the stream: the name, the colon with its space, and the value. [`Line`] does not hold the colon and
/// the space after it: whether they are there follows from the length.
fn raw_parts(line: Option<Line<'_>>, len: u64) -> [&[u8]; 3] {
    match line {
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
    }
}

/// The beginning of a text: at most so many bytes.
fn first(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}
