//! Chooses the output: text or JSON, events or lines.

use std::io::{self, Write};
use std::ops::Range;

use sse_wire::Event;

use super::{human, json};
use crate::stream::findings::Findings;

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Field,
    UnknownField,
    Comment,
    Blank,
    TooLong,
}

impl LineKind {
    pub fn name(self) -> &'static str {
        match self {
            LineKind::Field => "field",
            LineKind::UnknownField => "unknown",
            LineKind::Comment => "comment",
            LineKind::Blank => "blank",
            LineKind::TooLong => "too-long",
        }
    }
}

/// One line, without its terminator.
pub struct RawLine<'a> {
    pub range: Range<u64>,
    pub kind: LineKind,
    /// The name, the colon with its space, and the value. Empty if the line is too long.
    pub parts: [&'a [u8]; 3],
    /// Whether it has a terminator, which only the last may lack.
    pub ended: bool,
}

pub struct Output<W> {
    out: W,
    json: bool,
    lines: bool,
}

impl<W: Write> Output<W> {
    pub fn new(out: W, json: bool, lines: bool) -> Self {
        Output { out, json, lines }
    }

    pub fn line(&mut self, line: &RawLine<'_>) -> io::Result<()> {
        match (self.lines, self.json) {
            (false, _) => Ok(()),
            (true, false) => human::line(&mut self.out, line),
            (true, true) => json::line(&mut self.out, line),
        }
    }

    /// `unfinished`: the event that the end of the stream cut off.
    pub fn event(&mut self, range: Range<u64>, event: Event<'_>, unfinished: bool) -> io::Result<()> {
        match (self.lines, self.json) {
            (true, _) => Ok(()),
            (false, false) => human::event(&mut self.out, range, event, unfinished),
            (false, true) => json::event(&mut self.out, range, event, unfinished),
        }
    }

    /// A block over the limit.
    pub fn refused(&mut self, range: Range<u64>, limit: usize) -> io::Result<()> {
        match (self.lines, self.json) {
            (true, _) => Ok(()),
            (false, false) => human::refused(&mut self.out, range, limit),
            (false, true) => json::refused(&mut self.out, range, limit),
        }
    }

    pub fn summary(&mut self, findings: &Findings) -> io::Result<()> {
        if self.json { json::summary(&mut self.out, findings) } else { human::summary(&mut self.out, findings) }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
