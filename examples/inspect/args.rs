//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

const HELP: &str = "\
Shows what is in an event stream (text/event-stream), and what is wrong with it.

Usage: inspect [OPTIONS] [FILE]

Reads FILE, or standard input if there is none or it is `-`. Each event is shown as soon as its blank line has
arrived, with its place in the stream (the first byte of its block up to after its blank line); a summary follows at
the end.

Options:
      --lines        show the lines, comments and unknown fields included, instead of the events; the place of a line
                     is without its terminator
      --json         show one JSON object a line
      --limit BYTES  refuse events and skip lines that are larger [default: 16777216]
  -h, --help         show this
  -V, --version      show the version

Exit status: 0 if the stream was read to its end, whatever is in it; 1 if it could not be read; 2 for wrong usage.

A stream that does not end has no summary. Let the sender end it: curl -sN --max-time 30 URL | inspect
";

const VERSION: &str = concat!("inspect (sse-wire ", env!("CARGO_PKG_VERSION"), ")\n");

const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// What to do.
pub enum Action {
    Inspect(Args),
    Print(&'static str),
}

/// How to inspect what.
pub struct Args {
    /// `None`: standard input.
    pub file: Option<PathBuf>,
    pub lines: bool,
    pub json: bool,
    pub limit: usize,
}

impl Args {
    pub fn input_name(&self) -> String {
        self.file.as_ref().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
    }
}

pub fn parse() -> Result<Action, lexopt::Error> {
    let mut args = Args { file: None, lines: false, json: false, limit: DEFAULT_LIMIT };
    let mut has_file = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("lines") => args.lines = true,
            Long("json") => args.json = true,
            Long("limit") => args.limit = parser.value()?.parse()?,
            Short('h') | Long("help") => return Ok(Action::Print(HELP)),
            Short('V') | Long("version") => return Ok(Action::Print(VERSION)),
            Value(file) if !has_file => {
                has_file = true;
                args.file = (file != "-").then(|| file.into());
            }
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Action::Inspect(args))
}
