//! The arguments of the command line.

use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::server::MAX_RATE;

pub const HELP: &str = "\
Runs a server and clients over loopback, cuts their connections, and checks every event.

    cargo run --release -p soak -- [--seconds N] [--clients N] [--sources] [--rate N] [--seed N]

    --seconds N  how long it runs [120]
    --clients N  how many clients there are, beside the one of the hostile endpoint [48]
    --sources    all clients are sources of sse-wire-client, and none reads in another way
    --rate N     about how many events are published a second, at most 250 [250]
    --seed N     the seed of the events, the clients' habits and all other random numbers [7]
    --help       this text
";

/// The arguments of the command line.
#[derive(Debug)]
pub struct Arguments {
    pub time: Duration,
    pub clients: usize,
    pub only_sources: bool,
    pub rate: u8,
    pub seed: u64,
}

/// Reads the command line. `None`: print the help.
pub fn parse() -> Result<Option<Arguments>, lexopt::Error> {
    let mut seconds: u32 = 120;
    let mut clients: u16 = 48;
    let mut only_sources = false;
    let mut rate = MAX_RATE;
    let mut seed = 7;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => seconds = arguments.value()?.parse()?,
            Long("clients") => clients = arguments.value()?.parse()?,
            Long("sources") => only_sources = true,
            Long("rate") => rate = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    if seconds == 0 || clients == 0 {
        return Err("at least one second and one client are needed".into());
    }
    if rate == 0 || rate > MAX_RATE {
        return Err(format!("the rate is from 1 to {MAX_RATE}").into());
    }
    let time = Duration::from_secs(seconds.into());
    Ok(Some(Arguments { time, clients: clients.into(), only_sources, rate, seed }))
}
