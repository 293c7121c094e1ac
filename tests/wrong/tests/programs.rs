//! Compiles each of `examples/` with its mistake, and compares the errors of the compiler with those in its first lines.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// An error that the compiler must report: its code, and words that it must hold.
#[derive(Debug)]
struct Expected {
    code: String,
    words: Vec<String>,
}

/// Reads the comment at the head of a program, up to its first empty line: an error is `CODE` or `CODE: words`, and
/// `note: words` belongs to the error before it.
fn expected(source: &str) -> Vec<Expected> {
    let mut errors: Vec<Expected> = Vec::new();
    for line in source.lines().map_while(|line| line.strip_prefix("// ")) {
        let (code, words) = line.split_once(": ").map_or((line, None), |(code, words)| (code, Some(words.to_owned())));
        match errors.last_mut() {
            Some(error) if code == "note" => error.words.extend(words),
            _ => errors.push(Expected { code: code.to_owned(), words: words.into_iter().collect() }),
        }
    }
    errors
}

/// What the compiler reports, as code and text.
fn reported(program: &str) -> Vec<(String, String)> {
    let cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustc", "--quiet", "--package", "wrong", "--example", program, "--message-format", "json"])
        .args(["--", "--cfg", "wrong"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let messages = cargo.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let errors: Vec<_> = messages
        .filter(|message: &Value| message["target"]["name"] == program && message["message"]["level"] == "error")
        // The message that there were errors has no code.
        .filter(|message| !message["message"]["code"].is_null())
        .map(|message| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&message["message"]["code"]["code"]), text(&message["message"]["rendered"]))
        })
        .collect();
    assert!(!cargo.status.success(), "{program} compiles");
    assert!(!errors.is_empty(), "{program}: {}", String::from_utf8_lossy(&cargo.stderr));
    errors
}

#[test]
fn a_mistake_is_reported_once_and_in_words_that_help() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut programs: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    assert_eq!(programs.len(), 15);
    for path in programs {
        let program = path.file_stem().unwrap().to_str().unwrap();
        let expected = expected(&fs::read_to_string(&path).unwrap());
        let reported = reported(program);
        let texts: String = reported.iter().map(|(_, text)| text.as_str()).collect();
        let codes = |errors: &[Expected]| errors.iter().map(|error| error.code.clone()).collect::<Vec<_>>();
        let mut found: Vec<_> = reported.iter().map(|(code, _)| code.clone()).collect();
        if expected.iter().all(|error| error.words.is_empty()) {
            // How many of the compiler's own errors follow the first depends on its version.
            found.truncate(expected.len());
        }
        assert_eq!(found, codes(&expected), "{program} says\n{texts}");
        for (Expected { words, .. }, (_, text)) in expected.iter().zip(&reported) {
            for words in words {
                assert!(text.contains(words), "{program} does not say {words:?}, but\n{text}");
            }
        }
    }
}
