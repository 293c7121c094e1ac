//! The results in `docs/benchmarks.md`, between two marks.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::corpora::Corpus;
use crate::results::Results;
use crate::{goals, table};

const BEGIN: &str = "<!-- written by benches/compare: begin -->\n";
const END: &str = "<!-- written by benches/compare: end -->\n";

/// Replaces the text between the marks.
///
/// # Errors
///
/// If the file lacks the marks, or cannot be read or written.
pub fn update(results: &Results, path: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let (before, _, after) = split(&text).ok_or("no marks for the results")?;
    fs::write(path, [before, BEGIN, &shown(results), END, after].concat())?;
    Ok(())
}

/// The text before the marks, between them, and after them.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (between, after) = rest.split_once(END)?;
    Some((before, between, after))
}

fn shown(results: &Results) -> String {
    let (with, tables) = table::render(results, &Corpus::all());
    format!("\n{with}\n{}{tables}", goals::render(results))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_the_newest_results() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let results = Results::load(&package.join("record")).unwrap();
        let document = fs::read_to_string(package.join("../../docs/benchmarks.md")).unwrap();
        let (_, between, _) = split(&document).unwrap();
        assert_eq!(between, shown(&results));
    }
}
