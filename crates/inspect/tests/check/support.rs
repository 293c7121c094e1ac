//! Servers that do exactly what a test says, and runs of the program.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store, no-transform\r\n\
                        x-accel-buffering: no\r\nconnection: close\r\n\r\n";

/// The head of a request.
pub struct Request {
    /// Method, path and version.
    pub line: String,
    /// By names in lower case.
    pub headers: HashMap<String, String>,
}

impl Request {
    fn read(stream: &TcpStream) -> Result<Request> {
        let mut lines = BufReader::new(stream).lines();
        let line = lines.next().unwrap_or(Ok(String::new()))?;
        let mut headers = HashMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Ok(Request { line, headers })
    }

    pub fn is_head(&self) -> bool {
        self.line.starts_with("HEAD ")
    }

    /// The last event ID, for ids that are numbers.
    pub fn last(&self) -> Option<u64> {
        self.headers.get("last-event-id").map(|id| id.parse().unwrap())
    }

    pub fn wants_gzip(&self) -> bool {
        self.headers.get("accept-encoding").is_some_and(|value| value == "gzip")
    }
}

/// Serves until the tests end, each connection on a thread of its own: one request, then what `answer` writes. Returns the
/// URL.
pub fn serve(answer: impl Fn(&Request, &mut TcpStream) -> Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer: &'static _ = Box::leak(Box::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut stream = stream;
                stream.set_nodelay(true).unwrap();
                let request = Request::read(&stream);
                // A client that has what it wants closes the connection.
                let _ = request.and_then(|request| answer(&request, &mut stream));
            });
        }
    });
    url
}

/// The head, and then for any method but HEAD what `body` writes.
pub fn answer(
    request: &Request,
    stream: &mut TcpStream,
    head: &str,
    body: impl Fn(&mut TcpStream) -> Result<()>,
) -> Result<()> {
    stream.write_all(head.as_bytes())?;
    if request.is_head() { Ok(()) } else { body(stream) }
}

/// A server with a good head, and what `body` writes.
pub fn serve_body(body: impl Fn(&Request, &mut TcpStream) -> Result<()> + Send + Sync + 'static) -> String {
    serve(move |request, stream| answer(request, stream, HEAD, |stream| body(request, stream)))
}

/// Numbered events from `first` on, one at a time, for longer than any test reads.
pub fn count_from(stream: &mut impl Write, first: u64) -> Result<()> {
    for id in first..first + 400 {
        stream.write_all(event(id).as_bytes())?;
        stream.flush()?;
        thread::sleep(Duration::from_millis(40));
    }
    Ok(())
}

pub fn event(id: u64) -> String {
    format!("id: {id}\ndata: event {id}\n\n")
}

/// The verdict of the program.
#[derive(Debug)]
pub struct Verdict {
    pub status: i32,
    pub json: Value,
    pub output: Vec<u8>,
    pub error: String,
}

pub fn check(url: &str, options: &[&str]) -> Verdict {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    let time: &[_] = if options.contains(&"--for") { &[] } else { &["--for", "1"] };
    let output = command.args(["check", url, "--json"]).args(time).args(options).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Verdict { status: output.status.code().unwrap(), json, output: output.stdout, error }
}

/// The verdicts on several servers, tried at the same time.
pub fn check_all(urls: &[String]) -> Vec<Verdict> {
    check_all_with(urls, &[])
}

pub fn check_all_with(urls: &[String], options: &[&str]) -> Vec<Verdict> {
    thread::scope(|scope| {
        let runs: Vec<_> = urls.iter().map(|url| scope.spawn(move || check(url, options))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

impl Verdict {
    pub fn row(&self, name: &str) -> &Value {
        let rows = self.json["checks"].as_array().unwrap_or_else(|| panic!("no rows: {self:?}"));
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.json["checks"].as_array().unwrap().iter().any(|row| row["name"] == name)
    }

    pub fn verdict(&self, name: &str) -> &str {
        self.row(name)["verdict"].as_str().unwrap()
    }

    /// What to do.
    pub fn todo(&self, name: &str) -> &str {
        self.row(name)["todo"].as_str().unwrap()
    }

    /// What was seen.
    pub fn seen(&self, name: &str) -> &str {
        self.row(name)["seen"].as_str().unwrap()
    }

    #[track_caller]
    pub fn is(&self, name: &str, verdict: &str, seen: &str) {
        let row = self.row(name);
        assert!(row["verdict"] == verdict && self.seen(name).contains(seen), "not {verdict}, {seen}: {row:#}");
        assert_eq!(row.get("todo").is_some(), ["fault", "warning"].contains(&verdict), "{row:#}");
    }

    /// The rows with this verdict, and what was seen.
    pub fn rows(&self, verdict: &str) -> String {
        let rows = self.json["checks"].as_array().unwrap_or_else(|| panic!("no rows: {self:?}"));
        rows.iter().filter(|row| row["verdict"] == verdict).fold(String::new(), |mut all, row| {
            let _ = writeln!(all, "{}: {}", row["name"], row["seen"]);
            all
        })
    }
}
