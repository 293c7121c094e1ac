//! How many events a node delivers to subscribers of one topic that are in its own process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use local_redis::Server;
use sse_wire::Event;
use sse_wire_hub::Start;
use tokio::sync::watch;

use crate::{DATA, Engine, Failure, Size};

/// How many events are published before all subscribers must have them.
const BATCH: u64 = 64;

pub(crate) async fn measure(redis: &Server, size: Size) -> Result<(), Failure> {
    println!("| engine | subscribers | events delivered a second | events published a second |");
    println!("|---|---:|---:|---:|");
    for engine in Engine::BOTH {
        for subscribers in [1, 100, size.most] {
            let (publishing, node) = engine.nodes(redis).await?;
            let topic = format!("delivered {subscribers}");
            let (done, mut is_done) = watch::channel(0_u64);
            let done = Arc::new(done);
            for _ in 0..subscribers {
                let mut events = node.subscribe(&topic, Start::Live).await?;
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    // Its first bytes are only an id.
                    let mut seen = 0;
                    events.next().await;
                    while events.next().await.is_some() {
                        seen += 1;
                        if seen % BATCH == 0 {
                            done.send_modify(|done| *done += 1);
                        }
                    }
                });
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (start, mut batches) = (Instant::now(), 0);
            while start.elapsed() < size.time {
                for _ in 0..BATCH {
                    publishing.publish(&topic, Event::new(DATA)).await?;
                }
                batches += 1;
                is_done.wait_for(|done| *done == batches * subscribers as u64).await?;
            }
            let rate = batches * BATCH * 1000 / u64::try_from(start.elapsed().as_millis())?.max(1);
            println!("| {} | {subscribers} | {} | {rate} |", engine.name(), rate * subscribers as u64);
        }
    }
    Ok(())
}
