//! The conformance cases of the crate (`tests/data`), as the streams that a server sends.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use sse_wire::{Comment, Encoder, EventId, EventName, FieldError, Head};

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
    let cases = json_lines(include_str!("../../../tests/data/parser.jsonl"));
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

/// What our encoder writes for the encoder's cases, without those that it refuses.
pub fn encoder_cases() -> Vec<Case> {
    let cases = json_lines(include_str!("../../../tests/data/encoder.jsonl"));
    let accepted = cases.filter(|case| case["expect"] != "reject");
    let encode = |case: Value| {
        let messages = if case["messages"].is_array() { array(&case["messages"]).to_vec() } else { vec![case.clone()] };
        let stream: Vec<_> = messages.iter().flat_map(|message| encode(message).unwrap()).collect();
        let name = case["name"].as_str().unwrap().to_owned();
        Case { name, stream: stream.into(), chunks: Vec::new(), names: names(&case["decoded"]) }
    };
    accepted.map(encode).collect()
}

fn encode(message: &Value) -> Result<Bytes, FieldError> {
    let mut encoder = Encoder::new();
    if let Some(comment) = message["comment"].as_str() {
        encoder.push(Comment(comment));
    }
    let retry = match &message["retry"] {
        Value::Null => None,
        // Too large for a number in JSON.
        Value::String(digits) => Some(digits.parse().unwrap_or(u64::MAX)),
        milliseconds => Some(number(milliseconds)),
    };
    let head = Head::new()
        .with_optional_name(message["event"].as_str().map(EventName::new).transpose()?)
        .with_optional_id(message["id"].as_str().map(EventId::new).transpose()?)
        .with_optional_retry(retry.map(Duration::from_millis));
    match message["data"].as_str() {
        Some(data) => encoder.push(head.with_data(data)),
        None => encoder.push(head),
    }
    Ok(encoder.take())
}
