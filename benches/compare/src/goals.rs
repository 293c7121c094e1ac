//! What sse-wire 0.2 sets out to reach, compared with what was measured.

use std::fmt::{self, Write};

use crate::encoders::{AS_BUF, BATCH, ENCODE, ENCODE_INTO, INTO_BUF, LONG_LINE, ONE_LINE};
use crate::parsers::{BORROWED, OWNED};
use crate::results::{Results, Row};

/// The cuts that [`BARS`] are for, in its order.
const CUTS: [&str; 3] = ["64 KiB", "1400 B", "one event"];

/// The least that the time of the best other crate is to be, divided by ours: borrowed and owned, for each of [`CUTS`].
const BARS: [(&str, [f64; 3], [f64; 3]); 7] = [
    ("openai", [2.4, 1.7, 1.5], [1.4, 1.15, 1.05]),
    ("anthropic", [3.3, 2.4, 2.0], [2.0, 1.7, 1.6]),
    ("tiny", [3.8, 3.6, 1.6], [1.5, 1.5, 1.1]),
    ("lines-20", [1.9, 1.05, 1.8], [1.6, 0.95, 1.6]),
    ("all-fields", [3.0, 2.2, 2.0], [2.2, 1.8, 1.7]),
    ("comments", [2.6, 1.7, 0.85], [2.3, 1.6, 0.8]),
    ("cjk-emoji", [2.6, 1.7, 1.8], [1.8, 1.4, 1.3]),
];

/// The least that their geometric mean is to be.
const MEANS: [(&str, f64); 2] = [(BORROWED, 2.1), (OWNED, 1.45)];

/// A contender of 0.1, and ours that takes its place.
const SUCCESSORS: [(&str, &str); 4] =
    [("0.1, borrowed", BORROWED), ("0.1, shared", OWNED), ("0.1, encode", ENCODE), ("0.1, encode_into", ENCODE_INTO)];

/// What a measured quotient of two times must be.
#[derive(Clone, Copy)]
enum Bar {
    AtLeast(f64),
    MoreThan(f64),
    AtMost(f64),
}

impl Bar {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Bar::AtLeast(bar) => value >= bar,
            Bar::MoreThan(bar) => value > bar,
            Bar::AtMost(bar) => value <= bar,
        }
    }

    /// By how many percent the value misses it.
    fn shortfall(self, value: f64) -> f64 {
        match self {
            Bar::AtLeast(bar) | Bar::MoreThan(bar) => 100.0 * (1.0 - value / bar),
            Bar::AtMost(bar) => 100.0 * (value / bar - 1.0),
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::AtLeast(bar) => write!(f, "at least {bar}"),
            Bar::MoreThan(bar) => write!(f, "more than {bar}"),
            Bar::AtMost(bar) => write!(f, "at most {bar}"),
        }
    }
}

/// A quotient of two times.
struct Measured {
    /// Which input it was.
    place: String,
    /// Which two times.
    quotient: String,
    /// To two places after the point: no more is shown, and no more counts.
    value: f64,
}

impl Measured {
    /// The time of `over`, divided by the time of `under`.
    fn new(row: &Row, over: &str, under: &str) -> Option<Measured> {
        let value = round(row.time(over)? / row.time(under)?);
        Some(Measured { place: place(row), quotient: format!("`{over}` / `{under}`"), value })
    }

    /// The time of the best other crate, divided by the time of `who`.
    fn ahead(row: &Row, who: &str) -> Option<Measured> {
        Measured::new(row, row.best_other()?.0, who)
    }
}

/// Something to reach, wherever it was measured.
struct Goal {
    about: String,
    bar: Bar,
    measured: Vec<Measured>,
}

impl Goal {
    fn new(about: impl Into<String>, bar: Bar, measured: impl IntoIterator<Item = Measured>) -> Goal {
        Goal { about: about.into(), bar, measured: measured.into_iter().collect() }
    }

    fn missed(&self) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(|measured| !self.bar.is_met_by(measured.value))
    }

    /// The measurement that misses it by most, or comes closest to missing it.
    fn worst(&self) -> Option<&Measured> {
        let shortfall = |measured: &Measured| self.bar.shortfall(measured.value);
        self.measured.iter().max_by(|one, other| shortfall(one).total_cmp(&shortfall(other)))
    }

    /// Whether it was reached.
    fn verdict(&self) -> String {
        if self.measured.is_empty() {
            return "not measured".into();
        }
        let Some(worst) = self.worst().filter(|worst| !self.bar.is_met_by(worst.value)) else {
            return "met".into();
        };
        let worst = self.bar.shortfall(worst.value);
        let times = match self.missed().count() {
            _ if self.measured.len() == 1 => String::new(),
            missed => format!(" in {missed} of {}", self.measured.len()),
        };
        // Behind by nothing is not ahead.
        let by = if worst < 1.0 { "less than 1".into() } else { format!("{worst:.0}") };
        let at_most = if times.is_empty() { "" } else { "up to " };
        format!("**missed by {at_most}{by} %**{times}")
    }
}

/// All goals as Markdown: met or missed, and a sentence for each measurement that misses one.
pub fn render(results: &Results) -> String {
    let mut out = String::new();
    write_all(&mut out, results).expect("a string takes any text");
    out
}

fn write_all(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(out, "## Goals\n\nThe time of the best other crate, divided by ours:\n")?;
    let [borrowed, owned] = [BORROWED, OWNED].map(|who| cells(&results.parsing, who));
    let means = MEANS.iter().zip([&borrowed, &owned]).map(|(&(who, bar), cells)| mean(who, bar, cells));
    let means: Vec<_> = means.collect();
    write_cells(out, &[borrowed.as_slice(), owned.as_slice()], &means)?;

    let others: Vec<_> = parsing(&results.parsing).into_iter().chain(encoding(&results.encoding)).collect();
    let after = successors(results);
    writeln!(out, "\nThe other goals:\n")?;
    for goal in others.iter().chain([&after]) {
        write!(out, "- {}; {}: {}", goal.about, goal.bar, goal.verdict())?;
        match (&goal.measured[..], goal.worst()) {
            ([one], _) => write!(out, "; measured {:.2}", one.value)?,
            (_, Some(worst)) => write!(out, "; worst {:.2} ({}, {})", worst.value, worst.place, worst.quotient)?,
            (_, None) => {}
        }
        writeln!(out, ".")?;
    }

    let all: Vec<_> = [borrowed, owned, means, others].into_iter().flatten().chain([after]).collect();
    if all.iter().all(|goal| goal.missed().next().is_none()) {
        return writeln!(out);
    }
    writeln!(out, "\n### Goals that are not met\n\n`a` / `b` is the time of `a`, divided by that of `b`.\n")?;
    for goal in &all {
        for Measured { place, quotient, value } in goal.missed() {
            writeln!(out, "- {place}: {quotient} is {value:.2}; the goal is {}.", goal.bar)?;
        }
    }
    writeln!(out)
}

/// A goal for each of [`BARS`].
fn cells(rows: &[Row], who: &str) -> Vec<Goal> {
    let corpora = BARS.iter().map(|(what, borrowed, owned)| (what, if who == BORROWED { borrowed } else { owned }));
    let cells = corpora.flat_map(|(what, bars)| CUTS.iter().zip(bars).map(move |(cut, bar)| (what, cut, bar)));
    let goals = cells.map(|(what, cut, bar)| {
        let measured = rows.iter().find(|row| row.is(what, cut)).and_then(|row| Measured::ahead(row, who));
        Goal::new("Best other crate / ours", Bar::AtLeast(*bar), measured)
    });
    goals.collect()
}

/// Measured only if all cells are.
fn mean(who: &str, bar: f64, cells: &[Goal]) -> Goal {
    let values: Vec<_> = cells.iter().flat_map(|goal| &goal.measured).map(|measured| measured.value).collect();
    let mean = (values.len() == cells.len()).then(|| geometric_mean(&values)).flatten();
    let measured = mean.map(|value| Measured {
        place: format!("all {} cells", cells.len()),
        quotient: format!("best other / `{who}`"),
        value: round(value),
    });
    Goal::new("Geometric mean", Bar::AtLeast(bar), measured)
}

fn write_cells(out: &mut String, goals: &[&[Goal]; 2], means: &[Goal]) -> fmt::Result {
    writeln!(out, "| | chunks | `{BORROWED}` | goal | | `{OWNED}` | goal | |")?;
    writeln!(out, "|---|---|---:|---:|---|---:|---:|---|")?;
    let names = BARS.iter().flat_map(|(what, ..)| CUTS.map(|cut| (*what, cut)));
    let rows = names.zip(goals[0].iter().zip(goals[1]));
    let means = means.iter().zip(means.iter().skip(1)).map(|means| (("geometric mean", "all"), means));
    for ((what, cut), (borrowed, owned)) in rows.chain(means) {
        write!(out, "| {what} | {cut} |")?;
        for goal in [borrowed, owned] {
            match &goal.measured[..] {
                [measured] => write!(out, " {:.2} |", measured.value)?,
                _ => write!(out, " |")?,
            }
            write!(out, " {} | {} |", goal.bar, goal.verdict())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn parsing(rows: &[Row]) -> Vec<Goal> {
    let is_small = |row: &Row| matches!(row.cut.as_deref(), Some("1 byte" | "16 B"));
    let small = || rows.iter().filter(move |row| is_small(row));
    let is_long = |row: &Row| matches!(&*row.what, "line-64k" | "line-4m");
    let long = || rows.iter().filter(move |row| is_long(row) && !is_small(row));
    let not_behind = |row, who| Measured::ahead(row, who);
    let mut goals = Vec::new();
    for who in [BORROWED, OWNED] {
        let times = long().filter_map(|row| Measured::new(row, who, row.best_other()?.0));
        let about = format!("Long lines in chunks of more than 16 bytes, `{who}` / best other crate");
        goals.push(Goal::new(about, Bar::AtMost(1.05), times));
    }
    for (who, bar) in [(BORROWED, Bar::MoreThan(1.0)), (OWNED, Bar::AtLeast(1.0))] {
        let about = format!("Chunks of 1 byte and of 16 bytes, best other crate / `{who}`");
        goals.push(Goal::new(about, bar, small().filter_map(|row| not_behind(row, who))));
    }
    goals
}

fn encoding(rows: &[Row]) -> Vec<Goal> {
    let line = || rows.iter().find(|row| row.what == ONE_LINE);
    let among_ours = |who: &str, most: f64| {
        let about = format!("Encoding one line of 250 bytes, `{who}` / `{ENCODE_INTO}`");
        Goal::new(about, Bar::AtMost(most), line().and_then(|row| Measured::new(row, who, ENCODE_INTO)))
    };
    let fastest = line().and_then(|row| Measured::ahead(row, ENCODE_INTO));
    let about = format!("Encoding one line of 250 bytes, best other crate / `{ENCODE_INTO}`");
    let mut goals = vec![among_ours(ENCODE, 1.8), among_ours(BATCH, 1.1), Goal::new(about, Bar::AtLeast(1.8), fastest)];
    for who in [ENCODE, ENCODE_INTO, BATCH] {
        let ahead = rows.iter().filter_map(|row| Measured::ahead(row, who));
        goals.push(Goal::new(format!("Encoding, best other crate / `{who}`"), Bar::MoreThan(1.0), ahead));
    }
    for who in [AS_BUF, INTO_BUF] {
        let long = rows.iter().find(|row| row.what == LONG_LINE);
        let about = format!("Encoding a line of 64 KiB, best other crate / `{who}`");
        goals.push(Goal::new(about, Bar::MoreThan(1.0), long.and_then(|row| Measured::ahead(row, who))));
    }
    goals
}

/// Measured where 0.1 was ahead.
fn successors(results: &Results) -> Goal {
    let rows = || results.parsing.iter().chain(&results.encoding);
    let was_ahead = |row: &Row, old| row.ratio(old).is_some_and(|ratio| round(ratio) > 1.0);
    let measured = SUCCESSORS.iter().flat_map(|&(old, ours)| {
        rows().filter(move |row| was_ahead(row, old)).filter_map(move |row| Measured::ahead(row, ours))
    });
    let measured =
        measured.map(|measured| Measured { place: format!("{}, where 0.1 was ahead", measured.place), ..measured });
    Goal::new("Where 0.1 was ahead of every other crate, best other crate / ours", Bar::MoreThan(1.0), measured)
}

fn place(row: &Row) -> String {
    match &row.cut {
        Some(cut) => format!("{}, {cut}", row.what),
        None => row.what.clone(),
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn geometric_mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let sum: f64 = values.iter().map(|value| value.ln()).sum();
    Some((sum / f64::from(count)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::results::{Cell, Value};

    fn row(what: &str, cut: Option<&str>, times: &[(&str, f64)]) -> Row {
        let cells = times.iter().map(|(who, time)| Cell { who: (*who).into(), value: Value::Time(*time) });
        Row { what: what.into(), cut: cut.map(String::from), cells: cells.collect() }
    }

    fn rendered(parsing: Vec<Row>, encoding: Vec<Row>) -> String {
        render(&Results { environment: Environment::default(), parsing, encoding })
    }

    #[test]
    fn a_cell_that_reaches_its_bar_is_met_and_one_below_it_is_a_sentence() {
        let times = [(BORROWED, 10.0), (OWNED, 20.0), ("sse-core", 24.0), ("axum", 30.0)];
        let text = rendered(vec![row("openai", Some("64 KiB"), &times)], vec![]);
        assert!(
            text.contains(
                "| openai | 64 KiB | 2.40 | at least 2.4 | met | 1.20 | at least 1.4 | **missed by 14 %** |\n"
            )
        );
        let sentences = text.split_once("divided by that of `b`.\n\n").unwrap().1;
        assert_eq!(sentences, "- openai, 64 KiB: `sse-core` / `ours, owned` is 1.20; the goal is at least 1.4.\n\n");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let text = rendered(vec![], vec![]);
        assert!(text.contains("| tiny | 1400 B | | at least 3.6 | not measured | | at least 1.5 | not measured |"));
        assert!(!text.contains(" met") && !text.contains("missed"), "{text}");
    }

    #[test]
    fn long_lines_may_be_behind_by_5_percent_and_small_chunks_may_not() {
        let behind = [(BORROWED, 105.0), (OWNED, 106.0), ("sse-core", 100.0)];
        let text = rendered(vec![row("line-64k", Some("16 KiB"), &behind)], vec![]);
        assert!(text.contains("`ours, borrowed` / best other crate; at most 1.05: met; measured 1.05."));
        assert!(text.contains("`ours, owned` / best other crate; at most 1.05: **missed by less than 1 %**;"));

        let level = [(BORROWED, 100.0), (OWNED, 100.0), ("sse-core", 100.0)];
        for (what, cut) in [("line-4m", "16 B"), ("openai", "1 byte")] {
            let text = rendered(vec![row(what, Some(cut), &level)], vec![]);
            assert!(text.contains("best other crate / `ours, borrowed`; more than 1: **missed by less than 1 %**;"));
            assert!(text.contains("best other crate / `ours, owned`; at least 1: met;"));
        }
    }

    #[test]
    fn a_cell_in_which_0_1_was_ahead_may_not_be_lost() {
        let won_before = [(BORROWED, 110.0), ("0.1, borrowed", 90.0), ("sse-core", 100.0)];
        let lost_before = [(BORROWED, 110.0), ("0.1, borrowed", 101.0), ("sse-core", 100.0)];
        let rows = vec![row("crlf", Some("16 KiB"), &won_before), row("crlf", Some("1400 B"), &lost_before)];
        let text = rendered(rows, vec![]);
        assert!(text.contains(
            "- crlf, 16 KiB, where 0.1 was ahead: `sse-core` / `ours, borrowed` is 0.91; the goal is more than 1.\n"
        ));
        assert!(!text.contains("crlf, 1400 B"));
    }

    #[test]
    fn encoding_is_compared_with_itself_and_with_others() {
        let times = [(ENCODE, 18.0), (ENCODE_INTO, 10.0), (BATCH, 12.0), ("russe", 17.0)];
        let text = rendered(vec![], vec![row(ONE_LINE, None, &times)]);
        assert!(text.contains("`ours, encode` / `ours, encode_into`; at most 1.8: met;"));
        assert!(text.contains("`ours, batch of 16` / `ours, encode_into`; at most 1.1: **missed by 9 %**;"));
        assert!(text.contains("250 bytes, best other crate / `ours, encode_into`; at least 1.8: **missed by 6 %**;"));
        assert!(text.contains("Encoding, best other crate / `ours, encode`; more than 1: **missed by 6 %**;"));
    }

    #[test]
    fn the_mean_is_of_all_cells() {
        let all = |ours: f64| -> Vec<_> {
            let places = BARS.iter().flat_map(|(what, ..)| CUTS.map(|cut| (*what, cut)));
            places.map(|(what, cut)| row(what, Some(cut), &[(BORROWED, ours), ("axum", 21.0)])).collect()
        };
        assert!(rendered(all(10.0), vec![]).contains("| geometric mean | all | 2.10 | at least 2.1 | met |"));
        assert!(
            rendered(all(10.5), vec![]).contains("| geometric mean | all | 2.00 | at least 2.1 | **missed by 5 %** |")
        );
        let without_one = all(10.0).into_iter().skip(1).collect();
        assert!(rendered(without_one, vec![]).contains("| geometric mean | all | | at least 2.1 | not measured |"));
    }
}
