//! The output for programs: one JSON object a line.

use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use sse_wire::Event;

use super::escape::is_hidden;
use crate::stream::findings::{Findings, Name, Names, Place, Problem};
use crate::view::output::{LineKind, RawLine};

pub fn event(out: &mut impl Write, range: Range<u64>, event: Event<'_>, unfinished: bool) -> io::Result<()> {
    let members = [
        ("type", json!(if unfinished { "unfinished" } else { "event" })),
        ("start", json!(range.start)),
        ("end", json!(range.end)),
        ("event", json!(event.name())),
        ("id", json!(event.id())),
        ("last_event_id", json!(event.last_event_id())),
        ("retry", json!(event.retry().map(milliseconds))),
        ("data", json!(event.data())),
    ];
    write_object(out, &members)
}

pub fn line(out: &mut impl Write, line: &RawLine<'_>) -> io::Result<()> {
    let text = line.parts.concat();
    let known = line.kind != LineKind::TooLong;
    let members = [
        ("type", json!("line")),
        ("start", json!(line.range.start)),
        ("end", json!(line.range.end)),
        ("kind", json!(line.kind.name())),
        ("text", json!(known.then(|| String::from_utf8_lossy(&text)))),
        ("well_formed", json!(known.then(|| std::str::from_utf8(&text).is_ok()))),
        ("terminated", json!(line.ended)),
    ];
    write_object(out, &members)
}

pub fn refused(out: &mut impl Write, range: Range<u64>, limit: usize) -> io::Result<()> {
    let members =
        [("type", json!("refused")), ("start", json!(range.start)), ("end", json!(range.end)), ("limit", json!(limit))];
    write_object(out, &members)
}

pub fn summary(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let terminators = findings.terminators;
    let problem = |(problem, count, first)| problem_object(findings, problem, count, first);
    let members = [
        ("type", json!("summary")),
        ("bytes", json!(findings.bytes)),
        ("bom", json!(findings.bom)),
        ("lines", json!(findings.lines)),
        ("terminators", json!({"lf": terminators.lf, "crlf": terminators.crlf, "cr": terminators.cr})),
        ("events", json!(findings.events)),
        ("event_names", names(&findings.event_names)),
        ("comments", json!(findings.comments)),
        ("silent_blocks", json!(findings.silent_blocks)),
        ("last_event_id", json!(findings.last_event_id)),
        ("retry", json!(findings.reconnection_time.map(milliseconds))),
        ("read_error", json!(findings.read_error)),
        ("problems", findings.problems().map(problem).collect()),
    ];
    write_object(out, &members)
}

fn problem_object(findings: &Findings, problem: Problem, count: u64, first: Place) -> Value {
    let mut object = json!({"problem": problem.key(), "count": count, "first": first.offset, "line": first.line});
    if let Some(found) = findings.names(problem) {
        object["names"] = names(found);
    }
    object
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

/// Writes the members in this order, which `Value` would not keep.
fn write_object(out: &mut impl Write, members: &[(&str, Value)]) -> io::Result<()> {
    for (index, (name, value)) in members.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        write!(out, "{before}\"{name}\":")?;
        write_value(out, value)?;
    }
    out.write_all(b"}\n")
}

/// Characters that could control a terminal are only in strings, where they can be escaped.
fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    let json = value.to_string();
    for part in json.split_inclusive(is_hidden) {
        let last = part.chars().next_back().filter(|&char| is_hidden(char));
        out.write_all(&part.as_bytes()[..part.len() - last.map_or(0, char::len_utf8)])?;
        if let Some(char) = last {
            for unit in char.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
    }
    Ok(())
}
