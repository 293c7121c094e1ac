//! One connection to the server, and what came on it when.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::time::{Duration, Instant};

use flate2::write::GzDecoder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Request, Response, Url, Version};
use sse_wire::body::Tail;
use sse_wire::{Block, BlockLine, Field, Parser};

use super::{Checked, stamp};
use crate::args::Http;
use crate::input::http;

/// A reading ends early where it would hold more than so many events, or bytes of ids.
const MAX_EVENTS: usize = 100_000;
const MAX_ID_BYTES: usize = 8 << 20;

/// How many names of ignored lines are kept, and how much of each.
const MAX_NAMES: usize = 3;
const MAX_NAME_LEN: usize = 40;

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

/// Lines that clients ignore, and the like.
#[derive(Default)]
pub struct Wrong {
    pub ignored_lines: u64,
    /// The first names of these lines.
    pub ignored_names: Vec<String>,
    /// Blocks that name an event but have no data.
    pub without_data: u64,
    /// Blocks over the limit of the parser.
    pub refused: u64,
    /// Blocks with U+FFFD, which stands for ill-formed UTF-8.
    pub replaced: u64,
    /// Whether the stream ended inside of a block with data.
    pub unfinished: bool,
}

pub struct Reading {
    pub head: Head,
    pub events: Vec<Seen>,
    pub bytes: u64,
    /// Blocks without an event.
    pub quiet_blocks: u64,
    /// The longest time without a byte, from the head to the end.
    pub longest_silence: Duration,
    /// Silences inside of a block.
    pub cuts: u32,
    pub retry: Option<Duration>,
    pub wrong: Wrong,
    pub end: End,
    /// From the request to the end of the reading.
    pub time: Duration,
}

impl Reading {
    fn new(head: Head) -> Reading {
        Reading {
            events: Vec::new(),
            bytes: 0,
            quiet_blocks: 0,
            longest_silence: Duration::ZERO,
            cuts: 0,
            retry: None,
            wrong: Wrong::default(),
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
    let started = Instant::now();
    let response = tokio::time::timeout(until.time, client.execute(request));
    let response = response.await.map_err(|_| Failure::Silent(until.time))??;
    let mut reader = Reader::new(&response, started);
    let end = if until.events == 0 { End::Open } else { reader.read_all(response, until).await };
    Ok(reader.finish(end))
}

struct Reader {
    started: Instant,
    last_byte: Duration,
    parser: Parser,
    tail: Tail,
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
            parser: Parser::new(),
            tail: Tail::new(),
            gzip,
            id_bytes: 0,
            reading: Reading::new(head),
        }
    }

    async fn read_all(&mut self, mut response: Response, until: Until) -> End {
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
        self.reading.bytes += text.len() as u64;
        self.tail.push(text);
        let mut blocks = self.parser.feed(text);
        loop {
            match blocks.next_block() {
                Ok(None) => break,
                Ok(Some(block)) => {
                    let event = seen(&block, at);
                    self.id_bytes += event.as_ref().and_then(|event| event.id.as_ref()).map_or(0, String::len);
                    self.reading.quiet_blocks += u64::from(event.is_none());
                    self.reading.events.extend(event);
                    self.reading.wrong.block(&block);
                }
                Err(_) => self.reading.wrong.refused += 1,
            }
        }
    }

    /// The silence before `at`, if it is one.
    fn silence(&mut self, at: Duration) {
        let silence = at.saturating_sub(self.last_byte);
        self.reading.longest_silence = self.reading.longest_silence.max(silence);
        let is_inside = self.reading.bytes > 0 && !self.tail.is_block_boundary();
        self.reading.cuts += u32::from(silence >= SILENCE && is_inside);
    }

    fn finish(mut self, end: End) -> Reading {
        let now = self.started.elapsed();
        let silence = now.saturating_sub(self.last_byte);
        self.reading.longest_silence = self.reading.longest_silence.max(silence);
        self.reading.retry = self.parser.reconnection_time();
        if end != End::Open {
            let block = self.parser.finish();
            self.reading.wrong.unfinished = block.is_some_and(|block| block.event().is_some());
        }
        self.reading.wrong.ignored_lines = self.parser.ignored_lines();
        self.reading.end = end;
        self.reading.time = now;
        self.reading
    }
}

impl Wrong {
    fn block(&mut self, block: &Block<'_>) {
        for line in block.ignored_lines() {
            let name = line.split(':').next().unwrap_or(line);
            let name: String = name.chars().take(MAX_NAME_LEN).collect();
            if self.ignored_names.len() < MAX_NAMES && !self.ignored_names.contains(&name) {
                self.ignored_names.push(name);
            }
        }
        let names_event = |line| matches!(line, BlockLine::Field { name, .. } if name == Field::Event.name());
        self.without_data += u64::from(block.event().is_none() && block.lines().any(names_event));
        let is_replaced = |line| match line {
            BlockLine::Comment(text) => text.contains('\u{fffd}'),
            BlockLine::Field { name, value } => name.contains('\u{fffd}') || value.contains('\u{fffd}'),
            _ => false,
        };
        self.replaced += u64::from(block.lines().any(is_replaced));
    }
}

fn seen(block: &Block<'_>, at: Duration) -> Option<Seen> {
    let event = block.event()?;
    let mut hasher = DefaultHasher::new();
    (event.name(), event.data()).hash(&mut hasher);
    let id = block.id().map(String::from);
    let stamp = id.as_deref().and_then(stamp::find).or_else(|| stamp::find(event.data()));
    Some(Seen { at, id, digest: hasher.finish(), stamp })
}
