//! Each finding: a stream that has it, and streams that have none.

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The findings in a stream and the exit status.
fn findings(stream: &[u8], pieces: usize) -> (Vec<String>, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sse-inspect"))
        .args(["--json", "--limit=100000"])
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
    let found = summary["findings"].as_array().unwrap();
    for finding in found {
        for member in ["why", "reference", "advice"] {
            assert!(!finding[member].as_str().unwrap().is_empty());
        }
    }
    let names = found.iter().map(|finding| finding["finding"].as_str().unwrap().to_owned()).collect();
    (names, output.status.code().unwrap())
}

fn has(stream: &[u8], expected: &[&str]) {
    let status = i32::from(!expected.is_empty());
    let small = if stream.len() < 1000 { 1 } else { 1000 };
    for pieces in [usize::MAX, small] {
        let shown = String::from_utf8_lossy(&stream[..stream.len().min(100)]).into_owned();
        let expected = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(findings(stream, pieces), (expected, status), "{shown:?} in pieces of {pieces}");
    }
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
}

#[test]
fn wrong_data_is_found() {
    has(b"data: data: x\n\n", &["prefix_twice"]);
    has(b"data: data:{\"a\":1}\n\n", &["prefix_twice"]);
    has(br#"data: {"a":1}\n\ndata: {"a":2}\n\n"#, &["literal_newlines", "unfinished"]);
    has(b"data: {\"a\":1}\\n\\n\n\n", &["literal_newlines"]);
    has(b"data: hello\\n\\ndata: world\n\n", &["literal_newlines"]);
    has(b"data: {\"i\":1}\ndata: {\"i\":2}\ndata: [DONE]\n\n", &["merged_events"]);
    has(b"data: {\"i\":1}\ndata: [DONE]\n\n", &["merged_events"]);
    has(b"data: {\"text\":\"it stops h\n\n", &["truncated_json"]);
    has(b"event: error\ndata: {\"type\":\"error\"}\n\n", &["error_event"]);
    has(b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n", &["error_event"]);
    has(b"data: error: out of memory\n\n", &["error_event"]);
    has("data: cafÃ©\n\n".as_bytes(), &["mojibake"]);
    has("data: æ\u{9d}±äº¬\n\n".as_bytes(), &["mojibake"]);
    for char in ['\u{85}', '\u{2028}', '\u{2029}'] {
        has(format!("data: a{char}b\n\n").as_bytes(), &["unicode_line_break"]);
    }
    has(b"data: caf\xe9\n\n", &["ill_formed_utf8"]);
    has(b"data: a\0b\n\n", &["nul"]);
    has(b"id:  1\ndata: x\n\n", &["id_not_in_header"]);
    has(b"id: 1 \ndata: x\n\n", &["id_not_in_header"]);
    has(b"id: a\x1bb\ndata: x\n\n", &["id_not_in_header"]);
}

#[test]
fn what_is_never_dispatched_is_found() {
    has(b"data: x\n\ndata: [DONE]\n", &["done_unfinished"]);
    has(b"data: x\n\ndata: [DONE]", &["done_unfinished"]);
    has(b"data: 1\ndata: 2\ndata: 3\n", &["never_dispatched"]);
    has(b"data: 1\n\ndata: 2\n", &["unfinished"]);
    has(&[b"data: ", &vec![b'x'; 100_001][..], b"\n\n"].concat(), &["block_over_limit"]);
    has(&[b": ", &vec![b'x'; 100_010][..], b"\n\n"].concat(), &["line_over_limit"]);
}

#[test]
fn correct_streams_have_no_findings() {
    for stream in [
        &b""[..],
        b": ok\n\n",
        b"\xef\xbb\xbfdata: x\r\n\r\n",
        b"data\n\n",
        b"id\ndata: x\n\n",
        b"id: 1\n\n",
        b"retry: 100\n\n",
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
    assert_eq!(findings(long.as_bytes(), usize::MAX), (vec![], 0));
}
