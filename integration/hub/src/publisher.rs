//! Publishes to one topic, at whichever node answers, until each event is acknowledged.

use std::io::{self, Write};
use std::time::Duration;

use fastrand::Rng;
use reqwest::{Client, StatusCode};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::driver::{Place, Topic};
use crate::files::{Files, Id};

/// How long a node may take to answer that it cannot publish.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// A publisher never gives a request up before the node does: it might still be carried out, much later.
const NEVER: Duration = Duration::from_mins(2);

/// Publishes the numbers 1, 2, 3 ... until it is stopped. Returns the id of the last.
pub async fn publish(
    place: Place,
    topic: Topic,
    files: Files,
    stop: watch::Receiver<bool>,
    mut chance: Rng,
) -> io::Result<Id> {
    let mut log = files.log(&topic.name)?;
    let padding = "x".repeat(topic.padding);
    let mut ticks = interval(topic.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1.. {
        ticks.tick().await;
        let data = format!("{} {number} {padding}", topic.name);
        let id = loop {
            let url = place.url(place.node(&mut chance), topic.path, &topic.name);
            if let Some(id) = post(&place.http, &url, &number.to_string(), data.clone(), &files).await {
                break id;
            }
            sleep(Duration::from_millis(chance.u64(50..200))).await;
        };
        writeln!(log, "{number} {id}")?;
        if *stop.borrow() {
            return Ok(id);
        }
    }
    unreachable!("there are enough numbers")
}

/// Publishes an event of this name. `None` if the node does not answer, or cannot publish.
pub async fn post(http: &Client, url: &str, once: &str, data: String, files: &Files) -> Option<Id> {
    let begin = Instant::now();
    let sent = http.post(format!("{url}?once={once}")).timeout(NEVER).body(data).send().await;
    if begin.elapsed() > PATIENCE {
        files.driver("FAILED", &format!("publishing took {:?}", begin.elapsed()));
    }
    let response = sent.ok()?;
    let status = response.status();
    let text = response.text().await.ok()?;
    match (status, text.parse()) {
        (StatusCode::OK, Ok(id)) => return Some(id),
        (StatusCode::SERVICE_UNAVAILABLE, _) => {}
        _ => files.driver("FAILED", &format!("publishing was answered with {status}, {text}")),
    }
    None
}
