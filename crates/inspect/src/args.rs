//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::serve::options::{Fault, Speed, positive};
use crate::view::Path;

/// How large an event or line may be.
pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

const EXIT_STATUS: &str = "\
Exit status: 0 no findings, 1 findings (with --strict also hints), 2 wrong usage, 3 no response, or the stream could not \
be read to its end.";

/// Shows what is in an event stream (text/event-stream), and what is wrong with it.
///
/// The options of a request are those of curl; -N, -s, -S and -L are accepted, and change nothing. The variables `http_proxy`,
/// `https_proxy` and `no_proxy` are followed.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = EXIT_STATUS,
    override_usage = "sse-inspect [OPTIONS] [URL|FILE]",
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Write the man page to standard output
    #[arg(long, display_order = 1000, exclusive = true, hide_short_help = true)]
    pub man: bool,
    /// Write the completions for a shell to standard output
    #[arg(long, value_name = "SHELL", display_order = 1000, exclusive = true, hide_short_help = true)]
    pub completions: Option<Shell>,
    #[command(flatten)]
    pub view: View,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give a verdict on a server of event streams
    Check(Check),
    /// Play a recorded stream back, or test a client
    Serve(Serve),
}

/// Show a stream.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct View {
    /// URL or file; standard input if there is none, or if it is `-`
    #[arg(value_name = "URL|FILE")]
    pub input: Option<String>,
    /// Refused with a reason.
    #[arg(hide = true)]
    pub more: Vec<String>,
    /// Show one JSON object a line
    ///
    /// Its type is event, comment, refused, note, body, or line, and summary for the last. Times are in seconds since the
    /// start, null if the input is a file. A note has a kind: response (with its status and content type), open, refused,
    /// disconnected, or retry (with the wait in milliseconds and the last event ID). The flag --json of curl is another one:
    /// here -d sends JSON.
    #[arg(long)]
    pub json: bool,
    /// Show the lines instead of the events
    ///
    /// With their places; comments and unknown fields are there too.
    #[arg(long, conflicts_with_all = ["pretty", "select", "text", "quiet", "event"])]
    pub lines: bool,
    /// Show only events of this name
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// Show JSON data on several lines
    #[arg(long, conflicts_with_all = ["json", "select", "text", "quiet"])]
    pub pretty: bool,
    /// Print this value of each event's JSON data
    ///
    /// The path has dots (`choices[0].delta.content`) or is a JSON pointer (`/choices/0/delta/content`). Text is printed as it
    /// is, as by `jq -r`: a line end in it begins a new line. On a terminal it is escaped. With --json each value is JSON on
    /// one line, as by `jq -c`. The summary goes to standard error.
    #[arg(long, value_name = "PATH", value_parser = Path::new, conflicts_with_all = ["text", "quiet"])]
    pub select: Option<Path>,
    /// Put the answer of a language model together
    ///
    /// Of `OpenAI` (chat, responses), Anthropic and Gemini, and services like them. Reasoning and tool calls have a line
    /// before them that says so. Text is written as it is, and escaped only on a terminal. The summary goes to standard error:
    /// it has the time to the first piece and the pieces a second. A piece is a part of the answer in one event, which may be
    /// one token or several.
    #[arg(long, conflicts_with = "quiet")]
    pub text: bool,
    /// Show findings and hints only
    #[arg(short, long)]
    pub quiet: bool,
    /// Exit with 1 for hints, too
    ///
    /// A finding is a mistake. A hint may be one, but a correct stream may have it, too: text can look like anything.
    #[arg(long)]
    pub strict: bool,
    /// Connect again as a browser would, and say why
    #[arg(long)]
    pub reconnect: bool,
    /// Write the output to this file; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Skip larger events and lines
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
    pub limit: usize,
    /// Write the stream to this file, for `serve`
    ///
    /// With its timing and chunks.
    #[arg(long, value_name = "FILE", conflicts_with = "reconnect")]
    pub record: Option<PathBuf>,
    /// Of curl; refused with a reason.
    #[arg(short, long, hide = true)]
    pub include: bool,
    #[command(flatten)]
    pub http: Http,
}

/// How to ask a server: the flags of curl.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Request (as curl)")]
pub struct Http {
    /// Method [default: GET, or POST with data]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub method: Option<String>,
    /// Header; may be repeated
    ///
    /// `NAME:` leaves out a header that is sent otherwise, `NAME;` sends an empty one, and @FILE reads one from each line.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    #[command(flatten)]
    pub body: Body,
    /// User and password
    ///
    /// For basic authentication.
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
    /// End after so many seconds; 0 for no limit
    #[arg(short, long, value_name = "SECONDS", value_parser = max_time)]
    pub max_time: Option<Duration>,
}

/// The body of a request: what the options say, in their order.
#[derive(Clone, Debug, Default)]
pub struct Body(pub Vec<Data>);

/// A part of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// With `@`, the name of a file.
    Data(String),
    Raw(String),
}

// By hand, since derived options of two names have no order among each other.
impl Args for Body {
    fn augment_args(command: clap::Command) -> clap::Command {
        let arg = |id, value| Arg::new(id).long(id).value_name(value).action(ArgAction::Append);
        // What the program does anyway, so that a command line of curl can be pasted.
        let ignored = [('N', "no-buffer"), ('s', "silent"), ('S', "show-error"), ('L', "location")];
        let ignored =
            ignored.map(|(short, long)| Arg::new(long).short(short).long(long).action(ArgAction::Count).hide(true));
        command
            .arg(arg("data", "DATA").short('d').help("Body; @FILE reads a file, without line ends").long_help(
                "Body; @FILE reads a file, without line ends and NUL, and @- standard input\n\nSeveral are joined by `&`. \
                 Without a header content-type, JSON is sent as application/json, which curl does not do, and other data \
                 as a form.",
            ))
            .arg(arg("data-raw", "DATA").help("Body, as it is, also with @"))
            .args(ignored)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Body {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Body, clap::Error> {
        let of = |id, part: fn(String) -> Data| {
            let values = matches.get_many::<String>(id).into_iter().flatten().cloned().map(part);
            matches.indices_of(id).into_iter().flatten().zip(values)
        };
        let mut parts: Vec<_> = of("data", Data::Data).chain(of("data-raw", Data::Raw)).collect();
        parts.sort_by_key(|(index, _)| *index);
        Ok(Body(parts.into_iter().map(|(_, part)| part).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Body::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Http {
    /// Whether any option says how to ask.
    pub fn is_given(&self) -> bool {
        let text = self.method.is_some() || self.user.is_some() || !self.headers.is_empty() || !self.body.0.is_empty();
        text || self.insecure || self.compressed || self.http2
    }
}

/// Give a verdict on a server of event streams.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads the stream for as long as --for says, and sends about 20 more requests for what one reading cannot show, up to \
                  --connections at once. What --max-time does not leave time for is not checked.\n\nExit status: 0 no fault, 1 a fault (with --strict also a warning), 2 wrong usage, 3 the server cannot be reached."
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
    /// Leave out these checks, and the requests that only they need
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide_possible_values = true, value_parser = PossibleValuesParser::new(crate::check::names()))]
    pub ignore: Vec<String>,
    /// Show the verdict as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub http: Http,
}

/// Serve a recorded stream, with the timing and the chunks that it came with.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing is wrong, 1 the client got a case wrong (--cases), 2 wrong usage or a bad recording, 3 the file cannot be read."
)]
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
    let seconds: Option<f64> = text.parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| String::from("not a number of seconds"))
}

/// As in curl, 0 is no limit.
fn max_time(text: &str) -> Result<Duration, String> {
    seconds(text).map(|time| if time.is_zero() { Duration::MAX } else { time })
}
