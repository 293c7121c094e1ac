//! Checks what a run has left in its folder, by the files alone.
//!
//! The log of a topic is what was published to it, without what was lost at each break. Where an event follows another in the log as
//! it was when the event was published, it must follow it in the history of each client; or `gone` stands between the two, has a
//! reason, and has the id after which the history goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::files::{Id, Line, Time};

/// How long a node that was paused may be behind.
const NOTICED: Time = 5000;

/// What does not hold: where, and what.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}")]
pub struct Violation {
    file: String,
    /// Counting from 1; 0 stands for the whole file.
    line: usize,
    what: String,
}

/// What was checked.
#[derive(Debug, Default)]
pub struct Report {
    clients: usize,
    published: usize,
    lost: usize,
    events: usize,
    connections: usize,
    refused: usize,
    unreachable: usize,
    gone_lost: usize,
    gone_dropped: usize,
    driver: BTreeMap<String, usize>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, number: usize| writeln!(f, "| {what:<42} | {number:>11} |");
        row("clients", self.clients)?;
        row("events published", self.published)?;
        row("of them lost by Redis", self.lost)?;
        row("events received, all in their place", self.events)?;
        row("connections", self.connections)?;
        row("hops", self.connections.saturating_sub(self.clients))?;
        row("answered with 503", self.refused)?;
        row("no answer", self.unreachable)?;
        row("gone, since events were lost", self.gone_lost)?;
        row("gone, since they were no longer kept", self.gone_dropped)?;
        for (what, number) in &self.driver {
            row(&format!("driver: {what}"), *number)?;
        }
        write!(f, "\nall clients have a contiguous history, and have caught up")
    }
}

/// Checks the folder of a run.
pub fn check(folder: &Path) -> Result<Report, Violation> {
    let mut report = Report::default();
    for (at, line) in lines(folder, "driver")? {
        let what = line.split(' ').nth(1).unwrap_or_default();
        if what == "FAILED" {
            return Err(at.violation(line));
        }
        *report.driver.entry(what.into()).or_default() += 1;
    }
    let mut topics = BTreeMap::new();
    for (at, line) in lines(folder, "topics")? {
        let (name, kept) = at.words::<2>(&line)?.into();
        topics.insert(name.to_owned(), Topic::read(folder, name, at.parse(kept)?)?);
    }
    for topic in topics.values() {
        report.published += topic.log.len();
        report.lost += topic.log.iter().filter(|entry| topic.is_lost(entry.id, Time::MAX)).count();
    }
    let clients = fs::read_dir(folder.join("clients")).map_err(|error| At::whole("clients").violation(error))?;
    let clients: BTreeSet<_> =
        clients.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for client in clients {
        History::default().check(folder, &format!("clients/{client}"), &topics, &mut report)?;
        report.clients += 1;
    }
    if report.clients == 0 { Err(At::whole("clients").violation("there is none")) } else { Ok(report) }
}

/// A line of a file.
#[derive(Clone, Debug)]
struct At {
    file: String,
    line: usize,
}

impl At {
    fn whole(file: &str) -> At {
        At { file: file.into(), line: 0 }
    }

    fn violation(&self, what: impl fmt::Display) -> Violation {
        Violation { file: self.file.clone(), line: self.line, what: what.to_string() }
    }

    fn words<'a, const N: usize>(&self, line: &'a str) -> Result<[&'a str; N], Violation> {
        line.split(' ').collect::<Vec<_>>().try_into().map_err(|_| self.violation(format!("{line:?} is cut")))
    }

    fn parse<T: std::str::FromStr<Err: fmt::Display>>(&self, word: &str) -> Result<T, Violation> {
        word.parse().map_err(|error| self.violation(format!("{word:?}: {error}")))
    }
}

fn lines(folder: &Path, file: &str) -> Result<impl Iterator<Item = (At, String)>, Violation> {
    let text = fs::read_to_string(folder.join(file)).map_err(|error| At::whole(file).violation(error))?;
    let lines: Vec<_> = text.lines().map(String::from).collect();
    let file = file.to_owned();
    Ok(lines.into_iter().enumerate().map(move |(at, line)| (At { file: file.clone(), line: at + 1 }, line)))
}

struct Entry {
    id: Id,
    number: u64,
}

/// At this time, all entries after this one were lost.
struct Break {
    time: Time,
    last: Id,
}

struct Topic {
    kept: usize,
    log: Vec<Entry>,
    breaks: Vec<Break>,
}

impl Topic {
    fn read(folder: &Path, name: &str, kept: usize) -> Result<Topic, Violation> {
        let (file, mut topic) = (format!("log/{name}"), Topic { kept, log: Vec::new(), breaks: Vec::new() });
        for (at, line) in lines(folder, &file)? {
            let [number, id] = at.words(&line)?;
            let entry = Entry { number: at.parse(number)?, id: at.parse(id)? };
            let (before, number) = topic.log.last().map_or((Id::START, 0), |last| (last.id, last.number));
            if entry.number != number + 1 || entry.id <= before {
                return Err(
                    at.violation(format!("event {} has {}, and the one before {before}", entry.number, entry.id))
                );
            }
            topic.log.push(entry);
        }
        for (at, line) in lines(folder, "breaks")? {
            let [time, of, last] = at.words(&line)?;
            if of == name {
                topic.breaks.push(Break { time: at.parse(time)?, last: at.parse(last)? });
            }
        }
        match topic.log.last() {
            None => Err(At::whole(&file).violation("nothing was published")),
            Some(last) if topic.is_lost(last.id, Time::MAX) => Err(At::whole(&file).violation("the end is lost")),
            Some(_) => Ok(topic),
        }
    }

    /// Whether an entry with this id was lost before this time.
    fn is_lost(&self, id: Id, before: Time) -> bool {
        self.breaks.iter().any(|of| of.time < before && of.last < id && id.time <= of.time)
    }

    /// The entry with this id. `None` if there is none that was acknowledged.
    fn entry(&self, id: Id) -> Option<&Entry> {
        self.log.binary_search_by_key(&id, |entry| entry.id).ok().map(|at| &self.log[at])
    }

    /// The entry before this one in the log as it was when this one was appended.
    fn before(&self, id: Id) -> Option<&Entry> {
        let earlier = self.log.partition_point(|entry| entry.id < id);
        self.log[..earlier].iter().rev().find(|entry| !self.is_lost(entry.id, id.time))
    }

    /// How many entries follow this one until this time.
    fn after(&self, id: Id, until: Time) -> usize {
        let follow = self.log.partition_point(|entry| entry.id <= id);
        self.log.partition_point(|entry| entry.id.time <= until).saturating_sub(follow)
    }

    /// Whether this can be the id of an event: of an acknowledged one, or of one that was lost before.
    fn knows(&self, id: Id) -> bool {
        self.entry(id).is_some() || self.is_lost(id, Time::MAX)
    }
}

/// Where a client is in the log.
#[derive(Default)]
struct History {
    /// The id of what it has seen last.
    place: Option<Id>,
    /// When its connection began.
    began: Time,
    events: usize,
}

impl History {
    fn check(
        mut self,
        folder: &Path,
        file: &str,
        topics: &BTreeMap<String, Topic>,
        report: &mut Report,
    ) -> Result<(), Violation> {
        let mut lines = lines(folder, file)?;
        let Some((at, name)) = lines.next() else { return Err(At::whole(file).violation("it is empty")) };
        let topic = topics.get(&name).ok_or_else(|| at.violation("there is no such topic"))?;
        let mut last = at;
        for (at, line) in lines {
            let line = at.parse(&line)?;
            self.line(&line, &name, topic, report).map_err(|what| at.violation(what))?;
            last = at;
        }
        let end = topic.log.last().map(|entry| entry.id);
        if self.place != end {
            return Err(last.violation(format!("it ends at {}, and the topic at {}", Shown(self.place), Shown(end))));
        }
        if self.events == 0 {
            return Err(last.violation("it has seen no event"));
        }
        report.events += self.events;
        Ok(())
    }

    fn line(&mut self, line: &Line, name: &str, topic: &Topic, report: &mut Report) -> Result<(), String> {
        match line {
            Line::Began { time, id, .. } => {
                report.connections += 1;
                self.began = *time;
                if *id != self.place {
                    return Err(format!("it comes back with {}, and was at {}", Shown(*id), Shown(self.place)));
                }
            }
            Line::At(id) => {
                if self.place.is_some_and(|place| place != *id) {
                    return Err(format!("it is moved to {id}, and was at {}", Shown(self.place)));
                }
                self.place = Some(*id);
            }
            Line::Event { id, topic: of, number } => {
                if of != name {
                    return Err(format!("an event of the topic {of}"));
                }
                self.event(*id, *number, topic)?;
                self.events += 1;
                self.place = Some(*id);
            }
            Line::Gone { time, id } => {
                *self
                    .reason(*time, topic, report)
                    .ok_or_else(|| format!("gone, but what follows {} was kept", Shown(self.place)))? += 1;
                if *id != Id::START && !topic.knows(*id) {
                    return Err(format!("gone has the id {id}, which no event has"));
                }
                self.place = Some(*id);
            }
            Line::Refused => report.refused += 1,
            Line::Unreachable => report.unreachable += 1,
            Line::Ended => {}
            Line::Wrong(what) => return Err(what.clone()),
        }
        Ok(())
    }

    /// Whether this event may come now.
    fn event(&self, id: Id, number: u64, topic: &Topic) -> Result<(), String> {
        let before = topic.before(id);
        let expected = match topic.entry(id) {
            Some(entry) => entry.number,
            // It was not acknowledged, and is lost. There can be one such event at a break.
            None if topic.is_lost(id, Time::MAX) => {
                let earlier = topic.log.partition_point(|entry| entry.id < id);
                earlier.checked_sub(1).map_or(1, |earlier| topic.log[earlier].number + 1)
            }
            None => return Err(format!("the id {id}, which no event has")),
        };
        if number != expected {
            return Err(format!("number {number} with the id of number {expected}"));
        }
        let (before, place) = (before.map_or(Id::START, |entry| entry.id), self.place);
        if place.is_none_or(|place| place == before) {
            return Ok(());
        }
        let has = place.map(|place| (place, topic.entry(place).map_or(0, |entry| entry.number)));
        let (place, has) = has.unwrap_or((Id::START, 0));
        let what = match place {
            _ if place >= id => "a double, or the wrong order",
            _ if topic.is_lost(place, id.time) => "an event after a lost one, without gone",
            _ => "a gap",
        };
        Err(format!("{what}: number {number}, {id}, after number {has}, {place}, and not after {before}"))
    }

    /// Why this client is told `gone`: where to count it. `None` if there is no reason.
    fn reason<'a>(&self, time: Time, topic: &Topic, report: &'a mut Report) -> Option<&'a mut usize> {
        let place = self.place.unwrap_or(Id::START);
        if topic.is_lost(place, time + 1) {
            Some(&mut report.gone_lost)
        } else if topic.after(place.min(Id::first_at(self.began.saturating_sub(NOTICED))), time) >= topic.kept {
            Some(&mut report.gone_dropped)
        } else {
            None
        }
    }
}

/// An id, or that there is none.
struct Shown(Option<Id>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => id.fmt(f),
            None => f.write_str("no id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run with the topics `a` and `b`, of which the second keeps 2 events. Of `a`, the numbers 3 and 4 were lost at time 45; 5 was
    /// published at 50, after it. A fifth entry, with the id 44-0, was lost before it was acknowledged.
    const LOG: &str = "1 10-0\n2 20-0\n3 30-0\n4 40-0\n5 50-0\n6 60-0\n7 30000-0\n";

    fn checked(history: &str) -> Result<Report, String> {
        checked_with("a", LOG, "45 a 20-0\n", "1 failover\n", history)
    }

    fn checked_with(topic: &str, log: &str, breaks: &str, driver: &str, history: &str) -> Result<Report, String> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::create_dir(folder.path().join("clients")).unwrap();
        write("topics", "a 1024\nb 2\n");
        write("log/a", log);
        write("log/b", log);
        write("breaks", breaks);
        write("driver", driver);
        write("clients/0", &format!("{topic}\n{}\n", history.replace("; ", "\n")));
        check(folder.path()).map_err(|violation| violation.to_string())
    }

    fn violation(history: &str) -> String {
        checked(history).unwrap_err()
    }

    #[test]
    fn a_run_of_the_log_is_right_from_wherever_it_begins() {
        let whole =
            "began 1 0 new; event 10-0 a 1; event 20-0 a 2; event 50-0 a 5; event 60-0 a 6; event 30000-0 a 7; ended";
        let report = checked(whole).unwrap();
        assert_eq!((report.events, report.connections, report.published, report.lost), (5, 1, 14, 2));
        checked("began 1 0 new; event 60-0 a 6; ended; began 70 1 60-0; event 30000-0 a 7").unwrap();
        checked(
            "began 1 0 new; at 0-0; event 10-0 a 1; event 20-0 a 2; event 50-0 a 5; event 60-0 a 6; event 30000-0 a 7",
        )
        .unwrap();
        checked("began 1 0 new; refused; ended; began 1 0 new; unreachable; at 60-0; event 30000-0 a 7").unwrap();
    }

    #[test]
    fn a_gap_is_seen() {
        let text = violation("began 1 0 new; event 10-0 a 1; event 30-0 a 3");
        assert_eq!(text, "clients/0, line 4: a gap: number 3, 30-0, after number 1, 10-0, and not after 20-0");
        assert!(violation("began 1 0 new; event 10-0 a 1; event 50-0 a 5").contains("a gap"));
        assert!(violation("began 1 0 new; at 50-0; event 30000-0 a 7").contains("a gap"));
        assert!(violation("began 1 0 new; at 0-0; event 20-0 a 2").contains("a gap"));
        assert!(violation("began 1 0 new; event 20-0 a 2; ended; began 2 1 20-0; event 60-0 a 6").contains("a gap"));
    }

    #[test]
    fn a_double_and_a_wrong_order_are_seen() {
        assert!(violation("began 1 0 new; event 10-0 a 1; event 10-0 a 1").contains("a double"));
        assert!(violation("began 1 0 new; event 60-0 a 6; event 50-0 a 5").contains("the wrong order"));
    }

    #[test]
    fn after_a_lost_event_only_gone_may_come() {
        for lost in ["event 30-0 a 3", "event 40-0 a 4", "event 40-0 a 4; event 44-0 a 5"] {
            for next in ["event 50-0 a 5", "event 60-0 a 6"] {
                let text = violation(&format!("began 1 0 new; {lost}; {next}"));
                assert!(text.contains("an event after a lost one, without gone"), "{text}");
            }
            let gone = "gone 47 20-0; ended; began 48 1 20-0; event 50-0 a 5; event 60-0 a 6; event 30000-0 a 7";
            let report = checked(&format!("began 1 0 new; {lost}; {gone}")).unwrap();
            assert_eq!(report.gone_lost, 1);
        }
        assert!(violation("began 1 0 new; event 30-0 a 3; event 44-0 a 5").contains("a gap"));
        assert!(
            violation("began 1 0 new; event 40-0 a 4; event 44-0 a 6").contains("number 6 with the id of number 5")
        );
    }

    #[test]
    fn after_gone_the_history_goes_on_where_gone_says() {
        assert!(violation("began 1 0 new; event 30-0 a 3; gone 47 20-0; event 60-0 a 6").contains("a gap"));
        assert!(violation("began 1 0 new; event 30-0 a 3; gone 47 15-0").contains("which no event has"));
        // An id of a node that did not know yet.
        let text = violation("began 1 0 new; event 30-0 a 3; gone 47 40-0; began 48 1 40-0; event 50-0 a 5");
        assert!(text.contains("an event after a lost one"), "{text}");
    }

    #[test]
    fn gone_without_a_reason_is_seen() {
        assert!(violation("began 1 0 new; event 10-0 a 1; gone 15 10-0").contains("was kept"));
        // Others have seen what was lost.
        assert!(violation("began 1 0 new; event 20-0 a 2; gone 47 20-0").contains("was kept"));
        assert!(
            violation("began 1 0 new; event 60-0 a 6; ended; began 5046 0 60-0; gone 5050 60-0").contains("was kept")
        );
        assert!(
            violation("began 1 0 new; event 20-0 a 2; ended; began 29000 0 20-0; gone 29001 60-0").contains("was kept")
        );
        let dropped = "began 1 0 new; event 10-0 b 1; gone 30 30-0; began 31 1 30-0; event 40-0 b 4; event 50-0 b 5; event 60-0 b 6; event 30000-0 b 7";
        assert_eq!(checked_with("b", LOG, "", "", dropped).unwrap().gone_dropped, 1);
        for kept in
            ["began 1 0 new; event 10-0 b 1; gone 19 10-0", "began 20000 0 new; event 60-0 b 6; gone 30000 30000-0"]
        {
            let text = checked_with("b", LOG, "", "", kept).unwrap_err();
            assert!(text.contains("was kept"), "{text}");
        }
    }

    #[test]
    fn a_client_that_does_not_catch_up_is_seen() {
        let text = violation("began 1 0 new; event 50-0 a 5; event 60-0 a 6; ended");
        assert_eq!(text, "clients/0, line 5: it ends at 60-0, and the topic at 30000-0");
        assert!(violation("began 1 0 new; refused; ended").contains("it ends at no id"));
        assert!(violation("began 1 0 new; at 30000-0").contains("no event"));
    }

    #[test]
    fn what_no_client_may_see_is_seen() {
        assert!(violation("began 1 0 new; event 10-0 b 1").contains("an event of the topic b"));
        assert!(violation("began 1 0 new; event 11-0 a 1").contains("which no event has"));
        assert!(violation("began 1 0 new; event 10-0 a 2").contains("number 2 with the id of number 1"));
        assert!(violation("began 1 0 new; event 10-0 a 1; ended; began 2 1 new").contains("it comes back with no id"));
        assert!(violation("began 1 0 new; event 10-0 a 1; at 20-0").contains("it is moved"));
        assert!(violation("began 1 0 new; wrong status 500").contains("status 500"));
        assert!(violation("began 1 0 new; event 10-0").contains("is no line"));
    }

    #[test]
    fn what_the_driver_and_the_publishers_have_seen_is_checked_too() {
        let right = "began 1 0 new; event 10-0 a 1";
        assert!(checked_with("a", "1 10-0\n", "", "3 FAILED it was silent\n", right).unwrap_err().contains("silent"));
        assert!(checked_with("a", "1 10-0\n3 20-0\n", "", "", right).unwrap_err().starts_with("log/a, line 2"));
        assert!(checked_with("a", "1 10-0\n2 10-0\n", "", "", right).unwrap_err().starts_with("log/a, line 2"));
        assert!(checked_with("a", "1 10-0\n", "15 a 0-0\n", "", right).unwrap_err().contains("the end is lost"));
        checked_with("a", "1 10-0\n", "", "", right).unwrap();
    }
}
