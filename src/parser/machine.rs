//! Pieces of lines to events: the state machine of [`Parser`].
//!
//! # How it works, for whoever changes it
//!
//! `advance` reads on until there is something to say.
//!
//! - While lines are whole, `whole_lines` reads each where it lies (`Block::line`): a value is *found* in the chunk and
//!   not copied.
//! - A line that a chunk's end cuts is read part by part (`Block::piece`, `Block::end_line`) and *kept*; what was found
//!   before it is kept too, because the chunk ends.
//! - A blank line ends the block. The event, if there is one, is made of what is found and what is kept.
//!
//! `few_bytes` and `shortcut` come first. They take what most calls meet in one step. They decide nothing: without them
//! every result would be the same.
//!
//! `Phase` says where the stream is between two calls:
//!
//! ```text
//! Between --first byte of a line--> Within --blank line, no data--> Between
//! Within  --blank line, data--> Dispatched --next call--> Between       (the caller may borrow what is kept;
//!                                                                        straight to Between if nothing is)
//! Within  --limit passed--> Refused --blank line--> Between
//! any     --finish--> Dispatched, or Between if there is no event; --reset--> Between
//! ```
//!
//! # What must hold
//!
//! - No result depends on where the chunks were cut. So whatever a whole line does, the same line in parts must do, and
//!   at the same byte in the eyes of the limit. `tests/wire/properties.rs` holds all ways against a literal reading of
//!   the standard.
//! - No byte is searched for a line end twice. Whoever has searched and goes no further hands on the `Search`. Only
//!   `few_bytes` does not: it asks, for 64 bytes at most, whether there is a line end, and that is soon done.
//! - In the phase `Between` nothing of a block is kept, and `Block::line` is `Empty`.
//! - The borrowed and the shared path differ in `Chunk` and in the view that is made last, only.

use super::Parser;
use super::block::Found;
use super::error::{ParseError, ParseErrorKind};
use super::field::{self, PartialLine};
use super::line::Piece;
use super::text::{self, Chunk};
use crate::line::{FEW, LineEnd, Search, find_line_end, find_near_line_end, has_line_end};

/// Where the stream is: see the note at the head of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Between,
    Within,
    Dispatched,
    Refused,
}

/// What a call to `advance` ended at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// An event, made of what is found and what is kept.
    Event,
    /// A comment, found or kept.
    Comment,
    /// All of the input was taken.
    End,
}

/// What the short ways came to.
pub(super) enum Shortcut<'i> {
    /// A block of `len` bytes with one data line, which ends at `end`, and nothing else. It was not taken yet, because the
    /// data may be ill-formed.
    Block { data: &'i [u8], end: LineEnd, len: usize },
    /// All of the input was taken.
    All,
    /// Neither: what is left is for `advance`. It was not looked at, but perhaps searched.
    None(Search),
}

impl Parser {
    /// The shortest way: a chunk of a few bytes in the midst of a block, that is a part of a line or a mere LF. `false`:
    /// nothing was taken. Not where comments are asked for: each of them would have what is left of the chunk asked again.
    #[inline(always)]
    pub(super) fn few_bytes(&mut self, input: &mut &[u8]) -> bool {
        if self.phase != Phase::Within || input.is_empty() || input.len() > FEW || !self.scanner.takes_all() {
            return false;
        }
        let taken = if has_line_end(input) {
            **input == *b"\n" && self.block.end_plain_line()
        } else {
            self.block.part_of_line(input, false)
        };
        if taken {
            self.scanner.take(input, input.len());
        }
        taken
    }

    /// The short ways, for what most calls meet. `advance` would come to the same, and takes all that is not for them.
    ///
    /// - A block of one `data: ` line, whole and well-formed, and a blank line: dispatched without a trace in the parser's
    ///   state. Likewise a comment and a blank line, which are skipped.
    /// - A part of a line without its end.
    #[inline(always)]
    pub(super) fn shortcut<'i>(&mut self, input: &mut &'i [u8], comments: bool) -> Shortcut<'i> {
        if self.phase == Phase::Dispatched {
            self.end_block();
        }
        if input.is_empty() {
            return Shortcut::All;
        }
        if self.phase == Phase::Refused || !self.scanner.takes_all() {
            return Shortcut::None(Search::ToDo);
        }
        let search = if self.phase == Phase::Between {
            match self.whole_block(input, comments) {
                Shortcut::None(Search::NoEnd) => Search::NoEnd,
                shortcut => return shortcut,
            }
        } else {
            Search::of(input)
        };
        if search == Search::NoEnd && self.block.part_of_line(input, comments) {
            if self.phase == Phase::Between {
                self.begin_block(self.scanner.position);
            }
            self.scanner.take(input, input.len());
            return Shortcut::All;
        }
        Shortcut::None(search)
    }

    /// The first of the short ways.
    #[inline(always)]
    fn whole_block<'i>(&mut self, input: &mut &'i [u8], comments: bool) -> Shortcut<'i> {
        const DATA: &[u8] = b"data: ";
        const COMMENT: &[u8] = b":";
        loop {
            let (prefix, end) = if input.starts_with(DATA) {
                (DATA.len(), find_line_end(&input[DATA.len()..]))
            } else if input.starts_with(COMMENT) && !comments {
                (COMMENT.len(), find_near_line_end(&input[COMMENT.len()..]))
            } else {
                return Shortcut::None(Search::ToDo);
            };
            let Some(end) = end.map(|end| end.after(prefix)) else {
                return Shortcut::None(Search::NoEnd);
            };
            let value = &input[prefix..end.at];
            let blank = match &input[end.at + end.terminator..] {
                [b'\r', b'\n', ..] => 2,
                // A CR that ends the chunk may be half of a CRLF.
                [b'\n', ..] | [b'\r', _, ..] => 1,
                _ => 0,
            };
            let len = end.at + end.terminator + blank;
            if blank > 0 && prefix == COMMENT.len() {
                self.scanner.take(input, len);
                continue;
            }
            if blank > 0 && text::fits(value, self.block.limit) {
                return Shortcut::Block { data: value, end, len };
            }
            return Shortcut::None(Search::End(end));
        }
    }

    /// Reads up to the next event, comment (if they are asked for), error, or the end of `input`.
    ///
    /// `search`: what a search for the end of the first line found. `found`: empty, and then what was found.
    pub(super) fn advance<'i, C: Chunk<'i>>(
        &mut self,
        chunk: &C,
        input: &mut &'i [u8],
        comments: bool,
        mut search: Search,
        found: &mut Found<C::Text>,
    ) -> Result<Stop, ParseError> {
        if self.block.line == PartialLine::Empty {
            // The last comment, which the caller has seen.
            self.block.forget_value();
        }
        let mut piece = self.scanner.skip(input);
        loop {
            if piece.is_none() && self.block.line == PartialLine::Empty && self.phase != Phase::Refused {
                let stop = self.whole_lines(chunk, input, comments, &mut search, found)?;
                if stop != Stop::End {
                    return Ok(stop);
                }
            }
            let Some(part) = piece.take().or_else(|| self.scanner.piece(input, search.take(input))) else {
                break;
            };
            if self.phase == Phase::Refused {
                let blank = part.bytes.is_empty() && self.block.line == PartialLine::Empty;
                self.block.line = if part.ends_line { PartialLine::Empty } else { PartialLine::Ignored };
                if blank {
                    self.end_block();
                }
                continue;
            }
            if self.phase == Phase::Between {
                self.begin_block(part.start);
            }
            self.block.keep(found);
            let comment_ends = self.read_piece(&part, comments);
            if comment_ends.map_err(|kind| self.refuse(kind, part.ends_line))? {
                return Ok(Stop::Comment);
            }
        }
        self.block.keep(found);
        Ok(Stop::End)
    }

    /// Reads whole lines where they lie, up to an event or comment, or to the line that the chunk's end cuts off.
    #[inline(always)]
    fn whole_lines<'i, C: Chunk<'i>>(
        &mut self,
        chunk: &C,
        input: &mut &'i [u8],
        comments: bool,
        search: &mut Search,
        found: &mut Found<C::Text>,
    ) -> Result<Stop, ParseError> {
        while !input.is_empty() {
            if self.phase == Phase::Between {
                self.begin_block(self.scanner.position);
            }
            let Some(end) = search.take(input) else {
                *search = Search::NoEnd;
                break;
            };
            let line = self.scanner.take_line(input, end);
            if line.is_empty() {
                self.commit_id(found);
                if found.data.is_some() || self.block.has_data {
                    // Nothing to forget if all of it lies in the chunk.
                    self.phase = if self.block.is_empty() { Phase::Between } else { Phase::Dispatched };
                    return Ok(Stop::Event);
                }
                *found = Found::default();
                self.phase = Phase::Between;
                if !self.block.is_empty() {
                    self.end_block();
                }
            } else if let Some((field, value)) = field::known_field(line) {
                let read = self.block.line(field, value, chunk, found);
                read.map_err(|kind| self.refuse(kind, true))?;
            } else if let (true, [b':', text @ ..]) = (comments, line) {
                let comment = self.block.comment(field::drop_space(text), chunk, found);
                let comment = comment.map_err(|kind| self.refuse(kind, true))?;
                self.block.keep(found);
                found.comment = comment;
                return Ok(Stop::Comment);
            }
        }
        Ok(Stop::End)
    }

    /// Reads a part of a line that lies in several chunks; `true`: a comment that is asked for ended.
    fn read_piece(&mut self, piece: &Piece<'_>, comments: bool) -> Result<bool, ParseErrorKind> {
        self.block.piece(piece.bytes, comments)?;
        let comment_ends = piece.ends_line && self.block.in_comment();
        if piece.ends_line {
            self.block.end_line()?;
        }
        Ok(comment_ends)
    }

    /// The end of a block: its id takes effect.
    #[inline]
    fn commit_id<T: AsRef<str>>(&mut self, found: &Found<T>) {
        if let Some(id) = &found.id {
            self.last_event_id.set(id.as_ref());
        } else if self.block.has_id {
            self.last_event_id.set(&self.block.id);
        }
    }

    fn begin_block(&mut self, start: u64) {
        self.phase = Phase::Within;
        self.block_start = start;
    }

    /// Forgets the block; its retry has taken effect.
    pub(super) fn end_block(&mut self) {
        self.phase = Phase::Between;
        self.reconnection_time = self.reconnection_time();
        self.block.clear();
    }

    /// Forgets the block, and has the rest of it skipped.
    #[cold]
    fn refuse(&mut self, kind: ParseErrorKind, line_ended: bool) -> ParseError {
        self.end_block();
        self.phase = Phase::Refused;
        self.block.line = if line_ended { PartialLine::Empty } else { PartialLine::Ignored };
        ParseError::new(kind, self.block_start)
    }
}
