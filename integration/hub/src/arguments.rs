//! The arguments of the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};

pub const HELP: &str = "\
Runs nodes of a hub, Redis servers, publishers and clients, breaks all of them, and checks every event.

    hub-proof [--seconds N] [--clients N] [--seed N] [--keep FOLDER]
    hub-proof check FOLDER
    hub-proof node --redis URL [--port N]

    --seconds N    how long faults happen [60]; at least one of each kind, which takes about 40
    --clients N    how many clients there are, at least 20 [1000]
    --seed N       the seed of the faults and of the clients' habits [7]
    --keep FOLDER  a new folder for what was seen; without it, that is kept only after a failure
    --help         this text

    check          checks what a run has left in its folder
    node           one node on 127.0.0.1, which prints its port, and ends once its standard input is closed
";

/// What to do.
#[derive(Debug)]
pub enum Command {
    Run(Run),
    Check { folder: PathBuf },
    Node { redis: String, port: u16 },
}

/// The arguments of a run.
#[derive(Debug)]
pub struct Run {
    pub time: Duration,
    pub clients: usize,
    pub seed: u64,
    pub keep: Option<PathBuf>,
}

/// Reads the command line. `None`: print the help.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Command>, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_args(arguments);
    let mut run = Run { time: Duration::from_mins(1), clients: 1000, seed: 7, keep: None };
    let (mut redis, mut port) = (None, 0);
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => run.time = Duration::from_secs(arguments.value()?.parse()?),
            Long("clients") => run.clients = arguments.value()?.parse()?,
            Long("seed") => run.seed = arguments.value()?.parse()?,
            Long("keep") => run.keep = Some(arguments.value()?.into()),
            Long("redis") => redis = Some(arguments.value()?.string()?),
            Long("port") => port = arguments.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            Value(word) => words.push(word),
            _ => return Err(argument.unexpected()),
        }
    }
    let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match (&words[..], redis) {
        ([], None) if run.clients >= 20 => Ok(Some(Command::Run(run))),
        ([], None) => Err("at least 20 clients are needed, so that each topic has some".into()),
        (["check", folder], None) => Ok(Some(Command::Check { folder: folder.into() })),
        (["node"], Some(redis)) => Ok(Some(Command::Node { redis, port })),
        _ => Err("these arguments do not go together".into()),
    }
}
