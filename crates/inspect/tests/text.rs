//! `--text`: the answer of a language model, put together.

use std::io::Write;
use std::process::{Command, Stdio};

use sse_wire::{Encoder, Event};

/// The answer, and what is said about it.
fn text(stream: &[u8]) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sse-inspect"))
        .args(["--text", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream).unwrap();
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The answer in events with these data.
fn answer(data: &[&str]) -> String {
    let mut stream = Encoder::new();
    for data in data {
        stream.push(Event::new(data));
    }
    text(&stream.take()).0
}

fn sample(name: &str) -> (String, String) {
    text(&std::fs::read(format!("{}/../../examples/data/{name}.sse", env!("CARGO_MANIFEST_DIR"))).unwrap())
}

#[test]
fn the_samples_of_three_services() {
    let (answer, summary) = sample("openai-chat");
    assert_eq!(answer, "The café on Řezníčka street opens at 8. ☕\n");
    for part in
        ["pieces: text 13, reasoning 0, tools 0\n", "end of the answer: stop\n", "\"total_tokens\":34", "first piece: "]
    {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    assert_eq!(sample("openai-responses").0, "¡Hola! Tu número es el 42. 🎉\n");
    let (answer, summary) = sample("anthropic-messages");
    let expected = "In Zürich it is 21 °C; in 東京 I will look it up.\n[tool get_weather]\n{\"location\": \"東京\"}\n";
    assert_eq!(answer, expected);
    assert!(summary.contains("pieces: text 8, reasoning 0, tools 5\n"), "{summary}");
}

#[test]
fn reasoning_tools_and_other_choices_have_a_line_before_them() {
    let chat = [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"Let me "}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"think.\n"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"It is "}},{"index":1,"delta":{"content":"Other"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"get","arguments":"{\"a\""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"name":"put","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[],"usage":{"total_tokens":3}}"#,
        "[DONE]",
    ];
    let expected = "[reasoning]\nLet me think.\n[text]\nIt is \n[text of choice 1]\nOther\n[tool get]\n{\"a\":1}\n[tool put]\n{}\n";
    assert_eq!(answer(&chat), expected);

    let messages = [
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Yes."}}"#,
    ];
    assert_eq!(answer(&messages), "[reasoning]\nHm.\n[text]\nYes.\n");

    let responses = [
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"Hm."}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","name":"get"}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}"#,
        r#"{"type":"response.output_text.delta","output_index":2,"delta":"Yes."}"#,
    ];
    assert_eq!(answer(&responses), "[reasoning]\nHm.\n[tool get]\n{}\n[text]\nYes.\n");
}

#[test]
fn gemini_sends_thoughts_and_calls_as_parts() {
    let gemini = [
        r#"{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true}]},"index":0}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"It is "}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"warm."},{"functionCall":{"name":"get","args":{"city":"東京"}}}]},"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":9}}"#,
    ];
    assert_eq!(answer(&gemini), "[reasoning]\nHm.\n[text]\nIt is warm.\n[tool get]\n{\"city\":\"東京\"}\n");
}

#[test]
fn no_answer_reaches_the_terminal_unescaped_and_other_data_is_none() {
    let chat = [r#"{"choices":[{"delta":{"content":"a\u001b[2Jb\nc\u202ed"}}]}"#, "no JSON", "[1,2]", r#"{"x":1}"#];
    assert_eq!(answer(&chat), "a\\u{1b}[2Jb\nc\\u{202e}d\n");
    assert_eq!(answer(&["[DONE]"]), "");
}
