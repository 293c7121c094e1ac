//! A literal reading of the standard (WHATWG HTML 9.2.5 and 9.2.6), and of the size limit's definition: slow, with
//! the whole stream in hand, and sharing nothing with the crate. What it says is what the parser must do.

/// Everything that one can see of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events, comments (if they were asked for) and refusals, in order.
    pub results: Vec<Seen>,
    /// The event of the unfinished block.
    pub unfinished: Option<SeenEvent>,
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
    /// Bytes of the stream.
    pub position: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Event(SeenEvent),
    Comment(String),
    TooLarge { comment: bool, limit: usize, position: u64 },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenEvent {
    pub name: String,
    pub data: String,
    pub id: Option<String>,
    pub last_event_id: String,
    pub retry: Option<u64>,
}

/// What arrives of data that is sent: CR and CRLF as LF.
pub fn arriving(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

/// One line of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    /// Offset of its first byte.
    pub start: usize,
    pub bytes: &'a [u8],
    /// Whether it has a terminator, which only the last may lack.
    pub ended: bool,
}

/// Strips one BOM and splits at CRLF, LF and CR.
///
/// The standard decodes before it splits. That is the same: CR and LF are never part of a longer sequence, well-formed
/// or not, so that lines may be decoded one by one.
pub fn lines(stream: &[u8]) -> Vec<RawLine<'_>> {
    let mut lines = Vec::new();
    let mut start = if stream.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut at = start;
    while at < stream.len() {
        let terminator = match &stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        if terminator > 0 {
            lines.push(RawLine { start, bytes: &stream[start..at], ended: true });
            start = at + terminator;
            at = start;
        } else {
            at += 1;
        }
    }
    if start < stream.len() {
        lines.push(RawLine { start, bytes: &stream[start..], ended: false });
    }
    lines
}

#[derive(Default)]
struct Block {
    start: Option<usize>,
    refused: bool,
    event_type: String,
    data: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
}

impl Block {
    fn event(self, last_event_id: &str) -> Option<SeenEvent> {
        let name = if self.event_type.is_empty() { "message".to_owned() } else { self.event_type };
        let last_event_id = self.id.clone().unwrap_or_else(|| last_event_id.to_owned());
        Some(SeenEvent { name, data: self.data?, id: self.id, last_event_id, retry: self.retry })
    }

    fn size(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.event_type.len() + len(&self.data) + len(&self.id)
    }

    /// "Process the field", 9.2.6.
    fn process(&mut self, name: &str, value: &str) {
        match name {
            "event" => value.clone_into(&mut self.event_type),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                self.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
}

/// Interprets a whole stream.
pub fn interpret(stream: &[u8], limit: usize, comments: bool) -> Outcome {
    interpret_after(&Outcome::default(), stream, limit, comments)
}

/// Interprets the stream of another connection: the last event ID and the reconnection time stay from the one before.
pub fn interpret_after(before: &Outcome, stream: &[u8], limit: usize, comments: bool) -> Outcome {
    let mut outcome = Outcome {
        position: stream.len() as u64,
        last_event_id: before.last_event_id.clone(),
        reconnection_time: before.reconnection_time,
        ..Outcome::default()
    };
    let mut block = Block::default();
    for line in lines(stream) {
        let start = *block.start.get_or_insert(line.start) as u64;
        if line.bytes.is_empty() {
            let ended = std::mem::take(&mut block);
            if !ended.refused {
                let id = ended.id.clone().unwrap_or_else(|| outcome.last_event_id.clone());
                outcome.last_event_id.clone_from(&id);
                outcome.results.extend(ended.event(&id).map(Seen::Event));
            }
            continue;
        }
        if block.refused {
            continue;
        }
        let text = String::from_utf8_lossy(line.bytes);
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, value.strip_prefix(' ').unwrap_or(value)),
            None => (&*text, ""),
        };
        let colon = text.contains(':');
        let is_comment = colon && name.is_empty();
        let is_known = ["event", "data", "id", "retry"].contains(&name) && (colon || line.ended);
        let joins = name == "data" && block.data.is_some();
        let counted = (is_comment && comments) || is_known;
        if counted && block.size() + usize::from(joins) + read_so_far(value, line) > limit {
            outcome.results.push(Seen::TooLarge { comment: is_comment, limit, position: start });
            block = Block { refused: true, start: block.start, ..Block::default() };
        } else if is_comment && comments && line.ended {
            outcome.results.push(Seen::Comment(value.to_owned()));
        } else if !is_comment {
            block.process(name, value);
            if line.ended {
                outcome.reconnection_time = block.retry.or(outcome.reconnection_time);
            }
        }
    }
    outcome.unfinished = block.event(&outcome.last_event_id);
    outcome
}

/// What a value takes while it is read: an incomplete sequence at the end of the stream may yet be completed, and
/// counts as the bytes it has.
fn read_so_far(value: &str, line: RawLine<'_>) -> usize {
    let tail = line.bytes.utf8_chunks().last().map_or(&[][..], |last| last.invalid());
    let incomplete = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
    if incomplete && !line.ended { value.len() - '\u{fffd}'.len_utf8() + tail.len() } else { value.len() }
}
