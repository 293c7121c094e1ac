//! What the crate sets out to reach, held against what was measured.

use std::fmt::Write;

use crate::encoders::{ALL_FIELDS, COPY, ENCODE, ENCODE_INTO, INTO_BUF, LIMIT, LINES, LONG_LINE, ONE_LINE};
use crate::parsers::{self, BORROWED, SHARED};
use crate::results::{Kind, Results, Row};

/// Cuts that streams come in.
const USUAL_CUTS: [&str; 4] = ["64 KiB", "16 KiB", "1400 B", "one event"];

/// How a number that was measured must compare.
enum Goal {
    AtLeast(f64),
    MoreThan(f64),
    AtMost(f64),
}

impl Goal {
    fn is_reached_by(&self, value: f64) -> bool {
        match *self {
            Goal::AtLeast(goal) => value >= goal,
            Goal::MoreThan(goal) => value > goal,
            Goal::AtMost(goal) => value <= goal,
        }
    }

    /// The value that is furthest from the goal.
    fn worst<'v>(&self, values: &'v [(String, f64)]) -> Option<&'v (String, f64)> {
        let in_order = |one: &&(String, f64), other: &&(String, f64)| one.1.total_cmp(&other.1);
        match self {
            Goal::AtMost(_) => values.iter().max_by(in_order),
            Goal::AtLeast(_) | Goal::MoreThan(_) => values.iter().min_by(in_order),
        }
    }
}

/// The goals as a list, each with what was measured.
pub fn render(results: &Results) -> String {
    let mut list = List { text: String::from("## Goals\n\n") };
    parsing(&results.parsing, &mut list);
    encoding(&results.encoding, &mut list);
    list.text
}

fn parsing(rows: &[Row], list: &mut List) {
    let cells = |who: &'static str, wanted: &dyn Fn(&Row) -> bool| -> Vec<(String, f64)> {
        let wanted = rows.iter().filter(|row| wanted(row));
        wanted.filter_map(|row| Some((place(row), row.ratio(who)?))).collect()
    };
    let one = cells(BORROWED, &|row| row.is("openai", "64 KiB"));
    list.add("(a) borrowed, openai, 64 KiB: best peer / ours at least 3", &Goal::AtLeast(3.0), &one);

    let two = cells(BORROWED, &|row| row.is("openai", "1400 B") || row.is("openai", "one event"));
    list.add("(b) borrowed, openai, 1400 B and one event: at least 2.5", &Goal::AtLeast(2.5), &two);

    let all = cells(BORROWED, &|_| true);
    list.add("(c) borrowed: ahead of every peer everywhere", &Goal::MoreThan(1.0), &all);
    let mean: Vec<_> =
        geometric_mean(&all).map(|mean| (format!("over {} rows", all.len()), mean)).into_iter().collect();
    list.add("(c) borrowed: geometric mean at least 2.5", &Goal::AtLeast(2.5), &mean);

    let usual = |row: &Row| USUAL_CUTS.iter().any(|cut| row.cut.as_deref() == Some(cut));
    let chat = |row: &Row| row.what == "openai" || row.what == "anthropic";
    let shared = cells(SHARED, &|row| usual(row) && chat(row));
    list.add("(d) shared, openai and anthropic: at least 1.8", &Goal::AtLeast(1.8), &shared);
    let shared = cells(SHARED, &|row| usual(row) && !chat(row) && row.what != "cjk-emoji");
    list.add("(d) shared, the others but cjk-emoji: never behind", &Goal::AtLeast(1.0), &shared);

    let limit = rows.iter().filter(|row| row.is("openai", "64 KiB"));
    let limit: Vec<_> = limit.filter_map(|row| times(row, BORROWED, parsers::LIMIT)).collect();
    list.add("(e) borrowed, openai, 64 KiB: ours / limit at most 1.3", &Goal::AtMost(1.3), &limit);

    let small = |row: &Row| row.is("line-4m", "16 B") || row.cut.as_deref() == Some("1 byte");
    for (who, text) in [
        (BORROWED, "(f) borrowed, line-4m in 16 B and everything in 1 byte: never behind"),
        (SHARED, "(f) shared, line-4m in 16 B and everything in 1 byte: never behind"),
    ] {
        list.add(text, &Goal::AtLeast(1.0), &cells(who, &small));
    }
}

fn encoding(rows: &[Row], list: &mut List) {
    let only = |what: &[&str]| rows.iter().filter(|row| what.contains(&&*row.what)).collect::<Vec<_>>();
    let line = only(&[ONE_LINE]);
    let others = only(&[ALL_FIELDS, LINES, LONG_LINE]);
    for who in [ENCODE, ENCODE_INTO] {
        let short = who.trim_start_matches("ours, ");
        let against_peers =
            |rows: &[&Row]| -> Vec<_> { rows.iter().filter_map(|row| Some((place(row), row.ratio(who)?))).collect() };
        let against_limit =
            |rows: &[&Row]| -> Vec<_> { rows.iter().filter_map(|row| times(row, who, LIMIT)).collect() };
        let add = |list: &mut List, text: &str, goal: &Goal, values: &[(String, f64)]| {
            list.add(&text.replace("{}", short), goal, values);
        };
        add(list, "(g) {}, one line: best peer / ours at least 2", &Goal::AtLeast(2.0), &against_peers(&line));
        add(list, "(g) {}, one line: ours / limit at most 1.3", &Goal::AtMost(1.3), &against_limit(&line));
        add(list, "(h) {}, the others: ahead of every peer", &Goal::MoreThan(1.0), &against_peers(&others));
        add(list, "(h) {}, the others: ours / limit at most 1.2", &Goal::AtMost(1.2), &against_limit(&others));
    }
    let long = only(&[LONG_LINE]);
    let buf: Vec<_> = long.iter().filter_map(|row| times(row, INTO_BUF, COPY)).collect();
    list.add("(i) into_buf, 64 KiB: ours / copy at most 0.5", &Goal::AtMost(0.5), &buf);
}

struct List {
    text: String,
}

impl List {
    /// Adds a goal that each of `values` must reach.
    fn add(&mut self, what: &str, goal: &Goal, values: &[(String, f64)]) {
        let Some((place, worst)) = goal.worst(values) else {
            self.line(format_args!("- not measured: {what}"));
            return;
        };
        let missed = values.iter().filter(|(_, value)| !goal.is_reached_by(*value)).collect::<Vec<_>>();
        let verdict = if missed.is_empty() { "pass" } else { "**FAIL**" };
        self.line(format_args!("- {verdict}: {what}; worst {worst:.2} ({place})"));
        if values.len() > 1 {
            for (place, value) in missed {
                self.line(format_args!("  - {place}: {value:.2}"));
            }
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes any text");
    }
}

/// Which row it is, and who is the fastest peer in it.
fn place(row: &Row) -> String {
    let cut = row.cut.as_deref().map(|cut| format!(", {cut}")).unwrap_or_default();
    let peer = row.best_peer().map(|(peer, _)| format!("; {peer}")).unwrap_or_default();
    format!("{}{cut}{peer}", row.what)
}

/// How many times as long `who` takes as `whom`.
fn times(row: &Row, who: &str, whom: &str) -> Option<(String, f64)> {
    debug_assert!(row.cells.iter().any(|cell| cell.who == whom && cell.kind == Kind::Limit));
    Some((row.what.clone(), row.time(who)? / row.time(whom)?))
}

fn geometric_mean(values: &[(String, f64)]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let sum: f64 = values.iter().map(|(_, value)| value.ln()).sum();
    Some((sum / f64::from(count)).exp())
}
