//! Each finding: a stream that has it, and streams that have none.

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sse_wire::{Encoder, Event};

/// The findings in a stream, the hints, and the exit status.
fn findings(stream: &[u8], pieces: usize, options: &[&str]) -> (Vec<String>, Vec<String>, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sse-inspect"))
        .args(["--json", "--limit=100000"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let stream = stream.to_owned();
    let writer = thread::spawn(move || {
        for piece in stream.chunks(pieces) {
            input.write_all(piece).unwrap();
            if pieces == 1 {
                thread::sleep(Duration::from_micros(20));
            }
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let summary: Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
    let names = |list: &str, key: &str| {
        let name = |found: &Value| {
            for member in ["why", "reference", "advice"] {
                assert!(!found[member].as_str().unwrap().is_empty());
            }
            found[key].as_str().unwrap().to_owned()
        };
        summary[list].as_array().unwrap().iter().map(name).collect()
    };
    (names("findings", "finding"), names("hints", "hint"), output.status.code().unwrap())
}

fn has(stream: &[u8], findings: &[&str]) {
    has_both(stream, findings, &[]);
}

fn hints(stream: &[u8], hints: &[&str]) {
    has_both(stream, &[], hints);
}

fn has_both(stream: &[u8], expected: &[&str], expected_hints: &[&str]) {
    let status = i32::from(!expected.is_empty());
    let small = if stream.len() < 1000 { 1 } else { 1000 };
    for pieces in [usize::MAX, small] {
        let shown = String::from_utf8_lossy(&stream[..stream.len().min(100)]).into_owned();
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let expected = (owned(expected), owned(expected_hints), status);
        assert_eq!(findings(stream, pieces, &[]), expected, "{shown:?} in pieces of {pieces}");
    }
}

/// Events with these data.
fn events(data: &[&str]) -> Vec<u8> {
    let mut stream = Encoder::new();
    for data in data {
        stream.push(Event::new(data));
    }
    stream.take().to_vec()
}

#[test]
fn input_that_is_no_event_stream_is_named() {
    has(b"\x1f\x8b\x08\0\0\0\0\0\0\x03KI,I\x04\0", &["gzip"]);
    has(b"\x28\xb5\x2f\xfd\x04\x00\x01", &["zstd"]);
    has(b"\xff\xfed\0a\0t\0a\0:\0x\0\n\0\n\0", &["utf16"]);
    has(b"\xfe\xff\0d\0a\0t\0a\0:\0x\0\n\0\n", &["utf16"]);
    has(b"d\0a\0t\0a\0:\0x\0\n\0\n\0", &["utf16"]);
    has(b"\0d\0a\0t\0a\0:\0x\0\n\0\n", &["utf16"]);
    has(b"<!DOCTYPE html>\n<html><title>502</title>\n\n</html>\n", &["html"]);
    has(b"<?xml version=\"1.0\"?>\n<error/>", &["html"]);
    has(b"{\"error\":{\"message\":\"Invalid key\"}}", &["json"]);
    has(b"{\n  \"error\": 1\n}\n", &["json"]);
    has(b"[{\"a\":1},\n{\"a\":2}]", &["json"]);
    has(b"{\"a\":1}\n{\"a\":2}\n", &["ndjson"]);
    has(b"{\"a\":1}\r\n\r\n{\"a\":2}\r\n", &["ndjson"]);
    has(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\r\n\r\n", &["http_head"]);
    has(b"HTTP/2 200 \r\ncontent-type: text/event-stream\r\n\r\ndata: x\r\n\r\n", &["http_head"]);
    has(b"1d\r\ndata: {\"choices\":[{\"x\":1}]}\n\n\r\n0\r\n\r\n", &["chunk_sizes"]);
}

#[test]
fn lines_that_clients_ignore_are_found() {
    has(b"  data: x\n\ndata: y\n\n", &["indented_field", "block_without_data"]);
    has(b"data: y\n data: x\n\n", &["indented_field"]);
    has(b"data: y\ndata : x\n\n", &["space_before_colon"]);
    has(b"data: y\nData: x\n\n", &["upper_case_field"]);
    has(b"data: 1\n\xef\xbb\xbfdata: 2\n\n", &["bom_inside"]);
    has(b"error: {\"code\":500}\n\ndata: x\n\n", &["error_field", "block_without_data"]);
    has(b"event: message\n{\"foo\": \"bar\"}\n\n", &["json_outside_data", "block_without_data"]);
    has(b"data: {\n  \"a\": 1,\n  \"b\": 2\n}\n\n", &["json_outside_data"]);
    has(b"data: x\ntimestamp: 1\n\n", &["unknown_field"]);
    has(b"event: x\n\n", &["block_without_data"]);
    has(b"data: x\nid: a\0b\n\n", &["id_with_nul"]);
    has(b"data: x\nretry: 5s\n\n", &["retry_ignored"]);
    has(b"data: x\nretry:\n\n", &["retry_ignored"]);
}

#[test]
fn wrong_data_is_found() {
    has(b"data: data:{\"a\":1}\n\n", &["prefix_twice"]);
    has(b"data: event: x\ndata: data: {\"a\":1}\ndata:\n\n", &["prefix_twice"]);
    has(b"data: data: [DONE]\n\n", &["prefix_twice"]);
    has(b"data: data: {}\n", &["prefix_twice", "never_dispatched"]);
    has(br#"data: {"a":1}\n\ndata: {"a":2}\n\n"#, &["literal_newlines", "unfinished"]);
    has(b"data: {\"a\":1}\\n\\n\n\n", &["literal_newlines"]);
    has(b"data: {\"a\":1}\\r\\n\n\n", &["literal_newlines"]);
    // The line does not begin with `data:`.
    has(br"event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n", &["literal_newlines", "unfinished"]);
    has(br"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n", &["literal_newlines", "unfinished"]);
    has(b"event: message\\ndata: x\n\nid: 1\\ndata: x\n\n", &["literal_newlines"]);
    has(b"data: {\"i\":1}\ndata: {\"i\":2}\ndata: [DONE]\n\n", &["merged_events"]);
    has(b"data: {\"i\":1}\ndata: [DONE]\n\n", &["merged_events"]);
    has(b"data: {\"i\":1}{\"i\":2}\n\n", &["merged_events"]);
    has(b"data: caf\xe9\n\n", &["ill_formed_utf8"]);
    has(b"id:  1\ndata: x\n\n", &["id_not_in_header"]);
    has(b"id: 1 \ndata: x\n\n", &["id_not_in_header"]);
    has(b"id: a\x1bb\ndata: x\n\n", &["id_not_in_header"]);
}

/// As the services document it.
#[test]
fn an_answer_that_failed_is_found() {
    has(b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", &["error_event"]);
    has(b"event: response.failed\ndata: {}\n\n", &["error_event"]);
    for data in [
        r#"{"error":{"message":"overloaded","type":"server_error"}}"#,
        r#"{"error":"out of memory"}"#,
        r#"{"id":"1","error":{"code":502},"choices":[{"delta":{},"finish_reason":"error"}]}"#,
        r#"{"type":"response.failed","response":{"error":{"code":"server_error"}}}"#,
    ] {
        has(&events(&[data]), &["error_event"]);
    }
}

#[test]
fn what_may_be_a_mistake_is_a_hint() {
    hints(b"data: data: x\n\n", &["prefix_in_data"]);
    hints(b"data: hello\\n\\ndata: world\n\n", &["backslash_n"]);
    hints(b"data: {\"text\":\"it stops h\n\n", &["truncated_json"]);
    hints("data: cafÃ©\n\n".as_bytes(), &["mojibake"]);
    hints("data: æ\u{9d}±äº¬\n\n".as_bytes(), &["mojibake"]);
    for char in ['\u{85}', '\u{2028}', '\u{2029}'] {
        hints(format!("data: a{char}b\n\n").as_bytes(), &["unicode_line_break"]);
    }
    hints(b"data: a\0b\n\n", &["nul"]);
    has_both(b"data: error: out of memory\n", &["never_dispatched"], &["error_in_data"]);
    has_both("Data: cafÃ©\n\n".as_bytes(), &["upper_case_field", "block_without_data"], &["mojibake"]);
    // Correct streams, all of them.
    for data in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#,
        r#"{"level":"warn","message":"try again","error":"connection refused"}"#,
        r#"{"type":"error","errorText":"a tool failed"}"#,
        "error: expected `;`, found `}`",
        "[ERROR] the disk is full",
    ] {
        hints(&events(&[data]), &["error_in_data"]);
    }
    hints(&events(&["data:", " the field of an event"]), &["prefix_in_data"]);
    hints(&events(&[r#"res.write("event: x\ndata: y\n\n")"#, r"^\d+\n\n"]), &["backslash_n"]);
    hints(&events(&["{ \"name\": \"x\",", "  \"version\": 1 }"]), &["truncated_json"]);
    hints(&events(&["When é is shown as Ã©, the text was read as Latin-1."]), &["mojibake"]);
}

/// A stream may end before anything happened, so it is no mistake. Where a mistake explains it, it is not said as well.
#[test]
fn a_stream_without_an_event_is_a_hint() {
    for stream in [&b""[..], b"\n\n", b": ok\n\n", b"id: 1\n\n", b"retry: 100\n\n"] {
        hints(stream, &["no_event"]);
    }
    has(b"event: x\n\n", &["block_without_data"]);
}

#[test]
fn hints_are_shown_and_count_only_if_asked() {
    let stream = "data: cafÃ©\n\n".as_bytes();
    assert_eq!(findings(stream, usize::MAX, &[]).2, 0);
    assert_eq!(findings(stream, usize::MAX, &["--strict"]).2, 1);
    assert_eq!(findings(b"data: x\n\n", usize::MAX, &["--strict"]).2, 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), stream).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sse-inspect")).arg("--quiet").arg(file.path()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let start = "no findings\nhints, which a correct stream may have, too:\n  mojibake: 1, first at byte 0 (line 1)\n";
    assert!(shown.starts_with(start), "{shown}");
}

#[test]
fn a_first_line_of_another_format_is_only_that_where_events_follow() {
    has(b"{\"a\":1}\n\ndata: x\n\n", &["json_outside_data", "block_without_data"]);
    has(b"<p>\n\ndata: x\n\n", &["unknown_field", "block_without_data"]);
    has(b"HTTP/1.1 is old\ndata: x\n\n", &["unknown_field"]);
}

#[test]
fn what_is_never_dispatched_is_found() {
    has(b"data: x\n\ndata: [DONE]\n", &["done_unfinished"]);
    has(b"data: x\n\ndata: [DONE]", &["done_unfinished"]);
    has(b"data: 1\ndata: 2\ndata: 3\n", &["never_dispatched"]);
    has(b"data: 1\n\ndata: 2\n", &["unfinished"]);
    has(b"data: 1\n\ndata: {\"a\":\n", &["unfinished"]);
    has(&[b"data: ", &vec![b'x'; 100_001][..], b"\n\n"].concat(), &["block_over_limit"]);
    has(&[b": ", &vec![b'x'; 100_010][..], b"\n\n"].concat(), &["line_over_limit"]);
}

#[test]
fn correct_streams_have_no_findings() {
    for stream in [
        &b"\xef\xbb\xbfdata: x\r\n\r\n"[..],
        b"data\n\n",
        b"id\ndata: x\n\n",
        b"id: 1\n\nretry: 100\n\ndata: x\n\n",
        b"data: data:image/png;base64,AAAA\n\n",
        b"data: {\n\ndata: {\"\n\ndata: a\n\ndata: \"}\n\ndata: [\n\n",
        b"data: {\ndata:   \"a\": 1\ndata: }\n\n",
        b"data: {\"code\":\"a\\n\\ndata: x\\n\\n\"}\n\n",
        b"data: a path: C:\\new\n\n",
        b"data: {\"error\":null}\n\ndata: {\"result\":1,\"text\":\"an \\\"error\\\"\"}\n\n",
        b"data: 1d\r\n\r\ndata: 0\r\n\r\n",
        b"data: <html>\n\ndata: HTTP/1.1 200 OK\n\n",
        "data: « PÂ », «ROMÃ», 21 °C, 東京 👩\u{200d}🚀, l’été\n\n".as_bytes(),
        b"data: line one\ndata: line two\ndata:\ndata: {}\n\n",
        b"data: [DONE]\n\n",
        "data: ÂGE, DÉJÀ VU, «À», PÂTÉ, GARÇON, NOËL, CŒUR, Île‑de‑France, 21 °C\n\n".as_bytes(),
        "data: Größe, Übermut, ÄÖÜ, § 5, „Straße“\n\n".as_bytes(),
        "data: ÂM NHẠC, NGUYỄN VĂN Ã, LÃ, HÃY, ĐÃ, BÃO, ẤM Â, Tiếng Việt\n\n".as_bytes(),
        "data: NÃO, IRMÃ® (marca), LÃ² (nota), «AMANHÃ», “LÃ”, N.º 5, MANHÃ…\n\n".as_bytes(),
        "data: ŘÍZEK, žluťoučký kůň, ÚŘAD §5, 20 °C\n\n".as_bytes(),
        b"event: errors\ndata: {\"error\":0.02,\"loss\":0.1}\n\ndata: {\"error\":0}\n\n",
        b"data: {\"error\":\"\"}\n\ndata: {\"error\": { }}\n\ndata: {\"error\":[]}\n\ndata: {\"error\":false}\n\n",
        b"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"error\":null}}\n\n",
        b"data: [1]\ndata: [2]\ndata: are footnotes\n\n",
        b"data: [1]\ndata: {}\n\n",
        b"data: {}{}\n\n",
        b"data: As in\ndata: data: {\"a\":1}\ndata: data: [DONE]\n\n",
        b"data: printf(\"%d\\n\", 1);\n\n",
    ] {
        has(stream, &[]);
    }
    let mut long = String::new();
    for number in 0..20_000 {
        write!(
            long,
            "id: {number}\nevent: e{}\ndata: {{\"number\":{number},\"text\":\"é\\n\"}}\n\n: x\n\n",
            number % 7
        )
        .unwrap();
    }
    assert_eq!(findings(long.as_bytes(), usize::MAX, &[]), (vec![], vec![], 0));
}
