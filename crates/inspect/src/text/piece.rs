//! The pieces of text that an event brings, whichever service sends it.

use std::borrow::Cow;

use serde_json::Value;

/// What a piece belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text,
    Reasoning,
    /// A tool call: its number, and its name, if the event says it.
    Tool(u64, Option<String>),
}

/// A piece of one answer; a request may ask for several, which are counted from 0.
pub type Piece<'a> = (u64, Part, Cow<'a, str>);

/// The pieces in the data of an event: `OpenAI` chat and text completions, `OpenAI` responses, Anthropic messages, Gemini.
pub fn pieces(data: &Value) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    if let Some(choices) = data["choices"].as_array() {
        for choice in choices {
            openai_chat(choice, &mut found);
        }
    } else if let Some(candidates) = data["candidates"].as_array() {
        for candidate in candidates {
            gemini(candidate, &mut found);
        }
    } else if let Some(kind) = data["type"].as_str() {
        openai_responses(kind, data, &mut found);
        anthropic(kind, data, &mut found);
    }
    found
}

/// What an event says besides pieces.
pub struct Said<'a> {
    /// Why the answer ended.
    pub reason: Option<&'a str>,
    /// What the service counted.
    pub usage: Option<&'a Value>,
    /// Whether it is the end of the answer.
    pub is_end: bool,
}

pub fn said(data: &Value) -> Said<'_> {
    let reason = [
        &data["choices"][0]["finish_reason"],
        &data["candidates"][0]["finishReason"],
        &data["delta"]["stop_reason"],
        &data["response"]["incomplete_details"]["reason"],
    ];
    let kind = data["type"].as_str().unwrap_or_default();
    let status = matches!(kind, "response.completed" | "response.failed" | "response.incomplete");
    let reason = reason.into_iter().find_map(Value::as_str).or(data["response"]["status"].as_str().filter(|_| status));
    let usage = [&data["usage"], &data["response"]["usage"], &data["usageMetadata"], &data["message"]["usage"]];
    // Anthropic's reason comes before the end.
    let is_end = status || kind == "message_stop" || kind != "message_delta" && reason.is_some();
    Said { reason, usage: usage.into_iter().find(|usage| usage.is_object()), is_end }
}

fn openai_chat<'a>(choice: &'a Value, found: &mut Vec<Piece<'a>>) {
    let number = choice["index"].as_u64().unwrap_or(0);
    let delta = &choice["delta"];
    for reasoning in ["reasoning_content", "reasoning"] {
        push(found, number, Part::Reasoning, &delta[reasoning]);
    }
    for text in [&delta["content"], &delta["refusal"], &choice["text"]] {
        push(found, number, Part::Text, text);
    }
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        tool(found, number, call["index"].as_u64(), &call["function"]["name"], &call["function"]["arguments"]);
    }
}

fn openai_responses<'a>(kind: &str, data: &'a Value, found: &mut Vec<Piece<'a>>) {
    let index = data["output_index"].as_u64();
    match kind {
        "response.output_text.delta" | "response.refusal.delta" => push(found, 0, Part::Text, &data["delta"]),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            push(found, 0, Part::Reasoning, &data["delta"]);
        }
        "response.output_item.added" => tool(found, 0, index, &data["item"]["name"], &Value::Null),
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            tool(found, 0, index, &Value::Null, &data["delta"]);
        }
        _ => {}
    }
}

fn anthropic<'a>(kind: &str, data: &'a Value, found: &mut Vec<Piece<'a>>) {
    let index = data["index"].as_u64();
    match kind {
        "content_block_start" => {
            push(found, 0, Part::Text, &data["content_block"]["text"]);
            push(found, 0, Part::Reasoning, &data["content_block"]["thinking"]);
            tool(found, 0, index, &data["content_block"]["name"], &Value::Null);
        }
        "content_block_delta" => {
            push(found, 0, Part::Text, &data["delta"]["text"]);
            push(found, 0, Part::Reasoning, &data["delta"]["thinking"]);
            tool(found, 0, index, &Value::Null, &data["delta"]["partial_json"]);
        }
        _ => {}
    }
}

fn gemini<'a>(candidate: &'a Value, found: &mut Vec<Piece<'a>>) {
    let number = candidate["index"].as_u64().unwrap_or(0);
    for (index, part) in (0..).zip(candidate["content"]["parts"].as_array().into_iter().flatten()) {
        let kind = if part["thought"] == true { Part::Reasoning } else { Part::Text };
        push(found, number, kind, &part["text"]);
        tool(found, number, Some(index), &part["functionCall"]["name"], &part["functionCall"]["args"]);
    }
}

fn push<'a>(found: &mut Vec<Piece<'a>>, number: u64, part: Part, text: &'a Value) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        found.push((number, part, text.into()));
    }
}

fn tool<'a>(found: &mut Vec<Piece<'a>>, number: u64, index: Option<u64>, name: &Value, arguments: &'a Value) {
    let name = name.as_str().map(str::to_owned);
    // They come as pieces of text, or all at once as an object.
    let arguments = match arguments {
        Value::String(text) => Cow::from(text),
        Value::Object(_) => Cow::from(arguments.to_string()),
        _ => Cow::from(""),
    };
    if name.is_some() || !arguments.is_empty() {
        found.push((number, Part::Tool(index.unwrap_or(0), name), arguments));
    }
}
