//! Measures the hub, and writes tables: `cargo run --release -p hub-figures`. With `--quick`, it only shows that all of it runs.

use std::time::Duration;

use local_redis::Server;
use sse_wire_hub::{Hub, Limits};

mod delivered;
mod growth;
mod latency;
mod published;
mod sockets;

/// How long, and with how many.
#[derive(Clone, Copy)]
struct Size {
    /// Each measurement.
    time: Duration,
    /// The largest numbers of topics and subscribers.
    most: usize,
    /// How long subscribers are idle.
    idle: Duration,
}

const FULL: Size = Size { time: Duration::from_secs(5), most: 10_000, idle: Duration::from_secs(30) };
const QUICK: Size = Size { time: Duration::from_millis(200), most: 300, idle: Duration::from_secs(1) };

/// The data of an event: as much as a small object of JSON.
const DATA: &str =
    r#"{"id":"7f3b","type":"order","state":"paid","total":1999,"currency":"EUR","items":[{"sku":"A-1","n":2}]}"#;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where the topics are.
#[derive(Clone, Copy, PartialEq)]
enum Engine {
    Memory,
    Redis,
}

impl Engine {
    const BOTH: [Engine; 2] = [Engine::Memory, Engine::Redis];

    fn name(self) -> &'static str {
        match self {
            Engine::Memory => "memory",
            Engine::Redis => "Redis",
        }
    }

    /// The node that publishes and the node that has the subscribers: in memory, they are one.
    async fn nodes(self, redis: &Server) -> Result<(Hub, Hub), Failure> {
        let mut limits = Limits::default();
        limits.topics = 100_000;
        limits.kept.topics = 100_000;
        Ok(match self {
            Engine::Memory => {
                let hub = Hub::in_memory(limits);
                (hub.clone(), hub)
            }
            Engine::Redis => (Hub::redis(&redis.url(), limits.clone()).await?, Hub::redis(&redis.url(), limits).await?),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let size = match std::env::args().nth(1).as_deref() {
        Some("serve") => return sockets::serve().await,
        Some("--quick") => QUICK,
        Some(other) => return Err(format!("{other}: only --quick is known").into()),
        None => FULL,
    };
    let redis = Server::start(&["--appendonly", "no"])?;
    println!("## From publish to receive\n");
    latency::measure(&redis, size).await?;
    println!("\n## Events published a second\n");
    published::measure(&redis, size).await?;
    println!("\n## Events delivered a second\n");
    delivered::measure(&redis, size).await?;
    println!("\n## Growth with topics\n");
    growth::measure(&redis, size).await?;
    println!("\n## Subscribers over HTTP\n");
    sockets::measure(size).await
}

/// The processor time that this process, or another, has used, with what the kernel did for it.
fn processor_time(process: &str) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // `man 5 proc`: the fields 14 and 15, in ticks of which Linux has 100 a second.
    let ticks = |at: usize| -> Result<u64, Failure> { Ok(fields.get(at).ok_or("a short stat")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
