//! The output for people.

use std::io::{self, Write};
use std::ops::Range;

use sse_wire::Event;

use super::escape::{Escaped, Quoted};
use crate::stream::findings::{Findings, Names};
use crate::view::output::RawLine;

pub fn event(out: &mut impl Write, range: Range<u64>, event: Event<'_>, unfinished: bool) -> io::Result<()> {
    write!(out, "{}..{}  event {}", range.start, range.end, quoted(event.name()))?;
    match event.id() {
        Some(id) => write!(out, "  id {}", quoted(id))?,
        None if event.last_event_id().is_empty() => {}
        None => write!(out, "  (last event ID {})", quoted(event.last_event_id()))?,
    }
    if let Some(retry) = event.retry() {
        write!(out, "  retry {} ms", retry.as_millis())?;
    }
    if event.data().is_empty() {
        write!(out, "  data \"\"")?;
    }
    writeln!(out, "{}", if unfinished { "  UNFINISHED: clients discard it" } else { "" })?;
    if !event.data().is_empty() {
        for line in event.data().split('\n') {
            writeln!(out, "    {}", Escaped(line.as_bytes()))?;
        }
    }
    Ok(())
}

pub fn line(out: &mut impl Write, line: &RawLine<'_>) -> io::Result<()> {
    let range = format!("{}..{}", line.range.start, line.range.end);
    write!(out, "{range:<14}  ")?;
    if line.parts.iter().all(|part| part.is_empty()) {
        write!(out, "{}", line.kind.name())?;
    } else {
        write!(out, "{:<8}  ", line.kind.name())?;
    }
    for part in line.parts {
        write!(out, "{}", Escaped(part))?;
    }
    writeln!(out, "{}", if line.ended { "" } else { "  (no terminator)" })
}

pub fn refused(out: &mut impl Write, range: Range<u64>, limit: usize) -> io::Result<()> {
    writeln!(out, "{}..{}  REFUSED: more than {limit} bytes", range.start, range.end)
}

pub fn summary(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    if findings.bytes > 0 {
        writeln!(out)?;
    }
    writeln!(out, "bytes: {}{}", findings.bytes, if findings.bom { ", of which 3 are a BOM" } else { "" })?;
    writeln!(out, "lines: {}{}", findings.lines, terminators(findings))?;
    writeln!(out, "events: {}{}", findings.events, names(&findings.event_names))?;
    if findings.comments > 0 {
        writeln!(out, "comments: {}", findings.comments)?;
    }
    if findings.silent_blocks > 0 {
        writeln!(out, "blocks that only set an id or the reconnection time: {}", findings.silent_blocks)?;
    }
    if !findings.last_event_id.is_empty() {
        writeln!(out, "last event ID: {}", quoted(&findings.last_event_id))?;
    }
    if let Some(time) = findings.reconnection_time {
        writeln!(out, "reconnection time: {} ms", time.as_millis())?;
    }
    if let Some(error) = &findings.read_error {
        writeln!(out, "NOT READ TO ITS END: {error}")?;
    }
    let mut problems = findings.problems().peekable();
    writeln!(out, "{}", if problems.peek().is_some() { "problems:" } else { "no problems found" })?;
    for (problem, count, first) in problems {
        let names = findings.names(problem).map(names).unwrap_or_default();
        let text = problem.text();
        writeln!(out, "  {text}: {count}{names}, first at byte {} (line {})", first.offset, first.line)?;
    }
    Ok(())
}

fn terminators(findings: &Findings) -> String {
    let terminators = findings.terminators;
    let seen = [("LF", terminators.lf), ("CRLF", terminators.crlf), ("CR", terminators.cr)];
    in_brackets(seen.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")))
}

fn names(names: &Names) -> String {
    let known = names.known.iter().map(|name| {
        let cut = if name.cut { "..." } else { "" };
        format!("{}{cut} {}", Quoted(&name.start), name.count)
    });
    let others = (names.others > 0).then(|| format!("others {}", names.others));
    in_brackets(known.chain(others))
}

fn in_brackets(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text.as_bytes())
}
