//! What is in the stream.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::header::HeaderValue;

use super::reading::{End, Reading, seconds};
use super::report::{Row, Topic};

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

pub fn rows(reading: &Reading) -> Vec<Row> {
    vec![well_formed(reading), ids(reading), id_header(reading), retry(reading)]
}

fn well_formed(reading: &Reading) -> Row {
    let wrong = &reading.wrong;
    let mut seen = Vec::new();
    let mut count = |count: u64, what: &str| {
        if count > 0 {
            seen.push(format!("{count} {what}"));
        }
    };
    count(wrong.ignored_lines, "lines that clients ignore");
    count(wrong.without_data, "blocks with an event name but no data, which dispatch nothing");
    count(wrong.refused, "blocks over 16 MiB");
    count(wrong.replaced, "blocks with U+FFFD, which stands for bytes that are not UTF-8");
    count(u64::from(wrong.unfinished), "event at the end without a blank line after it, which clients drop");
    if !wrong.ignored_names.is_empty() {
        seen.push(format!("names of ignored fields: {:?}", wrong.ignored_names));
    }
    let seen = seen.join("; ");
    let todo = "see where with: sse-inspect URL";
    if seen.is_empty() {
        let count = reading.events.len();
        WELL_FORMED
            .ok(format!("{count} events, {} comments or other blocks, {} bytes", reading.quiet_blocks, reading.bytes))
    } else if wrong.unfinished || wrong.refused > 0 || reading.events.is_empty() {
        WELL_FORMED.fault(format!("{} events; {seen}", reading.events.len()), todo)
    } else {
        WELL_FORMED.warning(seen, todo)
    }
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
            format!("none of {all} events has an id: clients that reconnect lose or repeat events"),
            "give each event an id, unless a lost event does no harm",
        ),
        _ if count < all => IDS.ok(format!("{count} of {all} events have an id, and no two are the same")),
        _ => IDS.ok(format!("all {all} events have an id, and no two are the same")),
    }
}

/// Whether a header carries the id as it is.
pub fn is_carried(id: &str) -> bool {
    HeaderValue::from_bytes(id.as_bytes()).is_ok() && id.trim_ascii() == id
}

fn id_header(reading: &Reading) -> Row {
    let with_id = reading.with_id();
    if with_id.is_empty() {
        return ID_HEADER.not_checked("no event has an id");
    }
    let find = |is_bad: fn(&str) -> bool| with_id.iter().map(|(id, _)| *id).find(|id| is_bad(id));
    if let Some(id) = find(|id| !is_carried(id)) {
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
    match reading.retry {
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
