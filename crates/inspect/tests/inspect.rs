//! The program: what it prints, and how it ends.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sse_wire::Parser;

const SAMPLES: [&str; 5] = ["openai-chat", "openai-responses", "anthropic-messages", "mcp-streamable-http", "quirks"];

fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn sample_path(name: &str) -> String {
    format!("{}/../../examples/data/{name}.sse", env!("CARGO_MANIFEST_DIR"))
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(sample_path(name)).unwrap()
}

fn start(options: &[&str]) -> Child {
    command(options).stdin(Stdio::piped()).spawn().unwrap()
}

/// The output for `stream` on standard input.
fn inspect(options: &[&str], stream: &[u8]) -> String {
    let mut child = start(options);
    let mut input = child.stdin.take().unwrap();
    let stream = stream.to_owned();
    let writer = thread::spawn(move || input.write_all(&stream).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    shown(output)
}

fn inspect_sample(options: &[&str], name: &str) -> String {
    shown(command(&[options, &[&sample_path(name)]].concat()).output().unwrap())
}

fn shown(output: Output) -> String {
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(matches!(output.status.code(), Some(0 | 1)));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard output and standard error of a run that ends with this status.
fn fails(options: &[&str], status: i32) -> (String, String) {
    let output = command(options).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{options:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn has_lines(shown: &str, lines: &[&str]) {
    for line in lines {
        assert!(shown.lines().any(|shown| shown == *line), "{line:?} is not in:\n{shown}");
    }
}

fn json_lines(shown: &str) -> Vec<Value> {
    shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The JSON objects of a type.
fn of_type(shown: &str, kind: &str) -> Vec<Value> {
    json_lines(shown).into_iter().filter(|object| object["type"] == kind).collect()
}

/// The JSON that the data of an event is.
fn data(event: &Value) -> Value {
    serde_json::from_str(event["data"].as_str().unwrap()).unwrap()
}

/// The JSON objects without what depends on the clock.
fn without_times(shown: &str) -> Vec<Value> {
    let mut objects = json_lines(shown);
    for object in objects.iter_mut().filter_map(Value::as_object_mut) {
        for name in ["time", "gap", "first_byte", "first_event", "gaps"] {
            object.remove(name);
        }
    }
    objects
}

fn range(object: &Value) -> std::ops::Range<usize> {
    let offset = |name: &str| usize::try_from(object[name].as_u64().unwrap()).unwrap();
    offset("start")..offset("end")
}

// The samples ---------------------------------------------------------------------------------------------------------

#[test]
fn every_sample_but_one_is_without_a_problem() {
    for (name, bytes, events) in [
        ("openai-chat", 4470, "events: 17 (\"message\" 17)"),
        (
            "openai-responses",
            4147,
            "events: 17 (\"response.created\" 1, \"response.in_progress\" 1, \"response.output_item.added\" 1, \
             \"response.content_part.added\" 1, \"response.output_text.delta\" 9, \"response.output_text.done\" 1, \
             \"response.content_part.done\" 1, \"response.output_item.done\" 1, \"response.completed\" 1)",
        ),
        (
            "anthropic-messages",
            2547,
            "events: 21 (\"message_start\" 1, \"content_block_start\" 2, \"ping\" 1, \"content_block_delta\" 13, \
             \"content_block_stop\" 2, \"message_delta\" 1, \"message_stop\" 1)",
        ),
        ("mcp-streamable-http", 881, "events: 6 (\"message\" 6)"),
    ] {
        let shown = inspect_sample(&[], name);
        has_lines(&shown, &[&format!("bytes: {bytes}"), events, "no findings"]);
    }
}

#[test]
fn an_answer_can_be_put_together_from_the_events() {
    let events = of_type(&inspect_sample(&["--json"], "openai-chat"), "event");
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done["data"], "[DONE]");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| data(chunk)["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, "The café on Řezníčka street opens at 8. ☕");
    assert_eq!(data(chunks.last().unwrap())["usage"]["total_tokens"], 34);

    let events = of_type(&inspect_sample(&["--json"], "openai-responses"), "event");
    for (number, event) in events.iter().enumerate() {
        assert_eq!(data(event)["type"], event["event"]);
        assert_eq!(data(event)["sequence_number"], number);
    }

    let events = of_type(&inspect_sample(&["--json"], "anthropic-messages"), "event");
    assert!(events.iter().all(|event| data(event)["type"] == event["event"]));
}

#[test]
fn ids_and_the_reconnection_time_are_shown() {
    let shown = inspect_sample(&[], "mcp-streamable-http");
    has_lines(
        &shown,
        &[
            "        0  message  id \"c7f3_0\"  retry 3000 ms  0 B",
            "      539  : still here",
            "comments: 1",
            "last event ID: \"c7f3_5\"",
            "reconnection time: 3000 ms",
        ],
    );
}

#[test]
fn the_quirks_are_found() {
    let shown = inspect_sample(&[], "quirks");
    has_lines(
        &shown,
        &[
            "       79  greeting  45 B  CRLF, until here\\n\\n and a line with two spaces",
            "      661  message  id \"\"  15 B  the id is reset",
            "bytes: 755, of which 3 are a BOM",
            "lines: 50 (LF 35, CRLF 10, CR 4)",
            "events: 8 (\"greeting\" 1, \"message\" 6, \"term\\u{1b}]0;inal\\u{7}\" 1)",
            "comments: 2",
            "blocks that only set an id or the reconnection time: 1",
            "reconnection time: 2500 ms",
            "pending: 68 bytes since byte 687, event \"last\", id \"4\", data \"whole\\nhal\"",
            "ended: end of the input",
            "findings:",
            "  json_outside_data: 3, first at byte 484 (line 31)",
            "  unknown_field: 2 (\"timestamp\" 1, \"level\" 1), first at byte 442 (line 28)",
        ],
    );
    let summary = of_type(&inspect_sample(&["--json"], "quirks"), "summary").remove(0);
    assert_eq!(summary["bom"], true);
    let findings = summary["findings"].as_array().unwrap();
    let keys: Vec<_> = findings.iter().map(|finding| finding["finding"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "indented_field",
            "space_before_colon",
            "upper_case_field",
            "bom_inside",
            "json_outside_data",
            "unknown_field",
            "block_without_data",
            "ill_formed_utf8",
            "id_with_nul",
            "retry_ignored",
            "unfinished",
        ]
    );
    let finding = findings.iter().find(|finding| finding["finding"] == "ill_formed_utf8").unwrap();
    assert_eq!((&finding["count"], &finding["byte"], &finding["line"]), (&1.into(), &214.into(), &15.into()));
}

#[test]
fn the_lines_are_shown_as_they_are() {
    let shown = inspect_sample(&["--lines"], "quirks");
    has_lines(
        &shown,
        &[
            "3..53           comment   : all that can be wrong, and some that is only odd",
            "55..55          blank",
            "192..212        field     data:after the colon",
            "214..255        field     data: LF, and ill-formed UTF-8: caf\\xe9, \\xf0\\x9f\\x9a",
            "381..412        unknown   data : a space before the colon",
            "746..755        field     data: hal  (no terminator)",
            "bytes: 755, of which 3 are a BOM",
        ],
    );
}

// What holds for every stream -----------------------------------------------------------------------------------------

/// The parser reads the same events from the whole stream, and from the bytes of each event alone.
#[test]
fn events_are_at_their_places() {
    for name in SAMPLES {
        let stream = sample(name);
        let events = of_type(&inspect_sample(&["--json"], name), "event");
        let mut parser = Parser::new();
        let mut expected_events = parser.feed(&stream);
        let mut seen = 0;
        while let Some(expected) = expected_events.next_event().unwrap() {
            let event = &events[seen];
            assert_eq!(event["event"], expected.name());
            assert_eq!(event["data"], expected.data());
            assert_eq!(event["id"].as_str(), expected.id());
            assert_eq!(event["last_event_id"], expected.last_event_id());
            let retry = expected.retry().map(|time| time.as_millis());
            assert_eq!(event["retry"].as_u64().map(u128::from), retry);

            let mut alone = Parser::new();
            let mut block = alone.feed(&stream[range(event)]);
            let event = block.next_event().unwrap().unwrap();
            assert_eq!((event.name(), event.data(), event.id()), (expected.name(), expected.data(), expected.id()));
            assert!(block.into_rest().is_empty());
            seen += 1;
        }
        assert_eq!(seen, events.len());
    }
}

#[test]
fn lines_are_at_their_places() {
    for name in SAMPLES {
        let stream = sample(name);
        for line in of_type(&inspect_sample(&["--json", "--lines"], name), "line") {
            let bytes = &stream[range(&line)];
            assert_eq!(line["text"], *String::from_utf8_lossy(bytes));
            assert_eq!(line["well_formed"], std::str::from_utf8(bytes).is_ok());
        }
    }
}

#[test]
fn json_is_one_object_a_line_and_the_last_is_the_summary() {
    for name in SAMPLES {
        for options in [&["--json"][..], &["--json", "--lines"]] {
            let objects = json_lines(&inspect_sample(options, name));
            let (summary, others) = objects.split_last().unwrap();
            assert_eq!(summary["type"], "summary");
            assert_eq!(summary["bytes"], sample(name).len());
            assert!(others.iter().all(|object| object["type"] != "summary"));
        }
    }
}

#[test]
fn a_stream_that_arrives_byte_by_byte_looks_the_same() {
    let mixed = b"data: a\r\r\ndata: b\n\r\nid: 1\r\n\r\ndata: c\r\n\r\rdata: 0123456789\r\ndata:\r\n\r\n";
    for (options, stream) in [
        (&["--json"][..], sample("quirks")),
        (&["--json", "--lines"], sample("quirks")),
        (&["--json", "--limit=9"], sample("quirks")),
        (&["--json", "--limit=9", "--lines"], sample("quirks")),
        (&["--json"], mixed.to_vec()),
        (&["--json", "--limit=9"], mixed.to_vec()),
    ] {
        let mut child = start(options);
        let mut input = child.stdin.take().unwrap();
        for byte in stream.chunks(1) {
            input.write_all(byte).unwrap();
            thread::sleep(Duration::from_micros(20));
        }
        drop(input);
        let shown = shown(child.wait_with_output().unwrap());
        assert_eq!(without_times(&shown), without_times(&inspect(options, &stream)), "{options:?}");
    }
}

/// Of all control characters, only line feeds are printed.
#[test]
fn a_stream_cannot_control_the_terminal() {
    let mut stream = sample("quirks");
    for char in (0..0x20).chain(0x7f..0xa0).chain([0x202e, 0x2066, 0xe0041]).filter_map(char::from_u32) {
        stream.extend(format!("\nevent: {char}\nid: {char}\ndata: {char}\n{char}: x\n: {char}\n\n").bytes());
    }
    for options in [&[][..], &["--lines"], &["--json"], &["--json", "--lines"]] {
        let shown = inspect(options, &stream);
        let drives = |char: char| char != '\n' && (char.is_control() || matches!(char, '\u{202e}' | '\u{2066}'));
        assert_eq!(shown.find(drives), None, "{options:?}");
        assert!(shown.contains("中文, 👩\u{200d}🚀"), "{options:?}");
    }
    let shown = inspect(&["--json"], "data: \u{9b}2J\u{e0041}\"\\\n\n".as_bytes());
    assert_eq!(of_type(&shown, "event")[0]["data"], "\u{9b}2J\u{e0041}\"\\");
}

#[test]
fn only_the_first_names_are_counted_by_themselves() {
    let mut stream = Vec::new();
    for number in 0..1000 {
        write!(stream, "event: name{number}\nfield{number}: x\ndata: x\n\n").unwrap();
    }
    write!(stream, "{}: x\n\n", "long".repeat(1000)).unwrap();
    let shown = inspect(&[], &stream);
    let events = shown.lines().find(|line| line.starts_with("events: ")).unwrap();
    assert!(events.ends_with(", \"name19\" 1, others 980)"), "{events}");
    let fields = shown.lines().find(|line| line.contains("unknown_field")).unwrap();
    assert!(fields.contains(", \"field19\" 1, others 981), first at byte 13 (line 2)"), "{fields}");

    let shown = inspect(&[], &[&b"long".repeat(1000)[..], b"\n\n"].concat());
    assert!(shown.contains(&format!(": 1 (\"{}\"... 1), first at byte 0", "long".repeat(10))), "{shown}");
}

// The limit -----------------------------------------------------------------------------------------------------------

#[test]
fn what_is_over_the_limit_is_refused_and_the_rest_is_shown() {
    let long = "x".repeat(50);
    let stream =
        format!("data: a\n\n: {long}\n\ndata: {long}\n\n{long}: x\ndata: b\n\ndata: 12345678901\n\ndata: {long}");
    let shown = inspect(&["--limit", "10"], stream.as_bytes());
    has_lines(
        &shown,
        &[
            "63..121  SKIPPED: more than 10 bytes (--limit)",
            "184..203  SKIPPED: more than 10 bytes (--limit)",
            "203..259  SKIPPED: more than 10 bytes (--limit)",
            "events: 2 (\"message\" 2)",
            "  block_over_limit: 3, first at byte 63 (line 5)",
            "  line_over_limit: 2, first at byte 9 (line 3)",
        ],
    );
    let shown = inspect(&["--limit", "10", "--json"], stream.as_bytes());
    assert_eq!(of_type(&shown, "refused").len(), 3);
    let shown = inspect(&["--limit", "10", "--lines"], stream.as_bytes());
    has_lines(&shown, &["9..61           too-long", "184..201        field     data: 12345678901"]);
    has_lines(&inspect(&[], stream.as_bytes()), &["events: 4 (\"message\" 4)"]);
}

// How it runs ---------------------------------------------------------------------------------------------------------

/// Whichever terminator the stream has, and before anything follows.
#[test]
fn an_event_is_shown_as_soon_as_it_is_complete() {
    for (stream, end) in [("data: now\n\n", 11), ("data: now\r\n\r\n", 13), ("data: now\r\r", 11)] {
        let mut child = start(&["--json"]);
        let mut input = child.stdin.take().unwrap();
        input.write_all(stream.as_bytes()).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || lines.for_each(|line| sender.send(line.unwrap()).unwrap()));
        let event: Value = serde_json::from_str(&shown.recv_timeout(Duration::from_secs(20)).unwrap()).unwrap();
        assert_eq!((&event["end"], &event["data"]), (&end.into(), &"now".into()), "{stream:?}");
        assert!(event["time"].is_number());
        drop(input);
        assert!(shown.iter().last().unwrap().contains("\"findings\":[]"));
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn standard_input_is_read_without_a_file_and_for_a_dash() {
    let expected = inspect_sample(&["--quiet"], "quirks");
    assert_eq!(inspect(&["--quiet"], &sample("quirks")), expected);
    assert_eq!(inspect(&["--quiet", "-"], &sample("quirks")), expected);
}

#[test]
fn an_empty_stream_has_no_findings() {
    let shown = inspect(&[], b"");
    let start = "bytes: 0\nlines: 0\nevents: 0\nended: end of the input\nno findings\nhints, which a correct stream may have, too:\n  \
                 no_event: 1\n";
    assert!(shown.starts_with(start), "{shown}");
    assert_eq!(of_type(&inspect(&["--json"], b""), "summary").len(), 1);
}

#[test]
fn names_that_look_like_more_are_in_quotes() {
    let shown = inspect(&[], b"event: a  id \"9\"\ndata: x\n\nevent: a-b.c\ndata: x\n\n");
    assert!(shown.contains("  \"a  id \\\"9\\\"\"  1 B  x\n") && shown.contains("  a-b.c  1 B  x\n"), "{shown}");
}

#[test]
fn what_clients_ignore_sets_nothing() {
    let shown = inspect(&[], b"retry: \x1b[1m\n\nid: a\0\n\ndata: x\n\n");
    assert!(!shown.contains("blocks that only set") && shown.contains("retry_ignored"), "{shown}");
}

#[test]
fn advice_does_not_blame_the_wrong_thing() {
    let shown = inspect(&["-q"], b"data: Hello\nWorld\n\n");
    assert!(shown.contains("write `data: ` before it, as before each line of a text"), "{shown}");
}

#[test]
fn it_ends_without_an_error_when_its_output_is_closed() {
    let mut child = start(&[]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"data: x\n\n").unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // Until it has ended: then writing fails.
    while input.write_all(b"data: x\n\n").is_ok() {}
    assert_eq!(shown(child.wait_with_output().unwrap()), "");
}

#[test]
fn what_cannot_be_opened_is_reported() {
    let (shown, error) = fails(&["no-such-file.sse"], 3);
    assert_eq!(shown, "");
    assert!(error.starts_with("sse-inspect: no-such-file.sse: "), "{error}");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let (shown, error) = fails(&[directory], 3);
    assert_eq!(shown, "");
    assert!(error.starts_with(&format!("sse-inspect: {directory}: ")), "{error}");
}

/// The sender's machine breaks the connection, which is an error in the middle of the input.
#[cfg(unix)]
#[test]
fn what_was_read_before_an_error_is_reported() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut receiver = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut sender, _) = listener.accept().unwrap();
    // Unread bytes make the sender's close a reset.
    receiver.write_all(b"unread").unwrap();
    sender.peek(&mut [0]).unwrap();
    let mut child = command(&[]).stdin(Stdio::from(std::os::fd::OwnedFd::from(receiver))).spawn().unwrap();
    sender.write_all(b"data: x\n\ndata: y").unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    output.read_line(&mut shown).unwrap();
    assert!(shown.ends_with("  message  1 B  x\n"), "{shown}");
    drop(sender);
    output.read_to_string(&mut shown).unwrap();
    has_lines(&shown, &["pending: 7 bytes since byte 9, event \"message\", data \"y\"", "bytes: 16"]);
    assert!(shown.contains("\nNOT READ TO ITS END: "), "{shown}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stderr.starts_with(b"sse-inspect: standard input: "));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&[&sample_path("quirks")]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stderr.starts_with(b"sse-inspect: standard output: "));
}

#[test]
fn wrong_usage_is_reported() {
    for options in [&["--colour"][..], &["-x"], &["one", "two"], &["--limit"], &["--limit", "many"]] {
        let (shown, complaint) = fails(options, 2);
        assert_eq!(shown, "");
        assert!(complaint.starts_with("error: ") && complaint.contains("--help"), "{complaint}");
    }
}

#[test]
fn help_and_version_are_shown() {
    for option in ["-h", "--help"] {
        let shown = inspect(&[option], b"");
        for word in ["Usage: sse-inspect", "--lines", "--json", "--limit <BYTES>", "--help", "--version", "Exit status"]
        {
            assert!(shown.contains(word), "{word}");
        }
    }
    assert_eq!(inspect(&["-V"], b""), concat!("sse-inspect ", env!("CARGO_PKG_VERSION"), "\n"));
}
