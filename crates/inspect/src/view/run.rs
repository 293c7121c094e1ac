//! Reads a stream and shows it, until it ends or someone ends it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};
use std::process::{self, ExitCode};
use std::time::{Duration, Instant, SystemTime};

use anstream::{AutoStream, ColorChoice};
use clap::CommandFactory as _;
use clap::error::ErrorKind as UsageError;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Request, Response};
use serde_json::{Value, json};
use sse_wire::client::{EventSource, NextTry, ReceiveError, Repeat};
use sse_wire::http::{is_event_stream, retry_after};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::Human;
use super::output::{Output, Show};
use crate::args::{Cli, View};
use crate::input::{Input, http, with_sources};
use crate::record;
use crate::stream::findings::{self, Place};
use crate::stream::inspector::Inspector;
use crate::stream::problem::Problem;
use crate::text::Answer;
use crate::{FAILED, USAGE, complain};

/// The exit status after a second Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Shows the stream.
pub fn run(args: &View) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(FAILED);
        }
    };
    let status = runtime.block_on(show(args));
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    status
}

async fn show(args: &View) -> ExitCode {
    let input = match input(args) {
        Ok(input) => input,
        Err(message) => {
            // As clap says what it finds itself. Nothing can be done if it cannot be written.
            let _ = Cli::command().error(UsageError::ValueValidation, message).print();
            return ExitCode::from(USAGE);
        }
    };
    let stdout = io::stdout();
    let to_file = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let is_terminal = to_file.is_none() && stdout.is_terminal();
    let color = to_file.is_none() && AutoStream::choice(&stdout) != ColorChoice::Never;
    let (mut out, name): (Box<dyn Write>, _) = match to_file {
        Some(path) => match File::create(path) {
            Ok(file) => (Box::new(BufWriter::with_capacity(1 << 16, file)), path.display().to_string()),
            Err(error) => {
                complain(&format!("{}: {error}", path.display()));
                return ExitCode::from(FAILED);
            }
        },
        None => (Box::new(BufWriter::with_capacity(1 << 16, stdout.lock())), String::from("standard output")),
    };
    let columns = terminal_size::terminal_size().filter(|_| is_terminal).map(|(width, _)| usize::from(width.0));
    let show = if args.quiet {
        Show::Nothing
    } else if args.lines {
        Show::Lines
    } else if args.text {
        Show::Text(Box::new(Answer::new(is_terminal)))
    } else if let Some(path) = &args.select {
        Show::Values { path: path.clone(), count: 0 }
    } else {
        Show::Events { pretty: args.pretty }
    };
    let output = Output {
        out: &mut *out,
        show,
        aside: Box::new(io::stderr()),
        human: (!args.json).then_some(Human { color, columns }),
        is_terminal,
        has_notes: false,
        name: args.event.clone(),
    };
    let record = match &args.record {
        Some(path) => match File::create(path).and_then(record::Writer::new) {
            Ok(record) => Some(record),
            Err(error) => {
                complain(&format!("{}: {error}", path.display()));
                return ExitCode::from(FAILED);
            }
        },
        None => None,
    };
    let session = Session {
        inspector: Inspector::new(args.limit),
        output,
        start: Instant::now(),
        stop: interrupts(),
        max_time: args.http.max_time,
        is_live: true,
        has_begun: false,
        record,
    };
    match session.run(args, input).await {
        Ok(status) => status,
        // The reader of the output has closed it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{name}: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// What to read, unless the options are wrong in a way that is seen only when all are known.
fn input(args: &View) -> Result<Option<&str>, String> {
    let input = args.input.as_deref().filter(|input| *input != "-");
    if let (Some(first), Some(second)) = (&args.input, args.more.first()) {
        return Err(if args.json && first.starts_with(['{', '[']) {
            "--json is the form of the output here; write -d for the body of the request".to_owned()
        } else {
            format!("one URL or file is shown at a time, not {first} and {second}")
        });
    }
    if args.include {
        return Err("-i is not needed: the head of the response is shown as a note".to_owned());
    }
    if args.record.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        return Err("--record needs a file: standard output has the view".to_owned());
    }
    if !input.is_some_and(is_url) {
        if let Some(url) = input.filter(|input| !std::path::Path::new(input).exists()).and_then(meant_url) {
            return Err(format!("there is no file {}. Was the URL {url} meant?", input.unwrap_or_default()));
        }
        if args.reconnect {
            return Err("--reconnect needs a URL that begins with http:// or https://".to_owned());
        }
        if args.http.is_given() {
            return Err(
                "-X, -H, -d and other options of a request need a URL that begins with http:// or https://".to_owned()
            );
        }
    }
    Ok(input)
}

/// The URL that was probably meant where no file is: another scheme, or none before a host with a port or a path.
fn meant_url(input: &str) -> Option<String> {
    if let Some((_, rest)) = input.split_once("://") {
        return Some(format!("http://{rest}"));
    }
    let (host, path) = input.split_at(input.find('/').unwrap_or(input.len()));
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_name = name.contains(|char: char| char.is_ascii_alphanumeric())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-'));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = is_port || name == "localhost" || port.is_empty() && name.contains('.') && !path.is_empty();
    (is_name && is_host).then(|| format!("http://{input}"))
}

/// Turns true at the first Ctrl-C or SIGTERM. The second ends the program at once, also if the output blocks.
fn interrupts() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        sender.send_replace(true);
        signal().await;
        process::exit(INTERRUPTED);
    });
    receiver
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Why reading stopped.
enum Ended {
    Whole(String),
    /// By the user, so that what is unfinished is no mistake.
    Stopped(&'static str),
    Failed(String),
    /// An option or the input is wrong.
    Usage(String),
}

struct Session<'a> {
    inspector: Inspector,
    output: Output<'a>,
    start: Instant,
    stop: watch::Receiver<bool>,
    max_time: Option<Duration>,
    /// Whether times mean something.
    is_live: bool,
    /// Whether there was any response.
    has_begun: bool,
    record: Option<record::Writer<File>>,
}

impl Session<'_> {
    /// Fails only if the output cannot be written.
    async fn run(mut self, args: &View, path: Option<&str>) -> io::Result<ExitCode> {
        let ended = match path.filter(|path| is_url(path)) {
            Some(url) => self.url(url, args).await?,
            None => match Input::open(path) {
                Ok((mut input, is_live)) => {
                    self.is_live = is_live;
                    self.read(&mut input, None).await?
                }
                Err(error) => Ended::Failed(error.to_string()),
            },
        };
        self.end(&ended, path.unwrap_or("standard input"), args.strict)
    }

    /// `strict`: whether a hint counts.
    fn end(mut self, ended: &Ended, name: &str, strict: bool) -> io::Result<ExitCode> {
        let (text, error) = match ended {
            Ended::Whole(why) => (why.clone(), None),
            Ended::Stopped(why) => ((*why).to_owned(), None),
            Ended::Failed(error) => (error.clone(), Some(error.clone())),
            Ended::Usage(error) => {
                complain(&format!("{name}: {error}"));
                return Ok(ExitCode::from(USAGE));
            }
        };
        let stopped = matches!(ended, Ended::Stopped(_)).then(|| self.start.elapsed());
        let findings = self.inspector.findings();
        (findings.ended, findings.read_error) = (text, error.clone());
        let head = self.inspector.head().to_owned();
        let mut is_found = false;
        if error.is_none() || !head.is_empty() {
            let mut findings = self.inspector.finish(stopped, &mut self.output)?;
            if stopped.is_none() && self.output.is_answer_unfinished() {
                findings.add(Problem::AnswerUnfinished, Place { offset: 0, line: 1 });
            }
            let is_refused = |problem| matches!(problem, Problem::Status | Problem::ContentType);
            let is_refused = findings.problems(false).any(|(problem, ..)| is_refused(problem));
            if findings.events == 0 && (is_refused || findings.is_other_format()) && !head.is_empty() {
                self.output.body(&head, findings.bytes == head.len() as u64)?;
            }
            is_found = findings.problems(false).chain(findings.problems(true).filter(|_| strict)).next().is_some();
            self.output.summary(&findings)?;
            self.output.flush()?;
        }
        if let Some(error) = error {
            complain(&format!("{name}: {error}"));
            return Ok(ExitCode::from(FAILED));
        }
        Ok(ExitCode::from(u8::from(is_found)))
    }

    /// Reads an input to its end. `source` reads the same bytes.
    async fn read(&mut self, input: &mut Input, mut source: Option<&mut EventSource>) -> io::Result<Ended> {
        loop {
            match self.unless_stopped(input.next()).await {
                Err(ended) => return Ok(ended),
                Ok(Ok(Some((came, chunk)))) => {
                    if matches!(input, Input::File(_)) && self.inspector.position() == 0 && record::is_recording(&chunk)
                    {
                        return Ok(Ended::Usage(
                            "this is a recording: play it with `sse-inspect serve FILE`".to_owned(),
                        ));
                    }
                    let since_start = came.saturating_duration_since(self.start);
                    if let Err(ended) = self.record(|record| record.chunk(since_start, &chunk)) {
                        return Ok(ended);
                    }
                    let now = self.is_live.then_some(since_start);
                    self.inspector.read(&chunk, now, &mut self.output)?;
                    if self.is_live {
                        self.output.flush()?;
                    }
                    if let Some(source) = &mut source {
                        feed(source, &chunk);
                    }
                }
                Ok(Ok(None)) => {
                    let is_response = matches!(input, Input::Response(_));
                    let why = if is_response { "the server ended the response" } else { "end of the input" };
                    return Ok(self.recorded_end(&record::End::Finished, Ended::Whole(why.to_owned())));
                }
                Ok(Err(error)) => {
                    return Ok(self.recorded_end(&record::End::Broken(error.clone()), Ended::Failed(error)));
                }
            }
        }
    }

    /// Records something, if asked for.
    fn record(&mut self, write: impl FnOnce(&mut record::Writer<File>) -> io::Result<()>) -> Result<(), Ended> {
        let Some(record) = &mut self.record else { return Ok(()) };
        write(record).map_err(|error| Ended::Failed(format!("the recording cannot be written: {error}")))
    }

    fn recorded_end(&mut self, end: &record::End, ended: Ended) -> Ended {
        let elapsed = self.start.elapsed();
        self.record(|record| record.end(elapsed, end)).err().unwrap_or(ended)
    }

    async fn url(&mut self, url: &str, args: &View) -> io::Result<Ended> {
        let client = match http::client(&args.http).build() {
            Ok(client) => client,
            Err(error) => return Ok(Ended::Failed(with_sources(&error))),
        };
        let request = http::request(&client, url, &args.http).and_then(|request| Ok(request.build()?));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Ended::Usage(with_sources(&*error))),
        };
        if args.reconnect {
            return self.follow(&client, &request).await;
        }
        match self.connect(&client, &request, &[]).await? {
            Ok(response) => {
                self.check(&response);
                let kind = response.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()));
                if let Err(ended) = self.record(|record| record.head(response.status().as_u16(), kind.as_deref())) {
                    return Ok(ended);
                }
                self.read(&mut Input::Response(Box::new(response)), None).await
            }
            Err(ended) => Ok(ended),
        }
    }

    /// Connects again and again, by the rules of a browser.
    async fn follow(&mut self, client: &Client, request: &Request) -> io::Result<Ended> {
        let mut source = EventSource::new();
        if !matches!(request.method().as_str(), "GET" | "HEAD" | "OPTIONS" | "QUERY") {
            source = source.with_repeat(Repeat::Never);
        }
        loop {
            let headers: Vec<_> = source.request_headers().map(|(name, value)| (name, value.to_vec())).collect();
            let mut is_refused = false;
            let ended = match self.connect(client, request, &headers).await? {
                Ok(response) => {
                    let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
                    match source.response(response.status().as_u16(), kind, self.start.elapsed()) {
                        Ok(_) => self.note("open", json!({"kind": "open"}))?,
                        Err(rejection) => {
                            is_refused = true;
                            self.note(&rejection.to_string(), json!({"kind": "refused"}))?;
                        }
                    }
                    if let Some(pause) = response.headers().get(RETRY_AFTER)
                        && let Some(pause) = retry_after(pause.as_bytes(), SystemTime::now())
                    {
                        source.set_retry_after(pause);
                    }
                    if response.status().as_u16() != 204 {
                        self.check(&response);
                    }
                    self.read(&mut Input::Response(Box::new(response)), Some(&mut source)).await?
                }
                Err(ended) => ended,
            };
            let (why, is_failed) = match ended {
                Ended::Whole(why) => (why, false),
                Ended::Failed(why) => (why, true),
                Ended::Stopped(_) | Ended::Usage(_) => return Ok(ended),
            };
            // Of a response that the client refuses, the end says nothing.
            if !is_refused {
                self.note(&why, json!({"kind": "disconnected"}))?;
            }
            match source.disconnected(self.start.elapsed()) {
                Ok(next) => {
                    let wait = next.wait(fastrand::u32(..));
                    self.note_try(next, wait, source.last_event_id())?;
                    self.inspector.disconnected(&mut self.output)?;
                    if let Err(ended) = self.unless_stopped(sleep(wait)).await {
                        return Ok(self.unless_silent(ended));
                    }
                }
                Err(reason) if is_failed => return Ok(Ended::Failed(format!("{why}; closed: {reason}"))),
                Err(reason) => return Ok(Ended::Whole(format!("closed: {reason}"))),
            }
        }
    }

    /// Sends the request, and notes the head of the response.
    async fn connect(
        &mut self,
        client: &Client,
        request: &Request,
        headers: &[(&'static str, Vec<u8>)],
    ) -> io::Result<Result<Response, Ended>> {
        let Some(mut request) = request.try_clone() else { unreachable!("the body is in memory") };
        for (name, value) in headers.iter().filter(|(name, _)| *name == sse_wire::http::LAST_EVENT_ID) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().entry(HeaderName::from_static(name)).or_insert(value);
            }
        }
        let response = match self.unless_stopped(client.execute(request)).await {
            Err(ended) => return Ok(Err(self.unless_silent(ended))),
            Ok(Err(error)) => return Ok(Err(Ended::Failed(http::reason(error)))),
            Ok(Ok(response)) => response,
        };
        self.has_begun = true;
        let kind = header(&response, &CONTENT_TYPE);
        let (version, status) = (format!("{:?}", response.version()), response.status());
        let text = format!("{version} {status}, {}", kind.as_deref().unwrap_or("no content type"));
        let fields = json!({"kind": "response", "version": version, "status": status.as_u16(), "content_type": kind});
        self.note(&text, fields)?;
        Ok(Ok(response))
    }

    /// Where no response came at all, there is no stream that the user has ended.
    fn unless_silent(&self, ended: Ended) -> Ended {
        match ended {
            Ended::Stopped(why) if !self.has_begun => Ended::Failed(format!("no response came: {why}")),
            ended => ended,
        }
    }

    /// Says when the next try is, and why not sooner.
    fn note_try(&mut self, next: NextTry, wait: Duration, id: &str) -> io::Result<()> {
        let time = next.reconnection_time();
        let mut why = match self.inspector.reconnection_time() {
            Some(asked) if asked < time => format!("retry {} ms, raised to {} ms", asked.as_millis(), time.as_millis()),
            Some(asked) if asked > time => format!("retry {} ms, cut to {} ms", asked.as_millis(), time.as_millis()),
            _ => format!("reconnection time {} ms", time.as_millis()),
        };
        if !next.retry_after().is_zero() {
            let _ = write!(why, ", retry-after {} s", next.retry_after().as_secs());
        }
        if next.number() > 1 {
            why += ", doubled while tries fail";
        }
        let number = next.number();
        let text =
            format!("try {number} in {:.3} s ({why}, and a random part), last event ID {id:?}", wait.as_secs_f64());
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.note(&text, json!({"kind": "retry", "number": number, "wait_ms": wait, "last_event_id": id}))
    }

    /// Notes what is wrong with the head of a response.
    fn check(&mut self, response: &Response) {
        let (status, position) = (response.status(), self.inspector.position());
        let findings = self.inspector.findings();
        let place = Place { offset: position, line: findings.lines + 1 };
        findings.response = Some(findings::Response {
            status: status.as_u16(),
            retry_after: header(response, &RETRY_AFTER),
            content_encoding: header(response, &CONTENT_ENCODING),
        });
        if status.as_u16() != 200 {
            findings.add_named(Problem::Status, place, status.to_string().as_bytes());
        }
        let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        if !is_event_stream(kind) {
            findings.add_named(Problem::ContentType, place, kind);
        }
    }

    /// `fields`: what `--json` has besides the text.
    fn note(&mut self, text: &str, fields: Value) -> io::Result<()> {
        self.output.note(self.start.elapsed(), text, fields)?;
        self.output.flush()
    }

    /// What the future gives, unless Ctrl-C or the end of the time comes first.
    async fn unless_stopped<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Ended> {
        let deadline = self.max_time.and_then(|time| self.start.checked_add(time));
        let time_is_up = async {
            match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|&stop| stop) => Err(Ended::Stopped("interrupted")),
            () = time_is_up => Err(Ended::Stopped("the time is up (--max-time)")),
            output = future => Ok(output),
        }
    }
}

/// Lets the source read the chunk: for the last event ID and the reconnection time.
fn feed(source: &mut EventSource, chunk: &[u8]) {
    let mut events = source.feed(chunk);
    loop {
        match events.next_event() {
            Ok(Some(_)) | Err(ReceiveError::Parse(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

/// The value of a header, if there is one.
fn header(response: &Response, name: &HeaderName) -> Option<String> {
    response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn is_url(input: &str) -> bool {
    let scheme = input.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}
