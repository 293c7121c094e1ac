//! Servers by other authors, which `demos/foreign/install` installs. Skipped without them, unless `DEMOS_REQUIRE` is set.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::check;

const FOREIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demos/foreign");

/// A server that runs until this is dropped.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> (Server, String) {
        let events: Vec<_> = (1..=6)
            .map(|id| json!({ "name": "message", "data": format!("event {id}"), "id": id.to_string() }))
            .collect();
        let argument = json!({ "events": events, "each": 4 }).to_string();
        let mut child = command.arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = &serde_json::from_str::<Value>(&line).unwrap()["port"];
        (Server(child), format!("http://127.0.0.1:{port}/"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is installed there.
fn installed(name: &str) -> Option<PathBuf> {
    let path = Path::new(FOREIGN).join(name);
    if path.exists() { Some(path) } else { skip(name) }
}

/// Prints that a test is skipped.
pub fn skip<T>(missing: &str) -> Option<T> {
    assert!(std::env::var_os("DEMOS_REQUIRE").is_none(), "{missing} is not installed");
    // Not `eprintln!`, which the test harness would capture.
    let _ = writeln!(std::io::stderr(), "skipped: {missing} is not installed");
    None
}

#[test]
fn better_sse_has_no_fault() {
    if installed("node_modules").is_none() {
        return;
    }
    let script = Path::new(FOREIGN).join("serve-better-sse.mjs");
    let (_server, url) = Server::start(Command::new("node").arg(script));
    let verdict = check(&url, &["--strict"]);
    assert_eq!((verdict.rows("fault"), verdict.rows("warning")), (String::new(), String::new()));
    assert_eq!(verdict.status, 0);
    verdict.is("resume", "ok", "2 events are the same as at first");
}

#[test]
fn sse_starlette_has_no_fault() {
    let Some(venv) = installed("venv") else { return };
    let script = Path::new(FOREIGN).join("serve_sse_starlette.py");
    let (_server, url) = Server::start(Command::new(venv.join("bin/python")).arg(script));
    let verdict = check(&url, &[]);
    assert_eq!((verdict.status, verdict.rows("fault")), (0, String::new()));
    // It forbids caches to store the stream, but not to compress it.
    assert_eq!(verdict.rows("warning"), "\"no-transform\": \"not in cache-control\"\n");
}
