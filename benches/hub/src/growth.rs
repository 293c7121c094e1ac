//! What more topics on a node cost.

use std::sync::Arc;
use std::time::Instant;

use local_redis::Server;
use sse_wire_hub::Start;

use crate::latency::{publish, read, shown, times};
use crate::{Engine, Failure, Size, processor_time};

/// Events a second, each to a random topic.
const RATE: u32 = 500;

pub(crate) async fn measure(redis: &Server, size: Size) -> Result<(), Failure> {
    println!("| engine | topics | until all are followed | processor for an event | p50 | p99 | p99.9 | longest |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for engine in Engine::BOTH {
        // Each has one subscriber.
        for topics in [1, size.most / 10, size.most] {
            let (publisher, node) = engine.nodes(redis).await?;
            let (times, start) = (times(), Instant::now());
            let mut readers = Vec::new();
            for topic in 0..topics {
                let events = node.subscribe(&format!("growth {topic}"), Start::Live).await?;
                readers.push(read(events, start, Arc::clone(&times)));
            }
            let followed = start.elapsed();
            let before = processor_time("self")?;
            publish(&publisher, size, start, RATE, || format!("growth {}", fastrand::usize(..topics))).await?;
            let used = processor_time("self")?.saturating_sub(before);
            let times = times.lock().await;
            let for_one = used / u32::try_from(times.len())?.max(1);
            println!("| {} | {topics} | {followed:.1?} | {for_one:.0?} | {} |", engine.name(), shown(&times));
            readers.iter().for_each(tokio::task::JoinHandle::abort);
        }
    }
    Ok(())
}
