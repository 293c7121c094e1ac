//! What can be wrong with the data of an event.

use std::fmt;

use memchr::{memchr, memmem};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Deserializer;
use serde_json::error::Category;
use serde_json::value::RawValue;
use sse_wire::{Event, Field};

use super::problem::Problem;

/// The problem of the event, if it has one.
pub fn problem(event: Event<'_>) -> Option<Problem> {
    let data = event.data();
    if matches!(event.name(), "error" | "response.failed") {
        return Some(Problem::ErrorEvent);
    }
    if !data.starts_with(['{', '[']) {
        return if is_event_again(data) {
            Some(Problem::PrefixTwice)
        } else if begins_with_prefix(data) {
            Some(Problem::PrefixInData)
        } else if is_error_text(data) {
            Some(Problem::ErrorInData)
        } else {
            has_literal_newlines(data).then_some(Problem::BackslashN)
        };
    }
    match serde_json::from_str::<IgnoredAny>(data) {
        Ok(_) => json_error(data),
        Err(_) if is_error_text(data) => Some(Problem::ErrorInData),
        Err(_) if is_json_with_literal_newline(data) => Some(Problem::LiteralNewlines),
        Err(_) if is_merged(data) => Some(Problem::MergedEvents),
        Err(_) if has_literal_newlines(data) => Some(Problem::BackslashN),
        // A token of a text may be `{"`, so there must be a member at least.
        Err(error) if error.classify() == Category::Eof && data.contains("\":") => Some(Problem::TruncatedJson),
        Err(_) => None,
    }
}

/// Whether this is JSON: an object or an array.
pub fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Whether the data begins with a whole JSON object, and another one or `[DONE]` follows, on the same line or the next. Of
/// arrays it proves nothing: `[1]` may be a footnote.
fn is_merged(data: &str) -> bool {
    let mut values = Deserializer::from_str(data).into_iter::<IgnoredAny>();
    // Code may have `{}{}`, so each must have a member.
    let mut has_member = |from: usize| {
        let is_whole = values.next().is_some_and(|value| value.is_ok());
        let value = &data[from..values.byte_offset()];
        (is_whole && value.starts_with('{') && value.contains("\":")).then_some(values.byte_offset())
    };
    if has_member(0).and_then(has_member).is_some() {
        return true;
    }
    let is_object = |line: &str| line.starts_with('{') && is_json(line.as_bytes());
    let mut lines = data.split('\n');
    lines.next().is_some_and(is_object) && lines.next().is_some_and(|line| is_object(line) || line == "[DONE]")
}

/// Whether the data is fields line by line, and one of them is JSON data, or `[DONE]`.
fn is_event_again(data: &str) -> bool {
    let mut has_json = false;
    for line in data.split('\n').filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { return false };
        let Some(field) = Field::from_name(name.as_bytes()) else { return false };
        let value = value.trim_start();
        has_json |= field == Field::Data && (value == "[DONE]" || is_json(value.as_bytes()));
    }
    has_json
}

/// Whether the data begins with `data:`. A `data:` URL, which has a comma, does not count.
fn begins_with_prefix(data: &str) -> bool {
    data.strip_prefix("data:").is_some_and(|rest| match rest.as_bytes().first() {
        None | Some(b' ' | b'{' | b'[' | b'"') => true,
        Some(_) => !rest.contains(','),
    })
}

/// Whether a whole JSON value is followed by a backslash and `n`.
fn is_json_with_literal_newline(data: &str) -> bool {
    let mut values = Deserializer::from_str(data).into_iter::<IgnoredAny>();
    values.next().is_some_and(|value| value.is_ok()) && {
        let rest = &data[values.byte_offset()..];
        rest.starts_with("\\n") || rest.starts_with("\\r\\n")
    }
}

/// Whether a backslash and `n` stand where a line or an event ends. For data that is not JSON: in its strings they are right.
fn has_literal_newlines(data: &str) -> bool {
    let Some(first) = memmem::find(data.as_bytes(), b"\\n") else { return false };
    let data = &data[first..];
    data.ends_with("\\n\\n") || data.ends_with("\\r\\n\\r\\n") || has_literal_line(data.as_bytes())
}

/// Whether a backslash, `n` and the name of a field stand in the text. In no value but data can that be meant.
pub fn has_literal_line(text: &[u8]) -> bool {
    // Most values have none.
    let Some(first) = memchr(b'\\', text) else { return false };
    let text = &text[first..];
    ["\\ndata:", "\\nevent:", "\\nid:", "\\nretry:"].iter().any(|line| memmem::find(text, line.as_bytes()).is_some())
}

fn is_error_text(data: &str) -> bool {
    ["error: ", "Error: ", "ERROR: ", "[ERROR]"].iter().any(|start| data.starts_with(start))
}

/// What the JSON says about an error.
fn json_error(data: &str) -> Option<Problem> {
    memmem::find(data.as_bytes(), b"\"error\"")?;
    let members = serde_json::from_str::<Members<'_>>(data).ok()?;
    let kind = members.kind.map(RawValue::get);
    let is_error = members.error.map(RawValue::get).is_some_and(|error| match error.as_bytes() {
        [b'"' | b'{' | b'[', inner @ .., _] => !inner.trim_ascii().is_empty(),
        // A number may be a measured one.
        other => other == b"true",
    });
    // How services of language models say that the answer failed. With other members it may be an entry of a log, or the
    // answer to one of several requests, as in JSON-RPC.
    if kind == Some("\"response.failed\"") || is_error && (members.count == 1 || members.has_choices) {
        Some(Problem::ErrorEvent)
    } else {
        (is_error || kind == Some("\"error\"")).then_some(Problem::ErrorInData)
    }
}

/// The members of an object that tell of an error, as text: the others may be many.
#[derive(Default)]
struct Members<'a> {
    count: usize,
    kind: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    has_choices: bool,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<String>()? {
            members.count += 1;
            let value = map.next_value()?;
            match name.as_str() {
                "type" => members.kind = Some(value),
                "error" => members.error = Some(value),
                "choices" => members.has_choices = true,
                _ => {}
            }
        }
        Ok(members)
    }
}
