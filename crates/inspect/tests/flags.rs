//! The flags of curl: what is sent for them, and what is undone.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Version};
use axum::response::IntoResponse;
use axum::routing::any;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A request as the server sees it.
struct Seen {
    method: Method,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Asks a server by these options. Returns what it saw, and the output and status of the program.
fn ask(options: &[&str]) -> (Seen, String, i32) {
    let (sender, seen) = mpsc::channel();
    let answer = async move |method: Method, version: Version, headers: HeaderMap, body: Bytes| {
        let is_compressed =
            headers.get("accept-encoding").is_some_and(|accepted| accepted.as_bytes().starts_with(b"gzip"));
        let text = b"event: greeting\ndata: {\"a\": [1, \"x\"]}\n\nevent: other\ndata: 2\n\n";
        sender.send(Seen { method, version, headers, body }).unwrap();
        let mut head = HeaderMap::new();
        head.insert("content-type", "text/event-stream".parse().unwrap());
        if !is_compressed {
            return (head, text.to_vec()).into_response();
        }
        head.insert("content-encoding", "gzip".parse().unwrap());
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        (head, gzip.finish().unwrap()).into_response()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/stream?x=1", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    let output = command.args(options).arg(url).env("NO_PROXY", "127.0.0.1").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    (seen.recv_timeout(Duration::from_secs(10)).unwrap(), shown, output.status.code().unwrap())
}

#[test]
fn a_request_without_flags_is_that_of_a_client_of_event_streams() {
    let (seen, shown, status) = ask(&[]);
    assert_eq!((seen.method.as_str(), seen.version, status), ("GET", Version::HTTP_11, 0));
    assert_eq!(seen.header("accept"), Some("text/event-stream"));
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
    assert!(seen.header("user-agent").unwrap().starts_with("sse-inspect/"));
    assert!(seen.header("accept-encoding").is_none() && seen.body.is_empty());
    assert!(shown.contains("greeting") && shown.contains("no findings"), "{shown}");
}

#[test]
fn method_headers_user_and_data_are_sent() {
    let (seen, ..) = ask(&["-X", "QUERY", "-H", "accept: x/y", "-H", "x-a:  1 ", "-u", "me:secret:2"]);
    assert_eq!((seen.method.as_str(), seen.header("accept"), seen.header("x-a")), ("QUERY", Some("x/y"), Some("1")));
    assert_eq!(seen.header("authorization"), Some("Basic bWU6c2VjcmV0OjI="));

    let (seen, ..) = ask(&["-d", "a=1", "-d", "b=2", "--data-raw", "@c"]);
    assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", &b"a=1&b=2&@c"[..]));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"stream\":\r\n true}\n").unwrap();
    let (seen, ..) = ask(&["-d", &format!("@{}", file.path().display())]);
    assert_eq!((&seen.body[..], seen.header("content-type")), (&b"{\"stream\": true}"[..], Some("application/json")));
    let (seen, ..) = ask(&["-d", "{}", "-H", "Content-Type: text/plain", "-X", "PUT"]);
    assert_eq!((seen.method.as_str(), seen.header("content-type")), ("PUT", Some("text/plain")));
}

#[test]
fn compression_is_asked_for_and_undone_and_http_2_is_spoken_without_tls() {
    let (seen, shown, status) = ask(&["--compressed"]);
    assert!(seen.header("accept-encoding").unwrap().contains("gzip"));
    assert!(shown.contains("greeting") && status == 0, "{shown}");
    let (seen, shown, status) = ask(&["--http2"]);
    assert_eq!((seen.version, status), (Version::HTTP_2, 0));
    assert!(shown.contains("HTTP/2.0 200") && shown.contains("greeting"), "{shown}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 24]).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        // It stays open: closing it with unread bytes would reset it.
        std::thread::sleep(Duration::from_secs(10));
    });
    let output = Command::new(env!("CARGO_BIN_EXE_sse-inspect")).args(["--http2", &url]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && error.contains("leave --http2 out"), "{error}");
}

#[test]
fn views_of_a_response() {
    let value = "data: {\"a\": {\"z\": \"\u{202e}\", \"b\" : 12345678901234567890123} }\n\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), value).unwrap();
    for (option, escaped) in [(&["--json"][..], "\\u202e"), (&[], "\\u{202e}")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
        let output = command.args(["--select", "a"]).args(option).arg(file.path()).output().unwrap();
        let expected = format!("{{\"z\":\"{escaped}\",\"b\":12345678901234567890123}}\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
    let (_, shown, _) = ask(&["--event", "greeting"]);
    assert!(shown.contains("greeting") && !shown.contains("other  "), "{shown}");
    assert_eq!(ask(&["--select", "a.1"]).1, "x\n");
    assert_eq!(ask(&["--select", "/a/0", "--json"]).1, "1\n");
    let (_, shown, _) = ask(&["--pretty"]);
    assert!(shown.contains("\"a\": [\n"), "{shown}");
    let (_, shown, status) = ask(&["--quiet"]);
    assert!(!shown.contains("greeting") && status == 0, "{shown}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let (_, shown, _) = ask(&["-o", file.path().to_str().unwrap()]);
    assert_eq!(shown, "");
    assert!(std::fs::read_to_string(file.path()).unwrap().contains("greeting"));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let fails = |options: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sse-inspect")).args(options).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let start = Instant::now();
    for (options, part) in [
        (&["-H", "no colon", "http://127.0.0.1:9/"][..], "colon"),
        (&["-d", "@no/such/file", "http://127.0.0.1:9/"], "no/such/file"),
        (&["http://127.0.0.1:1/"], "refused"),
        (&["http://127.0.0.1:99999/"], "the URL is wrong: invalid port number"),
        (&["localhost:1/events"], "http://"),
    ] {
        let (status, message) = fails(options);
        assert!(status == 3 && message.contains(part), "{options:?}: {status} {message}");
    }
    assert_eq!(fails(&["--max-time", "soon", "http://127.0.0.1:9/"]).0, 2);
    assert!(start.elapsed() < Duration::from_secs(20));
}
