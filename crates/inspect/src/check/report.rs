//! The verdict, as text and as JSON.

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
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Ok,
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
    pub todo: Option<&'static str>,
}

impl Topic {
    pub fn ok(&self, seen: impl AsRef<str>) -> Row {
        self.row(Verdict::Ok, seen.as_ref(), None)
    }

    pub fn warning(&self, seen: impl AsRef<str>, todo: &'static str) -> Row {
        self.row(Verdict::Warning, seen.as_ref(), Some(todo))
    }

    pub fn fault(&self, seen: impl AsRef<str>, todo: &'static str) -> Row {
        self.row(Verdict::Fault, seen.as_ref(), Some(todo))
    }

    pub fn not_checked(&self, reason: impl AsRef<str>) -> Row {
        self.row(Verdict::NotChecked, reason.as_ref(), None)
    }

    fn row(&self, verdict: Verdict, seen: &str, todo: Option<&'static str>) -> Row {
        Row { name: self.name, verdict, seen: Escaped(seen.as_bytes()).to_string(), why: self.why, todo }
    }
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Fault => "fault",
            Verdict::NotChecked => "not checked",
        }
    }

    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Verdict::Ok => color(AnsiColor::Green),
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

#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// Whether there is a fault, or, if `strict`, a warning.
    pub fn is_bad(&self, strict: bool) -> bool {
        self.count(Verdict::Fault) > 0 || strict && self.count(Verdict::Warning) > 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    pub fn text(&self, out: &mut impl Write) -> io::Result<()> {
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

    pub fn json(&self, out: &mut impl Write, url: &str) -> io::Result<()> {
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
