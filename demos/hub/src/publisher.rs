//! What publishes: 1, 2, 3 and so on, each until it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use sse_wire::Event;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::node::Node;
use crate::system::System;

/// The topic of the numbers.
const TOPIC: &str = "numbers";

const PERIOD: Duration = Duration::from_millis(50);

/// How long to wait before a number is published again.
const AGAIN: Duration = Duration::from_millis(100);

/// Publishes numbers, by any node that is alive. Each event also has the number that is before it in the log: this is how the page
/// knows a gap from what Redis has lost.
pub(crate) async fn publish(system: Arc<System>) {
    let mut interval = interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1.. {
        interval.tick().await;
        let mut newest = system.newest.lock().await;
        let data = format!(r#"{{"number":{number},"previous":{newest}}}"#);
        let mut tries = 0;
        while let Err(error) = publish_once(&system, number, tries, &data).await {
            if tries == 0 {
                system.board.tell(format!("Number {number} is not acknowledged, and published again: {error}."));
            }
            tries += 1;
            sleep(AGAIN).await;
        }
        *newest = number;
    }
}

/// Publishes a number by a node that is alive. After an error it may have been published all the same, so the number is also the
/// name of the event, by which the hub knows it again.
async fn publish_once(system: &System, number: u64, tries: u64, data: &str) -> Result<(), String> {
    let Some(node) = system.in_turn(number + tries).into_iter().find_map(Node::running) else {
        return Err("no node is alive".to_owned());
    };
    let name = number.to_string();
    let published = node.hub.publish_once(TOPIC, Event::new(data), &name);
    match node.killed.run_until_cancelled(published).await {
        None => Err("the node was killed".to_owned()),
        Some(published) => published.map(drop).map_err(|error| error.to_string()),
    }
}
