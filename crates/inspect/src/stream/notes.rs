//! Notes about lines, the current block, and the stream.

use sse_wire::{Field, Line};

use crate::stream::findings::{Findings, Place, Problem};
use crate::view::output::LineKind;

/// The findings so far, and the current block.
#[derive(Default)]
pub struct Notes {
    pub findings: Findings,
    /// `None` before its first line that is not blank.
    pub block: Option<Block>,
}

#[derive(Clone, Copy)]
pub struct Block {
    pub start: Place,
    pub holds: Holds,
    pub refused: bool,
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

impl Notes {
    /// The current block, which begins at `place` unless it has begun.
    pub fn block(&mut self, place: Place) -> &mut Block {
        self.block.get_or_insert(Block { start: place, holds: Holds::Nothing, refused: false })
    }

    /// `line`: `None` if it is too long. `ended`: whether it has a terminator; half a line has no effect.
    pub fn line(&mut self, line: Option<Line<'_>>, place: Place, ended: bool) -> LineKind {
        self.findings.lines += 1;
        let Some(line) = line else {
            self.block(place);
            return LineKind::TooLong;
        };
        match line {
            Line::Blank => LineKind::Blank,
            Line::Comment(text) => {
                self.block(place);
                self.findings.comments += 1;
                self.text(ended, &[text], place);
                LineKind::Comment
            }
            Line::Field { name, value } => {
                let field = Field::from_name(name);
                let block = self.block(place);
                block.holds = block.holds.max(match field {
                    Some(Field::Data) => Holds::Data,
                    Some(Field::Id | Field::Retry) => Holds::Settings,
                    _ => Holds::Fields,
                });
                self.text(ended, &[name, value], place);
                if ended {
                    self.field(field, name, value, place);
                }
                if field.is_some() { LineKind::Field } else { LineKind::UnknownField }
            }
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

    fn text(&mut self, ended: bool, parts: &[&[u8]], place: Place) {
        if ended && parts.iter().any(|part| std::str::from_utf8(part).is_err()) {
            self.findings.add(Problem::IllFormed, place);
        }
    }

    fn field(&mut self, field: Option<Field>, name: &[u8], value: &[u8], place: Place) {
        match field {
            Some(Field::Id) if value.contains(&0) => self.findings.add(Problem::IdWithNul, place),
            Some(Field::Retry) if value.is_empty() || !value.iter().all(u8::is_ascii_digit) => {
                self.findings.add(Problem::RetryIgnored, place);
            }
            Some(_) => {}
            None if looks_known(name) => {
                self.findings.look_known.add(name);
                self.findings.add(Problem::LooksKnown, place);
            }
            None => {
                self.findings.unknown_fields.add(name);
                self.findings.add(Problem::UnknownField, place);
            }
        }
    }
}

/// Whether an unknown name differs from a known one only by spaces around it, capital letters, or a BOM that is not at the
/// start of the stream.
fn looks_known(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name).trim_ascii();
    name.len() <= "event".len() && Field::from_name(&name.to_ascii_lowercase()).is_some()
}
