//! What can be wrong with the data of an event.

use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::{Deserializer, Value};
use sse_wire::Event;

use super::problem::Problem;

/// The problem of the event, if it has one.
pub fn problem(event: Event<'_>) -> Option<Problem> {
    let data = event.data();
    if event.name() == "error" || is_error_text(data) {
        return Some(Problem::ErrorEvent);
    }
    if !data.starts_with(['{', '[']) {
        return has_literal_newlines(data).then_some(Problem::LiteralNewlines);
    }
    match serde_json::from_str::<IgnoredAny>(data) {
        Ok(_) => is_json_error(data).then_some(Problem::ErrorEvent),
        Err(_) if has_literal_newlines(data) => Some(Problem::LiteralNewlines),
        Err(_) if is_merged(data) => Some(Problem::MergedEvents),
        // A token of a text may be `{"`, so there must be a member at least.
        Err(error) if error.classify() == Category::Eof && data.contains("\":") => Some(Problem::TruncatedJson),
        Err(_) => None,
    }
}

/// Whether this is JSON: an object or an array.
pub fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Whether the first line of the data is a whole JSON value, and another one follows.
pub fn is_merged(data: &str) -> bool {
    let mut lines = data.split('\n').map(str::as_bytes);
    lines.next().is_some_and(is_json) && lines.next().is_some_and(|line| is_json(line) || line == b"[DONE]")
}

/// Whether the value of a data line begins with `data:` once more. A `data:` URL, which has a comma, is no such value.
pub fn begins_with_prefix(value: &[u8]) -> bool {
    value.strip_prefix(b"data:").is_some_and(|rest| match rest.first() {
        None | Some(b' ' | b'{' | b'[' | b'"') => true,
        Some(_) => !rest.contains(&b','),
    })
}

/// Whether a backslash and `n` stand where a line or an event ends. For data that is not JSON: in its strings they are right.
fn has_literal_newlines(data: &str) -> bool {
    let Some(first) = memmem::find(data.as_bytes(), b"\\n") else { return false };
    let data = &data[first..];
    data.ends_with("\\n\\n")
        || data.ends_with("\\r\\n\\r\\n")
        || ["\\ndata:", "\\nevent:", "\\nid:", "\\nretry:"].iter().any(|line| data.contains(line))
}

fn is_error_text(data: &str) -> bool {
    ["error: ", "Error: ", "ERROR: ", "[ERROR]"].iter().any(|start| data.starts_with(start))
}

/// Whether a JSON object has a member `error`, which is not null.
fn is_json_error(data: &str) -> bool {
    memmem::find(data.as_bytes(), b"\"error\"").is_some()
        && serde::Deserialize::deserialize(&mut Deserializer::from_str(data)).is_ok_and(|value: Value| {
            value.get("error").is_some_and(|error| !matches!(error, Value::Null | Value::Bool(false)))
        })
}
