//! The arguments of the command line.

use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

pub const HELP: &str = "\
Runs a server and clients over loopback, cuts their connections, and checks every event.

    cargo run --release -p soak -- [--seconds N] [--clients N] [--seed N]

    --seconds N  how long it runs [120]
    --clients N  how many clients there are, beside the one of the hostile endpoint [48]
    --seed N     the seed of the events, the clients' habits and all other random numbers [7]
    --help       this text
";

/// The arguments of the command line.
#[derive(Debug)]
pub struct Arguments {
    pub time: Duration,
    pub clients: usize,
    pub seed: u64,
}

/// Reads the command line. `None`: print the help.
pub fn parse() -> Result<Option<Arguments>, lexopt::Error> {
    let mut seconds: u32 = 120;
    let mut clients: u16 = 48;
    let mut seed = 7;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => seconds = arguments.value()?.parse()?,
            Long("clients") => clients = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    if seconds == 0 || clients == 0 {
        return Err("at least one second and one client are needed".into());
    }
    Ok(Some(Arguments { time: Duration::from_secs(seconds.into()), clients: clients.into(), seed }))
}
