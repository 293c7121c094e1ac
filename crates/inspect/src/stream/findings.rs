//! The summary of a stream. It takes a bounded amount of memory, whatever the stream holds.

use std::borrow::Cow;
use std::time::Duration;

use super::problem::Problem;
use super::timing::Timing;

/// How many different names are counted, and how much of each name is kept.
const MAX_NAMES: usize = 20;
const MAX_NAME_LEN: usize = 40;

/// How many texts of errors are kept, and how much of each.
const MAX_TEXTS: usize = 3;
const MAX_TEXT_LEN: usize = 1000;

/// Where in the stream a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    /// Counted from 1.
    pub line: u64,
}

/// The head of a response, as far as advice depends on it.
pub struct Response {
    pub status: u16,
    pub retry_after: Option<String>,
    pub content_encoding: Option<String>,
}

/// How often a problem was seen, and where first.
#[derive(Default)]
pub struct Count {
    pub times: u64,
    pub first: Option<Place>,
    /// The names, values or texts that were wrong.
    pub names: Names,
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
        self.add_within(name, MAX_NAMES, MAX_NAME_LEN);
    }

    /// Keeps so many names at most, and so much of each.
    fn add_within(&mut self, name: &[u8], names: usize, len: usize) {
        let start = name.get(..len).unwrap_or(name);
        let cut = start.len() < name.len();
        if let Some(known) = self.known.iter_mut().find(|known| known.start == start && known.cut == cut) {
            known.count += 1;
        } else if self.known.len() < names {
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

/// The half event at the end, which no blank line has ended.
pub struct Pending {
    pub start: Place,
    /// Its bytes so far.
    pub bytes: u64,
    pub name: String,
    pub id: Option<String>,
    /// The beginning of the data of its whole lines.
    pub data: String,
    /// The beginning of the last line, if it has no terminator.
    pub half_line: Vec<u8>,
}

struct Counts([Count; Problem::ALL.len()]);

impl Default for Counts {
    fn default() -> Self {
        Counts(std::array::from_fn(|_| Count::default()))
    }
}

/// All that was noted.
#[derive(Default)]
pub struct Findings {
    pub bytes: u64,
    /// A last line without a terminator included.
    pub lines: u64,
    pub terminators: Terminators,
    pub bom: bool,
    pub comments: u64,
    pub data_lines: u64,
    pub events: u64,
    pub event_names: Names,
    /// Blocks that only set the id or the reconnection time.
    pub silent_blocks: u64,
    pub last_event_id: String,
    pub reconnection_time: Option<Duration>,
    pub timing: Timing,
    pub pending: Option<Pending>,
    /// Why the stream ended, in words.
    pub ended: String,
    /// Why the stream was not read to its end.
    pub read_error: Option<String>,
    /// `None` if the input is a file.
    pub response: Option<Response>,
    counts: Counts,
}

impl Findings {
    pub fn add(&mut self, problem: Problem, place: Place) {
        let count = &mut self.counts.0[problem as usize];
        count.times += 1;
        count.first.get_or_insert(place);
    }

    /// Adds a problem with the name or value that is wrong.
    pub fn add_named(&mut self, problem: Problem, place: Place, name: &[u8]) {
        self.add(problem, place);
        let (names, len) = if problem.is_told() { (MAX_TEXTS, MAX_TEXT_LEN) } else { (MAX_NAMES, MAX_NAME_LEN) };
        self.counts.0[problem as usize].names.add_within(name, names, len);
    }

    /// The findings, or the hints. If the whole input is another format, and no event came, what else seems wrong follows
    /// from that, and is left out.
    pub fn problems(&self, hints: bool) -> impl Iterator<Item = (Problem, &Count, Place)> + '_ {
        let all = Problem::ALL.into_iter().filter(move |problem| problem.is_hint() == hints);
        let all = all.filter_map(|problem| {
            let count = &self.counts.0[problem as usize];
            count.first.map(|first| (problem, count, first))
        });
        let is_other = self.is_other_format();
        all.filter(move |(problem, ..)| {
            !is_other || problem.is_other_format() || matches!(problem, Problem::Status | Problem::ContentType)
        })
    }

    /// What to do about a problem, as far as the head of the last response says more.
    pub fn advice(&self, problem: Problem) -> Cow<'static, str> {
        match (problem, &self.response) {
            (Problem::Status, Some(Response { status: 429 | 503, retry_after, .. })) => {
                let wait = match retry_after {
                    Some(time) => format!("Wait as long as retry-after says ({time}), then ask again."),
                    None => "Wait, then ask again. There is no retry-after that says how long.".to_owned(),
                };
                format!("{wait} A server that wants clients to come back answers 200 and closes, with a retry line.")
                    .into()
            }
            (Problem::Gzip | Problem::Zstd, Some(Response { content_encoding: Some(coding), .. })) => format!(
                "Ask for it with --compressed. The server says `content-encoding: {coding}`, but was not asked to \
                     compress: it should look at accept-encoding."
            )
            .into(),
            _ => problem.about().advice.into(),
        }
    }

    /// Whether the input is no event stream.
    pub fn is_other_format(&self) -> bool {
        self.events == 0
            && Problem::ALL
                .iter()
                .any(|&problem| problem.is_other_format() && self.counts.0[problem as usize].times > 0)
    }
}
