//! Programs by other authors: they are started, exchange lines of JSON with a test, and end with it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SCRIPTS;

/// How long the slowest machine may take for one line. Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running program. It ends when this is dropped.
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// A script of `foreign/` in Node.js, with its argument; `None` if it cannot run, which is then printed.
pub fn node(script: &str, argument: &str) -> Option<Program> {
    let node = program("node")?;
    installed("node_modules")?;
    Some(Program::start(Command::new(node).arg(Path::new(SCRIPTS).join(script)).arg(argument)))
}

/// A script of `foreign/` in Python.
pub fn python(script: &str, argument: &str) -> Option<Program> {
    let venv = installed("venv")?;
    Some(Program::start(Command::new(venv.join("bin/python")).arg(Path::new(SCRIPTS).join(script)).arg(argument)))
}

pub fn curl(arguments: &[&str]) -> Option<Program> {
    Some(Program::start(Command::new(program("curl")?).args(arguments)))
}

/// Where a program is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.or_else(|| skip(name))
}

/// A folder that `foreign/install` makes.
fn installed(folder: &str) -> Option<PathBuf> {
    let folder = Path::new(SCRIPTS).join(folder);
    if folder.exists() { Some(folder) } else { skip("what `demos/foreign/install` installs") }
}

/// Prints that a test is skipped.
fn skip<T>(missing: &str) -> Option<T> {
    assert!(env::var_os("DEMOS_REQUIRE").is_none(), "{missing} is not installed");
    // Not `eprintln!`, which the test harness would capture.
    let name = thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {name}: {missing} is not installed");
    None
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Program { child, input, lines }
    }

    /// The next line that it prints; `None` once it has ended.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program is silent"),
        }
    }

    /// The next line, as JSON.
    pub fn json(&mut self) -> Option<Value> {
        self.line().map(|line| serde_json::from_str(&line).unwrap())
    }

    /// All that it prints until it ends by itself, which it must do with success.
    pub fn all(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(value) = self.json() {
            all.push(value);
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status} after {all:?}");
        all
    }

    /// A line for its standard input.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.input.as_ref().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        // A browser takes a moment to close. A client may wait for its server until it is killed.
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
