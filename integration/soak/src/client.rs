//! A client: follows the stream over as many connections as it takes, and checks each event.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use futures_util::StreamExt;
use sse_wire::client::{EventSource, Reconnect};
use sse_wire::http::{LAST_EVENT_ID, REQUEST_HEADERS, is_event_stream};
use sse_wire::stream::{EventStream, StreamError};
use sse_wire::{Block, BlockLine, OwnedEvent, Parser};

use crate::check::Checker;
use crate::connection::Connector;
use crate::failure::Failure;
use crate::habits::{METHODS, Reading};

/// How long a client waits before it connects again, until the server says otherwise.
pub const RECONNECTION_TIME: Duration = Duration::from_millis(100);

/// One client.
#[derive(Debug)]
pub struct Client {
    pub connector: Connector,
    pub checker: Checker,
    pub chance: Rng,
}

impl Client {
    /// Follows the stream until a check fails.
    pub async fn follow(mut self) -> Failure {
        let followed = match self.connector.habits.reading {
            Reading::Stream => self.follow_by_stream().await,
            Reading::Source | Reading::SourceWithComments => self.follow_by_client().await,
            _ => self.follow_by_rules().await,
        };
        match followed {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    /// By an [`EventSource`], which returns what to send and how long to wait.
    async fn follow_by_rules(&mut self) -> Result<std::convert::Infallible, Failure> {
        let reconnect = Reconnect::new().with_time(RECONNECTION_TIME).with_floor(RECONNECTION_TIME / 4);
        let mut source = EventSource::new().with_reconnect(reconnect.with_backoff(Duration::from_secs(1)));
        let clock = Instant::now();
        loop {
            if let Some(response) = self.connector.request(source.request_headers()).await? {
                let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
                let opens = source.response(response.status().as_u16(), content_type, clock.elapsed());
                opens.map_err(|error| Failure::error("a response", &error))?;
                let mut chunks = self.connector.chunks(response, self.chance.fork());
                while let Some(chunk) = chunks.next().await? {
                    self.read(&mut source, &chunk)?;
                }
                if let Some(unfinished) = source.finish().and_then(|block| block.event()) {
                    self.checker.unfinished(unfinished)?;
                    self.connector.counts.unfinished.add(1);
                }
            }
            let next = source.disconnected(clock.elapsed());
            let next = next.map_err(|error| Failure::error("a connection that ended", &error))?;
            let wait = next.wait(self.chance.u32(..));
            self.pause(wait).await;
        }
    }

    /// Everything that one chunk completes.
    fn read(&mut self, source: &mut EventSource, chunk: &Bytes) -> Result<(), Failure> {
        let reading = match self.connector.habits.reading {
            Reading::Mixed => self.chance.choice(METHODS).unwrap_or(Reading::Bytes),
            reading => reading,
        };
        let place = format!("event {}", self.checker.next());
        let failure = |error| Failure::error(&place, &error);
        match reading {
            Reading::Borrowed => {
                let mut events = source.feed(chunk);
                while let Some(event) = events.next_event().map_err(failure)? {
                    self.checker.event(event)?;
                }
                Ok(())
            }
            Reading::Owned => source.feed(chunk).owned().try_for_each(|event| self.owned(&event.map_err(failure)?)),
            Reading::Blocks => {
                let mut blocks = source.feed(chunk);
                while let Some(block) = blocks.next_block().map_err(failure)? {
                    self.block(&block)?;
                }
                Ok(())
            }
            Reading::OwnedBlocks => {
                let mut blocks = source.feed(chunk).owned_blocks();
                blocks.try_for_each(|block| self.block(&block.map_err(failure)?.as_block()))
            }
            Reading::Bytes | Reading::Mixed | Reading::Stream | Reading::Source | Reading::SourceWithComments => {
                source.feed_bytes(chunk).try_for_each(|event| self.owned(&event.map_err(failure)?))
            }
        }
    }

    fn owned(&mut self, event: &OwnedEvent) -> Result<(), Failure> {
        self.checker.event(event.as_event())
    }

    /// A block is an event or a keep-alive, which is a comment without text.
    fn block(&mut self, block: &Block<'_>) -> Result<(), Failure> {
        if let Some(event) = block.event() {
            return self.checker.event(event);
        }
        self.connector.counts.comments.add(1);
        let is_keep_alive = match block.lines().next() {
            Some(line) => line == BlockLine::Comment("") && block.lines().count() == 1,
            // A method for events has read the beginning of the line.
            None => self.connector.habits.reading == Reading::Mixed,
        };
        if is_keep_alive {
            Ok(())
        } else {
            let seen = format!("{:?}", block.lines().collect::<Vec<_>>());
            Err(Failure::new("a block without an event", "a comment without text", seen))
        }
    }

    /// By the stream adapter, with one parser for all connections.
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
                        Ok(event) => self.checker.event(event.as_event())?,
                        Err(StreamError::Transport(failure)) => return Err(failure),
                        Err(error) => return Err(Failure::error(format!("event {}", self.checker.next()), &error)),
                    }
                }
                if let Some(unfinished) = events.finish().and_then(|block| block.event()) {
                    self.checker.unfinished(unfinished)?;
                    self.connector.counts.unfinished.add(1);
                }
                parser = events.into_parts().parser;
            }
            self.pause(parser.reconnection_time().unwrap_or(RECONNECTION_TIME)).await;
        }
    }

    /// Waits before the next connection; longer now and then, if that is a habit.
    pub async fn pause(&mut self, wait: Duration) {
        tokio::time::sleep(wait).await;
        if self.connector.habits.naps && self.chance.u32(..4) == 0 {
            self.connector.run.sleep(Duration::from_millis(self.chance.u64(1000..20_000))).await;
        }
    }
}
