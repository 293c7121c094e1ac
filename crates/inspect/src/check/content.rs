//! What is in the stream.

use std::collections::HashSet;
use std::time::Duration;

use super::reading::{End, Reading, seconds};
use super::report::{Row, Topic, counted, times};
use crate::stream::findings::Findings;
use crate::stream::notes::is_carried;

/// How many of the names that are wrong are shown, and how much of a body that is no event stream.
const MAX_NAMES: usize = 3;
const MAX_OPENING: usize = 200;

const WELL_FORMED: Topic = Topic {
    name: "well-formed",
    why: "clients ignore lines that they do not know, and drop blocks without data and what is unfinished (HTML 9.2.6)",
};
const IDS: Topic = Topic {
    name: "ids",
    why: "a client that reconnects sends the last id, which must tell the server where to go on (HTML 9.2.4)",
};
const ID_HEADER: Topic = Topic {
    name: "ids-in-header",
    why: "a client sends the id back as a header, which carries no control characters or spaces around it (RFC 9110 5.5)",
};
const RETRY: Topic = Topic {
    name: "retry",
    why: "clients wait for this time before they reconnect; without it, for a time of their own (HTML 9.2.3, 9.2.6)",
};

pub const TOPICS: [Topic; 4] = [WELL_FORMED, IDS, ID_HEADER, RETRY];

pub fn rows(reading: &Reading) -> [Row; 4] {
    [well_formed(reading), ids(reading), id_header(reading), retry(reading)]
}

/// What the view finds in the bytes, and whether an event came. Its hints are a warning.
pub fn well_formed(reading: &Reading) -> Row {
    let findings = &reading.findings;
    let (mut seen, todo) = described(findings, false);
    if findings.is_other_format() {
        let opening = String::from_utf8_lossy(&reading.opening);
        seen.push(format!("It begins with {:?}", opening.chars().take(MAX_OPENING).collect::<String>()));
    }
    let count = counted(reading.events.len(), "event");
    if !seen.is_empty() {
        return WELL_FORMED.fault(format!("{count}; {}", seen.join(" ")), todo);
    }
    if reading.events.is_empty() {
        return if reading.end == End::Open {
            WELL_FORMED.not_checked(format!("no event in {}", seconds(reading.time)))
        } else {
            let seen = format!("the stream ended after {} without an event", seconds(reading.time));
            WELL_FORMED.fault(seen, "send an event, or status 204 if there is none to come")
        };
    }
    let (seen, todo) = described(findings, true);
    if seen.is_empty() {
        let quiet = counted(reading.quiet_blocks, "block");
        WELL_FORMED.ok(format!("{count}, {quiet} without an event, {} bytes", findings.bytes))
    } else {
        WELL_FORMED.warning(format!("{count}; {}", seen.join(" ")), todo)
    }
}

/// The findings, or the hints, and what to do.
fn described(findings: &Findings, hints: bool) -> (Vec<String>, String) {
    let (mut seen, mut todo) = (Vec::new(), Vec::new());
    for (problem, count, first) in findings.problems(hints) {
        let about = problem.about();
        let names =
            count.names.known.iter().take(MAX_NAMES).map(|name| format!("{:?}", String::from_utf8_lossy(&name.start)));
        let names = names.collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { names } else { format!(" ({names})") };
        let (key, why, times, line) = (about.key, about.why, times(count.times), first.line);
        seen.push(format!("{key}{names}, {times}, first in line {line}: {why}"));
        if !todo.contains(&about.advice) {
            todo.push(about.advice);
        }
    }
    todo.push("See where with: sse-inspect URL");
    (seen, todo.join(" "))
}

fn ids(reading: &Reading) -> Row {
    let with_id = reading.with_id();
    let (count, all) = (with_id.len(), reading.events.len());
    if all == 0 {
        return IDS.not_checked("no event came");
    }
    let mut known = HashSet::new();
    if let Some((id, _)) = with_id.iter().find(|(id, _)| !known.insert(*id)) {
        return IDS.fault(format!("two events have the id {id:?}"), "give each event an id of its own");
    }
    match count {
        0 => IDS.warning(
            format!("events with an id: 0 of {all}, so that clients that reconnect lose or repeat events"),
            "give each event an id, unless nothing is lost with it",
        ),
        _ => IDS.ok(format!("events with an id: {count} of {all}, each another")),
    }
}

fn id_header(reading: &Reading) -> Row {
    let with_id = reading.with_id();
    if with_id.is_empty() {
        return ID_HEADER.not_checked("no event has an id");
    }
    let find = |is_bad: fn(&str) -> bool| with_id.iter().map(|(id, _)| *id).find(|id| is_bad(id));
    if let Some(id) = find(|id| !is_carried(id.as_bytes())) {
        ID_HEADER.fault(format!("HTTP does not carry {id:?}"), "make ids of printable ASCII")
    } else if let Some(id) = find(|id| id.len() > 1024) {
        let len = id.len();
        ID_HEADER.warning(format!("an id of {len} bytes: servers limit headers, often to 8 KiB"), "make ids shorter")
    } else if let Some(id) = find(|id| !id.is_ascii()) {
        ID_HEADER.warning(
            format!("{id:?} is not ASCII: many servers read headers as Latin-1"),
            "make ids of printable ASCII, or read last-event-id as UTF-8",
        )
    } else {
        ID_HEADER.ok("HTTP carries all of them")
    }
}

fn retry(reading: &Reading) -> Row {
    match reading.findings.reconnection_time {
        None if reading.end == End::Open => RETRY.ok("none: clients wait as long as they like, most 1 to 5 s"),
        None => RETRY.warning(
            "none, though the stream ends by itself: clients reconnect after a time of their own",
            "send retry: with the milliseconds to wait",
        ),
        Some(time) if time < Duration::from_millis(100) => {
            RETRY.warning(format!("{} ms: clients ask again at once", time.as_millis()), "send 1000 or more")
        }
        Some(time) if time > Duration::from_secs(300) => {
            RETRY.warning(format!("{}: clients wait that long", seconds(time)), "write it in milliseconds: 3000 is 3 s")
        }
        Some(time) => RETRY.ok(format!("{} ms", time.as_millis())),
    }
}
