//! How many events a node publishes.

use std::time::Instant;

use local_redis::Server;
use sse_wire::Event;
use tokio::task::JoinSet;

use crate::{DATA, Engine, Failure, Size};

/// How many publish at the same time.
const PUBLISHERS: [usize; 2] = [1, 64];

pub(crate) async fn measure(redis: &Server, size: Size) -> Result<(), Failure> {
    println!("| engine | publishers | events a second | `publish_once` |");
    println!("|---|---:|---:|---:|");
    for engine in Engine::BOTH {
        for publishers in PUBLISHERS {
            let plain = rate(engine, redis, size, publishers, false).await?;
            let once = rate(engine, redis, size, publishers, true).await?;
            println!("| {} | {publishers} | {plain} | {once} |", engine.name());
        }
    }
    Ok(())
}

/// Events a second.
async fn rate(engine: Engine, redis: &Server, size: Size, publishers: usize, once: bool) -> Result<u64, Failure> {
    let (hub, _) = engine.nodes(redis).await?;
    let start = Instant::now();
    let mut running = JoinSet::new();
    for publisher in 0..publishers {
        let hub = hub.clone();
        running.spawn(async move {
            let mut published = 0_u64;
            let topic = format!("published {publisher}");
            while start.elapsed() < size.time {
                if once {
                    hub.publish_once(&topic, Event::new(DATA), &published.to_string()).await?;
                } else {
                    hub.publish(&topic, Event::new(DATA)).await?;
                }
                published += 1;
                // The engine in memory never waits.
                if published.is_multiple_of(32) {
                    tokio::task::yield_now().await;
                }
            }
            Ok::<_, Failure>(published)
        });
    }
    let mut published = 0;
    while let Some(of_one) = running.join_next().await {
        published += of_one??;
    }
    Ok(published * 1000 / u64::try_from(start.elapsed().as_millis())?.max(1))
}
