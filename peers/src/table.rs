//! The results as Markdown.

use std::fmt::{self, Write};

use crate::corpora::Corpus;
use crate::results::{Cell, Results, Row};
use crate::{encoders, parsers};

/// What was measured with, one table for parsing, and one for encoding.
pub fn render(results: &Results, corpora: &[Corpus]) -> String {
    let mut out = String::new();
    write_all(&mut out, results, corpora).expect("a string takes any text");
    out
}

fn write_all(out: &mut String, results: &Results, corpora: &[Corpus]) -> fmt::Result {
    let environment = &results.environment;
    writeln!(
        out,
        "{}, {} profile; {}, {}",
        environment.compiler, environment.profile, environment.processor, environment.system
    )?;
    let versions: Vec<_> = environment.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    writeln!(out, "{}\n", versions.join(", "))?;
    let pace = &environment.pace;

    if !results.parsing.is_empty() {
        writeln!(out, "## Parsing\n\nNanoseconds for one event; {pace}.\n")?;
        write_table(out, &results.parsing, &[parsers::BORROWED, parsers::SHARED])?;
        write_notes(out, &parsers::NOTES)?;
        for Corpus { name, about, stream, events, .. } in corpora {
            writeln!(out, "- {name}: {about}; {events} events in {} bytes.", stream.len())?;
        }
        writeln!(out)?;
    }
    if !results.encoding.is_empty() {
        writeln!(out, "## Encoding\n\nNanoseconds for one event; {pace}.\n")?;
        write_table(out, &results.encoding, &[encoders::ENCODE, encoders::ENCODE_INTO])?;
        write_notes(out, &encoders::NOTES)?;
    }
    Ok(())
}

fn write_table(out: &mut String, rows: &[Row], compared: &[&str]) -> fmt::Result {
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let cut = if first.cut.is_some() { " chunks |" } else { "" };
    write!(out, "| |{cut}")?;
    for cell in &first.cells {
        write!(out, " {} |", cell.who)?;
    }
    for who in compared {
        write!(out, " best peer / {who} |")?;
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
        for who in compared {
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
    match (cell.time, &cell.instead) {
        (Some(time), _) => nanoseconds(time),
        (None, Some(instead)) => instead.clone(),
        (None, None) => String::new(),
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
