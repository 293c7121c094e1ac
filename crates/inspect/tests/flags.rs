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

    let (seen, ..) = ask(&["--data-raw", "x", "-d", "y", "--data-raw", "z"]);
    assert_eq!(&seen.body[..], b"x&y&z");
    let (seen, ..) = ask(&["-d", ""]);
    assert_eq!((seen.method.as_str(), seen.header("content-length")), ("POST", Some("0")));
    std::fs::write(file.path(), b"a\0b\r\nc\n").unwrap();
    assert_eq!(&ask(&["-d", &format!("@{}", file.path().display())]).0.body[..], b"abc");
}

#[test]
fn headers_are_left_out_emptied_and_read_from_a_file() {
    let (seen, ..) = ask(&["-H", "Cache-Control:", "-H", "user-agent:", "-H", "X-Empty;", "-H", "x-a: b: c"]);
    assert_eq!((seen.header("cache-control"), seen.header("user-agent")), (None, None));
    assert_eq!((seen.header("x-empty"), seen.header("x-a")), (Some(""), Some("b: c")));
    let (seen, ..) = ask(&["-d", "{}", "-H", "content-type:"]);
    assert_eq!(seen.header("content-type"), None);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "x-a: 1\r\n\naccept: x/y\n").unwrap();
    let (seen, ..) = ask(&["-H", &format!("@{}", file.path().display())]);
    assert_eq!((seen.header("x-a"), seen.header("accept")), (Some("1"), Some("x/y")));
}

#[test]
fn a_body_comes_from_standard_input() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        // The second time as a client comes back: the input is read once.
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut seen, mut buffer) = (String::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                seen += std::str::from_utf8(&buffer[..read]).unwrap();
                if seen.ends_with("x=1") {
                    break;
                }
            }
            sender.send(seen).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            stream.write_all(format!("{head}retry: 1\ndata: x\n\n").as_bytes()).unwrap();
        }
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_sse-inspect"))
        .args(["-d", "@-", "-X", "QUERY", "--reconnect", &url])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"x=1\n").unwrap();
    let seen: Vec<_> = (0..2).map_while(|_| requests.recv_timeout(Duration::from_secs(10)).ok()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen.len() == 2 && seen.iter().all(|request| request.ends_with("\r\n\r\nx=1")), "{seen:?}");
}

#[test]
fn what_curl_needs_and_this_program_does_anyway_changes_nothing() {
    for options in [&["-N"][..], &["-sSN"], &["-L", "--silent", "--no-buffer", "--show-error", "--location"]] {
        let (seen, shown, status) = ask(options);
        assert_eq!((seen.method.as_str(), status), ("GET", 0), "{shown}");
    }
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
    for (option, escaped) in [(&["--json"][..], "\\u202e"), (&[], "\u{202e}")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
        let output = command.args(["--select", "a"]).args(option).arg(file.path()).output().unwrap();
        let expected = format!("{{\"z\":\"{escaped}\",\"b\":12345678901234567890123}}\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
    let (_, shown, _) = ask(&["--event", "greeting"]);
    assert!(shown.contains("greeting") && !shown.contains("other  "), "{shown}");
    assert_eq!(ask(&["--select", "a.1"]).1, "x\n");
    assert_eq!(ask(&["--select", "/a/0", "--json"]).1, "1\n");
    assert_eq!(ask(&["--select", ".a[1]"]).1, "x\n");
    // A line end in a text is one on a pipe, and JSON on one line with --json: neither is a backslash and `n`.
    std::fs::write(file.path(), "data: {\"t\":\"a\\nb\"}\n\ndata: {\"t\":\"a\\\\nb\"}\n\n").unwrap();
    for (option, expected) in [(&["--json"][..], "\"a\\nb\"\n\"a\\\\nb\"\n"), (&[], "a\nb\na\\nb\n")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
        let output = command.args(["--select", ".t"]).args(option).arg(file.path()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
    for (path, expected) in [("t", "\nvalues: 2\n"), ("x", "\nvalues: 0: no event has one at this path\n")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
        let output = command.args(["--select", path]).arg(file.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said}");
    }
    let (_, shown, _) = ask(&["--pretty"]);
    assert!(shown.contains("\"a\": [\n"), "{shown}");
    let (_, shown, status) = ask(&["--quiet"]);
    assert!(!shown.contains("greeting") && status == 0, "{shown}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let (_, shown, _) = ask(&["-o", file.path().to_str().unwrap()]);
    assert_eq!(shown, "");
    assert!(std::fs::read_to_string(file.path()).unwrap().contains("greeting"));
    assert!(ask(&["-o", "-"]).1.contains("greeting"));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let fails = |options: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sse-inspect")).args(options).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let start = Instant::now();
    let url = "http://127.0.0.1:9/";
    let recording = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(recording.path(), "{\"sse_recording\":1}\n{\"at_ms\":1,\"text\":\"data: x\"}\n").unwrap();
    let recording = recording.path().to_str().unwrap();
    for (options, part) in [
        (&["-H", "no colon", url][..], "-H \"no colon\": a header has a colon"),
        (&["-H", "a b: c", url], "no name of a header"),
        (&["-d", "@no/such/file", url], "no/such/file"),
        (&["-X", "BAD METHOD", url], "no method"),
        (&["http://"], "the URL is wrong"),
        (&["http://127.0.0.1:99999/"], "the URL is wrong: invalid port number"),
        (&["localhost:1/events"], "Was the URL http://localhost:1/events meant?"),
        (&["example.org/events"], "Was the URL http://example.org/events meant?"),
        (&["htp://localhost/x"], "Was the URL http://localhost/x meant?"),
        (&["--max-time", "soon", url], "not a number of seconds"),
        (&["-m", "inf", url], "not a number of seconds"),
        (&["--max-time=-1", url], "not a number of seconds"),
        (&["-i", url], "-i is not needed"),
        (&["--json", "{\"a\":1}", url], "write -d for the body"),
        (&[url, "http://other/"], "not http://127.0.0.1:9/ and http://other/"),
        (&["--record", "-", url], "--record needs a file"),
        (&["--select", "a[]", url], "choices[0].delta.content"),
        (&["--reconnect", recording], "--reconnect needs a URL"),
        (&["-H", "a: b", recording], "need a URL"),
        (&["-d", "x", "-"], "need a URL"),
        (&[recording], "this is a recording: play it with `sse-inspect serve FILE`"),
    ] {
        let (status, message) = fails(options);
        assert!(status == 2 && message.contains(part), "{options:?}: {status} {message}");
    }
    for (options, part) in [(&["http://127.0.0.1:1/"][..], "refused"), (&["no-such-file"], "No such file")] {
        let (status, message) = fails(options);
        assert!(status == 3 && message.contains(part), "{options:?}: {status} {message}");
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}
