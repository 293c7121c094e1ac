//! The output for people.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::de::IgnoredAny;
use sse_wire::Event;

use super::escape::{Escaped, Quoted, cut};
use super::layout;
use crate::stream::findings::{Count, Findings, Names, Pending};
use crate::text::Answer;
use crate::view::output::{RawLine, When};

/// A gap that stands out.
const LONG_GAP: Duration = Duration::from_millis(250);

const NAME: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();
const LONG: Style = AnsiColor::Yellow.on_default().bold();
const PROBLEM: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();

/// How to write for people.
pub struct Human {
    pub color: bool,
    /// The width of the terminal, if it is one.
    pub columns: Option<usize>,
}

impl Human {
    /// One line, unless `pretty`: then JSON data follows on lines of its own.
    pub fn event(&self, out: &mut dyn Write, when: When, event: Event<'_>, pretty: bool) -> io::Result<()> {
        let mut head = when_text(when);
        let is_long = when.gap.is_some_and(|gap| gap >= LONG_GAP);
        self.styled(out, if is_long { LONG } else { DIM }, &head)?;
        let name = format!("  {}", event_name(event.name()));
        self.styled(out, NAME, &name)?;
        let mut rest = String::new();
        if let Some(id) = event.id() {
            let _ = write!(rest, "  id {}", quoted(id));
        }
        if let Some(retry) = event.retry() {
            let _ = write!(rest, "  retry {} ms", retry.as_millis());
        }
        let _ = write!(rest, "  {} B", event.data().len());
        out.write_all(rest.as_bytes())?;
        if pretty && serde_json::from_str::<IgnoredAny>(event.data()).is_ok() {
            out.write_all(b"\n")?;
            layout::pretty(out, event.data(), "    ", escaped)?;
            return out.write_all(b"\n");
        }
        if !event.data().is_empty() {
            out.write_all(b"  ")?;
            head += &name;
            head += &rest;
            head += "  ";
            self.text(out, event.data().as_bytes(), &head)?;
        }
        out.write_all(b"\n")
    }

    pub fn comment(&self, out: &mut dyn Write, when: When, text: &[u8]) -> io::Result<()> {
        let head = format!("{}  :", when_text(when));
        self.start(out, DIM)?;
        out.write_all(head.as_bytes())?;
        self.text(out, text, &head)?;
        self.end(out, DIM)?;
        out.write_all(b"\n")
    }

    pub fn note(&self, out: &mut dyn Write, at: Duration, text: &str) -> io::Result<()> {
        let when = When { offset: 0, at: Some(at), gap: None };
        self.styled(out, DIM, &format!("{}  * {}", when_text(when), Escaped(text.as_bytes())))?;
        out.write_all(b"\n")
    }

    pub fn line(out: &mut dyn Write, line: &RawLine<'_>) -> io::Result<()> {
        let range = format!("{}..{}", line.range.start, line.range.end);
        write!(out, "{range:<14}  ")?;
        if line.parts.iter().all(|part| part.is_empty()) {
            write!(out, "{}", line.kind.name())?;
        } else {
            write!(out, "{:<8}  ", line.kind.name())?;
        }
        for part in line.parts {
            Escaped(part).write(out)?;
        }
        writeln!(out, "{}", if line.ended { "" } else { "  (no terminator)" })
    }

    pub fn refused(&self, out: &mut dyn Write, range: Range<u64>, limit: usize) -> io::Result<()> {
        let text = format!("{}..{}  SKIPPED: more than {limit} bytes (--limit)", range.start, range.end);
        self.styled(out, PROBLEM, &text)?;
        writeln!(out)
    }

    /// A value of JSON data: text without its quotes.
    pub fn value(out: &mut dyn Write, json: &str, is_terminal: bool) -> io::Result<()> {
        let text = if is_terminal { escaped } else { |out: &mut dyn Write, text: &str| out.write_all(text.as_bytes()) };
        match serde_json::from_str::<String>(json) {
            Ok(string) => text(out, &string)?,
            Err(_) => layout::compact(out, json, text)?,
        }
        writeln!(out)
    }

    pub fn body(out: &mut dyn Write, head: &[u8], is_all: bool) -> io::Result<()> {
        for line in head.strip_suffix(b"\n").unwrap_or(head).split(|&byte| byte == b'\n') {
            writeln!(out, "  | {}", Escaped(line.strip_suffix(b"\r").unwrap_or(line)))?;
        }
        if is_all { Ok(()) } else { writeln!(out, "  | ...") }
    }

    pub fn summary(
        &self,
        out: &mut dyn Write,
        findings: &Findings,
        answer: Option<&Answer>,
        values: Option<u64>,
        has_notes: bool,
    ) -> io::Result<()> {
        if findings.bytes > 0 || has_notes {
            writeln!(out)?;
        }
        counts(out, findings)?;
        if let Some(answer) = answer {
            answer.summary(out)?;
        }
        match values {
            Some(0) => writeln!(out, "values: 0: no event has one at this path")?,
            Some(count) => writeln!(out, "values: {count}")?,
            None => {}
        }
        if let Some(pending) = &findings.pending {
            self.pending(out, pending)?;
        }
        if findings.read_error.is_none() {
            writeln!(out, "ended: {}", Escaped(findings.ended.as_bytes()))?;
        }
        self.findings(out, findings)
    }

    /// The end of the summary: what is wrong.
    pub fn findings(&self, out: &mut dyn Write, findings: &Findings) -> io::Result<()> {
        if let Some(error) = &findings.read_error {
            self.styled(out, PROBLEM, &format!("NOT READ TO ITS END: {}", Escaped(error.as_bytes())))?;
            writeln!(out)?;
        }
        if findings.problems(false).next().is_none() {
            self.styled(out, GOOD, "no findings")?;
            writeln!(out)?;
        }
        self.problems(out, findings, false)?;
        self.problems(out, findings, true)
    }

    fn problems(&self, out: &mut dyn Write, findings: &Findings, hints: bool) -> io::Result<()> {
        let (head, style) =
            if hints { ("hints, which a correct stream may have, too:", LONG) } else { ("findings:", PROBLEM) };
        for (index, (problem, count, first)) in findings.problems(hints).enumerate() {
            if index == 0 {
                writeln!(out, "{head}")?;
            }
            let about = problem.about();
            write!(out, "  ")?;
            self.styled(out, style, about.key)?;
            let Count { times, names: found, .. } = count;
            write!(out, ": {times}")?;
            if !problem.is_told() {
                write!(out, "{}", names(found))?;
            }
            if problem.has_place() {
                write!(out, ", first at byte {} (line {})", first.offset, first.line)?;
            }
            writeln!(out, "\n    {} [{}]", about.why, about.reference)?;
            for name in found.known.iter().filter(|_| problem.is_told()) {
                writeln!(out, "    > {}{}", Escaped(&name.start), if name.cut { "..." } else { "" })?;
            }
            writeln!(out, "    {}", Escaped(findings.advice(problem).as_bytes()))?;
        }
        Ok(())
    }

    fn pending(&self, out: &mut dyn Write, pending: &Pending) -> io::Result<()> {
        let mut text = format!("pending: {} bytes since byte {}", pending.bytes, pending.start.offset);
        let _ = write!(text, ", event {}", quoted(&pending.name));
        if let Some(id) = &pending.id {
            let _ = write!(text, ", id {}", quoted(id));
        }
        if !pending.data.is_empty() {
            let _ = write!(text, ", data {}", quoted(&pending.data));
        }
        // Half a data line is in the data already.
        let is_data = pending.half_line.starts_with(b"data:") && !pending.data.is_empty();
        if !pending.half_line.is_empty() && !is_data {
            let _ = write!(text, ", half a line {}", Quoted(&pending.half_line));
        }
        self.styled(out, LONG, &text)?;
        writeln!(out)
    }

    /// The text, cut to what is left of the terminal's width after `head`.
    fn text(&self, out: &mut dyn Write, text: &[u8], head: &str) -> io::Result<()> {
        match self.columns {
            None => Escaped(text).write(out),
            Some(columns) => {
                let used = unicode_width::UnicodeWidthStr::width(head);
                out.write_all(cut(text, columns.saturating_sub(used).max(8)).as_bytes())
            }
        }
    }

    pub fn styled(&self, out: &mut dyn Write, style: Style, text: &str) -> io::Result<()> {
        self.start(out, style)?;
        out.write_all(text.as_bytes())?;
        self.end(out, style)
    }

    pub fn dim(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        self.styled(out, DIM, text)
    }

    fn start(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        if self.color { write!(out, "{style}") } else { Ok(()) }
    }

    fn end(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        if self.color { write!(out, "{style:#}") } else { Ok(()) }
    }
}

fn counts(out: &mut dyn Write, findings: &Findings) -> io::Result<()> {
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
    let timing = &findings.timing;
    if let Some(first) = timing.first_byte {
        write!(out, "first byte: {:.3} s", first.as_secs_f64())?;
        if let Some(first) = timing.first_event {
            write!(out, ", first event: {:.3} s", first.as_secs_f64())?;
        }
        writeln!(out)?;
    }
    if timing.has_gaps() {
        let (p50, p99) = (timing.gap(0.5).as_secs_f64(), timing.gap(0.99).as_secs_f64());
        let longest = timing.longest_gap.as_secs_f64();
        writeln!(out, "gaps between events: p50 {p50:.3} s, p99 {p99:.3} s, longest {longest:.3} s")?;
    }
    Ok(())
}

/// The time and the gap; the place if the input is a file.
fn when_text(when: When) -> String {
    match (when.at, when.gap) {
        (None, _) => format!("{:>9}", when.offset),
        (Some(at), None) => format!("{:>8.3}         ", at.as_secs_f64()),
        (Some(at), Some(gap)) => format!("{:>8.3} {:>+8.3}", at.as_secs_f64(), gap.as_secs_f64()),
    }
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

fn escaped(out: &mut dyn Write, text: &str) -> io::Result<()> {
    Escaped(text.as_bytes()).write(out)
}

/// The name, in quotes where it could be taken for more than a name.
fn event_name(name: &str) -> String {
    let is_clear = !name.contains(|char: char| char.is_whitespace() || matches!(char, '"' | '\\'));
    if is_clear { Escaped(name.as_bytes()).to_string() } else { quoted(name).to_string() }
}

fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use sse_wire::{Event, EventName};

    use super::{Human, When};

    #[test]
    fn a_value_cannot_control_a_terminal() {
        let shown = |is_terminal| {
            let mut out = Vec::new();
            Human::value(&mut out, "\"a\\nb\\u001b\"", is_terminal).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!((shown(true).as_str(), shown(false).as_str()), ("a\\nb\\u{1b}\n", "a\nb\u{1b}\n"));
    }

    #[test]
    fn a_line_fits_into_the_terminal() {
        for columns in [40, 80] {
            let human = Human { color: false, columns: Some(columns) };
            let when = When { offset: 0, at: None, gap: None };
            let mut shown = Vec::new();
            human
                .event(&mut shown, when, Event::new(&"x".repeat(200)).with_name(EventName::from_static("name")), false)
                .unwrap();
            human.comment(&mut shown, when, &[b'x'; 200]).unwrap();
            for line in std::str::from_utf8(&shown).unwrap().lines() {
                let len = line.chars().count();
                assert!(line.ends_with('…') && (columns - 3..=columns).contains(&len), "{len}: {line}");
            }
        }
    }
}
