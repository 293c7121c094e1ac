//! `--text`: the answer of a language model, put together.

use std::io::Write;
use std::process::{Command, Stdio};

use sse_wire::{Encoder, Event};

/// The answer, and what is said about it.
fn text(stream: &[u8]) -> (String, String) {
    let (answer, said, _) = run(stream);
    (answer, said)
}

/// Also the exit status.
fn run(stream: &[u8]) -> (String, String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sse-inspect"))
        .args(["--text", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// Events with these data.
fn events(data: &[&str]) -> Vec<u8> {
    let mut stream = Encoder::new();
    for data in data {
        stream.push(Event::new(data));
    }
    stream.take().to_vec()
}

/// The answer in events with these data.
fn answer(data: &[&str]) -> String {
    text(&events(data)).0
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
fn a_pipe_gets_the_text_as_it_is_and_other_data_is_none() {
    let chat = [r#"{"choices":[{"delta":{"content":"a\u001b[2Jb\nc\u202ed"}}]}"#, "no JSON", "[1,2]", r#"{"x":1}"#];
    assert_eq!(answer(&chat), "a\u{1b}[2Jb\nc\u{202e}d\n");
    let (answer, said, status) = run(&events(&["{\"x\":1}", "[DONE]"]));
    assert_eq!((answer.as_str(), status), ("", 0));
    assert!(said.contains("pieces: none: no event is a part of an answer"), "{said}");
}

#[test]
fn an_answer_that_stops_before_its_end_is_a_finding() {
    let sample =
        |name| std::fs::read(format!("{}/../../examples/data/{name}.sse", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for name in ["openai-chat", "openai-responses", "anthropic-messages"] {
        let stream = sample(name);
        assert_eq!(run(&stream).2, 0, "{name}");
        // Without its last events.
        let text = String::from_utf8(stream).unwrap();
        let blocks: Vec<_> = text.split_inclusive("\n\n").collect();
        let cut = if name == "openai-chat" { 3 } else { 1 };
        let (_, said, status) = run(blocks[..blocks.len() - cut].concat().as_bytes());
        assert!(status == 1 && said.contains("  answer_unfinished: 1\n"), "{name}: {said}");
    }
    let begin = r#"{"candidates":[{"content":{"parts":[{"text":"It is"}]}}]}"#;
    let end = r#"{"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP"}]}"#;
    assert_eq!((run(&events(&[begin, end])).2, run(&events(&[begin])).2), (0, 1));
    // Either is enough: not all services send both.
    let chat = r#"{"choices":[{"delta":{"content":"x"}}]}"#;
    let reason = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
    assert_eq!((run(&events(&[chat, reason])).2, run(&events(&[chat, "[DONE]"])).2), (0, 0));
    // Who reads events of one name does not see the end.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), sample("anthropic-messages")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    let output = command.args(["--text", "--event", "content_block_delta"]).arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_usage_has_what_every_event_counts() {
    let (_, said) = sample("anthropic-messages");
    let usage = said.lines().find(|line| line.starts_with("usage")).unwrap();
    assert!(usage.contains("\"input_tokens\":") && usage.contains("\"output_tokens\":58"), "{usage}");
}

#[test]
fn tool_calls_keep_their_names_when_their_pieces_alternate() {
    let call = |index, rest: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"function":{{{rest}}}}}]}}}}]}}"#)
    };
    let data = [
        call(0, r#""name":"f","arguments":"{""#),
        call(1, r#""name":"g","arguments":"{""#),
        call(0, r#""arguments":"}""#),
        call(1, r#""arguments":"}""#),
    ];
    let data: Vec<_> = data.iter().map(String::as_str).collect();
    assert_eq!(answer(&data), "[tool f]\n{\n[tool g]\n{\n[tool f]\n}\n[tool g]\n}\n");
}
