//! A check that failed, in one line: what was expected, and what was seen.

use std::error::Error;
use std::fmt::Display;

use sse_wire::Event;

/// How much of a text is shown, in characters.
const SHOWN: usize = 60;

/// A check that failed. It ends the run.
#[derive(Debug, thiserror::Error)]
#[error("{place}: expected {expected}, seen {seen}")]
pub struct Failure {
    place: String,
    expected: String,
    seen: String,
}

impl Failure {
    /// What was expected at this place, and what was seen there.
    pub fn new(place: impl Display, expected: impl Display, seen: impl Display) -> Failure {
        Failure { place: place.to_string(), expected: expected.to_string(), seen: seen.to_string() }
    }

    /// The same failure, within a larger place.
    pub fn within(self, whole: impl Display) -> Failure {
        Failure { place: format!("{whole}: {}", self.place), ..self }
    }

    /// An event that is not the one with this number.
    pub fn other_event(number: u64, expected: Event<'_>, seen: Event<'_>) -> Failure {
        let pairs = expected.data().char_indices().zip(seen.data().chars());
        let same = pairs.take_while(|((_, expected), seen)| expected == seen).last();
        let difference = same.map_or(0, |((at, character), _)| at + character.len_utf8());
        Failure::new(format!("event {number}"), describe(expected, difference), describe(seen, difference))
    }

    /// An error where there must be none.
    pub fn error(place: impl Display, error: &(dyn Error + 'static)) -> Failure {
        Failure::new(place, "no error", with_causes(error))
    }
}

/// All of an event; its data from this byte on.
fn describe(event: Event<'_>, from: usize) -> String {
    let retry = event.retry().map_or(String::new(), |time| format!(", retry {time:?}"));
    let data = event.data();
    let shown = shortened(data.get(from..).unwrap_or_default());
    let (name, id) = (event.name(), event.id().unwrap_or_default());
    format!("(name {name:?}, id {id:?}{retry}, {} bytes of data, from byte {from} on {shown})", data.len())
}

/// The beginning of a text, quoted.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The error and its causes: an error of reqwest does not show its cause.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_from_where_it_begins() {
        let (expected, seen) = (Event::new("é and then this"), Event::new("é and then that"));
        let text = Failure::other_event(7, expected, seen).to_string();
        assert!(text.starts_with("event 7: expected (name \"message\""), "{text}");
        assert!(text.contains("from byte 14 on \"is\"") && text.contains("from byte 14 on \"at\""), "{text}");
    }
}
