//! Measures the hub, and writes tables: `cargo run --release -p hub-figures`.

use std::io;
use std::time::Duration;

use local_redis::Server;
use sse_wire_hub::{Hub, Limits};

mod delivered;
mod growth;
mod latency;
mod published;
mod sockets;

/// How long each measurement lasts.
const TIME: Duration = Duration::from_secs(5);

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
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return sockets::serve().await;
    }
    let redis = start()?;
    println!("## From publish to receive\n");
    latency::measure(&redis).await?;
    println!("\n## Events published a second\n");
    published::measure(&redis).await?;
    println!("\n## Events delivered a second\n");
    delivered::measure(&redis).await?;
    println!("\n## Growth with topics\n");
    growth::measure(&redis).await?;
    println!("\n## 10,000 subscribers over HTTP\n");
    sockets::measure().await
}

fn start() -> io::Result<Server> {
    Server::start(&["--appendonly", "no"])
}

/// The processor time that this process, or another, has used, with what the kernel did for it.
fn processor_time(process: &str) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // `man 5 proc`: the fields 14 and 15, in ticks of which Linux has 100 a second.
    let ticks = |at: usize| -> Result<u64, Failure> { Ok(fields.get(at).ok_or("a short stat")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
