//! The output for programs: one JSON object a line. Times are in seconds since the start; null if the input is a file.

use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use sse_wire::Event;

use super::escape::{is_hidden, is_shown_as_is};
use super::layout;
use crate::stream::findings::{Count, Findings, Name, Names, Place};
use crate::stream::problem::Problem;
use crate::text::Answer;
use crate::view::output::{LineKind, RawLine, When};

#[derive(Serialize)]
struct EventObject<'a> {
    r#type: &'static str,
    start: u64,
    end: u64,
    time: Option<f64>,
    gap: Option<f64>,
    event: &'a str,
    id: Option<&'a str>,
    last_event_id: &'a str,
    retry: Option<u64>,
    data: &'a str,
}

pub fn event(out: &mut dyn Write, when: When, end: u64, event: Event<'_>) -> io::Result<()> {
    let object = EventObject {
        r#type: "event",
        start: when.offset,
        end,
        time: when.at.map(seconds),
        gap: when.gap.map(seconds),
        event: event.name(),
        id: event.id(),
        last_event_id: event.last_event_id(),
        retry: event.retry().map(milliseconds),
        data: event.data(),
    };
    if [event.name(), event.last_event_id(), event.data()].iter().all(|text| is_shown_as_is(text.as_bytes())) {
        serde_json::to_writer(&mut *out, &object)?;
        return out.write_all(b"\n");
    }
    write_line(out, &object)
}

pub fn comment(out: &mut dyn Write, when: When, text: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(text);
    write_line(out, &json!({"type": "comment", "start": when.offset, "time": when.at.map(seconds), "text": text}))
}

/// `fields`: the kind of the note, and what belongs to it.
pub fn note(out: &mut dyn Write, at: Duration, text: &str, mut fields: Value) -> io::Result<()> {
    fields["type"] = "note".into();
    fields["time"] = seconds(at).into();
    fields["text"] = text.into();
    write_line(out, &fields)
}

pub fn body(out: &mut dyn Write, head: &[u8], is_all: bool) -> io::Result<()> {
    write_line(out, &json!({"type": "body", "text": String::from_utf8_lossy(head), "all": is_all}))
}

/// A value of JSON data.
pub fn value(out: &mut dyn Write, json: &str) -> io::Result<()> {
    layout::compact(out, json, |out, text| Safe(out).write_all(text.as_bytes()))?;
    out.write_all(b"\n")
}

pub fn line(out: &mut dyn Write, line: &RawLine<'_>) -> io::Result<()> {
    let text = line.parts.concat();
    let known = line.kind != LineKind::TooLong;
    let object = json!({
        "type": "line",
        "start": line.range.start,
        "end": line.range.end,
        "kind": line.kind.name(),
        "text": known.then(|| String::from_utf8_lossy(&text)),
        "well_formed": known.then(|| std::str::from_utf8(&text).is_ok()),
        "terminated": line.ended,
    });
    write_line(out, &object)
}

pub fn refused(out: &mut dyn Write, range: Range<u64>, limit: usize) -> io::Result<()> {
    write_line(out, &json!({"type": "refused", "start": range.start, "end": range.end, "limit": limit}))
}

pub fn summary(
    out: &mut dyn Write,
    findings: &Findings,
    answer: Option<&Answer>,
    values: Option<u64>,
) -> io::Result<()> {
    let terminators = findings.terminators;
    let timing = &findings.timing;
    let gaps = timing.has_gaps().then(|| {
        let (p50, p99) = (timing.gap(0.5), timing.gap(0.99));
        json!({"p50": seconds(p50), "p99": seconds(p99), "longest": seconds(timing.longest_gap)})
    });
    let pending = findings.pending.as_ref().map(|pending| {
        json!({
            "start": pending.start.offset,
            "line": pending.start.line,
            "bytes": pending.bytes,
            "event": pending.name,
            "id": pending.id,
            "data": pending.data,
            "half_line": String::from_utf8_lossy(&pending.half_line),
        })
    });
    let object = json!({
        "type": "summary",
        "bytes": findings.bytes,
        "bom": findings.bom,
        "lines": findings.lines,
        "terminators": {"lf": terminators.lf, "crlf": terminators.crlf, "cr": terminators.cr},
        "events": findings.events,
        "event_names": names(&findings.event_names),
        "comments": findings.comments,
        "silent_blocks": findings.silent_blocks,
        "last_event_id": findings.last_event_id,
        "retry": findings.reconnection_time.map(milliseconds),
        "first_byte": timing.first_byte.map(seconds),
        "first_event": timing.first_event.map(seconds),
        "gaps": gaps,
        "answer": answer.map(Answer::json),
        "values": values,
        "pending": pending,
        "ended": findings.ended,
        "read_error": findings.read_error,
        "findings": problems(findings, "finding", false),
        "hints": problems(findings, "hint", true),
    });
    write_line(out, &object)
}

/// The findings, or the hints. `key`: the member that has the name.
fn problems(findings: &Findings, key: &str, hints: bool) -> Value {
    let problem = |(problem, count, first): (Problem, &Count, Place)| {
        let about = problem.about();
        json!({
            (key): about.key,
            "count": count.times,
            "byte": problem.has_place().then_some(first.offset),
            "line": problem.has_place().then_some(first.line),
            "names": names(&count.names),
            "why": about.why,
            "reference": about.reference,
            "advice": findings.advice(problem),
        })
    };
    findings.problems(hints).map(problem).collect()
}

/// Names with their counts; `null` is the name of all others.
fn names(names: &Names) -> Value {
    let name = |name: &Name| {
        let cut = if name.cut { "..." } else { "" };
        json!({"name": format!("{}{cut}", String::from_utf8_lossy(&name.start)), "count": name.count})
    };
    let others = (names.others > 0).then(|| json!({"name": null, "count": names.others}));
    names.known.iter().map(name).chain(others).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// To the microsecond.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

fn write_line(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(Safe(out), object)?;
    out.write_all(b"\n")
}

/// Writes JSON, and escapes characters that could control a terminal: they are only in strings, where that is allowed.
struct Safe<'a>(&'a mut dyn Write);

impl Write for Safe<'_> {
    /// Takes whole characters only, as JSON is written.
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        if is_shown_as_is(json) {
            self.0.write_all(json)?;
            return Ok(json.len());
        }
        let text = std::str::from_utf8(json).map_err(io::Error::other)?;
        for part in text.split_inclusive(is_hidden) {
            let last = part.chars().next_back().filter(|&char| is_hidden(char));
            self.0.write_all(&part.as_bytes()[..part.len() - last.map_or(0, char::len_utf8)])?;
            if let Some(char) = last {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(self.0, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
