//! Measures `sse-wire` beside the other crates for event streams: see the README.

#[path = "../../benches/by_hand/mod.rs"]
mod by_hand;
#[path = "../../benches/corpora/mod.rs"]
mod corpora;

mod charts;
mod encoders;
mod environment;
mod goals;
mod measure;
mod parsers;
mod readme;
mod results;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use lexopt::{Arg, ValueExt};

use crate::corpora::Corpus;
use crate::environment::Environment;
use crate::measure::Pace;
use crate::results::Results;

const HELP: &str = "\
Measures sse-wire beside the other crates for event streams.

    cargo run --release -p peers -- [--quick] [--only NAME]... [--save PATH]
    cargo run --release -p peers -- --publish [--results PATH]

    --quick         fewer and shorter rounds
    --only NAME     only this corpus, or `encode`; may be given more than once
    --save PATH     also write the results to this file, as JSON
    --publish       measure nothing, and put results that were saved into README.md and docs/
    --results PATH  where those are [peers/results.json]
";

struct Arguments {
    quick: bool,
    only: Vec<String>,
    save: Option<PathBuf>,
    publish: bool,
    results: PathBuf,
    help: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    if arguments.help {
        print!("{HELP}");
        return Ok(());
    }
    if arguments.publish {
        let results = serde_json::from_str(&fs::read_to_string(arguments.results)?)?;
        charts::draw(&results, Path::new("docs"))?;
        return readme::update(&results, Path::new("README.md"));
    }
    let pace = if arguments.quick { Pace::QUICK } else { Pace::FULL };
    let is_asked_for = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let corpora: Vec<_> = Corpus::all().into_iter().filter(|corpus| is_asked_for(corpus.name)).collect();
    if corpora.is_empty() && !is_asked_for("encode") {
        return Err("no corpus has that name".into());
    }

    let checked: Vec<_> = corpora.iter().flat_map(|corpus| parsers::check(corpus, pace.deadline)).collect();
    let mut results = Results { environment: Environment::here(&pace), parsing: Vec::new(), encoding: Vec::new() };
    results.parsing.extend(checked.into_iter().map(|input| parsers::measure(input, &pace)));
    if is_asked_for("encode") {
        encoders::check()?;
        results.encoding.extend(encoders::measure(&pace));
    }

    print!("{}{}", table::render(&results, &corpora), goals::render(&results));
    if let Some(path) = arguments.save {
        fs::write(path, serde_json::to_string_pretty(&results)? + "\n")?;
    }
    Ok(())
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments {
        quick: false,
        only: Vec::new(),
        save: None,
        publish: false,
        results: "peers/results.json".into(),
        help: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("quick") => arguments.quick = true,
            Arg::Long("only") => arguments.only.push(parser.value()?.string()?),
            Arg::Long("save") => arguments.save = Some(parser.value()?.into()),
            Arg::Long("publish") => arguments.publish = true,
            Arg::Long("results") => arguments.results = parser.value()?.into(),
            Arg::Long("help") | Arg::Short('h') => arguments.help = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(arguments)
}
