//! When events come: one by one, or held back.

use std::time::Duration;

use reqwest::Request;

use super::reading::{self, End, Reading, SILENCE, Seen, Target, Until, seconds};
use super::report::{Row, Topic, Verdict, times};

pub const BUFFERING: Topic = Topic {
    name: "buffering",
    why: "a server or proxy that collects events before it sends them makes a live stream late",
};
pub const KEEP_ALIVE: Topic = Topic {
    name: "keep-alive",
    why: "proxies close a connection without data: Heroku after 55 s, nginx and AWS ALB after 60 s, Cloudflare after 100 s (HTML 9.2.7)",
};
pub const COMPRESSION: Topic = Topic {
    name: "compression",
    why: "a compressor that is not flushed after each event holds events back; browsers always ask for compression",
};

const UNBUFFER: &str =
    "flush after each event; turn off the buffering and compression of proxies (nginx: proxy_buffering off)";

const WHOLE_LINES: &str = "write each event as a whole and flush it; if the server does so already, a buffer on the way was full: \
                           turn off the buffering and compression of proxies (nginx: proxy_buffering off)";

/// Events whose arrivals are no further apart came at once.
const AT_ONCE: Duration = Duration::from_millis(10);

/// So many events at once are many.
const MANY: usize = 3;

/// Events that came at once, after a silence.
struct Burst<'a> {
    silence: Duration,
    events: &'a [Seen],
}

impl Burst<'_> {
    /// The time between the first and the last event, as they say; `None` if they do not.
    fn span(&self) -> Option<f64> {
        let stamps = || self.events.iter().filter_map(|event| event.stamp);
        (stamps().count() >= MANY).then(|| stamps().fold(f64::MIN, f64::max) - stamps().fold(f64::MAX, f64::min))
    }

    /// Whether the events were made during the silence. History that is sent to a new client is older.
    fn is_held_back(&self) -> bool {
        let silence = self.silence.as_secs_f64();
        self.span().is_some_and(|span| span > silence * 0.3 && span < silence * 1.5 + 1.0)
    }
}

fn bursts(events: &[Seen]) -> Vec<Burst<'_>> {
    let mut last = Duration::ZERO;
    let parts = events.chunk_by(|one, next| next.at.saturating_sub(one.at) <= AT_ONCE);
    let burst = |events: &'_ [Seen]| {
        let before = std::mem::replace(&mut last, events.last().map_or(Duration::ZERO, |event| event.at));
        events.first().map_or(Duration::ZERO, |event| event.at.saturating_sub(before))
    };
    let silences: Vec<_> = parts.clone().map(burst).collect();
    parts.zip(silences).map(|(events, silence)| Burst { silence, events }).collect()
}

pub fn buffering(reading: &Reading) -> Row {
    let Reading { events, cuts, head, time, .. } = reading;
    let bursts = bursts(events);
    let many: Vec<_> = bursts.iter().filter(|burst| burst.silence >= SILENCE && burst.events.len() >= MANY).collect();
    if let Some(burst) = many.iter().find(|burst| burst.is_held_back()) {
        let (count, silence) = (burst.events.len(), seconds(burst.silence));
        let span = burst.span().unwrap_or_default();
        return BUFFERING.fault(
            format!("{count} events at once after a silence of {silence}, though by their own times {span:.1} s passed between them"),
            UNBUFFER,
        );
    }
    let Some(first) = reading.first_event() else {
        return if reading.findings.bytes > 0 {
            BUFFERING.not_checked(format!("no event in {}, only comments or other lines", seconds(*time)))
        } else if reading.end == End::Open {
            BUFFERING.warning(
                format!("not a byte in {}: the stream is silent, or something holds it back", seconds(*time)),
                "send a comment at once, and check with --for a longer time",
            )
        } else {
            BUFFERING.not_checked("the stream is empty")
        };
    };
    if let Some(longest) = cuts.iter().max() {
        let seen = format!(
            "the stream was silent in the middle of a line, {}, for up to {}",
            times(cuts.len() as u64),
            seconds(*longest)
        );
        return if cuts.len() > 1 { BUFFERING.fault(seen, WHOLE_LINES) } else { BUFFERING.warning(seen, WHOLE_LINES) };
    }
    let in_many: usize = many.iter().map(|burst| burst.events.len()).sum();
    let say_otherwise = many.iter().any(|burst| burst.span().is_some());
    // The first burst may be what a new client is to know.
    if many.len() > 1 && in_many * 10 >= events.len() * 8 && !say_otherwise {
        return BUFFERING.warning(
            format!("{in_many} of {} events came in {} bursts with silence between them", events.len(), many.len()),
            "look whether the server makes them so; if not, flush after each event, and turn off the buffering of proxies",
        );
    }
    let after = seconds(first.saturating_sub(head.after));
    BUFFERING.ok(format!("first event {after} after the head; {} events at {} times", events.len(), bursts.len()))
}

/// After how long who closes a connection without data.
const TIMEOUTS: [(u64, &str); 4] = [(55, "Heroku"), (60, "nginx"), (60, "AWS ALB"), (100, "Cloudflare")];

pub fn keep_alive(reading: &Reading) -> Row {
    let Reading { longest_silence, quiet_blocks, time, end, .. } = reading;
    let silence = seconds(*longest_silence);
    let late: Vec<_> =
        TIMEOUTS.iter().filter(|(limit, _)| longest_silence.as_secs() >= *limit).map(|(_, name)| *name).collect();
    if !late.is_empty() {
        let seen = format!("a silence of {silence}, which is too long for {}", late.join(", "));
        KEEP_ALIVE.fault(seen, "send a comment at least every 15 to 30 s")
    } else if *quiet_blocks > 1 {
        KEEP_ALIVE.ok(format!("comments, and the longest silence is {silence}"))
    } else if *end == End::Closed {
        KEEP_ALIVE.ok(format!("not needed: the stream ended after {}", seconds(*time)))
    } else if let End::Broken(_) = end {
        KEEP_ALIVE.not_checked(format!("the connection broke after {}", seconds(*time)))
    } else {
        let seen = format!("not seen in {}, the longest silence is {silence}; see more with --for 120", seconds(*time));
        KEEP_ALIVE.not_checked(seen)
    }
}

const FLUSH: &str = "flush the compressor after each event, or do not compress event streams";

/// `gzip`: what was read at the same time as `plain`, if there was an answer. `until`: how long to wait for another.
pub async fn compression(target: &Target, plain: &Reading, gzip: Option<Reading>, until: Until) -> Row {
    let encoding = plain.head.value("content-encoding");
    if !encoding.is_empty() {
        return COMPRESSION.fault(format!("{encoding}, without being asked"), "compress only for accept-encoding");
    }
    match gzip {
        Some(gzip) => compare(plain, &gzip),
        None => compression_alone(target, Until { events: 0, ..until }).await,
    }
}

/// The request header that asks for gzip.
pub fn ask_for_gzip(request: &mut Request) {
    reading::set(request, "accept-encoding", b"gzip");
}

/// Asks for gzip while nothing else is read: the server may answer one client at a time.
async fn compression_alone(target: &Target, head: Until) -> Row {
    match reading::read_alone(target, ask_for_gzip, head).await {
        Ok(gzip) if gzip.head.status == 200 && gzip.head.value("content-encoding").is_empty() => {
            COMPRESSION.ok("none, also when asked for gzip")
        }
        Ok(gzip) if gzip.head.status == 200 => COMPRESSION.not_checked(
            "the server answers one client at a time, so that gzip cannot be compared with no compression",
        ),
        Ok(gzip) => COMPRESSION
            .fault(format!("with accept-encoding: gzip: status {}", gzip.head.status), "answer as without it"),
        Err(failure) => match reading::read_alone(target, |_| {}, head).await {
            Ok(_) => COMPRESSION
                .fault(format!("with accept-encoding: gzip: {failure}"), "answer with accept-encoding as without it"),
            Err(_) => COMPRESSION.not_checked("the server answers no other connection"),
        },
    }
}

fn compare(plain: &Reading, gzip: &Reading) -> Row {
    let status = gzip.head.status;
    if status != 200 {
        return COMPRESSION.fault(format!("with accept-encoding: gzip: status {status}"), "answer as without it");
    }
    match gzip.head.value("content-encoding").as_str() {
        "" => return COMPRESSION.ok("none, also when asked for gzip"),
        encoding if encoding.eq_ignore_ascii_case("gzip") => {}
        encoding => return COMPRESSION.fault(format!("{encoding} when asked for gzip"), "send what was asked for"),
    }
    if let End::Broken(error) = &gzip.end {
        return COMPRESSION.fault(error.as_str(), "send a whole gzip stream, and name it in content-encoding");
    }
    let Some(first) = plain.first_event() else { return COMPRESSION.not_checked("gzip, but no event came") };
    let plain_first = seconds(first);
    let Some(gzip_first) = gzip.first_event() else {
        let seen =
            format!("no event in {} with gzip, without it the first came after {plain_first}", seconds(gzip.time));
        return COMPRESSION.fault(seen, FLUSH);
    };
    if gzip_first > first * 2 + Duration::from_millis(500) {
        let seen = format!("the first event came after {} with gzip, after {plain_first} without", seconds(gzip_first));
        return COMPRESSION.fault(seen, FLUSH);
    }
    let (plain_count, count) = (plain.events.len(), gzip.events.len());
    if plain_count >= MANY * 2 && count * 2 < plain_count {
        return COMPRESSION.fault(format!("{count} events with gzip, {plain_count} without, in the same time"), FLUSH);
    }
    let row = buffering(gzip);
    if row.verdict == Verdict::Fault && buffering(plain).verdict != Verdict::Fault {
        return COMPRESSION.fault(format!("with gzip: {}", row.seen), FLUSH);
    }
    COMPRESSION.ok("gzip when asked for, and it holds no event back")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::reading::Reading;
    use crate::check::report::Verdict::{Fault, NotChecked, Ok, Warning};

    /// A reading of events at these milliseconds, each made at these.
    fn reading(events: &[(u64, Option<u64>)]) -> Reading {
        let mut reading = Reading::empty();
        reading.findings.bytes = 1;
        reading.events = events
            .iter()
            .map(|(at, stamp)| Seen {
                at: Duration::from_millis(*at),
                id: None,
                digest: *at,
                stamp: stamp.map(|stamp| 1.7e9 + Duration::from_millis(stamp).as_secs_f64()),
            })
            .collect();
        reading
    }

    #[test]
    fn events_that_are_held_back_are_told_from_those_made_at_once() {
        let each = [(5, None), (300, None), (600, None), (900, None)];
        let bursts = [(0, None), (500, None), (501, None), (502, None), (1000, None), (1001, None), (1002, None)];
        let held = [(1000, Some(0)), (1001, Some(300)), (1002, Some(900))];
        let history = [(300, Some(0)), (301, Some(60_000)), (302, Some(120_000))];
        let made_at_once = [500, 501, 502, 1000, 1001, 1002].map(|at| (at, Some(at)));
        for (events, verdict) in [
            (&each[..], Ok),
            (&bursts, Warning),
            (&held, Fault),
            (&history, Ok),
            (&made_at_once, Ok),
            (&[], NotChecked),
        ] {
            let row = buffering(&reading(events));
            assert_eq!(row.verdict, verdict, "{events:?}: {}", row.seen);
        }
        for (cuts, verdict) in [(1, Warning), (2, Fault)] {
            let cuts = vec![SILENCE; cuts];
            assert_eq!(buffering(&Reading { cuts: cuts.clone(), ..reading(&each) }).verdict, verdict);
            // Without an event, it is not the buffer that is to blame.
            assert_eq!(buffering(&Reading { cuts, ..reading(&[]) }).verdict, NotChecked);
        }
        assert_eq!(buffering(&Reading::empty()).verdict, Warning);
    }

    #[test]
    fn a_silence_is_compared_with_the_time_outs_of_proxies() {
        let row = |silence, quiet_blocks, end| {
            let longest_silence = Duration::from_secs(silence);
            keep_alive(&Reading { quiet_blocks, longest_silence, end, ..Reading::empty() })
        };
        assert_eq!(row(15, 2, End::Open).verdict, Ok);
        assert_eq!(row(9, 0, End::Open).verdict, NotChecked);
        assert_eq!(row(9, 0, End::Closed).verdict, Ok);
        assert!(row(9, 0, End::Broken(String::new())).seen.starts_with("the connection broke"));
        assert!(row(56, 2, End::Open).seen.ends_with("Heroku"));
        let row = row(101, 0, End::Open);
        assert_eq!(row.verdict, Fault);
        assert!(row.seen.ends_with("Heroku, nginx, AWS ALB, Cloudflare"), "{}", row.seen);
    }
}
