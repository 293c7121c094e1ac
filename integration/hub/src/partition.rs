//! Redis is silent for some seconds, and what must hold meanwhile and afterwards.

use std::time::Duration;

use fastrand::Rng;
use local_redis::Proxy;
use reqwest::{Response, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::ANSWER;
use crate::driver::{NODES, Place};
use crate::files::Files;
use crate::publisher::{self, post};

/// A topic that has no other clients.
const TOPIC: &str = "probe";

/// How long a stream may be without a keep-alive, of which there is one each second.
const SILENCE: Duration = Duration::from_secs(5);

/// How long it may take until everything goes on.
const RECOVERY: Duration = Duration::from_secs(20);

/// What the driver has seen of one property.
type Seen = Result<String, String>;

/// A partition. What holds and what does not is written into the driver's log.
pub async fn happens(proxy: &Proxy, place: &Place, files: &Files, chance: &mut Rng) {
    let mut streams = Vec::new();
    for node in 0..NODES {
        match open(place, node).await {
            Ok(response) => streams.push((node, response)),
            Err(error) => files.driver("FAILED", &format!("before the partition, node {node}: {error}")),
        }
    }
    let name = format!("{:016x}", chance.u64(..));
    proxy.stop();
    let begin = Instant::now();
    let mut refusals = JoinSet::<Seen>::new();
    for node in 0..NODES {
        refusals.spawn(publish_fails(place.clone(), files.clone(), node, format!("no-{name}-{node}")));
        refusals.spawn(subscribe_fails(place.clone(), node, format!("new-{name}-{node}")));
    }
    let mut followers = JoinSet::<Seen>::new();
    for (node, response) in streams {
        followers.spawn(follow(node, response, format!("{TOPIC} {name}")));
    }
    while let Some(refused) = refusals.join_next().await {
        tell(files, refused.unwrap_or_else(|error| Err(error.to_string())));
    }
    let least = Duration::from_millis(chance.u64(4000..16_000));
    sleep(least.saturating_sub(begin.elapsed())).await;
    files.driver("partition-ends", &format!("after {:?}", begin.elapsed()));
    proxy.go_on();

    let begin = Instant::now();
    loop {
        let url = place.url(chance.usize(..NODES), "topics", TOPIC);
        if post(&place.http, &url, &name, format!("{TOPIC} {name}"), files).await.is_some() {
            files.driver("holds", &format!("events can be published {:?} after it", begin.elapsed()));
            break;
        }
        if begin.elapsed() > RECOVERY {
            files.driver("FAILED", "no event can be published after a partition");
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let recovered = timeout(RECOVERY, async {
        while let Some(seen) = followers.join_next().await {
            tell(files, seen.unwrap_or_else(|error| Err(error.to_string())));
        }
    });
    if recovered.await.is_err() {
        files.driver("FAILED", "a stream does not go on after a partition");
    }
}

fn tell(files: &Files, seen: Seen) {
    match seen {
        Ok(text) => files.driver("holds", &text),
        Err(text) => files.driver("FAILED", &text),
    }
}

/// A stream, once its first bytes have come.
async fn open(place: &Place, node: usize) -> Result<Response, String> {
    let begin = Instant::now();
    loop {
        let opened = timeout(ANSWER, async {
            let mut response = place.http.get(place.url(node, "topics", TOPIC)).send().await?;
            let is_open = response.status() == StatusCode::OK && response.chunk().await?.is_some();
            Ok::<_, reqwest::Error>(is_open.then_some(response))
        });
        match opened.await {
            Ok(Ok(Some(response))) => return Ok(response),
            _ if begin.elapsed() > RECOVERY => return Err("no stream can be opened".into()),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn publish_fails(place: Place, files: Files, node: usize, once: String) -> Seen {
    let begin = Instant::now();
    let id = post(&place.http, &place.url(node, "topics", TOPIC), &once, "not yet".into(), &files).await;
    let took = begin.elapsed();
    match id {
        None if took < publisher::PATIENCE => Ok(format!("node {node}: publishing fails after {took:?}")),
        None => Err(format!("node {node}: publishing fails after {took:?} only")),
        Some(id) => Err(format!("node {node}: published {id} in a partition")),
    }
}

async fn subscribe_fails(place: Place, node: usize, topic: String) -> Seen {
    let begin = Instant::now();
    let sent = timeout(ANSWER, place.http.get(place.url(node, "topics", &topic)).send()).await;
    let took = begin.elapsed();
    match sent {
        Ok(Ok(response)) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
            Ok(format!("node {node}: 503 for a new subscriber after {took:?}"))
        }
        other => Err(format!("node {node}: a new subscriber has {other:?} after {took:?}")),
    }
}

/// Reads until this event comes, with keep-alives all the while.
async fn follow(node: usize, mut response: Response, event: String) -> Seen {
    let (mut chunks, mut text) = (0, String::new());
    while !text.contains(&event) {
        match timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(chunk))) => text.push_str(&String::from_utf8_lossy(&chunk)),
            Ok(ended) => return Err(format!("node {node}: a stream ended in a partition: {ended:?}")),
            Err(_) => return Err(format!("node {node}: a stream was silent for {SILENCE:?} in a partition")),
        }
        chunks += 1;
    }
    Ok(format!("node {node}: a stream goes on after {chunks} chunks, without a silence"))
}
