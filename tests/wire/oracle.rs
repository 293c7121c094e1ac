//! A literal reading of the standard (WHATWG HTML 9.2.5 and 9.2.6), and of what the two limits mean: slow, with the whole
//! stream in memory, and sharing no code with the crate. The parser must do what it says.

/// All results of reading a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events or blocks, and refusals, in order.
    pub results: Vec<Item>,
    /// The block that the stream ended in.
    pub unfinished: Option<PlainBlock>,
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
    /// Bytes of the stream.
    pub position: u64,
    /// Lines that have ended, and that the standard says to ignore: comments and blank lines are not among them.
    pub ignored_lines: u64,
    /// With the last line of the stream, if it has no end.
    pub ignored_lines_at_end: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Event(PlainEvent),
    Block(PlainBlock),
    /// The block at this position is refused.
    TooLarge {
        kind: LimitKind,
        limit: usize,
        position: u64,
    },
}

/// Which limit is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    Event,
    Block,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainEvent {
    pub name: String,
    pub data: String,
    pub id: Option<String>,
    pub last_event_id: String,
    pub retry: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainBlock {
    pub event: Option<PlainEvent>,
    pub id: Option<String>,
    pub retry: Option<u64>,
    pub lines: Vec<PlainLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainLine {
    Comment(String),
    Field(String, String),
}

/// In bytes; `usize::MAX` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub event: usize,
    pub block: usize,
}

impl Limits {
    pub const NONE: Limits = Limits { event: usize::MAX, block: usize::MAX };
}

/// What is read from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Events,
    Blocks,
}

/// The data that a client receives: CR and CRLF are LF.
pub fn arriving(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

/// One line of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    /// Offset of its first byte.
    pub start: usize,
    pub bytes: &'a [u8],
    /// Offset of the byte after its line end.
    pub end: usize,
    /// Whether it has a line end, which only the last may lack.
    pub ended: bool,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Strips one BOM and splits at CRLF, LF and CR.
///
/// The standard decodes before it splits. That is the same: CR and LF are never part of a longer sequence, well-formed
/// or not, so that lines may be decoded one by one.
pub fn lines(stream: &[u8]) -> Vec<RawLine<'_>> {
    lines_from(stream, if stream.starts_with(BOM) { BOM.len() } else { 0 })
}

fn lines_from(stream: &[u8], mut start: usize) -> Vec<RawLine<'_>> {
    let mut lines = Vec::new();
    let mut at = start;
    while at < stream.len() {
        let line_end = match &stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        if line_end > 0 {
            lines.push(RawLine { start, bytes: &stream[start..at], end: at + line_end, ended: true });
            start = at + line_end;
            at = start;
        } else {
            at += 1;
        }
    }
    if start < stream.len() {
        lines.push(RawLine { start, bytes: &stream[start..], end: stream.len(), ended: false });
    }
    lines
}

/// Name and value of a line that is not blank; the name of a comment is empty.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b':') {
        Some(colon) => (&line[..colon], line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..])),
        None => (line, b""),
    }
}

fn decode(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The standard's buffers, and the lines that filled them.
#[derive(Default)]
struct Block {
    event_type: String,
    data: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    lines: Vec<PlainLine>,
}

impl Block {
    /// "Process the line", 9.2.6. Returns whether "the field is ignored".
    fn process(&mut self, line: &[u8]) -> bool {
        let (name, value) = field(line);
        let (name, value) = (decode(name), decode(value));
        if line.starts_with(b":") {
            self.lines.push(PlainLine::Comment(value));
            return false;
        }
        let mut ignored = false;
        match &*name {
            "event" => self.event_type.clone_from(&value),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                None => self.data = Some(value.clone()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.clone()),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                self.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => ignored = true,
        }
        self.lines.push(PlainLine::Field(name, value));
        ignored
    }

    fn seen(self, last_event_id: &str) -> PlainBlock {
        let name = if self.event_type.is_empty() { "message".to_owned() } else { self.event_type };
        let (id, retry) = (self.id, self.retry);
        let last_event_id = id.clone().unwrap_or_else(|| last_event_id.to_owned());
        let event = self.data.map(|data| PlainEvent { name, data, id: id.clone(), last_event_id, retry });
        PlainBlock { event, id, retry, lines: self.lines }
    }
}

/// The size of the event in a block, or in the first part of one: its data, with a LF between two lines, and all values of
/// event, id and retry, as text.
///
/// The bytes of an incomplete character count as they are. The LF before a line counts with the byte after that line's
/// colon, or with that line's end.
fn event_size(block: &[u8]) -> usize {
    let (mut size, mut data_lines) = (0, 0);
    for line in lines_from(block, 0) {
        let (name, value) = field(line.bytes);
        let after_colon = line.bytes.len() > name.len() + 1;
        if !line.ended && !after_colon {
            continue;
        }
        match name {
            b"data" => data_lines += 1,
            b"event" | b"id" | b"retry" => {}
            _ => continue,
        }
        size += size_so_far(value, line.ended);
    }
    size + usize::saturating_sub(data_lines, 1)
}

/// An incomplete character at the end may still be completed, and counts as its bytes.
fn size_so_far(value: &[u8], ended: bool) -> usize {
    let text = decode(value);
    let tail = value.utf8_chunks().last().map_or(&[][..], |last| last.invalid());
    let incomplete = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
    if incomplete && !ended { text.len() - '\u{fffd}'.len_utf8() + tail.len() } else { text.len() }
}

/// After how many bytes a block is refused, and why. The bytes come one by one.
///
/// `block` are all lines with their ends, without the blank line.
fn refusal(block: &[u8], limits: Limits) -> Option<(usize, LimitKind)> {
    let most = block.len().saturating_mul('\u{fffd}'.len_utf8());
    if most <= limits.event && block.len() <= limits.block {
        return None;
    }
    let exceeds = |come: usize| {
        if come > limits.block {
            Some(LimitKind::Block)
        } else {
            (event_size(&block[..come]) > limits.event).then_some(LimitKind::Event)
        }
    };
    let (mut fits, mut refused, mut kind) = (0, block.len(), exceeds(block.len())?);
    // The size only grows, so the first byte that is too much is found by halving; one by one takes seconds for 40 KB.
    while refused - fits > 1 {
        let middle = usize::midpoint(fits, refused);
        match exceeds(middle) {
            Some(why) => (refused, kind) = (middle, why),
            None => fits = middle,
        }
    }
    Some((refused, kind))
}

/// Interprets a whole stream.
pub fn interpret(stream: &[u8], limits: Limits, kind: ItemKind) -> Outcome {
    interpret_after(&Outcome::default(), stream, limits, kind)
}

/// Interprets the stream of another connection: the last event ID and the reconnection time stay from the one before.
pub fn interpret_after(before: &Outcome, stream: &[u8], mut limits: Limits, kind: ItemKind) -> Outcome {
    if kind == ItemKind::Blocks && limits.block == usize::MAX {
        // All of a block is kept, and so all of it is limited.
        limits.block = limits.event;
    }
    if BOM.starts_with(stream) {
        // It is not known whether this is a line.
        limits = Limits::NONE;
    }
    let mut outcome = Outcome {
        position: stream.len() as u64,
        last_event_id: before.last_event_id.clone(),
        reconnection_time: before.reconnection_time,
        ..Outcome::default()
    };
    for lines in lines(stream).split_inclusive(|line| line.ended && line.bytes.is_empty()) {
        let (blank, lines) = match lines.split_last() {
            Some((last, lines)) if last.bytes.is_empty() => (true, lines),
            _ => (false, lines),
        };
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            // Only a blank line.
            continue;
        };
        let refusal = refusal(&stream[first.start..last.end], limits);
        let come = refusal.map_or(usize::MAX, |(come, _)| first.start + come);
        let mut block = Block::default();
        for line in lines {
            let ignored = u64::from(block.process(line.bytes));
            // The first byte of the line end completes the line; the LF of a CRLF does not count.
            if line.ended && line.start + line.bytes.len() + 1 < come {
                outcome.reconnection_time = block.retry.or(outcome.reconnection_time);
                outcome.ignored_lines += ignored;
            }
            if !line.ended && refusal.is_none() {
                outcome.ignored_lines_at_end += ignored;
            }
        }
        if let Some((_, limit_kind)) = refusal {
            let limit = if limit_kind == LimitKind::Event { limits.event } else { limits.block };
            outcome.results.push(Item::TooLarge { kind: limit_kind, limit, position: first.start as u64 });
            continue;
        }
        let seen = block.seen(&outcome.last_event_id);
        if blank {
            if let Some(id) = &seen.id {
                outcome.last_event_id.clone_from(id);
            }
            outcome.results.extend(match kind {
                ItemKind::Events => seen.event.map(Item::Event),
                ItemKind::Blocks => Some(Item::Block(seen)),
            });
        } else if seen.lines.iter().any(|line| matches!(line, PlainLine::Field(..))) {
            outcome.unfinished = Some(seen);
        }
    }
    outcome.ignored_lines_at_end += outcome.ignored_lines;
    outcome
}
