//! One run: what is started, in which order it ends, and where it is written down.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use sse_wire::Parser;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::arguments::Run;
use crate::client::Client;
use crate::faults::Faults;
use crate::files::Files;
use crate::node::{FEW, MANY};
use crate::publisher;

/// How many nodes there are.
pub const NODES: usize = 3;

/// How many topics keep many events, and how many keep few.
const TOPICS: (usize, usize) = (8, 2);

/// How long everything goes well at the end, with events.
const CALM: Duration = Duration::from_secs(3);

/// Where the nodes are.
#[derive(Clone, Debug)]
pub struct Place {
    pub http: reqwest::Client,
    pub ports: Arc<[u16]>,
    /// The node that is paused, if there is one: publishers do not wait for it, so that others go on meanwhile.
    pub paused: Arc<Mutex<Option<usize>>>,
}

impl Place {
    pub fn url(&self, node: usize, path: &str, topic: &str) -> String {
        format!("http://127.0.0.1:{}/{path}/{topic}", self.ports[node])
    }

    pub fn paused(&self) -> MutexGuard<'_, Option<usize>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node to publish at.
    pub fn node(&self, chance: &mut Rng) -> usize {
        let paused = *self.paused();
        let nodes: Vec<_> = (0..NODES).filter(|node| Some(*node) != paused).collect();
        chance.choice(nodes).unwrap_or_default()
    }
}

/// A topic, and what is published to it.
#[derive(Clone, Debug)]
pub struct Topic {
    pub name: String,
    pub path: &'static str,
    pub kept: usize,
    pub period: Duration,
    /// Bytes that each event has besides its number.
    pub padding: usize,
}

/// Those that keep few events get many and large ones, so that clients soon fall behind.
fn topics() -> Vec<Topic> {
    let many = (0..TOPICS.0).map(|number| Topic {
        name: format!("many-{number}"),
        path: "topics",
        kept: MANY,
        period: Duration::from_millis(200),
        padding: 0,
    });
    let few = (0..TOPICS.1).map(|number| Topic {
        name: format!("few-{number}"),
        path: "few",
        kept: FEW,
        period: Duration::from_millis(14),
        padding: 1024,
    });
    many.chain(few).collect()
}

/// The topic of a client, by number: of 20 clients, each topic with few events has one.
fn topic_of(client: usize) -> usize {
    match client % 20 {
        few if few < TOPICS.1 => TOPICS.0 + few,
        _ => client % TOPICS.0,
    }
}

/// One run.
pub async fn run(arguments: &Run) -> Result<(), Box<dyn Error>> {
    // Each client has a connection, and its node another; a node may have nearly all clients.
    crate::process::allow_files(2 * arguments.clients as u64 + 512)?;
    let kept = arguments.keep.as_deref().map(|folder| std::fs::create_dir(folder).map(|()| folder)).transpose()?;
    let temporary = tempfile::tempdir()?;
    let folder = kept.unwrap_or(temporary.path());
    let proved = match prove(arguments, folder).await {
        Ok(()) => check(folder),
        Err(error) => Err(error),
    };
    if proved.is_err() && kept.is_none() {
        eprintln!("what was seen is in {}", temporary.keep().display());
    }
    proved
}

async fn prove(arguments: &Run, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut chance = Rng::with_seed(arguments.seed);
    let files = Files::new(folder)?;
    let topics = topics();
    files.topics(topics.iter().map(|topic| (topic.name.clone(), topic.kept)))?;
    let names = topics.iter().map(|topic| topic.name.clone()).collect();
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
    let mut faults = Faults::start(files.clone(), names, chance.fork()).await?;
    let place = Place { http, ports: faults.ports(), paused: Arc::default() };

    let (stop, stopped) = watch::channel(false);
    // Publishers keep their connections.
    let publishing = Place { http: reqwest::Client::builder().no_proxy().build()?, ..place.clone() };
    let mut publishers = JoinSet::new();
    for (number, topic) in topics.iter().enumerate() {
        let published =
            publisher::publish(publishing.clone(), topic.clone(), files.clone(), stopped.clone(), chance.fork());
        publishers.spawn(async move { (number, published.await) });
    }
    let ends: Vec<_> = topics.iter().map(|_| watch::channel(None).0).collect();
    let mut clients = JoinSet::new();
    for number in 0..arguments.clients {
        let topic = topic_of(number);
        let client = Client {
            place: place.clone(),
            topic: topics[topic].clone(),
            is_slow: chance.u32(..3) == 0,
            history: files.history(number, &topics[topic].name),
            chance: chance.fork(),
            end: ends[topic].subscribe(),
            parser: Parser::new(),
        };
        clients.spawn(client.run());
    }

    sleep(CALM).await;
    faults.happen(&place, Instant::now() + arguments.time).await?;
    sleep(CALM).await;
    stop.send_replace(true);
    while let Some(published) = publishers.join_next().await {
        let (topic, last) = published?;
        ends[topic].send_replace(Some(last?));
    }
    while let Some(client) = clients.join_next().await {
        client?;
    }
    Ok(())
}

/// By a process of its own, which knows the files only.
fn check(folder: &Path) -> Result<(), Box<dyn Error>> {
    let checked = Command::new(std::env::current_exe()?).arg("check").arg(folder).status()?;
    if checked.success() { Ok(()) } else { Err("see above".into()) }
}
