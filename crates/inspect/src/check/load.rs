//! A reader that is slow, and many readers.

use std::time::Duration;

use futures_util::future::join_all;

use super::reading::{self, End, Seen, Target, Until, seconds};
use super::report::{Row, Topic, counted};

pub const SLOW: Topic = Topic {
    name: "slow-reader",
    why: "a reader that pauses must get every event, or lose the connection, so that it reconnects; not lose events (HTML 9.2.3)",
};
pub const CONNECTIONS: Topic = Topic {
    name: "connections",
    why: "each reader holds a connection for as long as it reads; a server with a thread or process for each runs out of them",
};

/// How long the slow reader does not read.
const PAUSE: Duration = Duration::from_secs(2);

pub async fn slow_reader(target: &Target, time: Duration, patience: Duration) -> Row {
    let pause = PAUSE.min(time / 2);
    let until = Until { time: pause + patience, events: usize::MAX, pause: Duration::ZERO };
    let (fast, slow) = tokio::join!(
        reading::read_alone(target, |_| {}, until),
        reading::read_alone(target, |_| {}, Until { pause, ..until }),
    );
    let todo = "keep the events of a slow reader up to a limit; beyond it, close its connection";
    let (fast, slow) = match (fast, slow) {
        (Ok(fast), Ok(slow)) => (fast, slow),
        (Err(failure), _) | (_, Err(failure)) => {
            return SLOW.fault(format!("with two readers at once: {failure}"), "answer several clients at once");
        }
    };
    let pause = seconds(pause);
    match compare(&fast.events, &slow.events) {
        Order::NoEvents => SLOW.not_checked("no event came"),
        Order::Unknown => SLOW.not_checked("two readers get different events, so that they cannot be compared"),
        Order::Lost if !slow.events.is_empty() || slow.end == End::Open => {
            SLOW.fault(format!("no reading for {pause}, and then events are missing"), todo)
        }
        Order::Whole | Order::Behind | Order::Lost
            if slow.end == End::Closed && slow.is_cut_off() && !fast.is_cut_off() =>
        {
            SLOW.fault(format!("no reading for {pause}, and then the stream ends inside of an event"), todo)
        }
        Order::Behind if slow.end == End::Open => SLOW.warning(
            format!("no reading for {pause}, and then only {} of {} events", slow.events.len(), fast.events.len()),
            todo,
        ),
        Order::Whole if slow.end == fast.end => {
            SLOW.ok(format!("no reading for {pause}, and then {}, none missing", counted(slow.events.len(), "event")))
        }
        Order::Whole | Order::Behind | Order::Lost => {
            SLOW.ok(format!("no reading for {pause}, and then a clean break"))
        }
    }
}

enum Order {
    NoEvents,
    /// One reader's events are a part of the other's, without a gap.
    Whole,
    /// As that, but the slow reader has less than half of them.
    Behind,
    Lost,
    /// They have no event in common.
    Unknown,
}

/// Compares what two readers got. Each may have begun a bit later, or ended a bit sooner than the other.
fn compare(fast: &[Seen], slow: &[Seen]) -> Order {
    let (Some(first_fast), Some(first_slow)) = (fast.first(), slow.first()) else {
        return if fast.len() > 1 { Order::Lost } else { Order::NoEvents };
    };
    let (fast, slow) = if let Some(at) = fast.iter().position(|event| event.is(first_slow)) {
        (&fast[at..], slow)
    } else if let Some(at) = slow.iter().position(|event| event.is(first_fast)) {
        (fast, &slow[at..])
    } else {
        return Order::Unknown;
    };
    if !fast.iter().zip(slow).all(|(fast, slow)| fast.is(slow)) {
        Order::Lost
    } else if fast.len() > 5 && slow.len() * 2 < fast.len() {
        Order::Behind
    } else {
        Order::Whole
    }
}

pub async fn connections(target: &Target, count: u16, first: Until) -> Row {
    let todo = "answer many clients at once, as with asynchronous I/O; see the limits of the server and of proxies";
    // Each connection stays open until all have answered.
    let held = join_all((0..count).map(|_| reading::hold_alone(target, first))).await;
    let mut slowest = Duration::ZERO;
    let (mut failed, mut refused, mut silent) = (Vec::new(), Vec::new(), 0);
    for reading in &held {
        match reading {
            Err(failure) => failed.push(failure.to_string()),
            Ok((reading, _)) if reading.head.status != 200 => refused.push(reading.head.status),
            Ok((reading, _)) if reading.events.len() < first.events => silent += 1,
            Ok((reading, _)) => slowest = slowest.max(reading.time),
        }
    }
    if let Some(failure) = failed.first() {
        CONNECTIONS.fault(format!("{} of {count} at once failed: {failure}", failed.len()), todo)
    } else if silent > 0 {
        CONNECTIONS.fault(format!("{silent} of {count} at once got no event in {}", seconds(first.time)), todo)
    } else if let Some(status) = refused.first() {
        CONNECTIONS.warning(format!("{} of {count} at once got status {status}", refused.len()), todo)
    } else {
        let what = if first.events > 0 { "the first event" } else { "an answer" };
        CONNECTIONS.ok(format!("{count} at once, each has {what} within {}", seconds(slowest)))
    }
}
