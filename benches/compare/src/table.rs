//! The results as Markdown.

use std::fmt::{self, Write};

use crate::corpora::Corpus;
use crate::encoders::{self, BATCH, ENCODE, ENCODE_INTO};
use crate::parsers::{self, BORROWED, OWNED};
use crate::results::{Cell, Results, Row, Value};

/// What was measured with, and a table each for parsing and encoding.
pub fn render(results: &Results, corpora: &[Corpus]) -> (String, String) {
    let mut tables = String::new();
    write_tables(&mut tables, results, corpora).expect("a string takes any text");
    let entries = results.environment.entries();
    (entries.map(|(name, value)| format!("- {name}: {value}\n")).concat(), tables)
}

fn write_tables(out: &mut String, results: &Results, corpora: &[Corpus]) -> fmt::Result {
    if !results.parsing.is_empty() {
        writeln!(out, "## Parsing\n\nNanoseconds for one event.\n")?;
        write_table(out, &results.parsing, &[BORROWED, OWNED])?;
        write_notes(out, &parsers::NOTES)?;
        writeln!(out, "The corpora:\n")?;
        for Corpus { name, about, stream, events, .. } in corpora {
            writeln!(out, "- {name}: {about}; {events} events in {} bytes.", stream.len())?;
        }
        writeln!(out)?;
    }
    if !results.encoding.is_empty() {
        writeln!(out, "## Encoding\n\nNanoseconds for one event.\n")?;
        write_table(out, &results.encoding, &[ENCODE, ENCODE_INTO, BATCH])?;
        write_notes(out, &encoders::NOTES)?;
    }
    Ok(())
}

fn write_table(out: &mut String, rows: &[Row], compared: &[&str]) -> fmt::Result {
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let compared: Vec<_> = compared.iter().filter(|who| rows.iter().any(|row| row.ratio(who).is_some())).collect();
    let cut = if first.cut.is_some() { " chunks |" } else { "" };
    write!(out, "| |{cut}")?;
    for cell in &first.cells {
        write!(out, " {} |", cell.who)?;
    }
    for who in &compared {
        write!(out, " best other / {who} |")?;
    }
    write!(out, "\n|---|{}", if cut.is_empty() { "" } else { "---|" })?;
    writeln!(out, "{}", "---:|".repeat(first.cells.len() + compared.len()))?;
    for row in rows {
        write!(out, "| {} |", row.what)?;
        if let Some(cut) = &row.cut {
            write!(out, " {cut} |")?;
        }
        for cell in &row.cells {
            write!(out, " {} |", shown(cell))?;
        }
        for who in &compared {
            match row.ratio(who) {
                Some(ratio) => write!(out, " **{ratio:.2}** |")?,
                None => write!(out, " |")?,
            }
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn write_notes(out: &mut String, notes: &[&str]) -> fmt::Result {
    notes.iter().try_for_each(|note| writeln!(out, "- {note}"))?;
    writeln!(out)
}

fn shown(cell: &Cell) -> String {
    match &cell.value {
        Value::Time(time) => nanoseconds(*time),
        Value::Instead(text) => text.clone(),
    }
}

/// Three digits, or all that there are before the point.
pub fn nanoseconds(time: f64) -> String {
    let places = match time {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{time:.places$}")
}
