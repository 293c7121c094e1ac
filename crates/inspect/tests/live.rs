//! Servers, signals, and input that does not end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn summary(output: &Output) -> Value {
    serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap()
}

/// Answers one request after another with these responses. Returns the URL, and the requests when all were answered.
fn serve(responses: &[&str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let responses: Vec<_> = responses.iter().map(|&response| response.to_owned()).collect();
    let server = thread::spawn(move || {
        let answer = |response: String| {
            let (mut connection, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                reader.read_line(&mut request).unwrap();
            }
            connection.write_all(response.as_bytes()).unwrap();
            request
        };
        responses.into_iter().map(answer).collect()
    });
    (url, server)
}

/// Accepts, writes this, and stays open. Every 100 ms it writes `again` once more.
fn serve_endless(start: &'static str, again: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = connection.read(&mut [0; 4096]);
                let mut next = start;
                while connection.write_all(next.as_bytes()).is_ok() {
                    thread::sleep(Duration::from_millis(100));
                    next = again;
                }
            });
        }
    });
    url
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Nothing is unfinished yet, but a server writes an event whole.
#[cfg(unix)]
#[test]
fn data_lines_that_wait_for_a_blank_line_are_a_finding_when_the_user_stops() {
    let url = serve_endless(STREAM, "data: tick\n");
    let output = command(&["-q", "-m", "1.6", &url]).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.code() == Some(1) && shown.contains("  never_dispatched: 1, first at byte 0"), "{shown}");
    let child = command(&["-q", &url]).spawn().unwrap();
    thread::sleep(Duration::from_millis(1600));
    interrupt(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    // A line may be long, but not that long.
    let half = serve_endless("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ", "tick");
    let output = command(&["-q", "-m", "1.6", &half]).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.code() == Some(1) && shown.contains("  never_dispatched: 1, first at byte 0"), "{shown}");
    // In a shorter time the blank line may still come.
    for url in [&url, &half] {
        assert_eq!(command(&["-q", "-m", "0.6", url]).output().unwrap().status.code(), Some(0));
    }
    let url = serve_endless(STREAM, "data: tick\n\n");
    assert_eq!(command(&["-q", "-m", "1.6", &url]).output().unwrap().status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_stream_that_never_began_is_status_3() {
    let url = serve_endless("", "");
    for options in [&["-m", "0.3", &url][..], &["--reconnect", "-m", "0.3", "http://127.0.0.1:1/"]] {
        let output = command(options).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{options:?}");
        assert!(text(&output.stderr).contains("no response came: the time is up (--max-time)"), "{options:?}");
    }
    for options in [&[&*url][..], &["--reconnect", "http://127.0.0.1:1/"]] {
        let child = command(options).spawn().unwrap();
        thread::sleep(Duration::from_millis(500));
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{options:?}");
        assert!(text(&output.stderr).contains("no response came: interrupted"), "{options:?}");
    }
    // A request that is not repeated.
    let output = command(&["--reconnect", "-d", "x", "http://127.0.0.1:1/"]).output().unwrap();
    assert!(output.status.code() == Some(3) && text(&output.stderr).contains("refused"), "{output:?}");
    // The head alone is a beginning, and no event a hint.
    let url = serve_endless(STREAM, "");
    let output = command(&["--json", "-m", "0.3", &url]).output().unwrap();
    assert_eq!((output.status.code(), &summary(&output)["hints"][0]["hint"]), (Some(0), &"no_event".into()));
    let shown = text(&command(&["-m", "0.3", &url]).output().unwrap().stdout);
    assert!(shown.contains("text/event-stream\n\nbytes: 0\n"), "{shown}");
}

#[test]
fn no_time_is_no_limit() {
    let (url, _) = serve(&[&format!("{STREAM}data: x\n\n")]);
    let output = command(&["-m", "0", &url]).output().unwrap();
    assert!(output.status.code() == Some(0) && text(&output.stdout).contains("  1 B  x\n"), "{output:?}");
}

#[test]
fn advice_depends_on_the_response() {
    let advice = |response: &str| {
        let (url, _) = serve(&[response]);
        let summary = summary(&command(&["--json", &url]).output().unwrap());
        let finding = summary["findings"].as_array().unwrap().first().unwrap().clone();
        assert!(finding["finding"] == "status" && finding["byte"].is_null() && finding["line"].is_null(), "{finding}");
        finding["advice"].as_str().unwrap().to_owned()
    };
    let kind = "content-type: text/event-stream\r\n";
    for status in ["401 Unauthorized", "404 Not Found", "500 Oh"] {
        assert!(advice(&format!("HTTP/1.1 {status}\r\n{kind}\r\n")).contains("its method, headers and login"));
    }
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let said = advice(&format!("HTTP/1.1 {status}\r\n{kind}retry-after: 7\r\n\r\n"));
        assert!(said.starts_with("Wait as long as retry-after says (7)"), "{said}");
        assert!(advice(&format!("HTTP/1.1 {status}\r\n{kind}\r\n")).contains("no retry-after"));
    }
}

#[test]
fn compression_that_nobody_asked_for_is_named() {
    let advice = |header: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{header}\r\n");
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            connection.write_all(&[head.as_bytes(), b"\x1f\x8b\x08\0\0\0\0\0\0\x03KI,I\x04\0"].concat()).unwrap();
        });
        let summary = summary(&command(&["--json", &url]).output().unwrap());
        assert_eq!(summary["findings"][0]["finding"], "gzip");
        summary["findings"][0]["advice"].as_str().unwrap().to_owned()
    };
    assert!(advice("content-encoding: gzip\r\n").contains("was not asked to compress"));
    assert!(advice("").contains("let the server say `content-encoding: gzip`"));
}

#[test]
fn notes_have_fields_for_programs() {
    let (url, _) = serve(&[
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 10\nid: 7\ndata: x\n\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nOh",
    ]);
    let output = command(&["--json", "--reconnect", &url]).output().unwrap();
    let notes: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let notes: Vec<_> = notes.into_iter().filter(|note| note["type"] == "note").collect();
    let kinds: Vec<_> = notes.iter().map(|note| note["kind"].as_str().unwrap()).collect();
    // The client does not say that the server ended what the client refused.
    assert_eq!(kinds, ["response", "open", "disconnected", "retry", "response", "refused"]);
    assert_eq!((&notes[0]["status"], &notes[0]["content_type"]), (&200.into(), &"text/event-stream".into()));
    assert_eq!(notes[4]["content_type"], "text/plain");
    let retry = &notes[3];
    assert_eq!((&retry["number"], &retry["last_event_id"]), (&1.into(), &"7".into()));
    assert!(retry["wait_ms"].as_u64().unwrap() >= 10, "{retry}");
}

#[test]
fn the_text_of_an_error_is_shown() {
    let error = r#"{"error":{"message":"The server is overloaded, and this is why it cannot answer now"}}"#;
    let (url, _) = serve(&[&format!("{STREAM}data: {error}\n\n")]);
    let shown = text(&command(&["-q", &url]).output().unwrap().stdout);
    assert!(shown.contains(&format!("\n    > {error}\n")), "{shown}");
}

#[test]
fn a_url_is_asked_as_curl_asks() {
    let (url, server) = serve(&["HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"a\":[\"x\"]}\n\n"]);
    let output = command(&[&url, "-X", "PUT", "-H", "x-key: 1", "-u", "me:pw", "--select", "a[0]"]).output().unwrap();
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("x\n", Some(0)));
    let request = server.join().unwrap().remove(0).to_ascii_lowercase();
    for part in ["put / http/1.1", "accept: text/event-stream", "x-key: 1", "authorization: basic bwu6chc="] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[test]
fn a_response_that_clients_refuse_is_a_finding_and_its_body_is_shown() {
    let (url, _) =
        serve(&["HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n\r\n{\"error\":\"\u{1b}[2J\"}"]);
    let output = command(&[&url]).output().unwrap();
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for part in
        ["  | {\"error\":\"\\u{1b}[2J\"}", "  status: 1 (\"401 Unauthorized\" 1)", "  content_type: 1", "  json: 1"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let (url, _) = serve(&["HTTP/1.1 500 Oh\r\ncontent-type: text/plain\r\n\r\nno such table"]);
    let shown = text(&command(&[&url]).output().unwrap().stdout);
    assert!(shown.contains("  | no such table\n"), "{shown}");
}

#[test]
fn reconnecting_says_each_decision() {
    let (url, server) = serve(&[
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 10\nid: 7\ndata: x\n\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ]);
    let output = command(&[&url, "--reconnect"]).output().unwrap();
    let shown = text(&output.stdout);
    let why = " s (retry 10 ms, raised to 1000 ms, and a random part), last event ID";
    for part in ["200 OK, text/event-stream", "try 1 in ", why, "last event ID \"7\"", "204 No Content", "no findings"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(output.status.code(), Some(0));
    assert!(server.join().unwrap()[1].to_ascii_lowercase().contains("last-event-id: 7"));
    // Beside the text of an answer, too.
    let (url, _) = serve(&[&format!("{STREAM}id: 7\ndata: x\n\n"), "HTTP/1.1 204 No Content\r\n\r\n"]);
    let said = text(&command(&[&url, "--reconnect", "--text"]).output().unwrap().stderr);
    assert!(said.contains("last event ID \"7\"\n"), "{said}");
}

#[test]
fn reconnecting_waits_as_long_as_the_response_asks() {
    let (url, _) = serve(&[
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nretry-after: 3\r\n\r\nretry: 10\ndata: x\n\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ]);
    let shown = text(&command(&[&url, "--reconnect"]).output().unwrap().stdout);
    let (_, wait) = shown.split_once("try 1 in ").unwrap();
    let wait: f64 = wait.split_once(' ').unwrap().0.parse().unwrap();
    assert!((3.0..4.0).contains(&wait), "{shown}");
}

#[test]
fn a_server_that_cannot_be_reached_and_a_broken_response_are_status_3() {
    let output = command(&["http://127.0.0.1:1/"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let (url, _) =
        serve(&["HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\ndata: x\n\n"]);
    let output = command(&[&url]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    // The reason is short, and once in each output.
    let (shown, error) = (text(&output.stdout), text(&output.stderr));
    let reason = "the response broke off: end of file before message length reached";
    assert!(shown.contains(&format!("NOT READ TO ITS END: {reason}\n")) && !shown.contains("ended:"), "{shown}");
    assert_eq!(error, format!("sse-inspect: {url}: {reason}\n"));
}

fn begin(options: &[&str]) -> Child {
    command(options).stdin(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[test]
fn ctrl_c_shows_the_summary_and_what_is_pending() {
    let mut child = begin(&["--json"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"data: x\n\nevent: late\ndata: y\n").unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    let mut event = String::new();
    shown.read_line(&mut event).unwrap();
    thread::sleep(Duration::from_millis(100));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    let summary: Value = serde_json::from_str(rest.trim_end()).unwrap();
    assert_eq!((&summary["ended"], &summary["pending"]["event"]), (&"interrupted".into(), &"late".into()));
    assert_eq!(summary["findings"].as_array().unwrap().len(), 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_time_can_be_bounded() {
    let mut child = begin(&["--max-time", "0.2", "--json"]);
    let _input = child.stdin.take().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(summary(&output)["ended"], "the time is up (--max-time)");
}

#[cfg(target_os = "linux")]
const VIEWS: [&[&str]; 7] = [&[], &["--json"], &["--text"], &["--select=0"], &["--pretty"], &["--quiet"], &["--lines"]];

/// The most memory, in MiB, that the program takes in each view for what is written to it.
#[cfg(target_os = "linux")]
fn most_memory(options: &[&str], write: impl Fn(&mut dyn Write) -> std::io::Result<()> + Sync) -> Vec<u64> {
    let run = |view: &[&str]| {
        let mut command = command(&[options, view].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        write(&mut input).unwrap();
        // More than pipes and chunks hold, so that all before was read.
        input.write_all(format!("\n: {}", "x".repeat(1000)).repeat(1000).as_bytes()).unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        drop(input);
        assert!(child.wait().unwrap().code() < Some(2));
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    };
    VIEWS.iter().map(|view| run(view)).collect()
}

/// Each input takes at least half as much again if all of it is kept.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_for_input_without_an_end() {
    let repeat = |out: &mut dyn Write, text: &str, mib: usize| {
        let text = text.repeat(65536 / text.len());
        (0..16 * mib).try_for_each(|_| out.write_all(text.as_bytes()))
    };
    // The default limit is 16 MiB.
    let most = most_memory(&[], |out| repeat(out, "x", 60));
    assert!(most.iter().all(|&mib| mib < 50), "a line: {most:?} MiB");
    let limit = ["--limit=1000000"];
    let most = most_memory(&limit, |out| repeat(out, &format!("data: {}\n", "x".repeat(1000)), 30));
    assert!(most.iter().all(|&mib| mib < 28), "an event: {most:?} MiB");
    let most = most_memory(&limit, |out| {
        let long = "x".repeat(2000);
        (0..4000).try_for_each(|number| {
            let event =
                format!("event: {number}{long}\nid: {number}{long}\n{number}{long}\n: {number}{long}\ndata: x\n\n");
            out.write_all(event.as_bytes())
        })
    });
    assert!(most.iter().all(|&mib| mib < 28), "events: {most:?} MiB");
}

/// JSON that is held as values takes a hundred times the memory of its text.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_for_events_as_large_as_the_limit() {
    let members = format!("data: [{{\"error\":[]}}{}]\n\n", ",{\"\":0}".repeat(142_000));
    let most = most_memory(&["--limit=1000000"], |out| out.write_all(members.as_bytes()));
    assert!(most.iter().all(|&mib| mib < 28), "{most:?} MiB");
}

#[test]
fn the_output_goes_to_a_file() {
    let path = std::env::temp_dir().join(format!("sse-inspect-{}.out", std::process::id()));
    let mut child = begin(&["--output", path.to_str().unwrap(), "--pretty", "--event", "b"]);
    child.stdin.take().unwrap().write_all(b": a comment\ndata: {}\n\nevent: b\ndata: {\"x\":1}\n\n").unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "");
    let shown = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert!(shown.contains("  b  7 B\n    {\n      \"x\": 1\n    }\n"), "{shown}");
    assert!(!shown.contains("  message  ") && !shown.contains("a comment"), "{shown}");
}

#[test]
fn colour_is_for_terminals_only_unless_it_is_forced() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/mcp-streamable-http.sse");
    assert!(!text(&command(&[sample]).output().unwrap().stdout).contains('\u{1b}'));
    let forced = command(&[sample]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(text(&forced.stdout).contains("\u{1b}["));
    let refused = command(&[sample]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!text(&refused.stdout).contains('\u{1b}'));
}

#[test]
fn a_long_gap_stands_out() {
    let mut child = command(&[]).env("CLICOLOR_FORCE", "1").stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"data: 1\n\n").unwrap();
    thread::sleep(Duration::from_millis(300));
    input.write_all(b"data: 2\n\n").unwrap();
    drop(input);
    let shown = text(&child.wait_with_output().unwrap().stdout);
    let yellow: Vec<_> = shown.lines().map(|line| line.contains("\u{1b}[33m")).collect();
    assert_eq!(yellow[..2], [false, true], "{shown}");
}

#[test]
fn the_man_page_and_completions_are_written_and_the_help_is_short() {
    let page = text(&command(&["--man"]).output().unwrap().stdout);
    let all = [
        ".TH sse-inspect",
        "\n.SH CHECK\n",
        "\n.SH SERVE\n",
        "\\-\\-connections",
        "\\-\\-fault",
        "\n.SH \"EXIT STATUS\"\n",
        "Body, as it is",
        "User and password",
        "Speak HTTP/2",
        "Write the man page",
        "Write the completions",
    ];
    for part in all {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("EXTRA") && !page.contains("inspect\\-check"), "{page}");
    let help = text(&command(&["-h"]).output().unwrap().stdout);
    assert!(["--user", "--data-raw", "--http2"].iter().all(|option| help.contains(option)), "{help}");
    let help = text(&command(&["--help"]).output().unwrap().stdout);
    assert!(help.find("--man").unwrap() < help.find("Request (as curl)").unwrap(), "{help}");
    assert!(text(&command(&["--completions", "bash"]).output().unwrap().stdout).contains("complete "));
    for options in [&["-h"][..], &["check", "-h"], &["serve", "-h"]] {
        let help = text(&command(options).env("COLUMNS", "80").output().unwrap().stdout);
        assert!(help.starts_with(char::is_uppercase) && help.contains("\nUsage: sse-inspect "), "{help}");
        let fits = help.lines().count() <= 40 && help.lines().all(|line| line.chars().count() <= 80);
        assert!(fits, "{} lines: {help}", help.lines().count());
    }
}
