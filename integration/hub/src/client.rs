//! A client: follows a topic from node to node, and writes down what it sees.

use std::time::Duration;

use fastrand::Rng;
use reqwest::{Response, StatusCode};
use sse_wire::http::{LAST_EVENT_ID, REQUEST_HEADERS, is_event_stream};
use sse_wire::{Event, Parser};
use sse_wire_hub::GONE;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::driver::{NODES, Place, Topic};
use crate::files::{History, Id, Line, now};

/// How long a node that sends a keep-alive each second may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a node may take to answer.
pub const ANSWER: Duration = Duration::from_secs(15);

/// How long a client has at the end to reach the last event.
const LAST_RESPITE: Duration = Duration::from_mins(1);

/// The last id of the client's topic, once nothing more is published.
pub type End = watch::Receiver<Option<Id>>;

#[derive(Debug)]
pub struct Client {
    pub place: Place,
    pub topic: Topic,
    /// Whether it stops to read, for some seconds, again and again.
    pub is_slow: bool,
    pub history: History,
    pub chance: Rng,
    pub end: End,
    pub parser: Parser,
}

impl Client {
    /// Follows the topic until it has seen its last event, or until it seems that it never will.
    pub async fn run(mut self) {
        let mut end = self.end.clone();
        tokio::select! {
            () = self.follow() => {}
            () = async {
                let _ = end.wait_for(Option::is_some).await;
                sleep(LAST_RESPITE).await;
            } => {}
        }
        self.history.flush();
    }

    async fn follow(&mut self) {
        let mut end = self.end.clone();
        while !self.is_at_end() {
            let is_calm = end.borrow_and_update().is_some();
            let cut = match self.chance.u32(..4) {
                _ if is_calm => Cut::Never,
                0 => Cut::AfterBytes(self.chance.usize(1..20_000)),
                _ => Cut::AfterTime(Duration::from_millis(self.chance.u64(1..20_000))),
            };
            tokio::select! {
                () = self.connection(cut) => {}
                () = cut.time() => {}
                // From now on, nothing is cut.
                _ = end.changed(), if !is_calm => {}
            }
            // Also drops what the cut has left unfinished.
            self.parser.reset();
            self.history.push(&Line::Ended);
            let pause = if !is_calm && self.chance.u32(..8) == 0 { 1000..8000 } else { 10..500 };
            let pause = sleep(Duration::from_millis(self.chance.u64(pause)));
            tokio::select! {
                () = pause => {}
                _ = end.changed(), if !is_calm => {}
            }
        }
    }

    /// One connection to some node, until it ends.
    async fn connection(&mut self, cut: Cut) {
        let node = self.chance.usize(..NODES);
        let id = self.parser.last_event_id();
        let mut request = self.place.http.get(self.place.url(node, self.topic.path, &self.topic.name));
        for (name, value) in REQUEST_HEADERS {
            request = request.header(name, value);
        }
        if !id.is_empty() {
            request = request.header(LAST_EVENT_ID, id);
        }
        match id.parse() {
            Ok(id) => self.history.push(&Line::Began { time: now(), node, id: Some(id) }),
            Err(_) if id.is_empty() => self.history.push(&Line::Began { time: now(), node, id: None }),
            Err(error) => return self.wrong(&error),
        }
        match timeout(ANSWER, request.send()).await {
            Ok(Ok(response)) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                self.history.push(&Line::Refused);
                sleep(Duration::from_millis(self.chance.u64(300..1500))).await;
            }
            Ok(Ok(response)) => {
                let content_type = response.headers().get("content-type").map_or(&b""[..], |value| value.as_bytes());
                if response.status() == StatusCode::OK && is_event_stream(content_type) {
                    self.events(response, cut).await;
                } else {
                    self.wrong(&format!("status {}", response.status()));
                }
            }
            Ok(Err(_)) => self.history.push(&Line::Unreachable),
            Err(_) => self.wrong(&format!("node {node} did not answer within {ANSWER:?}")),
        }
    }

    async fn events(&mut self, mut response: Response, cut: Cut) {
        let mut left = if let Cut::AfterBytes(bytes) = cut { bytes } else { usize::MAX };
        let mut chunks_to_pause = self.chance.u32(1..200);
        loop {
            let chunk = match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(_) => return,
                Err(_) => return self.wrong(&format!("silence for {SILENCE:?}")),
            };
            let read = chunk.len().min(left);
            self.read(&chunk[..read]);
            left -= read;
            if left == 0 || self.is_at_end() {
                return;
            }
            chunks_to_pause -= 1;
            if chunks_to_pause == 0 {
                chunks_to_pause = self.chance.u32(50..400);
                if self.is_slow {
                    sleep(Duration::from_millis(self.chance.u64(6000..14_000))).await;
                }
            }
        }
    }

    fn read(&mut self, chunk: &[u8]) {
        let mut blocks = self.parser.feed(chunk);
        loop {
            let line = match blocks.next_block() {
                Ok(None) => return,
                Ok(Some(block)) => match (block.event(), block.id()) {
                    (Some(event), id) => seen(event, id),
                    (None, Some(id)) => id.parse().map_or_else(Line::Wrong, Line::At),
                    // A keep-alive.
                    (None, None) => continue,
                },
                Err(error) => Line::Wrong(error.to_string()),
            };
            self.history.push(&line);
        }
    }

    fn is_at_end(&self) -> bool {
        self.end.borrow().is_some_and(|end| self.parser.last_event_id() == end.to_string())
    }

    fn wrong(&mut self, what: &str) {
        self.history.push(&Line::Wrong(what.replace('\n', " ")));
    }
}

fn seen(event: Event<'_>, id: Option<&str>) -> Line {
    let Some(Ok(id)) = id.map(str::parse) else { return Line::Wrong(format!("{event:?} without an id of an entry")) };
    if event.name() == GONE.as_str() {
        return Line::Gone { time: now(), id };
    }
    let mut words = event.data().split(' ');
    match (words.next(), words.next().map(str::parse)) {
        (Some(topic), Some(Ok(number))) => Line::Event { id, topic: topic.into(), number },
        _ => Line::Wrong(format!("{event:?} that nobody has published")),
    }
}

/// When a client leaves by itself.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Never,
    AfterTime(Duration),
    /// As if the bytes after these had never arrived.
    AfterBytes(usize),
}

impl Cut {
    async fn time(self) {
        match self {
            Cut::AfterTime(time) => sleep(time).await,
            Cut::Never | Cut::AfterBytes(_) => std::future::pending().await,
        }
    }
}
