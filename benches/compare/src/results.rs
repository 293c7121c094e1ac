//! What was measured, and how it is stored: one CSV file for each run, with a commented head.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// All that one run has measured.
#[derive(Debug, PartialEq)]
pub struct Results {
    pub environment: Environment,
    pub parsing: Vec<Row>,
    pub encoding: Vec<Row>,
}

/// One input, and the times of all contenders for it.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The corpus, or the event that was encoded.
    pub what: String,
    /// How the corpus was cut.
    pub cut: Option<String>,
    pub cells: Vec<Cell>,
}

/// The time of one contender for one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub who: String,
    pub value: Value,
}

/// What a table shows in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The median of the rounds, in nanoseconds for one event.
    Time(f64),
    /// Why there is no time.
    Instead(String),
}

/// Whose time it is, in the order of a table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// This version of sse-wire.
    Ours,
    /// sse-wire 0.1.
    Before,
    /// Another crate.
    Other,
    /// The work that no parser or encoder can leave out, written by hand.
    Limit,
}

impl Kind {
    /// The kind of the contender with this name.
    pub fn of(who: &str) -> Kind {
        match who {
            "limit" | "copy" => Kind::Limit,
            _ if who.starts_with("ours, ") => Kind::Ours,
            _ if who.starts_with("0.1, ") => Kind::Before,
            _ => Kind::Other,
        }
    }
}

impl Cell {
    pub fn kind(&self) -> Kind {
        Kind::of(&self.who)
    }

    pub fn time(&self) -> Option<f64> {
        match self.value {
            Value::Time(time) => Some(time),
            Value::Instead(_) => None,
        }
    }
}

impl Row {
    pub fn time(&self, who: &str) -> Option<f64> {
        self.cells.iter().find(|cell| cell.who == who)?.time()
    }

    /// The fastest of the other crates and its time.
    pub fn best_other(&self) -> Option<(&str, f64)> {
        let others = self.cells.iter().filter(|cell| cell.kind() == Kind::Other);
        let times = others.filter_map(|cell| Some((&*cell.who, cell.time()?)));
        times.min_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// The time of the fastest other crate, divided by the time of `who`.
    pub fn ratio(&self, who: &str) -> Option<f64> {
        Some(self.best_other()?.1 / self.time(who)?)
    }

    pub fn is(&self, what: &str, cut: &str) -> bool {
        self.what == what && self.cut.as_deref() == Some(cut)
    }
}

// The first columns, and the values of the first of them.
const KEYS: [&str; 3] = ["work", "what", "chunks"];
const PARSE: &str = "parse";
const ENCODE: &str = "encode";

impl Results {
    /// As the text of a CSV file: a row for each input, a column for each contender.
    ///
    /// # Errors
    ///
    /// Never, as long as memory can be written to.
    pub fn to_csv(&self) -> Result<String, Box<dyn Error>> {
        let parsing = self.parsing.iter().map(|row| (PARSE, row));
        let rows: Vec<_> = parsing.chain(self.encoding.iter().map(|row| (ENCODE, row))).collect();
        let mut names: Vec<&str> = Vec::new();
        for cell in rows.iter().flat_map(|(_, row)| &row.cells) {
            if !names.contains(&&*cell.who) {
                names.push(&cell.who);
            }
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(KEYS.iter().chain(&names))?;
        for (work, row) in rows {
            let keys = [work, &row.what, row.cut.as_deref().unwrap_or_default()].map(String::from);
            let cells = names.iter().map(|name| row.cells.iter().find(|cell| cell.who == *name));
            let fields = cells.map(|cell| cell.map(|cell| stored(&cell.value)).unwrap_or_default());
            writer.write_record(keys.into_iter().chain(fields))?;
        }
        let mut text = String::from("# Nanoseconds for one event.\n");
        for (name, value) in self.environment.entries() {
            writeln!(text, "# {name}: {value}")?;
        }
        Ok(text + &String::from_utf8(writer.into_inner()?)?)
    }

    /// Reads such a text.
    ///
    /// # Errors
    ///
    /// If it lacks columns, or is not CSV.
    pub fn from_csv(text: &str) -> Result<Results, Box<dyn Error>> {
        let head = text.lines().map_while(|line| line.strip_prefix("# "));
        let environment = Environment::of(head.filter_map(|line| line.split_once(": ")));
        let mut results = Results { environment, parsing: Vec::new(), encoding: Vec::new() };
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let names = reader.headers()?.clone();
        if !names.iter().take(KEYS.len()).eq(KEYS) {
            return Err("the first columns are not those of a comparison".into());
        }
        for record in reader.records() {
            let record = record?;
            let cells = names.iter().zip(&record).skip(KEYS.len()).filter(|(_, field)| !field.is_empty());
            let cells = cells.map(|(who, field)| Cell { who: who.into(), value: read(field) });
            let mut cells: Vec<_> = cells.collect();
            // Some are contenders in parsing and in encoding, and have one column for both.
            cells.sort_by_key(Cell::kind);
            let cut = Some(record[2].to_string()).filter(|cut| !cut.is_empty());
            let row = Row { what: record[1].into(), cut, cells };
            match &record[0] {
                PARSE => results.parsing.push(row),
                ENCODE => results.encoding.push(row),
                other => return Err(format!("neither parsing nor encoding: {other}").into()),
            }
        }
        Ok(results)
    }

    /// The results in the file, or in the newest file of the directory: names begin with the date.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be read.
    pub fn load(path: &Path) -> Result<Results, Box<dyn Error>> {
        Results::from_csv(&fs::read_to_string(if path.is_dir() { newest(path)? } else { path.into() })?)
    }
}

fn newest(directory: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let paths: Result<Vec<_>, _> = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let records = paths?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
    records.max().ok_or_else(|| format!("no results in {}", directory.display()).into())
}

/// Four digits or more, as many as a ratio with two places needs.
fn stored(value: &Value) -> String {
    match value {
        Value::Instead(text) => text.clone(),
        Value::Time(time @ ..10.0) => format!("{time:.3}"),
        Value::Time(time @ ..100.0) => format!("{time:.2}"),
        Value::Time(time @ ..1000.0) => format!("{time:.1}"),
        Value::Time(time) => format!("{time:.0}"),
    }
}

fn read(field: &str) -> Value {
    field.parse().map_or_else(|_| Value::Instead(field.into()), Value::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Pace;

    fn cell(who: &str, value: Value) -> Cell {
        Cell { who: who.into(), value }
    }

    #[test]
    fn results_are_the_same_after_writing_and_reading_csv() {
        let parsed = [("ours, borrowed", 20.36), ("sse-core", 66.5), ("limit", 1234.0)];
        let mut parsed: Vec<_> = parsed.map(|(who, time)| cell(who, Value::Time(time))).into();
        parsed.insert(1, cell("slow", Value::Instead("> 150".into())));
        let encoded = vec![cell("ours, encode", Value::Time(9.125)), cell("limit", Value::Time(0.5))];
        let results = Results {
            environment: Environment::here(&Pace::QUICK),
            parsing: vec![Row { what: "openai".into(), cut: Some("64 KiB".into()), cells: parsed }],
            encoding: vec![Row { what: "name, id and data".into(), cut: None, cells: encoded }],
        };
        let text = results.to_csv().unwrap();
        assert_eq!(Results::from_csv(&text).unwrap(), results, "{text}");
        assert!(text.ends_with(
            "work,what,chunks,\"ours, borrowed\",slow,sse-core,limit,\"ours, encode\"\n\
             parse,openai,64 KiB,20.36,> 150,66.50,1234,\n\
             encode,\"name, id and data\",,,,,0.500,9.125\n"
        ));
    }

    #[test]
    fn the_best_other_crate_is_neither_ours_nor_0_1_nor_a_limit() {
        let times = [("limit", 1.0), ("ours, owned", 2.0), ("0.1, shared", 3.0), ("russe", 5.0), ("axum", 4.0)];
        let cells = times.map(|(who, time)| cell(who, Value::Time(time))).into();
        let row = Row { what: "tiny".into(), cut: None, cells };
        assert_eq!(row.best_other(), Some(("axum", 4.0)));
        assert_eq!(row.ratio("ours, owned"), Some(2.0));
    }
}
