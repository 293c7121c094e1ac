//! What is measured: each reads one response to its end.

use std::error::Error;
use std::hint::black_box;
use std::pin::Pin;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use sse_wire_client::{ErrorKind, Event, RequestBuilderExt, ResponseExt};

/// What a contender has seen of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many events; none if it does not parse.
    pub events: usize,
    /// The bytes of their data; those of the body if it does not parse.
    pub bytes: usize,
}

impl Seen {
    fn data(&mut self, data: &str) {
        self.events += 1;
        self.bytes += black_box(data).len();
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<Seen, Box<dyn Error>>>>>;

/// One way to read a response.
pub struct Contender {
    /// How tables show it.
    pub name: &'static str,
    /// Requests this URL and reads the response to its end.
    pub read: fn(String) -> Reading,
    /// Which contender it is compared with: its reqwest alone.
    pub alone: usize,
}

/// Reqwest 0.13 alone.
const ALONE: usize = 0;
/// Reqwest 0.12 alone.
const ALONE_0_12: usize = 4;

pub const ALL: [Contender; 6] = [
    Contender { name: "reqwest 0.13 alone: `bytes_stream`", read: |url| Box::pin(alone(url)), alone: ALONE },
    Contender { name: "sse-wire-client: `EventStream`", read: |url| Box::pin(event_stream(url)), alone: ALONE },
    Contender { name: "sse-wire-client: `EventSource`", read: |url| Box::pin(event_source(url)), alone: ALONE },
    Contender { name: "eventsource-stream", read: |url| Box::pin(eventsource_stream(url)), alone: ALONE },
    Contender { name: "reqwest 0.12 alone: `bytes_stream`", read: |url| Box::pin(alone_0_12(url)), alone: ALONE_0_12 },
    Contender { name: "reqwest-eventsource", read: |url| Box::pin(reqwest_eventsource(url)), alone: ALONE_0_12 },
];

impl Contender {
    /// Whether it parses nothing.
    pub fn is_alone(&self) -> bool {
        std::ptr::eq(self.name, ALL[self.alone].name)
    }
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

fn client_0_12() -> reqwest_0_12::Result<reqwest_0_12::Client> {
    reqwest_0_12::Client::builder().no_proxy().build()
}

async fn alone(url: String) -> Result<Seen, Box<dyn Error>> {
    let mut chunks = client()?.get(url).send().await?.bytes_stream();
    let mut seen = Seen::default();
    while let Some(chunk) = chunks.next().await {
        seen.bytes += black_box(chunk?).len();
    }
    Ok(seen)
}

async fn event_stream(url: String) -> Result<Seen, Box<dyn Error>> {
    let mut events = client()?.get(url).send().await?.event_stream()?;
    let mut seen = Seen::default();
    while let Some(event) = events.next().await {
        seen.data(event?.data());
    }
    Ok(seen)
}

async fn event_source(url: String) -> Result<Seen, Box<dyn Error>> {
    let mut source = client()?.get(url).eventsource()?;
    let mut seen = Seen::default();
    while let Some(event) = source.next().await {
        match event {
            Ok(Event::Message(event)) => seen.data(event.data()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Ended) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seen)
}

async fn eventsource_stream(url: String) -> Result<Seen, Box<dyn Error>> {
    let mut events = client()?.get(url).send().await?.bytes_stream().eventsource();
    let mut seen = Seen::default();
    while let Some(event) = events.next().await {
        seen.data(&event?.data);
    }
    Ok(seen)
}

async fn alone_0_12(url: String) -> Result<Seen, Box<dyn Error>> {
    let mut chunks = client_0_12()?.get(url).send().await?.bytes_stream();
    let mut seen = Seen::default();
    while let Some(chunk) = chunks.next().await {
        seen.bytes += black_box(chunk?).len();
    }
    Ok(seen)
}

async fn reqwest_eventsource(url: String) -> Result<Seen, Box<dyn Error>> {
    use reqwest_eventsource::{Error, Event, EventSource};

    let mut source = EventSource::new(client_0_12()?.get(url))?;
    let mut seen = Seen::default();
    while let Some(event) = source.next().await {
        match event {
            Ok(Event::Message(event)) => seen.data(&event.data),
            Ok(Event::Open) => {}
            Err(Error::StreamEnded) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seen)
}
