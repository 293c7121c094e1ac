//! What a wrong client does not know of the standard.
//!
//! A stream tests several rules at once, so its name does not say which one a client broke. A small reader ([`super::faulty`])
//! breaks each rule on purpose. If it sees what the client saw, the client breaks these rules, too.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::faulty::{FAULTS, Fault, read};
use super::{Event, INTERPRETING, PARSING, Section};

/// A sentence of the standard, in short.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub section: Section,
    pub text: &'static str,
}

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
            Fault::KeepsBom | Fault::DropsEveryBom => BOM,
            Fault::ForgetsHalfLines | Fault::DecodesEachChunk => CHUNKS,
            Fault::DropsIllFormed | Fault::ReadsLatin1 => UTF_8,
            Fault::IgnoresCr | Fault::IgnoresLoneCr | Fault::ReadsCrLfAsTwo => LINE_ENDS,
            Fault::EndsLinesAtOthers => OTHER_ENDS,
            Fault::TakesLastColon | Fault::CutsAtSecondColon => FIRST_COLON,
            Fault::NeedsColon => NO_COLON,
            Fault::NeedsSpace | Fault::KeepsSpace | Fault::DropsAllSpaces | Fault::DropsOuterSpaces => ONE_SPACE,
            Fault::TrimsNames | Fault::IgnoresCase | Fault::TakesNamesByStart => NAMES,
            Fault::TakesLastData | Fault::TakesFirstData | Fault::JoinsWithoutLf => JOINED,
            Fault::DropsEmptyData | Fault::NeedsNoData => NO_DATA,
            Fault::DispatchesAtEnd => CUT_OFF,
            Fault::DispatchesEachData => BLANK_LINE,
            Fault::IgnoresTypes | Fault::KeepsType | Fault::KeepsEmptyType => TYPE,
            Fault::IgnoresIds | Fault::ForgetsIds => ID,
            Fault::NeedsDataForId => ID_ALONE,
            Fault::IgnoresEmptyId => EMPTY_ID,
            Fault::TakesIdWithNul => NUL,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_by_what_they_make_of_a_stream() {
        let responses = [vec![Bytes::from_static(b"data: a\ndata: b\n\ndata: c")]];
        // The end has nothing to dispatch, unless CR ends no line.
        let masked = [vec![Bytes::from_static(b"data: a\r\r")]];
        for (responses, faults) in [
            (&responses, &[Fault::KeepsSpace][..]),
            (&responses, &[Fault::JoinsWithoutLf, Fault::DispatchesAtEnd]),
            (&masked, &[Fault::IgnoresCr, Fault::DispatchesAtEnd]),
        ] {
            let seen = read(responses, faults);
            let found = explain(responses, |events| events == seen);
            assert!(found.iter().any(|set| set == faults), "{faults:?}: {found:?}");
        }
        assert!(explain(&responses, |_| false).is_empty());
    }

    #[test]
    fn of_several_explanations_the_one_that_explains_more_is_chosen() {
        let (either, one) = (vec![vec![Fault::KeepsBom], vec![Fault::KeepsSpace]], vec![vec![Fault::KeepsSpace]]);
        let chosen = choose(&[&either, &one, &Vec::new()]);
        let texts: Vec<Vec<_>> = chosen.iter().map(|rules| rules.iter().map(|rule| rule.text).collect()).collect();
        assert_eq!(texts, [vec![ONE_SPACE.text], vec![ONE_SPACE.text], vec![]]);
    }
}
