//! Three nodes and many clients in virtual time, on an engine that trims, fails, delays, and loses what it has acknowledged.
//!
//! What must hold: what a client gets is a contiguous run of the topic's log, or ends with *gone*; and once the engine behaves, every
//! client catches up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt;
use sse_wire::{Event, OwnedEvent, Parser};
use sse_wire_hub::engine::{After, BoxFuture, Cursors, Engine, EngineError, Entry, Id, Page, Read};
use sse_wire_hub::{Hub, Limits, Slow, Start, SubscribeError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

const TOPICS: [&str; 3] = ["a", "b", "c"];
const NODES: usize = 3;
const CLIENTS: usize = 12;

/// One log, as the engine has it.
#[derive(Default)]
struct Log {
    held: Vec<Entry>,
    /// The newest id, also if its entry was trimmed.
    newest: u64,
}

impl Log {
    fn knows(&self, id: &str) -> bool {
        id == self.newest.to_string() || self.held.iter().any(|entry| entry.id.as_str() == id)
    }

    /// As `XREAD`: what has a larger id, whether the id exists or not.
    fn after(&self, id: &str) -> Vec<Entry> {
        let id: u64 = id.parse().unwrap_or(u64::MAX);
        self.held.iter().filter(|entry| entry.id.as_str().parse::<u64>().unwrap() > id).cloned().collect()
    }
}

#[derive(Default)]
struct Logs {
    by_topic: HashMap<String, Log>,
    /// The last id that was given, of all topics: no id is given twice.
    last: u64,
    /// The entry before each, as the log was when it was appended.
    before: HashMap<u64, u64>,
    /// How often the engine has moved to another machine: the connections of before are broken.
    times_moved: u64,
    is_down: bool,
    /// A topic for which it refuses to answer.
    refused: Option<&'static str>,
}

/// The engine, shared by all nodes.
struct Server {
    logs: Mutex<Logs>,
    changed: Notify,
    random: Mutex<Rng>,
}

impl Server {
    fn append(&self, topic: &str, event: Event<'_>) -> u64 {
        let mut logs = self.logs.lock().unwrap();
        logs.last += 1;
        let id = logs.last;
        let log = logs.by_topic.entry(topic.into()).or_default();
        let before = log.newest;
        log.newest = id;
        let text = id.to_string();
        let bytes = event.with_id(sse_wire::EventId::new(&text).unwrap()).encode();
        log.held.push(Entry { id: Id::new(&text), bytes });
        logs.before.insert(id, before);
        self.changed.notify_waiters();
        id
    }

    fn trim(&self, topic: &str, most: usize) {
        let mut logs = self.logs.lock().unwrap();
        let log = logs.by_topic.entry(topic.into()).or_default();
        let surplus = log.held.len().saturating_sub(most);
        log.held.drain(..surplus);
    }

    /// A replica is promoted that has not seen the last entries.
    fn lose(&self, topic: &str, lost: usize) {
        let mut logs = self.logs.lock().unwrap();
        let log = logs.by_topic.entry(topic.into()).or_default();
        let left = log.held.len().saturating_sub(lost);
        if left > 0 {
            log.held.truncate(left);
            log.newest = log.held.last().unwrap().id.as_str().parse().unwrap();
            logs.times_moved += 1;
            self.changed.notify_waiters();
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.random.lock().unwrap().u64(0..30))
    }
}

/// The connection of one node.
struct Connection {
    server: Arc<Server>,
    times_moved: Mutex<u64>,
}

impl Connection {
    /// Fails if the engine refuses to answer for this topic.
    fn check_topic(&self, topic: &str) -> Result<(), EngineError> {
        self.check()?;
        let is_refused = self.server.logs.lock().unwrap().refused == Some(topic);
        if is_refused { Err(EngineError::refused("the model", "refuses")) } else { Ok(()) }
    }

    /// Fails if the engine is down, or has moved since the last call.
    fn check(&self) -> Result<(), EngineError> {
        let logs = self.server.logs.lock().unwrap();
        let mut seen = self.times_moved.lock().unwrap();
        let is_broken = std::mem::replace(&mut *seen, logs.times_moved) != logs.times_moved;
        if logs.is_down || is_broken { Err(EngineError::unreachable("the model", "is down")) } else { Ok(()) }
    }
}

impl Engine for Connection {
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(async move {
            sleep(self.server.delay()).await;
            self.check_topic(topic)?;
            let id = self.server.append(topic, event);
            sleep(self.server.delay()).await;
            Ok(Id::new(&id.to_string()))
        })
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(async move {
            sleep(self.server.delay()).await;
            self.check_topic(topic)?;
            let newest = self.server.logs.lock().unwrap().by_topic.entry(topic.into()).or_default().newest;
            sleep(self.server.delay()).await;
            Ok(Id::new(&newest.to_string()))
        })
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        Box::pin(async move {
            sleep(self.server.delay()).await;
            self.check_topic(topic)?;
            let page = {
                let mut logs = self.server.logs.lock().unwrap();
                let log = logs.by_topic.entry(topic.into()).or_default();
                match after {
                    After::Start => Page::Entries(log.held.iter().take(most).cloned().collect()),
                    After::Id(id) if log.knows(id) => Page::Entries(log.after(id).into_iter().take(most).collect()),
                    After::Id(_) => Page::Unknown,
                }
            };
            sleep(self.server.delay()).await;
            Ok(page)
        })
    }

    fn topics_per_read(&self) -> usize {
        2
    }

    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            let mut interrupt = interrupt;
            loop {
                sleep(self.server.delay()).await;
                for (topic, _) in cursors.iter() {
                    self.check_topic(topic)?;
                }
                let mut read = Read::new();
                {
                    let mut logs = self.server.logs.lock().unwrap();
                    for (topic, id) in cursors.iter() {
                        let log = logs.by_topic.entry(topic.to_string()).or_default();
                        let entries: Vec<_> = log.after(id.as_str()).into_iter().take(7).collect();
                        if !entries.is_empty() {
                            let page = if log.knows(id.as_str()) { Page::Entries(entries) } else { Page::Unknown };
                            read.push((topic.clone(), page));
                        }
                    }
                }
                if !read.is_empty() {
                    sleep(self.server.delay()).await;
                    return Ok(read);
                }
                tokio::select! {
                    () = &mut interrupt => return Ok(read),
                    // A change between the look and here is seen at the latest then.
                    _ = timeout(Duration::from_millis(100), self.server.changed.notified()) => {}
                }
            }
        })
    }
}

/// What one client has seen.
struct Client {
    hubs: Vec<Hub>,
    topic: &'static str,
    random: Rng,
    last: Option<u64>,
    /// Whether the run of the log goes on with the next event.
    runs: bool,
    server: Arc<Server>,
    seen: usize,
    gone: usize,
}

impl Client {
    fn see(&mut self, event: &OwnedEvent) {
        let id: u64 = event.last_event_id().parse().unwrap();
        if event.name() == "gone" {
            self.gone += 1;
            (self.last, self.runs) = (Some(id), true);
            return;
        }
        let before = self.server.logs.lock().unwrap().before[&id];
        if self.runs
            && let Some(last) = self.last
        {
            assert_eq!(before, last, "event {id} came after {last}");
        }
        (self.last, self.runs) = (Some(id), true);
        self.seen += 1;
    }

    /// One connection to some node, for some time.
    async fn connect(&mut self, time: Duration) {
        let hub = self.random.choice(&self.hubs).unwrap().clone();
        let id = self.last.map(|id| id.to_string());
        let start = match &id {
            Some(id) => Start::After(id),
            None if self.random.bool() => Start::Kept,
            None => Start::Live,
        };
        let mut events = match hub.subscribe(self.topic, start).await {
            Ok(events) => events,
            Err(SubscribeError::Unknown { newest }) => {
                self.gone += 1;
                (self.last, self.runs) = (Some(newest.as_str().parse().unwrap()), true);
                return;
            }
            Err(SubscribeError::Engine(_)) => return sleep(Duration::from_millis(200)).await,
            Err(error) => panic!("{error}"),
        };
        let is_slow = self.random.u8(..4) == 0;
        let mut parser = Parser::new();
        let _ = timeout(time, async {
            while let Some(bytes) = events.next().await {
                for block in parser.feed_bytes(&bytes) {
                    self.see(&block.unwrap());
                }
                if let Ok(id) = parser.last_event_id().parse() {
                    // A head, by which a new client knows where it begins.
                    self.last = Some(id);
                    self.runs = true;
                }
                if is_slow {
                    sleep(Duration::from_millis(self.random.u64(..200))).await;
                }
            }
        })
        .await;
    }
}

async fn run(seed: u64) -> (usize, usize) {
    let mut random = Rng::with_seed(seed);
    let server = Arc::new(Server { logs: Mutex::default(), changed: Notify::new(), random: Mutex::new(random.fork()) });
    let mut limits = Limits::default();
    limits.live_events = random.usize(1..20);
    limits.page = random.usize(1..10);
    limits.taken_bytes = random.usize(..400);
    limits.slow = if random.bool() { Slow::CatchesUp } else { Slow::IsCut };
    let node = |_| {
        let connection = Connection { server: Arc::clone(&server), times_moved: Mutex::new(0) };
        Hub::with_engine(connection, limits.clone())
    };
    let hubs: Vec<Hub> = (0..NODES).map(node).collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let topic = TOPICS[number % TOPICS.len()];
            let (hubs, random, server) = (hubs.clone(), random.fork(), Arc::clone(&server));
            let mut client = Client { hubs, topic, random, last: None, runs: false, server, seen: 0, gone: 0 };
            tokio::spawn(async move {
                let start = tokio::time::Instant::now();
                while start.elapsed() < Duration::from_secs(130) {
                    // In the end nothing fails any more, and it stays longer.
                    let most = if start.elapsed() < Duration::from_secs(20) { 3000 } else { 40_000 };
                    let time = Duration::from_millis(client.random.u64(..most));
                    client.connect(time).await;
                }
                client
            })
        })
        .collect();
    for _ in 0..random.usize(50..400) {
        sleep(Duration::from_millis(random.u64(..80))).await;
        let topic = *random.choice(TOPICS).as_ref().unwrap();
        match random.u8(..40) {
            0 => server.lose(topic, random.usize(1..4)),
            1 => {
                server.logs.lock().unwrap().is_down = true;
                sleep(Duration::from_millis(random.u64(..1000))).await;
                server.logs.lock().unwrap().is_down = false;
            }
            6 => {
                server.logs.lock().unwrap().refused = Some(topic);
                sleep(Duration::from_millis(random.u64(..3000))).await;
                server.logs.lock().unwrap().refused = None;
            }
            2..=5 => server.trim(topic, random.usize(..30)),
            _ => {
                let hub = random.choice(&hubs).unwrap();
                let data = "x".repeat(random.usize(..50));
                let _ = hub.publish(topic, Event::new(&data)).await;
            }
        }
    }
    sleep(Duration::from_secs(40)).await;
    for topic in TOPICS {
        hubs[0].publish(topic, Event::new("the last")).await.unwrap();
    }
    let (mut events, mut gone) = (0, 0);
    for client in clients {
        let client = client.await.unwrap();
        let newest = server.logs.lock().unwrap().by_topic[client.topic].newest;
        assert_eq!(client.last, Some(newest), "seed {seed}: it has not caught up");
        events += client.seen;
        gone += client.gone;
    }
    (events, gone)
}

#[test]
fn what_a_client_gets_is_a_contiguous_run_of_the_log_or_ends_with_gone() {
    let seeds: u64 = std::env::var("SEEDS").map_or(60, |seeds| seeds.parse().unwrap());
    let (mut seen, mut gone) = (0, 0);
    for seed in 0..seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (s, g) = runtime
            .block_on(async { tokio::spawn(run(seed)).await })
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        (seen, gone) = (seen + s, gone + g);
    }
    println!("{seeds} seeds: {seen} events were seen, {gone} times some were gone");
    assert!(seen > 1000 && gone > 10);
}
