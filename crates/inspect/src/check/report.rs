//! The verdict, as text and as JSON.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::view::escape::Escaped;

/// What a check is about.
pub struct Topic {
    /// Its name in JSON, which stays the same.
    pub name: &'static str,
    /// Why it matters, with the section of the standard or RFC.
    pub why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// What is so, and is no mistake.
    Info,
    Warning,
    Fault,
    NotChecked,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub verdict: Verdict,
    /// What was seen, or why it was not checked. Text of the server is escaped.
    pub seen: String,
    pub why: &'static str,
    /// What to do; only for faults and warnings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<Cow<'static, str>>,
}

impl Topic {
    pub fn ok(&self, seen: impl AsRef<str>) -> Row {
        self.row(Verdict::Ok, seen.as_ref(), None)
    }

    pub fn info(&self, seen: impl AsRef<str>) -> Row {
        self.row(Verdict::Info, seen.as_ref(), None)
    }

    pub fn warning(&self, seen: impl AsRef<str>, todo: impl Into<Cow<'static, str>>) -> Row {
        self.row(Verdict::Warning, seen.as_ref(), Some(todo.into()))
    }

    pub fn fault(&self, seen: impl AsRef<str>, todo: impl Into<Cow<'static, str>>) -> Row {
        self.row(Verdict::Fault, seen.as_ref(), Some(todo.into()))
    }

    pub fn not_checked(&self, reason: impl AsRef<str>) -> Row {
        self.row(Verdict::NotChecked, reason.as_ref(), None)
    }

    fn row(&self, verdict: Verdict, seen: &str, todo: Option<Cow<'static, str>>) -> Row {
        Row { name: self.name, verdict, seen: Escaped(seen.as_bytes()).to_string(), why: self.why, todo }
    }
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Info => "info",
            Verdict::Warning => "warning",
            Verdict::Fault => "fault",
            Verdict::NotChecked => "not checked",
        }
    }

    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Verdict::Ok => color(AnsiColor::Green),
            Verdict::Info => color(AnsiColor::Cyan),
            Verdict::Warning => color(AnsiColor::Yellow).bold(),
            Verdict::Fault => color(AnsiColor::Red).bold(),
            Verdict::NotChecked => Style::new().dimmed(),
        }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    url: String,
    faults: usize,
    warnings: usize,
    not_checked: usize,
    checks: &'a [Row],
}

#[derive(Debug)]
pub struct Report {
    rows: Vec<Row>,
    /// Names of checks that are left out.
    ignored: Vec<String>,
}

impl Report {
    pub fn new(ignored: Vec<String>) -> Report {
        Report { rows: Vec::new(), ignored }
    }

    pub fn wants(&self, name: &str) -> bool {
        !self.ignored.iter().any(|ignored| ignored == name)
    }

    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        let wanted: Vec<_> = rows.into_iter().filter(|row| self.wants(row.name)).collect();
        self.rows.extend(wanted);
    }

    /// Whether there is a fault, or, if `strict`, a warning.
    pub fn is_bad(&self, strict: bool) -> bool {
        self.count(Verdict::Fault) > 0 || strict && self.count(Verdict::Warning) > 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for Row { name, verdict, seen, why, todo } in &self.rows {
            let style = verdict.style();
            writeln!(out, "{style}{:<11}{style:#}  {name:<22}  {seen}", verdict.text())?;
            if let Some(todo) = todo {
                writeln!(out, "{:13}why: {why}\n{:13}do:  {todo}", "", "")?;
            }
        }
        let faults = self.count(Verdict::Fault);
        let warnings = self.count(Verdict::Warning);
        let unchecked = self.count(Verdict::NotChecked);
        writeln!(out, "\nfaults: {faults}, warnings: {warnings}, not checked: {unchecked}, of {}", self.rows.len())
    }

    pub fn json(&self, out: &mut dyn Write, url: &str) -> io::Result<()> {
        let json = Json {
            url: Escaped(url.as_bytes()).to_string(),
            faults: self.count(Verdict::Fault),
            warnings: self.count(Verdict::Warning),
            not_checked: self.count(Verdict::NotChecked),
            checks: &self.rows,
        };
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)
    }
}

/// What a run writes that has no verdict.
pub fn error(out: &mut dyn Write, url: &str, message: &str) -> io::Result<()> {
    let escaped = |text: &str| Escaped(text.as_bytes()).to_string();
    serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "url": escaped(url), "error": escaped(message) }))?;
    writeln!(out)
}

/// As in "1 event" and "2 events".
pub fn counted(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// As in "1 event is" and "2 events are".
pub fn are(count: usize, noun: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, noun))
}

/// As in "once" and "2 times".
pub fn times(count: u64) -> String {
    if count == 1 { String::from("once") } else { format!("{count} times") }
}
