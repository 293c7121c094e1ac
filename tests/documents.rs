//! What the documents of the repository link to and name is there.

use std::fs;
use std::path::{Path, PathBuf};

/// The READMEs below this folder, apart from those of other projects.
fn readmes(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !["node_modules", "target", "vendor"].contains(&&*name) {
                readmes(&entry.path(), found);
            }
        } else if name == "README.md" {
            found.push(entry.path());
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut documents = Vec::new();
    readmes(root(), &mut documents);
    for folder in [root().to_owned(), root().join("docs")] {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        documents.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    documents.sort();
    documents.dedup();
    documents
}

/// The targets of links and pictures: `](target)`, and `[name]: target` at the start of a line.
fn targets(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let definitions = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(definitions.map(|(_, target)| target)).collect()
}

/// What is between backticks, outside of code blocks, and is not the text of a link.
fn code_spans(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    for prose in text.split("```").step_by(2) {
        let pieces: Vec<_> = prose.split('`').collect();
        let with_next = pieces.windows(2).skip(1).step_by(2);
        spans.extend(with_next.filter(|pair| !pair[1].starts_with("](")).map(|pair| pair[0]));
    }
    spans
}

/// Whether this word is a path of the repository: it has a slash, and no character that no path here has.
fn is_path(word: &str) -> bool {
    /// MIME types, and what only a build or a run makes.
    const OTHERS: [&str; 6] = ["application", "artifacts", "corpus", "node_modules", "target", "text"];
    let parts: Vec<_> = word.trim_end_matches('/').split('/').collect();
    let is_name = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    // As in `fuzz/artifacts/TARGET/FILE`.
    let is_placeholder = |part: &&str| part.bytes().all(|byte| byte.is_ascii_uppercase());
    word.contains('/') && parts.iter().all(is_name) && !parts.iter().any(is_placeholder) && !OTHERS.contains(&parts[0])
}

#[test]
fn every_path_that_a_document_links_or_names_exists() {
    let mut missing = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for target in targets(&text) {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains(':') {
                count += 1;
                if !folder.join(path).exists() {
                    missing.push(format!("{}: link to {target}", document.display()));
                }
            }
        }
        for path in code_spans(&text).into_iter().flat_map(str::split_whitespace).filter(|word| is_path(word)) {
            count += 1;
            // As seen from the document, from the root, or from a folder in between.
            if !folder.ancestors().take_while(|folder| folder.starts_with(root())).any(|from| from.join(path).exists())
            {
                missing.push(format!("{}: `{path}`", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 50, "only {count} paths were found");
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 230, "{lines} lines");
}

/// The examples of the guides use other libraries. `integration/adapters` has these, and compiles them.
#[test]
fn the_examples_of_the_readme_and_of_every_guide_are_compiled() {
    let compiled = fs::read_to_string(root().join("integration/adapters/src/lib.rs")).unwrap();
    let guides = fs::read_dir(root().join("src/guide")).unwrap().map(|file| file.unwrap().file_name());
    let guides = guides.map(|name| name.into_string().unwrap()).filter(|name| name != "mod.rs");
    let guides: Vec<_> = guides.map(|name| format!("src/guide/{name}")).collect();
    assert_eq!(guides.len(), 5);
    for document in guides.iter().map(String::as_str).chain(["README.md"]) {
        assert!(compiled.contains(&format!(": \"{document}\"\n")), "{document}");
    }
}
