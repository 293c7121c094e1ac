//! The summary of a stream. It takes a bounded amount of memory, whatever the stream holds.

use std::time::Duration;

/// How many different names are counted, and how much of each name is kept.
const MAX_NAMES: usize = 20;
const MAX_NAME_LEN: usize = 40;

/// Where in the stream a line begins.
#[derive(Clone, Copy)]
pub struct Place {
    pub offset: u64,
    /// Counted from 1.
    pub line: u64,
}

/// Likely mistakes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    LooksKnown,
    UnknownField,
    WithoutData,
    IdWithNul,
    RetryIgnored,
    IllFormed,
    BlockTooLarge,
    LineTooLong,
    Unfinished,
}

impl Problem {
    pub const ALL: [Problem; 9] = [
        Problem::LooksKnown,
        Problem::UnknownField,
        Problem::WithoutData,
        Problem::IdWithNul,
        Problem::RetryIgnored,
        Problem::IllFormed,
        Problem::BlockTooLarge,
        Problem::LineTooLong,
        Problem::Unfinished,
    ];

    /// The name in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Problem::LooksKnown => "looks_like_known_field",
            Problem::UnknownField => "unknown_field",
            Problem::WithoutData => "block_without_data",
            Problem::IdWithNul => "id_with_nul",
            Problem::RetryIgnored => "retry_ignored",
            Problem::IllFormed => "ill_formed_utf8",
            Problem::BlockTooLarge => "block_over_limit",
            Problem::LineTooLong => "line_over_limit",
            Problem::Unfinished => "unfinished",
        }
    }

    /// What is counted, in words.
    pub fn text(self) -> &'static str {
        match self {
            Problem::LooksKnown => "lines that look like a known field, but clients ignore them",
            Problem::UnknownField => "lines with an unknown field, ignored",
            Problem::WithoutData => "blocks without data, not dispatched",
            Problem::IdWithNul => "ids with NUL, ignored",
            Problem::RetryIgnored => "retries that are not all ASCII digits, ignored",
            Problem::IllFormed => "lines with ill-formed UTF-8, read as U+FFFD",
            Problem::BlockTooLarge => "blocks over the limit, refused",
            Problem::LineTooLong => "comments and unknown fields over the limit, skipped",
            Problem::Unfinished => "blocks without a blank line at the end of the stream, discarded by clients",
        }
    }
}

/// How often something was seen, and where first.
#[derive(Clone, Copy, Default)]
pub struct Count {
    pub count: u64,
    pub first: Option<Place>,
}

/// How often each name was seen, for the first names.
#[derive(Default)]
pub struct Names {
    pub known: Vec<Name>,
    /// How often any other name was seen.
    pub others: u64,
}

pub struct Name {
    pub start: Vec<u8>,
    /// Whether `start` is not all of the name.
    pub cut: bool,
    pub count: u64,
}

impl Names {
    pub fn add(&mut self, name: &[u8]) {
        let start = name.get(..MAX_NAME_LEN).unwrap_or(name);
        let cut = start.len() < name.len();
        if let Some(known) = self.known.iter_mut().find(|known| known.start == start && known.cut == cut) {
            known.count += 1;
        } else if self.known.len() < MAX_NAMES {
            self.known.push(Name { start: start.to_owned(), cut, count: 1 });
        } else {
            self.others += 1;
        }
    }
}

/// How many lines ended in which terminator.
#[derive(Clone, Copy, Default)]
pub struct Terminators {
    pub lf: u64,
    pub cr: u64,
    pub crlf: u64,
}

/// All findings.
#[derive(Default)]
pub struct Findings {
    pub bytes: u64,
    /// A last line without a terminator included.
    pub lines: u64,
    pub terminators: Terminators,
    pub bom: bool,
    pub comments: u64,
    pub events: u64,
    pub event_names: Names,
    /// Blocks that only set the id or the reconnection time.
    pub silent_blocks: u64,
    pub last_event_id: String,
    pub reconnection_time: Option<Duration>,
    /// Why the stream was not read to its end.
    pub read_error: Option<String>,
    pub unknown_fields: Names,
    pub look_known: Names,
    problems: [Count; Problem::ALL.len()],
}

impl Findings {
    pub fn add(&mut self, problem: Problem, place: Place) {
        let count = &mut self.problems[problem as usize];
        count.count += 1;
        count.first.get_or_insert(place);
    }

    /// The problems that were found.
    pub fn problems(&self) -> impl Iterator<Item = (Problem, u64, Place)> + '_ {
        let found = |problem: Problem| {
            let count = self.problems[problem as usize];
            count.first.map(|first| (problem, count.count, first))
        };
        Problem::ALL.into_iter().filter_map(found)
    }

    /// The names that belong to a problem.
    pub fn names(&self, problem: Problem) -> Option<&Names> {
        match problem {
            Problem::LooksKnown => Some(&self.look_known),
            Problem::UnknownField => Some(&self.unknown_fields),
            _ => None,
        }
    }
}
