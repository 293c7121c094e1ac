//! A verdict on a server of event streams.
//!
//! One long reading ([`reading`]) shows most of what there is to see. Short readings show the rest: another protocol, a
//! resumption, a slow reader, many readers. Each check judges one question, and its [`report::Row`] says what it saw.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use reading::{Failure, Target, Until};
use report::Report;

use crate::args;
use crate::input::http::BoxError;
use crate::input::with_sources;

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

const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

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
        Err(error) => return fail(args, &error.to_string(), UNREACHABLE),
    };
    match runtime.block_on(check(args, &target)) {
        Ok(report) => match show(args, &report) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => fail(args, &error.to_string(), UNREACHABLE),
            _ => ExitCode::from(u8::from(report.is_bad(args.strict))),
        },
        Err(error) => fail(args, &error, UNREACHABLE),
    }
}

fn show(args: &args::Check, report: &Report) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    if args.json {
        report.json(&mut out, &args.url)?;
    } else {
        report.text(&mut out)?;
    }
    out.flush()
}

fn fail(args: &args::Check, message: &str, status: u8) -> ExitCode {
    crate::complain(&format!("{}: {message}", args.url));
    ExitCode::from(status)
}

/// All checks. Fails if the server cannot be reached.
async fn check(args: &args::Check, target: &Target) -> Result<Report, String> {
    let time = args.http.max_time.map_or(args.time, |max| max.min(args.time));
    let whole = Until { time, events: usize::MAX, pause: Duration::ZERO };
    let main_client = reading::builder(target.http()).build().map_err(|error| error.to_string())?;
    let (main, gzip) = tokio::join!(
        reading::read(&main_client, target.request(), whole),
        reading::read_alone(target, |request| reading::set(request, "accept-encoding", b"gzip"), whole),
    );
    let mut report = Report::default();
    let main = match main {
        Ok(main) => main,
        Err(Failure::Unreachable(error)) => return Err(error),
        Err(failure) => {
            report.add(headers::no_answer(&failure));
            return Ok(report);
        }
    };
    report.extend(headers::rows(&main.head));
    if main.head.status != 200 {
        return Ok(report);
    }
    let patience = main.slowest().saturating_mul(2).max(PATIENCE).min(time);
    // Where the stream has no events, the head must do.
    let first = Until { time: patience, events: usize::from(!main.events.is_empty()), pause: Duration::ZERO };

    report.add(headers::cors(target, first).await);
    report.add(timing::buffering(&main));
    report.add(timing::keep_alive(&main));
    report.add(timing::compression(&main, &gzip));
    report.extend(content::rows(&main));
    report.extend(resume::rows(target, &main_client, &main, patience).await);
    report.extend(protocol::rows(target, &main, first).await);
    report.add(load::slow_reader(target, time, patience).await);
    report.add(load::connections(target, args.connections, first).await);
    Ok(report)
}

/// A result that says what failed.
type Checked<T> = Result<T, BoxError>;
