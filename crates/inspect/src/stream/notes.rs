//! Notes about lines, the current block, and the stream.

use std::str;
use std::time::Duration;

use memchr::{memchr, memmem};
use sse_wire::{Event, Field, Line};

use super::data;
use super::findings::{Findings, Place};
use super::mojibake::is_mojibake;
use super::opening::{Opening, is_chunk_size};
use super::problem::Problem;
use crate::view::output::LineKind;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The findings so far, and the current block.
#[derive(Default)]
pub struct Notes {
    pub findings: Findings,
    pub opening: Opening,
    /// `None` before its first line that is not blank.
    pub block: Option<Block>,
    /// When the current line began, since the start. `None` if nothing of it came, or the input is a file.
    pub line_since: Option<Duration>,
}

#[derive(Clone, Copy)]
pub struct Block {
    pub start: Place,
    pub holds: Holds,
    pub refused: bool,
    /// When its first data line began, since the start. `None` also if the input is a file.
    pub data_since: Option<Duration>,
}

/// The most that a block holds so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Comments, or lines that are too long to be read.
    Nothing,
    /// Id or retry, which need no event to take effect.
    Settings,
    /// Other fields: an event was probably meant.
    Fields,
    Data,
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Lf,
    /// CR or CRLF.
    Cr,
    /// It has no terminator. Half a line has no effect.
    None,
}

impl Notes {
    /// The current block, which begins at `place` unless it has begun.
    pub fn block(&mut self, place: Place) -> &mut Block {
        self.block.get_or_insert(Block { start: place, holds: Holds::Nothing, refused: false, data_since: None })
    }

    /// `line`: `None` if it is too long. `parts`: the line as it is in the stream.
    pub fn line(&mut self, line: Option<Line<'_>>, parts: [&[u8]; 3], place: Place, end: End) -> LineKind {
        self.findings.lines += 1;
        let Some(line) = line else {
            self.opening.line(None, false);
            self.block(place);
            return LineKind::TooLong;
        };
        match line {
            Line::Blank => {
                if self.opening == Opening::HttpHead {
                    self.opening = Opening::Other;
                    self.findings.add(Problem::HttpHead, Place { offset: 0, line: 1 });
                }
                LineKind::Blank
            }
            Line::Comment(text) => {
                self.opening.line(None, false);
                self.block(place);
                self.findings.comments += 1;
                if end != End::None {
                    self.text(&[text], place);
                }
                LineKind::Comment
            }
            Line::Field { name, value } => {
                let field = Field::from_name(name);
                let holds = match field {
                    Some(Field::Data) => Holds::Data,
                    Some(_) if data::has_literal_line(value) => {
                        self.findings.add(Problem::LiteralNewlines, place);
                        // The data is in this line.
                        Holds::Data
                    }
                    // What clients ignore sets nothing.
                    Some(Field::Id) if value.contains(&0) => Holds::Nothing,
                    Some(Field::Retry) if end != End::None && !is_time(value) => Holds::Nothing,
                    Some(Field::Id | Field::Retry) => Holds::Settings,
                    Some(Field::Event) => Holds::Fields,
                    _ => self.unknown_field(name, &parts.concat(), place, end),
                };
                if field.is_some() {
                    self.opening.line(None, false);
                }
                let since = self.line_since.filter(|_| holds == Holds::Data);
                let block = self.block(place);
                block.holds = block.holds.max(holds);
                block.data_since = block.data_since.or(since);
                if end != End::None {
                    self.text(&[name, value], place);
                    if let Some(field) = field {
                        self.field(field, value, place);
                    }
                }
                if field.is_some() { LineKind::Field } else { LineKind::UnknownField }
            }
        }
    }

    /// An event that is dispatched. Its block begins at `place`.
    pub fn event(&mut self, event: Event<'_>, place: Place) {
        self.findings.events += 1;
        self.findings.event_names.add(event.name().as_bytes());
        if let Some(problem) = data::problem(event) {
            self.data_problem(problem, event, place);
        }
    }

    /// A problem of an event's data.
    pub fn data_problem(&mut self, problem: Problem, event: Event<'_>, place: Place) {
        match problem {
            Problem::ErrorEvent | Problem::ErrorInData => {
                self.findings.add_named(problem, place, event.data().as_bytes());
            }
            _ => self.findings.add(problem, place),
        }
    }

    /// The end of a block within the limit, at a blank line.
    pub fn end_block(&mut self, block: &Block) {
        match block.holds {
            Holds::Nothing | Holds::Data => {}
            Holds::Settings => self.findings.silent_blocks += 1,
            Holds::Fields => self.findings.add(Problem::WithoutData, block.start),
        }
    }

    /// Any line but a blank one.
    fn text(&mut self, parts: &[&[u8]], place: Place) {
        for part in parts {
            // Of an id it is another finding.
            if memchr(0, part).is_some() && parts[0] != b"id" {
                self.findings.add(Problem::Nul, place);
            }
            if part.is_ascii() {
                continue;
            }
            match str::from_utf8(part) {
                Err(_) => self.findings.add(Problem::IllFormed, place),
                Ok(text) => {
                    if is_mojibake(text) {
                        self.findings.add(Problem::Mojibake, place);
                    }
                    if ["\u{85}", "\u{2028}", "\u{2029}"].iter().any(|end| memmem::find(part, end.as_bytes()).is_some())
                    {
                        self.findings.add(Problem::UnicodeLineBreak, place);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: Field, value: &[u8], place: Place) {
        match field {
            Field::Data => self.findings.data_lines += 1,
            Field::Id if value.contains(&0) => self.findings.add(Problem::IdWithNul, place),
            Field::Id if !is_carried(value) => self.findings.add_named(Problem::IdNotInHeader, place, value),
            Field::Retry if !is_time(value) => {
                self.findings.add_named(Problem::RetryIgnored, place, value);
            }
            _ => {}
        }
    }

    /// Returns what the block holds because of it.
    fn unknown_field(&mut self, name: &[u8], line: &[u8], place: Place, end: End) -> Holds {
        self.opening.line(Some(line), end == End::Lf);
        match self.opening {
            Opening::HttpHead => return Holds::Nothing,
            Opening::ChunkSize if is_chunk_size(line) => {
                self.findings.add_named(Problem::ChunkSizes, place, line);
                return Holds::Nothing;
            }
            _ => {}
        }
        if end == End::None {
            return Holds::Fields;
        }
        if let Some(problem) = looks_known(name) {
            self.findings.add_named(problem, place, name);
        } else if name == b"error" {
            self.findings.add_named(Problem::ErrorField, place, line);
        } else if matches!(line.trim_ascii_start().first(), Some(b'{' | b'}' | b'[' | b']' | b'"')) {
            self.findings.add(Problem::JsonOutsideData, place);
        } else {
            self.findings.add_named(Problem::UnknownField, place, name);
        }
        Holds::Fields
    }
}

/// Whether the value of retry is one that clients take.
fn is_time(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// Why an unknown name looks like a known one.
fn looks_known(name: &[u8]) -> Option<Problem> {
    let without_bom = name.strip_prefix(BOM).unwrap_or(name);
    let trimmed = without_bom.trim_ascii();
    if trimmed.len() > "event".len() || Field::from_name(&trimmed.to_ascii_lowercase()).is_none() {
        return None;
    }
    Some(if without_bom.len() < name.len() {
        Problem::BomInside
    } else if without_bom.trim_ascii_start().len() < without_bom.len() {
        Problem::Indented
    } else if trimmed.len() < without_bom.len() {
        Problem::SpaceBeforeColon
    } else {
        Problem::UpperCase
    })
}

/// Whether a header carries this id as it is.
pub fn is_carried(id: &[u8]) -> bool {
    let outer = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !outer(id.first()) && !outer(id.last()) && !id.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control())
}
