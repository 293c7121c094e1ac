//! What a wrong client does not know of the standard.
//!
//! A stream tests several rules at once, so its name does not say which one a client broke. A small reader ([`read`]) can
//! break each rule on purpose. The rules with which it sees what the client saw are the broken ones.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Event, INTERPRETING, PARSING, Section};

/// A sentence of the standard, in short.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub section: Section,
    pub text: &'static str,
}

/// A way to read a stream wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KeepsBom,
    DropsEveryBom,
    ForgetsHalfLines,
    DecodesEachChunk,
    DropsIllFormed,
    ReadsLatin1,
    IgnoresCr,
    IgnoresLoneCr,
    ReadsCrLfAsTwo,
    EndsLinesAtOthers,
    TakesLastColon,
    CutsAtSecondColon,
    NeedsColon,
    NeedsSpace,
    KeepsSpace,
    DropsAllSpaces,
    DropsOuterSpaces,
    TrimsNames,
    IgnoresCase,
    TakesNamesByStart,
    TakesLastData,
    TakesFirstData,
    JoinsWithoutLf,
    DropsEmptyData,
    NeedsNoData,
    DispatchesAtEnd,
    DispatchesEachData,
    IgnoresTypes,
    KeepsType,
    KeepsEmptyType,
    IgnoresIds,
    ForgetsIds,
    NeedsDataForId,
    IgnoresEmptyId,
    TakesIdWithNul,
}

use Fault::*;

const FAULTS: [Fault; 35] = [
    KeepsBom,
    DropsEveryBom,
    ForgetsHalfLines,
    DecodesEachChunk,
    DropsIllFormed,
    ReadsLatin1,
    IgnoresCr,
    IgnoresLoneCr,
    ReadsCrLfAsTwo,
    EndsLinesAtOthers,
    TakesLastColon,
    CutsAtSecondColon,
    NeedsColon,
    NeedsSpace,
    KeepsSpace,
    DropsAllSpaces,
    DropsOuterSpaces,
    TrimsNames,
    IgnoresCase,
    TakesNamesByStart,
    TakesLastData,
    TakesFirstData,
    JoinsWithoutLf,
    DropsEmptyData,
    NeedsNoData,
    DispatchesAtEnd,
    DispatchesEachData,
    IgnoresTypes,
    KeepsType,
    KeepsEmptyType,
    IgnoresIds,
    ForgetsIds,
    NeedsDataForId,
    IgnoresEmptyId,
    TakesIdWithNul,
];

const fn parsing(text: &'static str) -> Rule {
    Rule { section: PARSING, text }
}

const fn interpreting(text: &'static str) -> Rule {
    Rule { section: INTERPRETING, text }
}

const BOM: Rule = parsing("One BOM at the very start of the stream is dropped. Any other belongs to the text.");
const CHUNKS: Rule = parsing("A chunk may end anywhere, also within a line, a character or CRLF.");
const UTF_8: Rule =
    parsing("The stream is UTF-8. What is ill-formed is read as U+FFFD, as the Encoding standard says.");
const LINE_ENDS: Rule = parsing("A line ends at CRLF, LF or CR, in any mixture. CRLF is one end.");
const OTHER_ENDS: Rule = parsing("No character but CR and LF ends a line.");
const FIRST_COLON: Rule =
    interpreting("The name of a field ends at the first colon. The rest is the value, with all other colons.");
const NO_COLON: Rule = interpreting("A line without a colon is a field with an empty value.");
const ONE_SPACE: Rule = interpreting("One space after the colon is dropped, if there is one. All other spaces stay.");
const NAMES: Rule = interpreting("Names are compared exactly. A field with another name is ignored.");
const JOINED: Rule = interpreting("The data lines of a block are joined by LF.");
const NO_DATA: Rule = interpreting("A block without a data line is no event. One with an empty data line is one.");
const BLANK_LINE: Rule = interpreting("A blank line dispatches the event, with all data lines of its block.");
const CUT_OFF: Rule = interpreting("A block that the end of the stream cuts off is discarded.");
const TYPE: Rule = interpreting("The last event field of a block is the type. It is `message` if empty or missing.");
const ID: Rule = interpreting("An id is the last event ID of its block and the next ones, until another id.");
const ID_ALONE: Rule = interpreting("A block without data still sets the last event ID.");
const EMPTY_ID: Rule = interpreting("An empty id resets the last event ID.");
const NUL: Rule = interpreting("NUL is a character like others. Only an id that has one is ignored.");

impl Fault {
    fn rule(self) -> Rule {
        match self {
            KeepsBom | DropsEveryBom => BOM,
            ForgetsHalfLines | DecodesEachChunk => CHUNKS,
            DropsIllFormed | ReadsLatin1 => UTF_8,
            IgnoresCr | IgnoresLoneCr | ReadsCrLfAsTwo => LINE_ENDS,
            EndsLinesAtOthers => OTHER_ENDS,
            TakesLastColon | CutsAtSecondColon => FIRST_COLON,
            NeedsColon => NO_COLON,
            NeedsSpace | KeepsSpace | DropsAllSpaces | DropsOuterSpaces => ONE_SPACE,
            TrimsNames | IgnoresCase | TakesNamesByStart => NAMES,
            TakesLastData | TakesFirstData | JoinsWithoutLf => JOINED,
            DropsEmptyData | NeedsNoData => NO_DATA,
            DispatchesAtEnd => CUT_OFF,
            DispatchesEachData => BLANK_LINE,
            IgnoresTypes | KeepsType | KeepsEmptyType => TYPE,
            IgnoresIds | ForgetsIds => ID,
            NeedsDataForId => ID_ALONE,
            IgnoresEmptyId => EMPTY_ID,
            TakesIdWithNul => NUL,
        }
    }
}

/// The rule that cases of this category are about.
pub fn of_category(category: &str) -> Rule {
    match category {
        "bom" => BOM,
        "chunking" => CHUNKS,
        "colon" => FIRST_COLON,
        "comment" => interpreting("A line that begins with a colon is a comment, and is ignored."),
        "data" => JOINED,
        "eof" => CUT_OFF,
        "event-type" => TYPE,
        "id" => ID,
        "injection-shape" | "line-endings" => LINE_ENDS,
        "large" => parsing("Lines and streams may be long."),
        "nul" => NUL,
        "retry" => interpreting("A retry field sets the reconnection time if it is only digits. It is no event."),
        "unicode-separators" => OTHER_ENDS,
        "unknown-field" => NAMES,
        "utf8" => UTF_8,
        "whitespace" => ONE_SPACE,
        _ => BLANK_LINE,
    }
}

/// The same rule, unless its faults do not show in this stream and those of another do.
pub fn of_case(rule: Rule, chunks: &[Bytes], events: &[Event]) -> Rule {
    let is_of_a_fault = FAULTS.iter().any(|fault| fault.rule().text == rule.text);
    let shown: Vec<_> = shown_by(&[chunks.to_vec()], events).into_iter().map(Fault::rule).collect();
    match shown.first() {
        Some(first) if is_of_a_fault && shown.iter().all(|shown| shown.text != rule.text) => *first,
        _ => rule,
    }
}

/// The faults that change what is seen of these responses.
fn shown_by(responses: &[Vec<Bytes>], events: &[Event]) -> Vec<Fault> {
    FAULTS.into_iter().filter(|fault| read(responses, &[*fault]) != events).collect()
}

/// How many faults are looked for in one case, among how many, and in how long a stream.
const MOST_FAULTS: usize = 4;
const MOST_SHOWN: usize = 16;
const LONG: usize = 1024;

/// The smallest sets of faults with which `is_seen` holds.
pub fn explain(responses: &[Vec<Bytes>], is_seen: impl Fn(&[Event]) -> bool) -> Vec<Vec<Fault>> {
    let mut candidates = shown_by(responses, &read(responses, &[]));
    let length: usize = responses.iter().flatten().map(Bytes::len).sum();
    let most = if length > LONG { 1 } else { MOST_FAULTS };
    if most > 1 {
        // Those that show only beside another.
        for fault in candidates.clone() {
            let alone = read(responses, &[fault]);
            let beside = FAULTS.into_iter().filter(|other| read(responses, &[fault, *other]) != alone);
            let new: Vec<_> = beside.filter(|other| !candidates.contains(other)).collect();
            candidates.extend(new);
        }
        candidates.truncate(MOST_SHOWN);
    }
    // Each set in the order of the candidates, so that none comes twice.
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..most {
        let larger = |set: &Vec<usize>| {
            let set = set.clone();
            let next = set.last().map_or(0, |last| last + 1);
            (next..candidates.len()).map(move |index| [&set[..], &[index]].concat())
        };
        sets = sets.iter().flat_map(larger).collect();
        let faults = sets.iter().map(|set| set.iter().map(|index| candidates[*index]).collect::<Vec<_>>());
        let found: Vec<_> = faults.filter(|faults| is_seen(&read(responses, faults))).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The rules that a run broke, by the explanations of each case: of several, one whose faults explain the most cases.
pub fn choose(explanations: &[&Vec<Vec<Fault>>]) -> Vec<Vec<Rule>> {
    let mut votes: BTreeMap<Fault, usize> = BTreeMap::new();
    for sets in explanations {
        for fault in sets.iter().flatten().collect::<BTreeSet<_>>() {
            *votes.entry(*fault).or_default() += 1;
        }
    }
    let worth = |set: &&Vec<Fault>| set.iter().map(|fault| votes[fault]).sum::<usize>();
    let rules = |sets: &&Vec<Vec<Fault>>| {
        // The first of those that are worth the same.
        let best = sets.iter().rev().max_by_key(worth);
        let mut rules: Vec<Rule> = Vec::new();
        for rule in best.into_iter().flatten().map(|fault| fault.rule()) {
            if rules.iter().all(|other| other.text != rule.text) {
                rules.push(rule);
            }
        }
        rules
    };
    explanations.iter().map(rules).collect()
}

/// The events of responses, each in chunks, by a reader with these faults. Without any, it is right.
pub fn read(responses: &[Vec<Bytes>], faults: &[Fault]) -> Vec<Event> {
    let mut reader = Reader { faults, ..Reader::default() };
    for chunks in responses {
        reader.response(chunks);
    }
    reader.events
}

#[derive(Default)]
struct Reader<'a> {
    faults: &'a [Fault],
    data: Vec<String>,
    kind: Option<String>,
    id: Option<String>,
    has_field: bool,
    last_id: String,
    events: Vec<Event>,
}

impl Reader<'_> {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn response(&mut self, chunks: &[Bytes]) {
        let whole = chunks.concat();
        let texts: Vec<_> = if self.has(ForgetsHalfLines) || self.has(DecodesEachChunk) {
            chunks.iter().map(|chunk| self.decode(chunk)).collect()
        } else {
            vec![self.decode(&whole)]
        };
        let texts = if self.has(ForgetsHalfLines) { texts } else { vec![texts.concat()] };
        for (index, text) in texts.iter().enumerate() {
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) if index == 0 && !self.has(KeepsBom) => rest,
                _ => text,
            };
            let text = if self.has(DropsEveryBom) { text.replace('\u{feff}', "") } else { text.to_owned() };
            self.text(&text);
        }
        if self.has(DispatchesAtEnd) {
            self.dispatch();
        }
        // The next response begins with a new block.
        (self.data, self.kind, self.id, self.has_field) = (Vec::new(), None, None, false);
    }

    fn decode(&self, bytes: &[u8]) -> String {
        if self.has(ReadsLatin1) {
            bytes.iter().copied().map(char::from).collect()
        } else if self.has(DropsIllFormed) {
            bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }

    fn text(&mut self, mut text: &str) {
        let is_end = |char: char| match char {
            '\n' => true,
            '\r' => !self.has(IgnoresCr) && !self.has(IgnoresLoneCr),
            '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => self.has(EndsLinesAtOthers),
            _ => false,
        };
        let mut lines = Vec::new();
        while let Some(end) = text.find(is_end) {
            let rest = &text[end..];
            let is_crlf = rest.starts_with("\r\n") && !self.has(ReadsCrLfAsTwo);
            let line = &text[..end];
            lines.push(if self.has(IgnoresLoneCr) { line.strip_suffix('\r').unwrap_or(line) } else { line });
            text = &rest[if is_crlf { 2 } else { rest.chars().next().map_or(0, char::len_utf8) }..];
        }
        if (self.has(DispatchesAtEnd) || self.has(ForgetsHalfLines)) && !text.is_empty() {
            lines.push(text);
        }
        for line in lines {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return self.dispatch();
        }
        if line.starts_with(':') {
            return;
        }
        let (name, value) = match if self.has(TakesLastColon) { line.rsplit_once(':') } else { line.split_once(':') } {
            Some(parts) => parts,
            None if self.has(NeedsColon) => return,
            None => (line, ""),
        };
        let value = if self.has(CutsAtSecondColon) { value.split(':').next().unwrap_or(value) } else { value };
        let value = match value.strip_prefix(' ') {
            _ if self.has(DropsOuterSpaces) => value.trim(),
            _ if self.has(DropsAllSpaces) => value.trim_start(),
            _ if self.has(KeepsSpace) => value,
            None if self.has(NeedsSpace) && line.contains(':') => return,
            rest => rest.unwrap_or(value),
        };
        let name = if self.has(TrimsNames) { name.trim() } else { name };
        let name = if self.has(IgnoresCase) { name.to_ascii_lowercase() } else { name.to_owned() };
        let known = ["data", "event", "id"]
            .into_iter()
            .find(|known| name == *known || self.has(TakesNamesByStart) && name.starts_with(known));
        self.has_field |= known.is_some();
        match known {
            Some("data") => {
                self.data.push(value.to_owned());
                if self.has(DispatchesEachData) {
                    self.dispatch();
                }
            }
            Some("event") => self.kind = Some(value.to_owned()),
            Some(_) if value.contains('\0') && !self.has(TakesIdWithNul) => {}
            Some(_) if value.is_empty() && self.has(IgnoresEmptyId) => {}
            Some(_) => self.id = Some(value.to_owned()),
            None => {}
        }
    }

    fn dispatch(&mut self) {
        let data = std::mem::take(&mut self.data);
        let has_field = std::mem::take(&mut self.has_field);
        let is_event = if self.has(NeedsNoData) { has_field } else { !data.is_empty() };
        let text = match (data.first(), data.last()) {
            (Some(first), _) if self.has(TakesFirstData) => first.clone(),
            (_, Some(last)) if self.has(TakesLastData) => last.clone(),
            _ => data.join(if self.has(JoinsWithoutLf) { "" } else { "\n" }),
        };
        if let Some(id) = self.id.take()
            && !self.has(IgnoresIds)
            && (is_event || !self.has(NeedsDataForId))
        {
            self.last_id = id;
        }
        let kind = if self.has(KeepsType) { self.kind.clone() } else { self.kind.take() };
        let kind = kind.filter(|kind| !self.has(IgnoresTypes) && (!kind.is_empty() || self.has(KeepsEmptyType)));
        if is_event && !(text.is_empty() && self.has(DropsEmptyData)) {
            let last_event_id = self.last_id.clone();
            self.events.push(Event { kind: kind.unwrap_or("message".to_owned()), data: text, last_event_id });
        }
        if self.has(ForgetsIds) {
            self.last_id.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::{CASES, Chunks};
    use super::*;

    #[test]
    fn without_a_fault_the_reader_is_right_and_each_fault_shows_in_a_case() {
        let mut unseen: Vec<_> = FAULTS.to_vec();
        for case in CASES.iter() {
            let responses = [Chunks::Case.cut(case)];
            assert_eq!(read(&responses, &[]), case.events, "{}", case.name);
            unseen.retain(|fault| read(&responses, &[*fault]) == case.events);
        }
        assert_eq!(unseen, []);
    }

    #[test]
    fn faults_are_found_by_what_they_make_of_a_stream() {
        let responses = [vec![Bytes::from_static(b"data: a\ndata: b\n\ndata: c")]];
        // The end has nothing to dispatch, unless CR ends no line.
        let masked = [vec![Bytes::from_static(b"data: a\r\r")]];
        for (responses, faults) in [
            (&responses, &[KeepsSpace][..]),
            (&responses, &[JoinsWithoutLf, DispatchesAtEnd]),
            (&masked, &[IgnoresCr, DispatchesAtEnd]),
        ] {
            let seen = read(responses, faults);
            let found = explain(responses, |events| events == seen);
            assert!(found.iter().any(|set| set == faults), "{faults:?}: {found:?}");
        }
        assert!(explain(&responses, |_| false).is_empty());
    }

    #[test]
    fn of_several_explanations_the_one_that_explains_more_is_chosen() {
        let (either, one) = (vec![vec![KeepsBom], vec![KeepsSpace]], vec![vec![KeepsSpace]]);
        let chosen = choose(&[&either, &one, &Vec::new()]);
        let texts: Vec<Vec<_>> = chosen.iter().map(|rules| rules.iter().map(|rule| rule.text).collect()).collect();
        assert_eq!(texts, [vec![ONE_SPACE.text], vec![ONE_SPACE.text], vec![]]);
    }
}
