//! The same script of a server, played to `sse-wire-client` and to `reqwest-eventsource`. `script` has the exchanges and what
//! each client does, from which the tables of the README are made; `play` plays them.

mod play;
mod script;

use std::fmt::Write;

use crate::play::{OURS, THEIRS, play};
use crate::script::{Exchange, exchanges};

/// Each client does what the tables say.
#[tokio::test]
async fn each_client_does_what_the_script_says() {
    let mut runs = Vec::new();
    for exchange in exchanges() {
        for (name, client, expected) in
            [("sse-wire-client", OURS, exchange.ours), ("reqwest-eventsource", THEIRS, exchange.theirs)]
        {
            let run = tokio::spawn(play(exchange.clone(), client));
            runs.push((exchange.what, name, expected, run));
        }
    }
    let mut wrong = String::new();
    for (what, name, expected, run) in runs {
        let log = run.await.unwrap().join(", ");
        if log != expected {
            writeln!(wrong, "{what}: {name}\n  expected {expected}\n  but      {log}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn table(exchanges: impl Iterator<Item = Exchange>) -> String {
    let mut table = String::new();
    for Exchange { what, ours, theirs, standard: (section, anchor, says), .. } in exchanges {
        let standard =
            format!("[{section}](https://html.spec.whatwg.org/multipage/server-sent-events.html#{anchor}): {says}");
        if ours == theirs {
            writeln!(table, "| {what} | {ours} | {standard} |").unwrap();
        } else {
            writeln!(table, "| {what} | {ours} | {theirs} | {standard} |").unwrap();
        }
    }
    table
}

#[test]
fn the_readme_has_the_tables() {
    let readme = include_str!("../../README.md");
    let differ = |exchange: &Exchange| exchange.ours != exchange.theirs;
    let different = table(exchanges().into_iter().filter(differ));
    let same = table(exchanges().into_iter().filter(|exchange| !differ(exchange)));
    assert!(readme.contains(&different), "the table of what differs must be\n{different}");
    assert!(readme.contains(&same), "the table of what is the same must be\n{same}");
    assert_eq!(readme.matches("server-sent-events.html#").count(), exchanges().len(), "it has no other rows");
}
