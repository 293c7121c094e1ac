//! `serve`: what a client on a socket receives, and what it is told about itself.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sse_wire::Parser;
use tempfile::TempDir;

// A server ------------------------------------------------------------------------------------------------------------

struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
}

fn program(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    fn start(options: &[&str]) -> Server {
        let mut child = program(&[&["serve"], options].concat()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/\n"));
        Server { address: address.expect("the URL comes first").parse().unwrap(), child, out }
    }

    fn cases() -> Server {
        Server::start(&["--cases"])
    }

    fn request(&self, request: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        socket
    }

    /// Asks for a path, with more headers.
    fn get(&self, path: &str, headers: &str) -> Answer {
        self.get_any(path, &format!("accept: text/event-stream\r\n{headers}"))
    }

    /// The same, without an `Accept` of its own.
    fn get_any(&self, path: &str, headers: &str) -> Answer {
        Answer::read(self.request(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.address)))
    }

    /// The answer to a POST of JSON.
    fn post(&self, path: &str, body: &Value) -> Value {
        let (body, host) = (body.to_string(), self.address);
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        let answer = Answer::read(self.request(&(head + &body)));
        assert_eq!(answer.status, 200, "{path}");
        serde_json::from_slice(&answer.body()).unwrap()
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&self.get("/report", "").body()).unwrap()
    }

    /// Interrupts it, as Ctrl-C does. Returns the exit status and what it has printed since the URL.
    #[cfg(unix)]
    fn interrupt(mut self) -> (i32, String) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a response ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Properly,
    Reset,
    Silent,
}

struct Answer {
    status: u16,
    head: String,
    socket: BufReader<TcpStream>,
    asked: Instant,
    /// The bytes that are left; `None` if the body is chunked.
    length: Option<usize>,
}

impl Answer {
    fn read(socket: TcpStream) -> Answer {
        let asked = Instant::now();
        let mut socket = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(socket.read_line(&mut head).unwrap(), 0, "{head}");
        }
        head.make_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.contains("transfer-encoding: chunked");
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        Answer { status, head, socket, asked, length: (!chunked).then_some(length) }
    }

    /// The next chunk of HTTP.
    fn chunk(&mut self) -> Result<Vec<u8>, Ended> {
        let fail = |error: std::io::Error| match error.kind() {
            ErrorKind::ConnectionReset => Ended::Reset,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Ended::Silent,
            _ => panic!("{error}"),
        };
        if let Some(length) = &mut self.length {
            let mut bytes = vec![0; std::mem::take(length)];
            self.socket.read_exact(&mut bytes).map_err(fail)?;
            return if bytes.is_empty() { Err(Ended::Properly) } else { Ok(bytes) };
        }
        let mut line = String::new();
        self.socket.read_line(&mut line).map_err(fail)?;
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut bytes = vec![0; length + 2];
        self.socket.read_exact(&mut bytes).map_err(fail)?;
        bytes.truncate(length);
        if bytes.is_empty() { Err(Ended::Properly) } else { Ok(bytes) }
    }

    /// The chunks with their times since the request, and the end.
    fn chunks(mut self) -> (Vec<(Duration, Vec<u8>)>, Ended) {
        let mut chunks = Vec::new();
        loop {
            match self.chunk() {
                Ok(chunk) => chunks.push((self.asked.elapsed(), chunk)),
                Err(ended) => return (chunks, ended),
            }
        }
    }

    fn texts(self) -> (Vec<String>, Ended) {
        let (chunks, ended) = self.chunks();
        (chunks.into_iter().map(|(_, chunk)| String::from_utf8(chunk).unwrap()).collect(), ended)
    }

    fn body(self) -> Vec<u8> {
        self.chunks().0.into_iter().flat_map(|(_, chunk)| chunk).collect()
    }
}

/// A file in a folder that is removed at the end.
struct Sample(TempDir, PathBuf);

impl Sample {
    fn new(text: impl AsRef<[u8]>) -> Sample {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("stream");
        fs::write(&path, text).unwrap();
        Sample(folder, path)
    }

    fn path(&self) -> &str {
        self.1.to_str().unwrap()
    }

    fn beside(&self) -> String {
        self.0.path().join("beside").to_str().unwrap().to_owned()
    }

    fn serve(&self, options: &[&str]) -> Server {
        Server::start(&[&[self.path()], options].concat())
    }
}

/// The end of a recording.
const FINISHED: &str = "{\"at_ms\":3000,\"end\":\"finished\"}\n";

/// Three events, with ids.
const EVENTS: &str = "id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n";

// Playing back --------------------------------------------------------------------------------------------------------

#[test]
fn a_recording_is_played_with_its_bytes_chunks_and_timing_and_recorded_again() {
    let recording = "{\"sse_recording\":1}\n{\"at_ms\":0,\"text\":\"data: a\\n\"}\n{\"at_ms\":0,\"text\":\"\\n\"}\n\
         {\"at_ms\":300,\"base64\":\"ZGF0YTog/woK\"}\n{\"at_ms\":600,\"text\":\"data: c\\n\\n\"}\n{\"at_ms\":700,\"end\":\"finished\"}\n";
    let first = Sample::new(recording);
    let server = first.serve(&[]);
    let (chunks, ended) = server.get("/", "").chunks();
    let bytes: Vec<_> = chunks.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(bytes, [b"data: a\n".as_slice(), b"\n", b"data: \xff\n\n", b"data: c\n\n"]);
    assert_eq!(ended, Ended::Properly);
    let times: Vec<_> = chunks.iter().map(|(at, _)| *at).collect();
    assert!(times[2] >= Duration::from_millis(280) && times[3] >= Duration::from_millis(580), "{times:?}");

    // A response is recorded with its head.
    let again = first.beside();
    let url = format!("http://{}/", server.address);
    let status = program(&["--record", &again, &url]).stdout(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let recorded = fs::read_to_string(&again).unwrap();
    assert_eq!(recorded.lines().nth(1), Some(r#"{"status":200,"content_type":"text/event-stream"}"#));
    assert!(recorded.lines().next_back().unwrap().contains(r#""end":"finished""#), "{recorded}");

    // What is piped into the program is recorded, and played again.
    let again = first.beside();
    let mut child = program(&["--record", &again]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answer = server.get("/", "");
    while let Ok(chunk) = answer.chunk() {
        input.write_all(&chunk).unwrap();
    }
    drop(input);
    // It has found the ill-formed byte.
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    let (chunks, _) = Server::start(&[&again]).get("/", "").chunks();
    let all: Vec<_> = chunks.iter().flat_map(|(_, bytes)| bytes).copied().collect();
    assert_eq!(all, b"data: a\n\ndata: \xff\n\ndata: c\n\n");
    let (last, _) = chunks.last().unwrap();
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(last), "{last:?}");
}

#[test]
fn speed_changes_the_timing_and_max_waits_for_nothing() {
    let sample =
        Sample::new(format!("{}{FINISHED}", "{\"sse_recording\":1}\n{\"at_ms\":800,\"text\":\"data\\n\\n\"}\n"));
    let time = |speed: &str| sample.serve(&["--speed", speed]).get("/", "").chunks().0[0].0;
    let double = time("2");
    assert!((Duration::from_millis(380)..Duration::from_millis(780)).contains(&double), "{double:?}");
    assert!(time("max") < Duration::from_millis(380));
}

#[test]
fn a_plain_stream_comes_at_once_or_event_by_event() {
    let sample = Sample::new(EVENTS);
    assert_eq!(sample.serve(&[]).get("/", "").texts(), (vec![EVENTS.to_owned()], Ended::Properly));
    let (chunks, _) = sample.serve(&["--rate", "10"]).get("/", "").chunks();
    assert_eq!(chunks.iter().map(|(_, chunk)| chunk.len()).collect::<Vec<_>>(), [15, 15, 15]);
    assert!(chunks[2].0 >= Duration::from_millis(180), "{:?}", chunks[2].0);
}

#[test]
fn the_head_is_that_of_the_recording_at_every_path_and_for_every_method() {
    let recording = "{\"sse_recording\":1}\n{\"status\":503,\"content_type\":\"text/html\"}\n{\"at_ms\":0,\"text\":\"<p>\"}\n{\"at_ms\":0,\"end\":\"finished\"}";
    let server = Sample::new(recording);
    let server = server.serve(&["--cors", "http://localhost:3000"]);
    let answer = Answer::read(server.request("POST /v1/chat HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"));
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("content-type: text/html\r\n"), "{}", answer.head);
    assert!(answer.head.contains("access-control-allow-origin: http://localhost:3000\r\n"), "{}", answer.head);
    assert_eq!(answer.body(), b"<p>");
}

#[test]
fn chunks_are_cut_and_streams_repeated() {
    let sample = Sample::new("data\n\n");
    let (texts, _) = sample.serve(&["--cut", "8", "--cut", "2", "--times", "2"]).get("/", "").texts();
    assert_eq!(texts, ["da", "ta\n\n", "da", "ta\n\n"]);
    let mut answer = sample.serve_forever();
    for _ in 0..100 {
        assert_eq!(answer.1.chunk().unwrap(), b"data\n\n");
    }
}

impl Sample {
    fn serve_forever(&self) -> (Server, Answer) {
        let server = self.serve(&["--loop"]);
        let answer = server.get("/", "");
        (server, answer)
    }
}

#[test]
fn faults_end_the_connection_as_they_say() {
    let sample = Sample::new(EVENTS);
    let start = vec![EVENTS[..20].to_owned()];
    assert_eq!(sample.serve(&["--fault", "reset@20"]).get("/", "").texts(), (start.clone(), Ended::Reset));
    assert_eq!(sample.serve(&["--fault", "half@20"]).get("/", "").texts(), (start.clone(), Ended::Properly));
    let server = sample.serve(&["--fault", "stall@20"]);
    let answer = server.get("/", "");
    answer.socket.get_ref().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert_eq!(answer.texts(), (start, Ended::Silent));
    // A recording of a broken connection breaks again.
    let broken =
        Sample::new("{\"sse_recording\":1}\n{\"at_ms\":0,\"text\":\"data\"}\n{\"at_ms\":1,\"end\":\"broken\"}");
    assert_eq!(broken.serve(&[]).get("/", "").texts(), (vec!["data".to_owned()], Ended::Reset));
}

#[cfg(unix)]
#[test]
fn a_recording_that_was_stopped_plays_as_a_stream_that_is_still_open() {
    let sample = Sample::new(EVENTS);
    let server = sample.serve(&["--fault", "stall@45"]);
    let url = format!("http://{}/", server.address);
    let stopped = sample.beside();
    assert!(program(&["--record", &stopped, "-m", "0.5", &url]).stdout(Stdio::null()).status().unwrap().success());
    let answer = Server::start(&[&stopped]);
    let answer = answer.get("/", "");
    answer.socket.get_ref().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert_eq!(answer.texts(), (vec![EVENTS.to_owned()], Ended::Silent));
}

#[test]
fn a_client_goes_on_after_its_last_event_id_and_stops_after_the_last() {
    let sample = Sample::new(EVENTS);
    let server = sample.serve(&["--resume", "--fault", "reset@20"]);
    assert_eq!(server.get("/", "").texts(), (vec![EVENTS[..20].to_owned()], Ended::Reset));
    let from = |id: &str| server.get("/", &format!("last-event-id: {id}\r\n"));
    assert_eq!(from("1").texts(), (vec![EVENTS[15..].to_owned()], Ended::Properly));
    assert_eq!(from("3").status, 204);
    assert_eq!(from("4").texts(), (vec![EVENTS[..20].to_owned()], Ended::Reset));
    // Without the option, the header means nothing.
    assert_eq!(sample.serve(&[]).get("/", "last-event-id: 1\r\n").texts().0, [EVENTS]);
}

#[test]
fn a_client_that_goes_on_waits_only_for_what_is_left() {
    let line = |at: u32, id: u32| format!("{{\"at_ms\":{at},\"text\":\"id: {id}\\ndata\\n\\n\"}}\n");
    let recording =
        ["{\"sse_recording\":1}\n".to_owned(), line(1000, 1), line(2000, 2), line(2300, 3), FINISHED.to_owned()]
            .concat();
    let server = Sample::new(recording).serve(&["--resume"]);
    let (chunks, _) = server.get("/", "last-event-id: 2\r\n").chunks();
    assert_eq!(chunks[0].1, b"id: 3\ndata\n\n");
    assert!((Duration::from_millis(280)..Duration::from_secs(1)).contains(&chunks[0].0), "{:?}", chunks[0].0);
}

#[test]
fn a_bad_recording_is_an_error_with_its_line() {
    let sample = Sample::new("{\"sse_recording\":1}\n{\"at_ms\":5,\"text\":\"a\"}\n{\"at_ms\":4,\"text\":\"b\"}\n");
    let output = program(&["serve", sample.path()]).output().unwrap();
    let message = format!("sse-inspect: {}: line 3: at_ms is less than on the line before\n", sample.path());
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(2), message));
    assert!(output.stdout.is_empty());
    assert_eq!(program(&["serve", "/no/such/file"]).output().unwrap().status.code(), Some(3));
}

#[test]
fn options_that_make_no_sense_are_wrong_usage() {
    let sample = Sample::new(EVENTS);
    let empty = Sample::new("");
    let path = sample.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for options in [
        &[][..],
        &["--cases", path],
        &["--cases", "--loop"],
        &[path, "--fault", "reset@46"],
        &[path, "--cut", "46"],
        &[path, "--speed", "0"],
        &[path, "--rate", "1", "--speed", "2"],
        &[path, "--times", "0"],
        &[path, "--loop", "--resume"],
        &[path, "--port", &port],
        &[empty.path(), "--loop"],
    ] {
        let output = program(&[&["serve"], options].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{options:?}");
    }
}

#[test]
fn the_port_is_of_this_machine_only() {
    let server = Server::cases();
    assert!(server.address.ip().is_loopback());
    // The address of another interface, if there is one; nothing is sent.
    let outside = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    if let Ok(outside) = outside
        && !outside.ip().is_loopback()
    {
        let address = SocketAddr::new(outside.ip(), server.address.port());
        assert!(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err());
    }
}

#[cfg(unix)]
#[test]
fn requests_are_printed_without_control_characters_and_ctrl_c_stops() {
    let sample = Sample::new(EVENTS);
    let server = sample.serve(&["--resume"]);
    server.get("/a?b=%20c", "last-event-id: \u{9b}2J\r\n").body();
    server.get("/b", "last-event-id: 2\r\n").body();
    let (status, printed) = server.interrupt();
    assert_eq!(status, 0);
    assert_eq!(
        printed,
        "GET \"/a?b=%20c\"  last event ID \"\\u{9b}2J\", from byte 0\nGET \"/b\"  last event ID \"2\", from byte 30\n"
    );
}

// The cases -----------------------------------------------------------------------------------------------------------

/// An event, as (type, data, last event ID).
type Event = (String, String, String);

fn seen(events: &[Event]) -> Value {
    let event = |(kind, data, id): &Event| json!({ "type": kind, "data": data, "lastEventId": id });
    json!({ "events": events.iter().map(event).collect::<Vec<_>>() })
}

fn path(case: &Value, member: &str) -> String {
    let url = case[member].as_str().unwrap().strip_prefix("http://").unwrap();
    url[url.find('/').unwrap()..].to_owned()
}

/// Reads a response to its end.
fn read(answer: Answer, parser: &mut Parser, events: &mut Vec<Event>) {
    for (_, chunk) in answer.chunks().0 {
        let mut feed = parser.feed(&chunk);
        while let Some(event) = feed.next_event().unwrap() {
            events.push((event.name().to_owned(), event.data().to_owned(), event.last_event_id().to_owned()));
        }
    }
}

/// What a client sees that does all that the standard says.
fn right_client(server: &Server, case: &Value) -> Vec<Event> {
    right_client_that_accepts(server, case, "text/event-stream")
}

fn right_client_that_accepts(server: &Server, case: &Value, accept: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut parser = Parser::new();
    let mut url = path(case, "url");
    if case["kind"] == "stream" {
        read(server.get(&url, ""), &mut parser, &mut events);
        return events;
    }
    loop {
        let id = parser.last_event_id();
        let id = if id.is_empty() { String::new() } else { format!("last-event-id: {id}\r\n") };
        let answer = server.get_any(&url, &format!("accept: {accept}\r\n{id}"));
        if let 301 | 307 = answer.status {
            let location = answer.head.lines().find_map(|line| line.strip_prefix("location: "));
            location.unwrap().clone_into(&mut url);
            continue;
        }
        if answer.status != 200 || !answer.head.contains("content-type: text/event-stream") {
            return events;
        }
        read(answer, &mut parser, &mut events);
        thread::sleep(parser.reconnection_time().unwrap());
        parser.finish();
        parser.reset();
    }
}

/// What a client sees that splits at blank lines, and takes what follows `data: `.
fn wrong_client(server: &Server, case: &Value) -> Vec<Event> {
    let body = server.get(&path(case, "url"), "").body();
    let text = String::from_utf8_lossy(&body).into_owned();
    let data = |block: &str| block.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
    text.split("\n\n").filter_map(data).map(|data| ("message".to_owned(), data, String::new())).collect()
}

fn run(server: &Server, chunks: &str, client: impl Fn(&Server, &Value) -> Vec<Event>) -> Value {
    let cases = server.post(&format!("/run{chunks}"), &json!({}));
    for case in cases.as_array().unwrap() {
        let verdict = server.post(&path(case, "seen_url"), &seen(&client(server, case)));
        assert_eq!(verdict["name"], case["name"]);
    }
    server.report()
}

fn found<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
}

#[test]
fn a_client_that_does_as_the_standard_says_is_told_that_all_is_right() {
    let server = Server::cases();
    for chunks in ["", "?chunks=whole", "?chunks=7"] {
        let report = run(&server, chunks, right_client);
        let wrong: Vec<_> =
            report["cases"].as_array().unwrap().iter().filter(|case| case["verdict"] != "right").collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(report["all_right"], true);
    }
    #[cfg(unix)]
    assert_eq!(server.interrupt(), (0, "right: 309, wrong: 0, missing: 0\n".to_owned()));
}

#[test]
fn a_client_that_splits_at_blank_lines_is_told_what_is_wrong() {
    let server = Server::cases();
    let report = run(&server, "", wrong_client);
    assert_eq!((&report["all_right"], &report["missing"]), (&json!(false), &json!(0)));
    let wrong = |name: &str| {
        let found = found(&report, name);
        assert_eq!(found["verdict"], "wrong");
        (found["problems"].clone(), found["section"]["number"].as_str().unwrap())
    };
    assert_eq!(
        wrong("ld-crlf-one-and-two-line"),
        (
            json!(["events seen: 1, expected: 2; the first missing one has data \"event 2 line 1\\nevent 2 line 2\""]),
            "9.2.5"
        )
    );
    assert_eq!(wrong("ld-event-id"), (json!(["event 1: lastEventId is \"\", and must be \"abc\""]), "9.2.6"));
    assert_eq!(wrong("ld-no-leading-space").1, "9.2.6");
    assert_eq!(
        wrong("connection-404").0,
        json!(["events seen: 1, expected: 0; the first extra one has data \"not for you\""])
    );
    let (messages, section) = wrong("connection-last-event-id");
    assert_eq!(section, "9.2.4");
    assert!(messages.as_array().unwrap().contains(&json!("the client made 1 of 3 requests")), "{messages}");
    #[cfg(unix)]
    assert_eq!(server.interrupt().0, 1);
}

#[test]
fn a_client_is_told_what_is_wrong_with_its_requests() {
    let server = Server::cases();
    let wrong = |name: &str, headers: [&str; 3], events: &[(&str, &str)]| {
        server.post("/run", &json!({}));
        for headers in headers {
            server.get(&format!("/cases/{name}"), headers);
        }
        let events: Vec<_> =
            events.iter().map(|(data, id)| ("message".to_owned(), (*data).to_owned(), (*id).to_owned())).collect();
        server.post(&format!("/seen/{name}"), &seen(&events))["problems"].clone()
    };
    let both = [("a", "1"), ("b", "2")];
    assert_eq!(
        wrong("connection-last-event-id", ["", "last-event-id: 2\r\n", ""], &both),
        json!([
            "request 2: Last-Event-ID is \"2\", and must be \"1\"",
            "request 3: Last-Event-ID is missing, and must be \"2\""
        ])
    );
    let early = wrong("connection-retry", ["", "", ""], &[("a", "")]);
    assert!(early[0].as_str().unwrap().ends_with("ms, and must wait 400 ms"), "{early}");
    assert_eq!(early[1], "the client asked again after request 2, where it must stop");
}

/// What a simple client sees: it is wrong in six ways.
fn simple_client(server: &Server, case: &Value) -> Vec<Event> {
    let body = server.get(&path(case, "url"), "").body();
    let text = String::from_utf8_lossy(&body).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut events = Vec::new();
    let mut id = String::new();
    // The end ends a block and a line, too.
    for block in text.split("\n\n") {
        let (mut data, mut kind) = (Vec::new(), "");
        for line in block.split('\n') {
            // It needs a colon, cuts at the second, drops all spaces around, and compares without upper and lower case.
            let mut parts = line.split(':');
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
            match name.to_lowercase().as_str() {
                "data" => data.push(value.trim()),
                "event" => kind = value.trim(),
                "id" if !value.contains('\0') => value.trim().clone_into(&mut id),
                _ => {}
            }
        }
        if !data.is_empty() {
            // It joins with nothing.
            let kind = if kind.is_empty() { "message" } else { kind };
            events.push((kind.to_owned(), data.concat(), id.clone()));
        }
    }
    events
}

#[test]
fn a_wrong_client_is_told_which_rules_it_breaks_with_an_example_of_each() {
    let server = Server::cases();
    let report = run(&server, "?chunks=whole", |server, case| {
        if case["kind"] == "stream" { simple_client(server, case) } else { right_client(server, case) }
    });
    let groups = report["rules"].as_array().unwrap();
    let count = |start: &str| {
        let group = groups.iter().find(|group| group["rule"].as_str().unwrap().starts_with(start));
        group.map_or(0, |group| group["count"].as_u64().unwrap())
    };
    for rule in [
        "A block that the end of the stream cuts off",
        "A line without a colon",
        "The name of a field ends at the first colon.",
        "One space after the colon",
        "Names are compared exactly.",
        "The data lines of a block are joined by LF.",
    ] {
        assert!(count(rule) > 0, "{rule}: {groups:#?}");
    }
    // Few cases are put down to a rule that it keeps.
    let all: u64 = groups.iter().map(|group| group["count"].as_u64().unwrap()).sum();
    let kept: u64 = ["One BOM", "A chunk", "The last event field", "No character but"].map(count).iter().sum();
    assert!(kept * 20 <= all, "{kept} of {all}: {groups:#?}");

    let broken = |name: &str| found(&report, name)["broken_rules"].to_string();
    assert!(
        broken("okhttp-naked-field-names").contains("A line without a colon"),
        "{}",
        broken("okhttp-naked-field-names")
    );
    assert!(broken("gosse-normal-data").contains("One space"), "{}", broken("gosse-normal-data"));
    let half = "blink-id-not-committed-before-blank";
    assert!(broken(half).contains("cuts off"), "{}", broken(half));
    // What was sent, what was right, and what came.
    let found = found(&report, half);
    assert_eq!(found["sent"], json!(["\"id:99\\ndata:hello\\n\""]));
    assert_eq!(found["expected"], json!([]));
    assert_eq!(found["seen"], json!([{"type": "message", "data": "hello", "lastEventId": "99"}]));
    #[cfg(unix)]
    {
        let (status, printed) = server.interrupt();
        assert_eq!(status, 1);
        let count = count("A block that the end of the stream cuts off");
        let group = format!("{count} wrong: A block that the end of the stream cuts off is discarded. (9.2.6)\n  as ");
        assert!(printed.contains(&group), "{printed}");
        assert!(printed.contains("\n    sent:     \"") && printed.contains("\n    seen:     ["), "{printed}");
    }
}

/// The report that the README shows.
#[cfg(unix)]
#[test]
fn a_client_that_drops_all_spaces_is_told_which_rule_it_breaks() {
    let server = Server::cases();
    run(&server, "?chunks=whole", |server, case| {
        let mut events = right_client(server, case);
        for (_, data, _) in &mut events {
            *data = data.split('\n').map(|line| line.trim_start_matches(' ')).collect::<Vec<_>>().join("\n");
        }
        events
    });
    let (_, shown) =
        include_str!("../src/serve/README.md").split_once("the program prints the same:\n\n```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let (status, printed) = server.interrupt();
    assert!(status == 1 && printed.contains(shown), "{printed}");
}

#[test]
fn a_client_that_does_not_reconnect_breaks_one_rule() {
    let server = Server::cases();
    let cases = server.post("/run", &json!({}));
    for case in cases.as_array().unwrap().iter().filter(|case| case["kind"] == "connection") {
        let (mut events, mut url) = (Vec::new(), path(case, "url"));
        let mut answer = server.get(&url, "");
        if let Some(location) = answer.head.lines().find_map(|line| line.strip_prefix("location: ")) {
            location.clone_into(&mut url);
            answer = server.get(&url, "");
        }
        let is_broken = case["name"] == "connection-broken";
        if is_broken || answer.status == 200 && answer.head.contains("content-type: text/event-stream") {
            read(answer, &mut Parser::new(), &mut events);
        }
        server.post(&path(case, "seen_url"), &seen(&events));
    }
    let report = server.report();
    let groups = report["rules"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{groups:#?}");
    assert_eq!((&groups[0]["count"], &report["wrong"]), (&json!(12), &json!(12)));
    assert!(groups[0]["rule"].as_str().unwrap().starts_with("A client reconnects when the response ends"));
}

#[test]
fn a_client_without_accept_has_one_case_wrong() {
    let server = Server::cases();
    let cases = server.post("/run", &json!({}));
    for case in cases.as_array().unwrap().iter().filter(|case| case["kind"] == "connection") {
        let events = right_client_that_accepts(&server, case, "*/*");
        server.post(&path(case, "seen_url"), &seen(&events));
    }
    let report = server.report();
    assert_eq!((&report["right"], &report["wrong"]), (&json!(16), &json!(1)), "{}", report["rules"]);
    assert_eq!(
        found(&report, "connection-accept")["problems"],
        json!(["request 1: Accept does not name text/event-stream"])
    );
}

#[test]
fn a_client_that_does_not_stop_is_wrong_before_and_after_it_reports() {
    let server = Server::cases();
    let message = json!(["the client asked again after request 1, where it must stop"]);
    let ask = || server.get("/cases/connection-204", "").status;
    assert_eq!((ask(), ask()), (204, 204));
    assert_eq!(found(&server.report(), "connection-204")["problems"], message);
    server.post("/run", &json!({}));
    assert_eq!(server.report()["wrong"], 0);
    ask();
    assert_eq!(server.post("/seen/connection-204", &seen(&[]))["verdict"], "right");
    ask();
    ask();
    assert_eq!(found(&server.report(), "connection-204")["problems"], message);
}

#[test]
fn chromium_is_told_that_all_is_right_but_for_its_known_difference() {
    let profile = TempDir::new().unwrap();
    let server = Server::cases();
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.arg(format!("http://{}/#run", server.address)).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut browser) = chromium.spawn() else {
        assert!(std::env::var_os("DEMOS_REQUIRE").is_none(), "there is no chromium");
        println!("skipped: there is no chromium");
        return;
    };
    let began = Instant::now();
    let mut report = server.report();
    while report["missing"] != 0 && began.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(200));
        report = server.report();
    }
    browser.kill().unwrap();
    browser.wait().unwrap();
    assert_eq!(report["missing"], 0);
    let cases = report["cases"].as_array().unwrap();
    let wrong: Vec<_> = cases.iter().filter(|case| case["verdict"] == "wrong").collect();
    // It does not look for a line end right after the BOM, so that the BOM, a LF and the next line are one unknown field.
    let known = ["bom-then-lf-split", "bom-then-lf-then-field"];
    assert!(wrong.iter().all(|case| known.contains(&case["name"].as_str().unwrap())), "{wrong:#?}");
}

#[test]
fn bad_requests_for_cases_are_refused() {
    let server = Server::cases();
    assert_eq!(server.get("/cases/none", "").status, 404);
    assert_eq!(server.get("/cases/wpt-format-bom?chunks=0", "").status, 400);
    assert_eq!(server.get("/cases?chunks=x", "").status, 400);
    let post = |path: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        Answer::read(server.request(&(head + body))).status
    };
    assert_eq!(post("/seen/none", "{\"events\":[]}"), 404);
    assert_eq!(post("/seen/wpt-format-bom", "{\"events\":[{}]}"), 422);
    assert_eq!(post("/seen/wpt-format-bom", "{"), 400);
    assert_eq!(server.get("/", "").status, 200);
}

#[test]
fn the_cases_are_those_of_the_library() {
    let lines = |path: &str| -> Vec<Value> {
        let text = fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut all = lines("../../tests/data/parser.jsonl");
    // Two are too long to carry.
    all.retain(|case| case.to_string().len() < 60_000);
    let copy = lines("src/serve/cases/streams.jsonl");
    assert_eq!(copy.len(), all.len());
    for (case, copy) in all.iter().zip(&copy) {
        for (member, same) in [("name", "name"), ("category", "category"), ("input", "text"), ("input_hex", "hex")] {
            assert_eq!(case[member], copy[same], "{}", case["name"]);
        }
        assert!(case["chunks"] == copy["chunks"] || case["chunks"] == json!([]), "{}", case["name"]);
        let event =
            |event: &Value| json!({ "type": event["event"], "data": event["data"], "lastEventId": event["id"] });
        let events: Vec<_> = case["events"].as_array().unwrap().iter().map(event).collect();
        assert_eq!(json!(events), copy["events"], "{}", case["name"]);
    }
}
