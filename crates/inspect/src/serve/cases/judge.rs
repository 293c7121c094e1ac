//! What is wrong with what a client saw and did.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Event;
use super::connections::{ACCEPT, Script};

/// Characters of a text that are shown.
const SHOWN: usize = 120;

/// How much too early a client's timer may be.
const TOLERANCE: Duration = Duration::from_millis(5);

/// What a client reports.
#[derive(Deserialize)]
pub struct Report {
    pub events: Vec<Seen>,
}

/// An event, as far as the client knows it.
#[derive(Deserialize, Serialize)]
pub struct Seen {
    /// `message` if it is missing.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    pub data: String,
    /// Not judged if it is missing.
    #[serde(rename = "lastEventId", skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<String>,
}

/// A request of a script.
pub struct Asked {
    pub at: Instant,
    pub last_event_id: Option<Vec<u8>>,
    /// Whether its `Accept` names event streams.
    pub accepts: bool,
}

/// What is wrong with the events: the first that differs, or their number.
pub fn events(seen: &[Seen], expected: &[Event]) -> Option<String> {
    for (index, (seen, expected)) in seen.iter().zip(expected).enumerate() {
        let kind = seen.kind.as_deref().unwrap_or("message");
        let id = seen.last_event_id.as_deref().unwrap_or(&expected.last_event_id);
        let parts = [
            ("type", kind, &expected.kind),
            ("data", &seen.data, &expected.data),
            ("lastEventId", id, &expected.last_event_id),
        ];
        if let Some((part, seen, expected)) = parts.into_iter().find(|(_, seen, expected)| seen != expected) {
            return Some(format!("event {}: {part} is {}, and must be {}", index + 1, quoted(seen), quoted(expected)));
        }
    }
    let counts = format!("events seen: {}, expected: {}", seen.len(), expected.len());
    let missing = expected.get(seen.len()).map(|event| ("missing", &event.data));
    let extra = seen.get(expected.len()).map(|event| ("extra", &event.data));
    let (which, data) = missing.or(extra)?;
    Some(format!("{counts}; the first {which} one has data {}", quoted(data)))
}

/// What is wrong with the requests that the client made before it reported.
pub fn requests(asked: &[Asked], script: &Script) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, (asked, step)) in asked.iter().zip(script.steps).enumerate() {
        let number = index + 1;
        if asked.last_event_id.as_deref() != step.last_event_id.map(str::as_bytes) {
            let seen = asked.last_event_id.as_deref().map(|id| quoted(&String::from_utf8_lossy(id)));
            let (seen, expected) =
                (seen.unwrap_or("missing".to_owned()), step.last_event_id.map_or("missing".to_owned(), quoted));
            wrong.push(format!("request {number}: Last-Event-ID is {seen}, and must be {expected}"));
        }
        if script.name == ACCEPT && !asked.accepts {
            wrong.push(format!("request {number}: Accept does not name text/event-stream"));
        }
    }
    let pause = Duration::from_millis(script.pause_ms);
    for (index, pair) in asked.windows(2).enumerate() {
        let waited = pair[1].at - pair[0].at;
        if waited + TOLERANCE < pause {
            let number = index + 2;
            wrong.push(format!(
                "request {number} came after {} ms, and must wait {} ms",
                waited.as_millis(),
                script.pause_ms
            ));
        }
    }
    let (count, expected) = (asked.len(), script.steps.len());
    if count < expected {
        wrong.push(format!("the client made {count} of {expected} requests"));
    }
    wrong
}

/// Text in quotes, as far as it is shown.
fn quoted(text: &str) -> String {
    let (shown, cut) = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => (&text[..end], format!("... ({} bytes)", text.len())),
        None => (text, String::new()),
    };
    format!("{shown:?}{cut}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kind: Option<&str>, data: &str, id: Option<&str>) -> Seen {
        Seen { kind: kind.map(str::to_owned), data: data.to_owned(), last_event_id: id.map(str::to_owned) }
    }

    #[test]
    fn the_first_difference_is_named() {
        let event = |data: &str| Event { kind: "add".to_owned(), data: data.to_owned(), last_event_id: "1".to_owned() };
        let expected = [event("a"), event("b")];
        let judge = |seen: &[Seen]| events(seen, &expected).unwrap_or_default();
        let right = || seen(Some("add"), "a", Some("1"));
        assert_eq!(judge(&[right(), seen(Some("add"), "b", None)]), "");
        assert_eq!(
            judge(&[right(), seen(Some("add"), "b\u{1b}", None)]),
            r#"event 2: data is "b\u{1b}", and must be "b""#
        );
        assert_eq!(judge(&[seen(None, "a", None)]), r#"event 1: type is "message", and must be "add""#);
        assert_eq!(judge(&[seen(Some("add"), "a", Some(""))]), r#"event 1: lastEventId is "", and must be "1""#);
        assert_eq!(judge(&[right()]), r#"events seen: 1, expected: 2; the first missing one has data "b""#);
        assert_eq!(
            judge(&[right(), seen(Some("add"), "b", None), seen(None, "c", None)]),
            r#"events seen: 3, expected: 2; the first extra one has data "c""#
        );
    }
}
