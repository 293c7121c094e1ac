//! Shows what is in an event stream, and what is wrong with it.
//!
//! Each event is shown as soon as it is complete, with its place in the stream; a summary follows at the end. See `--help`.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use args::{Cli, Command, View};
use clap::Parser as _;
use record::End;
use stream::inspector::Inspector;
use view::output::Output;

mod args;
mod check;
mod input;
mod record;
mod serve;
mod stream;
mod view;

const CHUNK: usize = 64 * 1024;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Serve(args)) => serve::run(args),
        None => view(&cli.view),
    }
}

fn view(args: &View) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = inspect(args, &mut out);
    match result.and_then(|status| out.flush().map(|()| status)) {
        Ok(status) => status,
        // The reader of the output has closed it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("standard output: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads the input to its end, or as far as it can be read. Fails only if the output cannot be written.
fn inspect(args: &View, out: &mut impl Write) -> io::Result<ExitCode> {
    let mut output = Output::new(out, args.json, args.lines);
    let mut inspector = Inspector::new(args.limit);
    let error = match open(args) {
        Ok(mut input) => read_all(&mut *input, &mut inspector, &mut output)?,
        Err(error) => Some(error),
    };
    if error.is_none() || inspector.position() > 0 {
        let mut findings = inspector.finish(&mut output)?;
        findings.read_error = error.as_ref().map(ToString::to_string);
        output.summary(&findings)?;
        output.flush()?;
    }
    Ok(match error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            complain(&format!("{}: {error}", args.input.as_deref().unwrap_or("standard input")));
            ExitCode::FAILURE
        }
    })
}

/// The file to read; `None` is standard input.
fn file(args: &View) -> Option<&str> {
    args.input.as_deref().filter(|input| *input != "-")
}

fn open(args: &View) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> = match file(args) {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin().lock()),
    };
    Ok(match &args.record {
        Some(path) => {
            let recorded = File::create(path).and_then(|file| Recorded::new(input, file));
            Box::new(recorded.map_err(|error| not_recorded(&error))?)
        }
        None => input,
    })
}

/// Records what is read.
struct Recorded<R> {
    input: R,
    record: record::Writer<File>,
    began: Instant,
}

impl<R: Read> Recorded<R> {
    fn new(input: R, file: File) -> io::Result<Recorded<R>> {
        Ok(Recorded { input, record: record::Writer::new(file)?, began: Instant::now() })
    }
}

impl<R: Read> Read for Recorded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(buffer);
        let elapsed = self.began.elapsed();
        let recorded = match &result {
            Ok(0) => self.record.end(elapsed, &End::Finished),
            Ok(read) => self.record.chunk(elapsed, &buffer[..*read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => self.record.end(elapsed, &End::Broken(error.to_string())),
        };
        recorded.map_err(|error| not_recorded(&error))?;
        result
    }
}

fn not_recorded(error: &io::Error) -> io::Error {
    io::Error::other(format!("the recording cannot be written: {error}"))
}

/// Shows each part of the input when it arrives. Returns the error at which reading stopped, if it was not the end.
fn read_all(
    input: &mut dyn Read,
    inspector: &mut Inspector,
    output: &mut Output<impl Write>,
) -> io::Result<Option<io::Error>> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                inspector.read(&buffer[..read], output)?;
                output.flush()?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(error)),
        }
    }
}

/// Not `eprintln!`, which panics if standard error is closed.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "sse-inspect: {message}");
}
