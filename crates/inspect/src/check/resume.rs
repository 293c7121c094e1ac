//! Whether a client that reconnects goes on where it was, and what happens at the end of the stream.

use std::time::Duration;

use reqwest::{Client, Request, Version};

use super::reading::{self, End, Failure, Reading, Seen, Target, Until, seconds};
use super::report::{Row, Topic, are, counted};
use crate::stream::notes::is_carried;

const WHY: &str = "a client that reconnects sends last-event-id, and the server goes on after that event (HTML 9.2.4)";
pub const RESUME: Topic = Topic { name: "resume", why: WHY };
pub const RESUME_SAME: Topic = Topic { name: "resume-same-connection", why: WHY };
pub const END: Topic = Topic {
    name: "end",
    why: "clients reconnect when a stream ends; only an answer with 204 makes them stop (HTML 9.2.3)",
};

const ADVICE: &str = "send the events after the one that last-event-id names, each once; keep them for all servers";

pub async fn rows(target: &Target, client: &Client, main: &Reading, patience: Duration) -> Vec<Row> {
    // What followed the cut is enough.
    let until = Until { time: patience, events: main.events.len(), pause: Duration::ZERO };
    let with_id: Vec<_> = main.with_id();
    let cut = match cut(&with_id) {
        Err(reason) => return vec![RESUME.not_checked(reason), RESUME_SAME.not_checked(reason)],
        Ok(cut) => cut,
    };
    let id = with_id[cut].0.as_bytes();
    let change = |request: &mut Request| reading::set(request, sse_wire::http::LAST_EVENT_ID, id);
    let other = row(&RESUME, &with_id, cut, &reading::read_alone(target, change, until).await);
    if main.head.version != Version::HTTP_2 && main.end != End::Closed {
        let reason = "HTTP/1.1 has no way to go on with a connection whose stream was cut";
        return vec![other, RESUME_SAME.not_checked(reason)];
    }
    let mut request = target.request();
    change(&mut request);
    vec![other, row(&RESUME_SAME, &with_id, cut, &reading::read(client, request, until).await)]
}

/// The event after which to cut: in the middle, so that others are known to follow.
fn cut(with_id: &[(&str, &Seen)]) -> Result<usize, &'static str> {
    let Some(last) = with_id.len().checked_sub(1) else { return Err("no event has an id") };
    let cut = last / 2;
    if is_carried(with_id[cut].0.as_bytes()) { Ok(cut) } else { Err("HTTP does not carry the id") }
}

fn row(topic: &Topic, first: &[(&str, &Seen)], cut: usize, resumed: &Result<Reading, Failure>) -> Row {
    let id = first[cut].0;
    let resumed = match resumed {
        Ok(resumed) => resumed,
        Err(failure) => return topic.fault(format!("with last-event-id {id:?}: {failure}"), ADVICE),
    };
    let followed = first.len() - cut - 1;
    match resumed.head.status {
        200 => {}
        204 if followed == 0 => return topic.ok(format!("204 after {id:?}: there is no more")),
        status => {
            return topic.fault(
                format!("status {status} after {id:?}, though {} followed", counted(followed, "event")),
                ADVICE,
            );
        }
    }
    let resumed_events = resumed.with_id();
    let ids: Vec<_> = resumed_events.iter().map(|(id, _)| *id).collect();
    let next = ids.first().copied().unwrap_or("");
    let is_same = first[cut + 1..].iter().zip(&resumed_events).all(|((_, one), (_, other))| one.digest == other.digest);
    let first: Vec<_> = first.iter().map(|(id, _)| *id).collect();
    match compare(&first, cut, &ids) {
        Outcome::GoesOn(_) if !is_same => topic.warning(
            format!("after {id:?} the ids go on, with {next:?}, but the data is not the same as at first"),
            "send the events that were sent with these ids before, not new ones",
        ),
        Outcome::GoesOn(count) => {
            topic.ok(format!("after {id:?} comes {next:?}; {} the same as at first", are(count, "event")))
        }
        Outcome::Restart => topic.fault(format!("after {id:?} the stream starts again, with {next:?}"), ADVICE),
        Outcome::Double => topic.fault(format!("after {id:?} an event comes again: {next:?}"), ADVICE),
        Outcome::Gap(lost) => topic.fault(format!("after {id:?}, {} missing", are(lost, "event")), ADVICE),
        Outcome::NothingCame => topic.fault(
            format!(
                "after {id:?} nothing came in {}, though {} followed",
                seconds(resumed.time),
                counted(followed, "event")
            ),
            ADVICE,
        ),
        Outcome::Unknown => topic.not_checked(format!("no other event followed {id:?} to compare with")),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// So many events are those that followed at first.
    GoesOn(usize),
    /// The first event came again.
    Restart,
    /// The event of the cut, or one before it, came again; or one after it came twice.
    Double,
    /// So many events that followed did not come.
    Gap(usize),
    NothingCame,
    Unknown,
}

/// Compares the ids that came at first, and those that came after the one at `cut`.
fn compare(first: &[&str], cut: usize, resumed: &[&str]) -> Outcome {
    let followed = &first[cut + 1..];
    let place = |id: &&str| first.iter().position(|other| other == id);
    match (resumed.first().map(place), followed.len()) {
        (None | Some(None), 0) => return Outcome::Unknown,
        (None, _) => return Outcome::NothingCame,
        (Some(Some(0)), _) => return Outcome::Restart,
        (Some(Some(place)), _) if place <= cut => return Outcome::Double,
        _ => {}
    }
    for (at, id) in resumed.iter().enumerate() {
        match (place(id), followed.get(at)) {
            (_, None) => break,
            (_, Some(expected)) if expected == id => {}
            (Some(place), _) if place <= cut + at => return Outcome::Double,
            (Some(place), _) => return Outcome::Gap(place - cut - 1 - at),
            (None, _) => return Outcome::Gap(followed.len() - at),
        }
    }
    Outcome::GoesOn(resumed.len().min(followed.len()))
}

pub async fn end(target: &Target, main: &Reading, patience: Duration) -> Row {
    let time = seconds(main.time);
    match &main.end {
        End::Open => return END.ok(format!("still open after {time}")),
        End::Broken(error) => {
            return END.fault(
                format!("broken after {time}: {error}"),
                "end the stream as HTTP ends an answer, or look for a time-out on the way",
            );
        }
        End::Closed => {}
    }
    let last = main.with_id().last().map_or("", |(id, _)| *id).to_owned();
    let set = |request: &mut Request| {
        if !last.is_empty() {
            reading::set(request, sse_wire::http::LAST_EVENT_ID, last.as_bytes());
        }
    };
    let again = match reading::read_alone(target, set, Until { time: patience, events: 1, pause: Duration::ZERO }).await
    {
        Ok(again) => again,
        Err(failure) => {
            return END.fault(format!("ended after {time}; then: {failure}"), "answer 204 when there is no more");
        }
    };
    match (again.head.status, again.events.first(), main.events.first()) {
        (204, _, _) => END.ok(format!("ended after {time}; then 204, and clients stop")),
        (200, Some(event), Some(first)) if event.is(first) => END.warning(
            format!("ended after {time}; a client that reconnects reads the same again, and again"),
            "go on after last-event-id, and answer 204 when there is no more; or name an event that ends it",
        ),
        (200, Some(_), _) => END.ok(format!("ended after {time}; then another stream goes on")),
        (200, None, _) => END.warning(
            format!("ended after {time}; then a stream without events, again and again"),
            "answer 204 when there is no more",
        ),
        (status, ..) => END.warning(
            format!("ended after {time}; then status {status}, which clients take for an error"),
            "answer 204 when there is no more",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, compare};

    #[test]
    fn what_comes_after_a_cut_is_told_apart() {
        let first = ["1", "2", "3", "4", "5"];
        for (cut, resumed, expected) in [
            (1, vec!["3", "4", "5"], Outcome::GoesOn(3)),
            (1, vec!["3", "4", "5", "6"], Outcome::GoesOn(3)),
            (1, vec!["3"], Outcome::GoesOn(1)),
            (1, vec!["2", "3"], Outcome::Double),
            (1, vec!["3", "3"], Outcome::Double),
            (2, vec!["2"], Outcome::Double),
            (1, vec!["1", "2"], Outcome::Restart),
            (0, vec!["1"], Outcome::Restart),
            (1, vec!["5"], Outcome::Gap(2)),
            (1, vec!["3", "5"], Outcome::Gap(1)),
            (1, vec!["9"], Outcome::Gap(3)),
            (1, vec![], Outcome::NothingCame),
            (4, vec![], Outcome::Unknown),
            (4, vec!["6"], Outcome::Unknown),
            (4, vec!["5"], Outcome::Double),
        ] {
            assert_eq!(compare(&first, cut, &resumed), expected, "{cut} {resumed:?}");
        }
    }
}
