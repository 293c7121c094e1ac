//! One connection to the server, and what came on it when.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use flate2::write::GzDecoder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Request, Response, Url, Version};
use sse_wire::{Block, Parser};

use super::{Checked, stamp};
use crate::args::{DEFAULT_LIMIT, Http};
use crate::input::http;
use crate::stream::findings::Findings;
use crate::stream::inspector::Inspector;
use crate::view::output::{Output, Show};

/// A reading ends early where it would hold more than so many events, or bytes of ids.
const MAX_EVENTS: usize = 100_000;
const MAX_ID_BYTES: usize = 8 << 20;

const CONNECT: Duration = Duration::from_secs(10);

/// A silence is one from here on.
pub const SILENCE: Duration = Duration::from_millis(200);

/// The request, and the flags that it was made from.
pub struct Target {
    request: Request,
    http: Http,
    /// Keeps no connection.
    alone: Client,
}

impl Target {
    pub fn new(url: &str, http: &Http) -> Checked<Target> {
        if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err("check needs a URL that begins with http:// or https://".into());
        }
        // Compression is a check of its own.
        let http = Http { compressed: false, ..http.clone() };
        let alone = builder(&http).pool_max_idle_per_host(0).build()?;
        Ok(Target { request: http::request(&alone, url, &http)?.build()?, http, alone })
    }

    pub fn http(&self) -> &Http {
        &self.http
    }

    pub fn is_http(&self) -> bool {
        self.request.url().scheme() == "http"
    }

    /// A copy of the request, whose body is in memory.
    pub fn request(&self) -> Request {
        let mut request = Request::new(self.request.method().clone(), self.request.url().clone());
        *request.headers_mut() = self.request.headers().clone();
        *request.body_mut() = self.request.body().and_then(|body| body.as_bytes()).map(|body| body.to_vec().into());
        request
    }
}

/// A client with connections of its own.
pub fn builder(http: &Http) -> ClientBuilder {
    http::client(http).connect_timeout(CONNECT)
}

/// Sets a header. One that HTTP cannot carry is left out.
pub fn set(request: &mut Request, name: &'static str, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// How far to read.
#[derive(Clone, Copy)]
pub struct Until {
    /// From the request.
    pub time: Duration,
    /// With none, the head is enough.
    pub events: usize,
    /// How long not to read, after the head.
    pub pause: Duration,
}

/// Why there is nothing to read.
#[derive(Debug)]
pub enum Failure {
    /// There is no connection.
    Unreachable(String),
    /// There is no answer in this time.
    Silent(Duration),
    /// What came is no answer, or none came before the connection closed.
    Broken(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unreachable(error) | Failure::Broken(error) => f.write_str(error),
            Failure::Silent(time) => write!(f, "no answer in {}", seconds(*time)),
        }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Failure {
        let is_connect = error.is_connect();
        let text = http::reason(error);
        if is_connect { Failure::Unreachable(text) } else { Failure::Broken(text) }
    }
}

pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

pub struct Head {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    /// After redirects.
    pub url: Url,
    /// From the request.
    pub after: Duration,
}

impl Head {
    /// The values of a header, joined by commas. Empty if there is none.
    pub fn value(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    }
}

/// How a reading ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It was far enough.
    Open,
    /// The server ended the stream.
    Closed,
    /// The connection failed.
    Broken(String),
}

/// An event.
pub struct Seen {
    /// From the request.
    pub at: Duration,
    /// The id of its own.
    pub id: Option<String>,
    /// Of its name and data.
    pub digest: u64,
    /// When it was made, in seconds since 1970, as its id or data says.
    pub stamp: Option<f64>,
}

impl Seen {
    /// What makes it the same event on another connection.
    pub fn is(&self, other: &Seen) -> bool {
        match (&self.id, &other.id) {
            (Some(id), Some(other)) => id == other,
            _ => self.digest == other.digest,
        }
    }
}

pub struct Reading {
    pub head: Head,
    pub events: Vec<Seen>,
    /// Blocks without an event.
    pub quiet_blocks: usize,
    /// The longest time without a byte, from the head to the end.
    pub longest_silence: Duration,
    /// Silences in the middle of a line.
    pub cuts: Vec<Duration>,
    /// What the view finds in the bytes.
    pub findings: Box<Findings>,
    /// The first bytes.
    pub opening: Vec<u8>,
    pub end: End,
    /// From the request to the end of the reading.
    pub time: Duration,
}

impl Reading {
    fn new(head: Head) -> Reading {
        Reading {
            events: Vec::new(),
            quiet_blocks: 0,
            longest_silence: Duration::ZERO,
            cuts: Vec::new(),
            findings: Box::default(),
            opening: Vec::new(),
            end: End::Open,
            time: head.after,
            head,
        }
    }

    /// The head of an event stream, and nothing else.
    #[cfg(test)]
    pub fn empty() -> Reading {
        let url = Url::parse("http://localhost").unwrap();
        let (version, headers, after) = (Version::HTTP_11, HeaderMap::new(), Duration::ZERO);
        Reading::new(Head { status: 200, version, headers, url, after })
    }

    pub fn first_event(&self) -> Option<Duration> {
        self.events.first().map(|event| event.at)
    }

    /// The longest time between the request, events, and the end of a stream that has none.
    pub fn slowest(&self) -> Duration {
        let mut last = Duration::ZERO;
        let times = self.events.iter().map(|event| event.at);
        let gaps = times.map(|at| at.saturating_sub(std::mem::replace(&mut last, at)));
        gaps.max().unwrap_or(self.time)
    }

    /// Whether the stream ended inside of a block.
    pub fn is_cut_off(&self) -> bool {
        self.end != End::Open && self.findings.pending.is_some()
    }

    /// Events with an id of their own that is not empty.
    pub fn with_id(&self) -> Vec<(&str, &Seen)> {
        let id = |event: &'_ Seen| event.id.as_ref().is_some_and(|id| !id.is_empty());
        self.events.iter().filter(|event| id(event)).map(|event| (event.id.as_deref().unwrap_or(""), event)).collect()
    }
}

/// Reads on a connection of its own. `change` makes the request another one.
pub async fn read_alone(target: &Target, change: impl FnOnce(&mut Request), until: Until) -> Result<Reading, Failure> {
    let mut request = target.request();
    change(&mut request);
    read(&target.alone, request, until).await
}

pub async fn read(client: &Client, request: Request, until: Until) -> Result<Reading, Failure> {
    // Boxed, since the future is large.
    Box::pin(hold(client, request, until)).await.map(|(reading, _)| reading)
}

/// Reads on a connection of its own, which stays open until the response is dropped.
pub async fn hold_alone(target: &Target, until: Until) -> Result<(Reading, Response), Failure> {
    hold(&target.alone, target.request(), until).await
}

async fn hold(client: &Client, request: Request, until: Until) -> Result<(Reading, Response), Failure> {
    Ok(open(client, request, until).await?.read(until).await)
}

/// A response whose head has come.
pub struct Opened {
    response: Response,
    reader: Reader,
}

pub async fn open(client: &Client, request: Request, until: Until) -> Result<Opened, Failure> {
    let started = Instant::now();
    let response = tokio::time::timeout(until.time, client.execute(request));
    let response = response.await.map_err(|_| Failure::Silent(until.time))??;
    let reader = Reader::new(&response, started);
    Ok(Opened { response, reader })
}

impl Opened {
    /// Reads on. The connection stays open until the response is dropped.
    pub async fn read(mut self, until: Until) -> (Reading, Response) {
        let is_enough = until.events == 0;
        let end = if is_enough { End::Open } else { self.reader.read_all(&mut self.response, until).await };
        (self.reader.finish(end), self.response)
    }
}

struct Reader {
    started: Instant,
    last_byte: Duration,
    parser: Parser,
    inspector: Box<Inspector>,
    /// Whether the last byte ended a line, or none has come.
    is_line_end: bool,
    gzip: Option<GzDecoder<Vec<u8>>>,
    id_bytes: usize,
    reading: Reading,
}

impl Reader {
    fn new(response: &Response, started: Instant) -> Reader {
        let after = started.elapsed();
        let head = Head {
            status: response.status().as_u16(),
            version: response.version(),
            headers: response.headers().clone(),
            url: response.url().clone(),
            after,
        };
        let gzip = head.value("content-encoding").eq_ignore_ascii_case("gzip").then(|| GzDecoder::new(Vec::new()));
        Reader {
            started,
            last_byte: after,
            parser: Parser::new().with_max_event_size(DEFAULT_LIMIT),
            inspector: Box::new(Inspector::new(DEFAULT_LIMIT)),
            is_line_end: true,
            gzip,
            id_bytes: 0,
            reading: Reading::new(head),
        }
    }

    async fn read_all(&mut self, response: &mut Response, until: Until) -> End {
        tokio::time::sleep(until.pause).await;
        loop {
            let left = until.time.saturating_sub(self.started.elapsed());
            let Ok(chunk) = tokio::time::timeout(left, response.chunk()).await else { return End::Open };
            match chunk {
                Ok(Some(chunk)) => {
                    if let Err(error) = self.chunk(&chunk) {
                        return End::Broken(error);
                    }
                }
                Ok(None) => return End::Closed,
                Err(error) => return End::Broken(http::reason(error)),
            }
            let events = self.reading.events.len();
            if events >= until.events.min(MAX_EVENTS) || self.id_bytes > MAX_ID_BYTES {
                return End::Open;
            }
        }
    }

    fn chunk(&mut self, chunk: &[u8]) -> Result<(), String> {
        let Some(mut gzip) = self.gzip.take() else {
            self.text(chunk);
            return Ok(());
        };
        gzip.write_all(chunk).and_then(|()| gzip.flush()).map_err(|error| format!("gzip: {error}"))?;
        let text = std::mem::take(gzip.get_mut());
        self.gzip = Some(gzip);
        self.text(&text);
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let at = self.started.elapsed();
        self.silence(at);
        self.last_byte = at;
        self.is_line_end = text.ends_with(b"\n") || text.ends_with(b"\r");
        // Nothing is written, so nothing fails.
        let _ = self.inspector.read(text, Some(at), &mut output(&mut io::sink()));
        let mut blocks = self.parser.feed(text);
        loop {
            match blocks.next_block() {
                Ok(None) => break,
                Ok(Some(block)) => {
                    let event = seen(&block, at);
                    self.id_bytes += event.as_ref().and_then(|event| event.id.as_ref()).map_or(0, String::len);
                    self.reading.quiet_blocks += usize::from(event.is_none());
                    self.reading.events.extend(event);
                }
                // The inspector finds it, too.
                Err(_) => {}
            }
        }
    }

    /// The silence before `at`, if it is one.
    fn silence(&mut self, at: Duration) {
        let silence = at.saturating_sub(self.last_byte);
        self.reading.longest_silence = self.reading.longest_silence.max(silence);
        if silence >= SILENCE && !self.is_line_end {
            self.reading.cuts.push(silence);
        }
    }

    fn finish(mut self, end: End) -> Reading {
        let now = self.started.elapsed();
        let silence = now.saturating_sub(self.last_byte);
        self.reading.longest_silence = self.reading.longest_silence.max(silence);
        self.inspector.head().clone_into(&mut self.reading.opening);
        let stopped = (end == End::Open).then_some(now);
        let findings = self.inspector.finish(stopped, &mut output(&mut io::sink())).unwrap_or_default();
        self.reading.findings = Box::new(findings);
        self.reading.end = end;
        self.reading.time = now;
        self.reading
    }
}

/// An output that shows nothing.
fn output(out: &mut io::Sink) -> Output<'_> {
    let aside = Box::new(io::sink());
    Output { out, show: Show::Nothing, aside, human: None, is_terminal: false, has_notes: false, name: None }
}

fn seen(block: &Block<'_>, at: Duration) -> Option<Seen> {
    let event = block.event()?;
    let mut hasher = DefaultHasher::new();
    (event.name(), event.data()).hash(&mut hasher);
    let id = block.id().map(String::from);
    let stamp = id.as_deref().and_then(stamp::find).or_else(|| stamp::find(event.data()));
    Some(Seen { at, id, digest: hasher.finish(), stamp })
}
