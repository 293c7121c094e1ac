//! Measures `sse-wire` beside the other crates for event streams: see the README.

#[path = "../../by_hand/mod.rs"]
mod by_hand;
#[path = "../../corpora/mod.rs"]
mod corpora;

#[cfg(baseline)]
mod baseline;
mod charts;
mod document;
mod encoders;
mod environment;
mod goals;
mod measure;
mod parsers;
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
Measures sse-wire beside the other crates for event streams. Run it at the root of the repository.

    cargo run --release -p compare -- [--quick] [--only NAME]... [--save PATH]
    cargo run --release -p compare -- --publish [--record PATH]

    --quick        fewer and shorter rounds
    --only NAME    only this corpus, or `encode`; may be given more than once
    --save PATH    also write the results to this file, as CSV
    --publish      measure nothing, and put stored results into docs/
    --record PATH  a file of results, or a directory whose newest file is taken [benches/compare/record]
";

struct Arguments {
    quick: bool,
    only: Vec<String>,
    save: Option<PathBuf>,
    publish: bool,
    record: PathBuf,
    help: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    if arguments.help {
        print!("{HELP}");
        return Ok(());
    }
    if arguments.publish {
        let results = Results::load(&arguments.record)?;
        charts::draw(&results, Path::new("docs"))?;
        return document::update(&results, Path::new("docs/benchmarks.md"));
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

    let (with, tables) = table::render(&results, &corpora);
    print!("{with}\n{tables}{}", goals::render(&results));
    if let Some(path) = arguments.save {
        fs::write(path, results.to_csv()?)?;
    }
    Ok(())
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments {
        quick: false,
        only: Vec::new(),
        save: None,
        publish: false,
        record: "benches/compare/record".into(),
        help: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("quick") => arguments.quick = true,
            Arg::Long("only") => arguments.only.push(parser.value()?.string()?),
            Arg::Long("save") => arguments.save = Some(parser.value()?.into()),
            Arg::Long("publish") => arguments.publish = true,
            Arg::Long("record") => arguments.record = parser.value()?.into(),
            Arg::Long("help") | Arg::Short('h') => arguments.help = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(arguments)
}
