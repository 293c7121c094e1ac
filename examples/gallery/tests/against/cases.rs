//! The conformance cases of the crate (`tests/conformance`), as the streams that a server sends.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use sse_wire::{Encoder, Event, FieldError};

pub struct Case {
    pub name: String,
    pub stream: Bytes,
    /// The lengths of the chunks that the case comes in; the rest is the last.
    pub chunks: Vec<usize>,
    /// The names that events of the case have.
    pub names: Vec<String>,
}

fn json_lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn names(events: &Value) -> Vec<String> {
    array(events).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> T {
    value.as_u64().unwrap().try_into().unwrap()
}

/// Streams that a parser reads.
pub fn parser_cases() -> Vec<Case> {
    let cases = json_lines(include_str!("../../../../tests/conformance/parser.jsonl"));
    let case = |case: Value| Case {
        name: case["name"].as_str().unwrap().to_owned(),
        stream: match case["input"].as_str() {
            Some(text) => text.to_owned().into(),
            None => from_hex(case["input_hex"].as_str().unwrap()).into(),
        },
        chunks: array(&case["chunks"]).iter().map(number).collect(),
        names: names(&case["events"]),
    };
    cases.map(case).collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// What our encoder writes for the encoder's cases, but for those that it refuses to build.
pub fn encoder_cases() -> Vec<Case> {
    let cases = json_lines(include_str!("../../../../tests/conformance/encoder.jsonl"));
    let accepted = cases.filter(|case| case["expect"] != "reject");
    let encode = |case: Value| {
        let messages = if case["messages"].is_array() { array(&case["messages"]).to_vec() } else { vec![case.clone()] };
        let stream: Vec<_> = messages.iter().flat_map(|message| encode(message).unwrap()).collect();
        let name = case["name"].as_str().unwrap().to_owned();
        Case { name, stream: stream.into(), chunks: Vec::new(), names: names(&case["decoded"]) }
    };
    accepted.map(encode).collect()
}

fn encode(message: &Value) -> Result<Vec<u8>, FieldError> {
    let mut encoder = Encoder::new();
    let mut bytes = Vec::new();
    if let Some(comment) = message["comment"].as_str() {
        bytes.extend_from_slice(&encoder.comment(comment));
    }
    let id = message["id"].as_str();
    let retry = match &message["retry"] {
        Value::Null => None,
        // Too large for a number of JSON.
        Value::String(digits) => Some(digits.parse().unwrap_or(u64::MAX)),
        milliseconds => Some(number(milliseconds)),
    };
    let retry = retry.map(Duration::from_millis);
    let Some(data) = message["data"].as_str() else {
        // Without data there is no event, and a name has nowhere to go.
        if let Some(id) = id {
            bytes.extend_from_slice(&encoder.id(id)?);
        }
        if let Some(retry) = retry {
            bytes.extend_from_slice(&encoder.retry(retry));
        }
        return Ok(bytes);
    };
    let mut event = Event::new(data);
    if let Some(name) = message["event"].as_str() {
        event = event.with_name(name)?;
    }
    if let Some(id) = id {
        event = event.with_id(id)?;
    }
    if let Some(retry) = retry {
        event = event.with_retry(retry);
    }
    bytes.extend_from_slice(&encoder.encode(&event));
    Ok(bytes)
}
