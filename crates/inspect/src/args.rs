//! The command line.

use std::path::PathBuf;

use clap::Parser;

const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Shows what is in an event stream (text/event-stream), and what is wrong with it.
///
/// Each event is shown as soon as its blank line has arrived, with its place in the stream (the first byte of its block up to
/// after its blank line); a summary follows at the end.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit status: 0 if the stream was read to its end, whatever is in it; 1 if it could not be read; 2 for wrong usage.\n\
                  A stream that does not end has no summary. Let the sender end it: curl -sN --max-time 30 URL | sse-inspect"
)]
pub struct Args {
    /// Standard input if there is none, or if it is `-`
    pub file: Option<PathBuf>,
    /// Show the lines, comments and unknown fields included, instead of the events; the place of a line is without its
    /// terminator
    #[arg(long)]
    pub lines: bool,
    /// Show one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Refuse events and skip lines that are larger
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
    pub limit: usize,
}

impl Args {
    /// The file to read; `None` is standard input.
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref().filter(|file| file.as_os_str() != "-")
    }

    pub fn input_name(&self) -> String {
        self.file().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
    }
}
