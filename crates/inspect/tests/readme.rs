//! The examples of the READMEs show what the program does.

use std::env;
use std::path::Path;
use std::process::Command;

/// The blocks of this language in a README.
fn blocks<'a>(readme: &'a str, language: &str) -> Vec<&'a str> {
    let blocks = readme.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// Runs the command at the root of the repository. Returns what it writes to both outputs.
#[cfg(unix)]
fn run(command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_sse-inspect"));
    let path = env::join_paths(
        [program.parent().unwrap().to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .env("PATH", path.unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn each_command_prints_what_the_readme_shows() {
    let mut commands = 0;
    for block in blocks(include_str!("../README.md"), "text") {
        let Some((command, shown)) = block.strip_prefix("$ ").and_then(|block| block.split_once('\n')) else {
            continue;
        };
        assert_eq!(run(command).trim_end(), shown, "{command}");
        commands += 1;
    }
    assert_eq!(commands, 4);
}
