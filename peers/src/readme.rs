//! The results in the project's README: what was printed, between two marks.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::corpora::Corpus;
use crate::results::Results;
use crate::{goals, table};

const BEGIN: &str = "<!-- what `peers` printed: begin -->\n";
const END: &str = "<!-- what `peers` printed: end -->\n";

/// Puts the results where those of the last time are.
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

/// What was printed, as a part of a chapter.
fn shown(results: &Results) -> String {
    let printed = table::render(results, &Corpus::all()) + &goals::render(results);
    format!("\n{}\n", printed.replace("\n## ", "\n### "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_results_that_were_saved() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let results = fs::read_to_string(project.join("peers/results.json")).unwrap();
        let readme = fs::read_to_string(project.join("README.md")).unwrap();
        let (_, between, _) = split(&readme).unwrap();
        assert_eq!(between, shown(&serde_json::from_str(&results).unwrap()));
    }
}
