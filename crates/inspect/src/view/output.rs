//! Chooses the output: text or JSON, events or lines or values.

use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use sse_wire::Event;

use super::escape::Escaped;
use super::human::Human;
use super::json;
use super::select::Path;
use crate::stream::findings::Findings;
use crate::text::Answer;

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

/// Where something is in the stream, and when it came.
#[derive(Clone, Copy)]
pub struct When {
    pub offset: u64,
    /// Since the start. `None` if the input is a file.
    pub at: Option<Duration>,
    /// Since the event before.
    pub gap: Option<Duration>,
}

/// What is shown.
pub enum Show {
    Events {
        pretty: bool,
    },
    Lines,
    /// One value of each event's data.
    Values {
        path: Path,
        count: u64,
    },
    Text(Box<Answer>),
    Nothing,
}

pub struct Output<'a> {
    pub out: &'a mut dyn Write,
    pub show: Show,
    /// Where the findings go if only values are shown.
    pub aside: Box<dyn Write>,
    /// `None`: JSON.
    pub human: Option<Human>,
    /// Whether what is shown must not control a terminal.
    pub is_terminal: bool,
    /// Whether a note was shown, which the summary keeps apart from.
    pub has_notes: bool,
    /// Show only events of this name.
    pub name: Option<String>,
}

impl Output<'_> {
    pub fn line(&mut self, line: &RawLine<'_>) -> io::Result<()> {
        match (&self.show, &self.human) {
            (Show::Lines, Some(_)) => Human::line(self.out, line),
            (Show::Lines, None) => json::line(self.out, line),
            _ => Ok(()),
        }
    }

    pub fn event(&mut self, when: When, end: u64, event: Event<'_>) -> io::Result<()> {
        if self.name.as_ref().is_some_and(|name| name != event.name()) {
            return Ok(());
        }
        match (&mut self.show, &self.human) {
            (Show::Lines | Show::Nothing, _) => Ok(()),
            (Show::Events { pretty }, Some(human)) => human.event(self.out, when, event, *pretty),
            (Show::Events { .. }, None) => json::event(self.out, when, end, event),
            (Show::Values { path, count }, human) => {
                let Some(value) = path.find(event.data()) else { return Ok(()) };
                *count += 1;
                if human.is_none() {
                    json::value(self.out, value)
                } else {
                    Human::value(self.out, value, self.is_terminal)
                }
            }
            (Show::Text(answer), human) => answer.event(self.out, event, when.at, human.as_ref()),
        }
    }

    pub fn comment(&mut self, when: When, text: &[u8]) -> io::Result<()> {
        match (&self.show, &self.human) {
            _ if self.name.is_some() => Ok(()),
            (Show::Events { .. }, Some(human)) => human.comment(self.out, when, text),
            (Show::Events { .. }, None) => json::comment(self.out, when, text),
            _ => Ok(()),
        }
    }

    /// What happens on the connection.
    pub fn note(&mut self, at: Duration, text: &str, fields: Value) -> io::Result<()> {
        self.has_notes = true;
        match (&self.show, &self.human) {
            (Show::Events { .. } | Show::Lines, Some(human)) => human.note(self.out, at, text),
            (Show::Events { .. } | Show::Lines, None) => json::note(self.out, at, text, fields),
            (Show::Values { .. } | Show::Text(_), _) => {
                writeln!(self.aside, "sse-inspect: {}", Escaped(text.as_bytes()))
            }
            (Show::Nothing, _) => Ok(()),
        }
    }

    /// The beginning of an input that is no event stream.
    pub fn body(&mut self, head: &[u8], is_all: bool) -> io::Result<()> {
        match (&self.show, &self.human) {
            (Show::Nothing, _) => Ok(()),
            (Show::Values { .. } | Show::Text(_), _) => Human::body(&mut *self.aside, head, is_all),
            (_, Some(_)) => Human::body(self.out, head, is_all),
            (_, None) => json::body(self.out, head, is_all),
        }
    }

    /// A block over the limit.
    pub fn refused(&mut self, range: Range<u64>, limit: usize) -> io::Result<()> {
        match (&self.show, &self.human) {
            (Show::Events { .. }, Some(human)) => human.refused(self.out, range, limit),
            (Show::Events { .. }, None) => json::refused(self.out, range, limit),
            _ => Ok(()),
        }
    }

    pub fn summary(&mut self, findings: &Findings) -> io::Result<()> {
        let quiet = matches!(self.show, Show::Nothing);
        let (answer, values) = match &self.show {
            Show::Text(answer) => (Some(&**answer), None),
            Show::Values { count, .. } => (None, Some(*count)),
            _ => (None, None),
        };
        if let Some(answer) = answer {
            answer.end(self.out)?;
        }
        self.out.flush()?;
        let out: &mut dyn Write =
            if matches!(self.show, Show::Values { .. } | Show::Text(_)) { &mut *self.aside } else { self.out };
        match &self.human {
            Some(human) if quiet => human.findings(out, findings),
            Some(human) => human.summary(out, findings, answer, values, self.has_notes),
            None => json::summary(out, findings, answer, values),
        }
    }

    /// Whether the answer of a model stops before its end. Not if only events of one name are read.
    pub fn is_answer_unfinished(&self) -> bool {
        matches!(&self.show, Show::Text(answer) if self.name.is_none() && answer.is_unfinished())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
