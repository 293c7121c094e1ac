//! A verdict on a server of event streams.
//!
//! One long reading ([`reading`]) shows most of what there is to see. Short readings show the rest: another protocol, a
//! resumption, a slow reader, many readers. Each check judges one question, and its [`report::Row`] says what it saw.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use reading::{Failure, Target, Until};
use report::{Report, Row, Topic};

use crate::args;
use crate::input::http::BoxError;
use crate::input::with_sources;
use crate::{FAILED, USAGE, complain};

mod content;
mod headers;
mod load;
mod protocol;
mod reading;
mod report;
mod resume;
mod stamp;
mod timing;

/// The shortest time in which an answer is expected.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a check was not reached.
const TIME_IS_UP: &str = "the time was up before (--max-time)";

/// The names of all checks.
pub fn names() -> Vec<&'static str> {
    let readings = [headers::CORS, timing::BUFFERING, timing::KEEP_ALIVE, timing::COMPRESSION];
    let others = [
        resume::RESUME,
        resume::RESUME_SAME,
        resume::END,
        protocol::HEAD,
        protocol::HTTP_1_0,
        protocol::HTTP_2,
        load::SLOW,
        load::CONNECTIONS,
    ];
    let topics = headers::TOPICS.into_iter().chain(readings).chain(content::TOPICS).chain(others);
    topics.map(|topic| topic.name).collect()
}

/// Checks the server, and shows the verdict.
pub fn run(args: &args::Check) -> ExitCode {
    let target = match Target::new(&args.url, &args.http) {
        Ok(target) => target,
        Err(error) => return fail(args, &with_sources(&*error), USAGE),
    };
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "This takes {} s, and some more for short readings.", args.time.as_secs());
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(args, &error.to_string(), FAILED),
    };
    match runtime.block_on(check(args, &target)) {
        Ok(report) => match show(|out| if args.json { report.json(out, &args.url) } else { report.text(out) }) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                complain(&format!("standard output: {error}"));
                ExitCode::from(FAILED)
            }
            _ => ExitCode::from(u8::from(report.is_bad(args.strict))),
        },
        Err(error) => fail(args, &error, FAILED),
    }
}

/// Writes to standard output.
fn show(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    write(&mut out)?;
    out.flush()
}

/// Says why there is no verdict; in JSON, too.
fn fail(args: &args::Check, message: &str, status: u8) -> ExitCode {
    if args.json {
        let _ = show(|out| report::error(out, &args.url, message));
    }
    complain(&format!("{}: {message}", args.url));
    ExitCode::from(status)
}

/// All checks that are wanted. Fails if the server cannot be reached.
async fn check(args: &args::Check, target: &Target) -> Result<Report, String> {
    let deadline = args.http.max_time.and_then(|max| Instant::now().checked_add(max));
    let time = args.http.max_time.map_or(args.time, |max| max.min(args.time));
    let whole = Until { time, events: usize::MAX, pause: Duration::ZERO };
    let mut run = Run { report: Report::new(args.ignore.clone()), deadline };
    let main_client = reading::builder(target.http()).build().map_err(|error| error.to_string())?;
    let opened = match reading::open(&main_client, target.request(), whole).await {
        Ok(opened) => opened,
        Err(Failure::Unreachable(error)) => return Err(error),
        Err(failure) => {
            run.report.extend([headers::no_answer(&failure)]);
            return Ok(run.report);
        }
    };
    let gzip = async {
        if !run.report.wants(timing::COMPRESSION.name) {
            return None;
        }
        reading::read_alone(target, timing::ask_for_gzip, whole).await.ok()
    };
    // At the same time, so that they can be compared; but not before the first has its answer.
    let ((main, _), gzip) = tokio::join!(Box::pin(opened.read(whole)), gzip);
    run.report.extend(headers::rows(&main.head));
    if main.head.status != 200 {
        return Ok(run.report);
    }
    if main.findings.is_other_format() {
        run.report.extend([content::well_formed(&main)]);
        return Ok(run.report);
    }
    let patience = main.slowest().saturating_mul(2).max(PATIENCE).min(time);
    // Where the stream has no events, the head must do.
    let first = Until { time: patience, events: usize::from(!main.events.is_empty()), pause: Duration::ZERO };

    // One after the other: the server may answer one client at a time.
    run.one(headers::CORS, headers::cors(target, first)).await;
    run.report.extend([timing::buffering(&main), timing::keep_alive(&main)]);
    run.one(timing::COMPRESSION, timing::compression(target, &main, gzip, first)).await;
    run.report.extend(content::rows(&main));
    run.all(&[resume::RESUME, resume::RESUME_SAME], resume::rows(target, &main_client, &main, patience)).await;
    run.one(resume::END, resume::end(target, &main, patience)).await;
    run.one(protocol::HEAD, protocol::head(target, &main, first)).await;
    run.one(protocol::HTTP_1_0, protocol::http_1_0(target, first)).await;
    run.one(protocol::HTTP_2, protocol::http_2(target, &main, first)).await;
    run.one(load::SLOW, load::slow_reader(target, time, patience)).await;
    run.one(load::CONNECTIONS, load::connections(target, args.connections, first)).await;
    Ok(run.report)
}

/// The report so far, and until when it must be done.
struct Run {
    report: Report,
    deadline: Option<Instant>,
}

impl Run {
    async fn one(&mut self, topic: Topic, row: impl Future<Output = Row>) {
        self.all(&[topic], async { vec![row.await] }).await;
    }

    /// Adds rows that need requests of their own. These are sent only if a row is wanted, and there is time.
    async fn all(&mut self, topics: &[Topic], rows: impl Future<Output = Vec<Row>>) {
        if !topics.iter().any(|topic| self.report.wants(topic.name)) {
            return;
        }
        let rows = match self.deadline {
            None => Some(rows.await),
            Some(deadline) if deadline <= Instant::now() => None,
            Some(deadline) => tokio::time::timeout_at(deadline.into(), rows).await.ok(),
        };
        let not_reached = || topics.iter().map(|topic| topic.not_checked(TIME_IS_UP)).collect();
        self.report.extend(rows.unwrap_or_else(not_reached));
    }
}

/// A result that says what failed.
type Checked<T> = Result<T, BoxError>;

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_lists_all_checks() {
        let rows = include_str!("README.md").lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
        let mut listed: Vec<_> =
            rows.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches('`')).collect();
        let mut names = super::names();
        listed.sort_unstable();
        names.sort_unstable();
        assert_eq!(listed, names);
    }
}
