//! A client: follows the stream over as many connections as it takes, and has each event checked.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use futures_util::StreamExt;
use sse_wire::client::{EventSource, Reconnect};
use sse_wire::http::{LAST_EVENT_ID, REQUEST_HEADERS, is_event_stream};
use sse_wire::stream::{EventStream, StreamError};
use sse_wire::{Item, Parser};

use crate::check::Checker;
use crate::connection::Connector;
use crate::failure::Failure;
use crate::habits::{METHODS, Reading};

/// How long a client waits before it connects again, until the server says otherwise.
const RECONNECTION_TIME: Duration = Duration::from_millis(100);

/// One client.
#[derive(Debug)]
pub struct Client {
    pub connector: Connector,
    pub checker: Checker,
    pub chance: Rng,
}

impl Client {
    /// Follows until a check fails.
    pub async fn follow(mut self) -> Failure {
        let followed = match self.connector.habits.reading {
            Reading::Stream => self.follow_by_stream().await,
            _ => self.follow_by_source().await,
        };
        match followed {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    /// By an [`EventSource`], which says what to send and how long to wait.
    async fn follow_by_source(&mut self) -> Result<std::convert::Infallible, Failure> {
        let reconnect = Reconnect::new().time(RECONNECTION_TIME).floor(RECONNECTION_TIME / 4);
        let mut source = EventSource::builder().reconnect(reconnect.backoff(Duration::from_secs(1))).build();
        loop {
            let mut opened = None;
            if let Some(response) = self.connector.request(source.request_headers()).await? {
                let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
                let opens = source.response(response.status().as_u16(), content_type);
                opens.map_err(|error| Failure::error("a response", &error))?;
                opened = Some(Instant::now());
                let mut chunks = self.connector.chunks(response, self.chance.fork());
                while let Some(chunk) = chunks.next().await? {
                    self.take(&mut source, chunk)?;
                }
                if let Some(unfinished) = source.finish() {
                    self.checker.unfinished(&unfinished)?;
                    self.connector.counts.unfinished.add(1);
                }
            }
            let open_for = opened.map_or(Duration::ZERO, |opened| opened.elapsed());
            let wait = source.disconnected(open_for, self.chance.u32(..));
            self.pause(wait.map_err(|error| Failure::error("a connection that ended", &error))?).await;
        }
    }

    /// All events of one chunk.
    fn take(&mut self, source: &mut EventSource, mut chunk: Bytes) -> Result<(), Failure> {
        let reading = match self.connector.habits.reading {
            Reading::Mixed => self.chance.choice(METHODS).unwrap_or(Reading::Shared),
            reading => reading,
        };
        let place = format!("event {}", self.checker.next());
        let failure = |error| Failure::error(place, &error);
        match reading {
            Reading::Borrowed => {
                let mut chunk = &chunk[..];
                loop {
                    match source.next_event(&mut chunk) {
                        Ok(Some(event)) => self.checker.event(&event)?,
                        Ok(None) => return Ok(()),
                        Err(error) => return Err(failure(error)),
                    }
                }
            }
            Reading::Items => {
                let mut chunk = &chunk[..];
                loop {
                    match source.next_item(&mut chunk) {
                        Ok(Some(Item::Event(event))) => self.checker.event(&event)?,
                        Ok(Some(Item::Comment(text))) => self.comment(text)?,
                        Ok(None) => return Ok(()),
                        Err(error) => return Err(failure(error)),
                    }
                }
            }
            Reading::SharedItems => loop {
                match source.next_item_shared(&mut chunk) {
                    Ok(Some(Item::Event(event))) => self.checker.event(&event)?,
                    Ok(Some(Item::Comment(text))) => self.comment(&text)?,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(failure(error)),
                }
            },
            Reading::Shared | Reading::Mixed | Reading::Stream => loop {
                match source.next_event_shared(&mut chunk) {
                    Ok(Some(event)) => self.checker.event(&event)?,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(failure(error)),
                }
            },
        }
    }

    /// The only comments are the signs of life, which have no text.
    fn comment(&self, text: &str) -> Result<(), Failure> {
        self.connector.counts.comments.add(1);
        if text.is_empty() { Ok(()) } else { Err(Failure::new("a comment", "no text", format!("{text:?}"))) }
    }

    /// By the stream adapter, and one parser that goes from connection to connection.
    async fn follow_by_stream(&mut self) -> Result<std::convert::Infallible, Failure> {
        let mut parser = Parser::new();
        loop {
            let last_event_id = Some((LAST_EVENT_ID, parser.last_event_id().as_bytes()));
            let always = REQUEST_HEADERS.iter().map(|&(name, value)| (name, value.as_bytes()));
            let headers = always.chain(last_event_id.filter(|(_, id)| !id.is_empty()));
            if let Some(response) = self.connector.request(headers).await? {
                let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
                if response.status() != 200 || !is_event_stream(content_type) {
                    return Err(Failure::new("a response", "an event stream", response.status()));
                }
                let chunks = Box::pin(self.connector.chunks(response, self.chance.fork()).stream());
                parser.reset();
                let mut events = EventStream::with_parser(chunks, parser);
                while let Some(event) = events.next().await {
                    match event {
                        Ok(event) => self.checker.event(&event)?,
                        Err(StreamError::Transport(failure)) => return Err(failure),
                        Err(error) => return Err(Failure::error(format!("event {}", self.checker.next()), &error)),
                    }
                }
                if let Some(unfinished) = events.finish() {
                    self.checker.unfinished(&unfinished)?;
                    self.connector.counts.unfinished.add(1);
                }
                parser = events.into_parts().parser;
            }
            self.pause(parser.reconnection_time().unwrap_or(RECONNECTION_TIME)).await;
        }
    }

    /// Waits before it connects again; longer, if that is a habit.
    async fn pause(&mut self, wait: Duration) {
        tokio::time::sleep(wait).await;
        if self.connector.habits.naps && self.chance.u32(..4) == 0 {
            self.connector.run.sleep(Duration::from_millis(self.chance.u64(1000..20_000))).await;
        }
    }
}
