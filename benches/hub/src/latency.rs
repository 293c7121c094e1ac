//! How long an event takes from `publish` to a subscriber.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use hdrhistogram::Histogram;
use local_redis::Server;
use sse_wire::{Event, Parser};
use sse_wire_hub::{Hub, Start, Subscription};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::{DATA, Engine, Failure, Size};

/// Events a second.
const RATES: [u32; 2] = [100, 1000];

/// The times that events took, in microseconds.
pub(crate) type Times = Arc<Mutex<Histogram<u64>>>;

pub(crate) async fn measure(redis: &Server, size: Size) -> Result<(), Failure> {
    println!("| engine | events a second | p50 | p99 | p99.9 | longest |");
    println!("|---|---:|---:|---:|---:|---:|");
    for engine in Engine::BOTH {
        for rate in RATES {
            let (publisher, node) = engine.nodes(redis).await?;
            let times = times();
            let start = Instant::now();
            let reader = read(node.subscribe("latency", Start::Live).await?, start, Arc::clone(&times));
            publish(&publisher, size, start, rate, || "latency".into()).await?;
            reader.abort();
            println!("| {} | {rate} | {} |", engine.name(), shown(&*times.lock().await));
        }
    }
    Ok(())
}

pub(crate) fn times() -> Times {
    Arc::new(Mutex::new(Histogram::new(3).expect("3 digits are allowed")))
}

/// The columns of a table.
pub(crate) fn shown(times: &Histogram<u64>) -> String {
    let time = |micros| format!("{:.2?}", Duration::from_micros(micros));
    let at = |quantile| time(times.value_at_quantile(quantile));
    format!("{} | {} | {} | {}", at(0.5), at(0.99), at(0.999), time(times.max()))
}

/// Publishes for some time, so many events a second, whose data begins with the time since the start.
pub(crate) async fn publish(
    hub: &Hub,
    size: Size,
    start: Instant,
    rate: u32,
    topic: impl Fn() -> String,
) -> Result<(), Failure> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
    let begun = Instant::now();
    while begun.elapsed() < size.time {
        pace.tick().await;
        let data = format!("{} {DATA}", start.elapsed().as_micros());
        hub.publish(&topic(), Event::new(&data)).await?;
    }
    // Those that are still on the way.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(())
}

/// Reads events, and notes how long each took.
pub(crate) fn read(mut events: Subscription, start: Instant, times: Times) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut parser = Parser::new();
        while let Some(bytes) = events.next().await {
            let now = start.elapsed().as_micros();
            for event in parser.feed_bytes(&bytes).flatten() {
                let published: Option<u128> = event.data().split(' ').next().and_then(|time| time.parse().ok());
                if let Some(published) = published {
                    let micros = u64::try_from(now.saturating_sub(published)).unwrap_or(u64::MAX);
                    times.lock().await.record(micros).expect("it grows");
                }
            }
        }
    })
}
