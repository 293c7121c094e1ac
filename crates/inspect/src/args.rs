//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::{Args, Parser, Subcommand};

use crate::serve::options::{Fault, Speed, positive};

const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Shows what is in an event stream (text/event-stream), and what is wrong with it.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 nothing is wrong, 1 something was found, 2 wrong usage, 3 the stream could not be read to its end."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub view: View,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give a verdict on a server of event streams
    Check(Check),
    /// Play a recorded stream back, or serve the cases of the standard to a client
    Serve(Serve),
}

/// Show a stream.
#[derive(Debug, Args)]
pub struct View {
    /// URL or file; standard input if there is none, or if it is `-`
    pub input: Option<String>,
    #[command(flatten)]
    pub http: Http,
    /// Show the lines, comments and unknown fields included, instead of the events
    #[arg(long)]
    pub lines: bool,
    /// Show one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Refuse events and skip lines that are larger
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
    pub limit: usize,
    /// Write the stream to this file, with its timing and chunks, for `serve`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// How to ask a server: the flags of curl.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Request (as curl)")]
pub struct Http {
    /// Method of the request [default: GET, or POST with data]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub method: Option<String>,
    /// Header of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Body of the request; @FILE reads it from a file, without its line ends
    #[arg(short = 'd', long, value_name = "DATA")]
    pub data: Vec<String>,
    /// Body of the request, as it is
    #[arg(long, value_name = "DATA")]
    pub data_raw: Vec<String>,
    /// User and password for basic authentication
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub user: Option<String>,
    /// Do not check the certificate of the server
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Ask for compression, and undo it
    #[arg(long)]
    pub compressed: bool,
    /// Speak HTTP/2 from the first byte, also without TLS
    #[arg(long)]
    pub http2: bool,
    /// End after so many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub max_time: Option<Duration>,
}

/// Give a verdict on a server of event streams.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads the stream for as long as --for says, and sends about 20 more requests for what one reading cannot show, up to \
                  --connections at once.\n\nExit status: 0 no fault, 1 a fault (with --strict also a warning), 2 wrong usage, 3 the server cannot be reached."
)]
pub struct Check {
    /// URL of the event stream
    pub url: String,
    /// How long to read the stream
    #[arg(long = "for", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub time: Duration,
    /// How many readers to try at once
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub connections: u16,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    pub strict: bool,
    /// Show the verdict as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub http: Http,
}

/// Serve a recorded stream, with the timing and the chunks that it came with.
#[derive(Debug, Args)]
pub struct Serve {
    /// Recording made by `--record`, or any event stream, which is sent at once
    #[arg(required_unless_present = "cases")]
    pub file: Option<PathBuf>,
    /// Serve the cases of the standard instead, and judge what a client sees
    #[arg(long, conflicts_with = "file")]
    pub cases: bool,
    /// Port to listen on, at 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Let web pages of this origin read the responses; `*` for any
    #[arg(long, value_name = "ORIGIN")]
    pub cors: Option<HeaderValue>,
    /// How many times as fast as recorded: 2, 0.5, or `max` for no waiting at all
    #[arg(long, default_value = "1", conflicts_with = "cases")]
    pub speed: Speed,
    /// Send an event at a time, so many a second, instead of what was recorded
    #[arg(long, value_name = "EVENTS/S", value_parser = positive, conflicts_with_all = ["cases", "speed"])]
    pub rate: Option<f64>,
    /// Cut the chunk before this byte of the stream, counted from 0; may be repeated
    #[arg(long = "cut", value_name = "BYTE", conflicts_with = "cases")]
    pub cuts: Vec<u64>,
    /// Before this byte: `reset` the connection, `stall` (open, but silent), or end properly (`half`)
    #[arg(long, value_name = "reset|stall|half@BYTE", conflicts_with = "cases")]
    pub fault: Option<Fault>,
    /// Send the stream again and again in one response
    #[arg(long, conflicts_with_all = ["cases", "times"])]
    pub r#loop: bool,
    /// Send the stream so many times in one response
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "cases")]
    pub times: u64,
    /// Go on after the event that a request names in Last-Event-ID, without the fault; 204 if it was the last
    #[arg(long, conflicts_with_all = ["cases", "loop", "times"])]
    pub resume: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| String::from("not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
