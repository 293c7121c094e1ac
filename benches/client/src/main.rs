//! Measures what a client of event streams costs beside reqwest alone, over loopback: see `docs/client.md`.

#[path = "../../corpora/mod.rs"]
mod corpora;

mod contenders;
mod server;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use lexopt::{Arg, ValueExt};
use tokio::runtime::Runtime;

use crate::contenders::{ALL, Contender, Seen};
use crate::corpora::Corpus;
use crate::server::{CHUNKINGS, Prepared};

const HELP: &str = "\
Measures what a client of event streams costs beside reqwest alone, over loopback.

    cargo run --release -p client-cost -- [--rounds N]

    --rounds N  how often each is measured [15]
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut rounds: usize = 15;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("rounds") => rounds = arguments.value()?.parse()?,
            Arg::Long("help") | Arg::Short('h') => {
                print!("{HELP}");
                return Ok(());
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let corpus = Corpus::named("openai").ok_or("there is no such corpus")?;
    println!("Nanoseconds for one event: the processor time of the client's thread, and the time that passes.\n");
    println!("| chunks | client | processor | beside reqwest alone | passes |\n|---|---|---:|---:|---:|");
    for chunking in CHUNKINGS {
        let response = Arc::new(Prepared::new(&corpus, chunking));
        let url = format!("http://{}/", server::serve(Arc::clone(&response))?);
        let events = f64::from(u32::try_from(response.events)?);
        let measured = measure(&url, &response, rounds.max(1))?;
        for (contender, passes) in ALL.iter().zip(&measured) {
            let ns = |time: Duration| time.as_secs_f64() * 1e9 / events;
            let processor = median(passes.iter().map(|pass| ns(pass.processor)));
            let passing = median(passes.iter().map(|pass| ns(pass.passing)));
            // Of the same round, so that what else the machine does matters less.
            let beside = passes.iter().zip(&measured[contender.alone]);
            let ratio = median(beside.map(|(pass, alone)| ns(pass.processor) / ns(alone.processor)));
            let ratio = if contender.is_alone() { String::new() } else { format!("{ratio:.2}") };
            println!("| {} | {} | {processor:.0} | {ratio} | {passing:.0} |", chunking.name, contender.name);
        }
    }
    println!("\nMedians of {rounds} rounds.");
    Ok(())
}

/// How long it took to read one response.
#[derive(Clone, Copy, Debug)]
struct Pass {
    /// The time of the thread that reads.
    processor: Duration,
    /// The time on the clock.
    passing: Duration,
}

/// Measures each contender once a round, each round in another order, after one round that warms up.
fn measure(url: &str, response: &Prepared, rounds: usize) -> Result<Vec<Vec<Pass>>, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut passes = vec![Vec::new(); ALL.len()];
    for round in 0..=rounds {
        for turn in 0..ALL.len() {
            let which = (turn + round) % ALL.len();
            let pass = read(&runtime, &ALL[which], url, response)?;
            if round > 0 {
                passes[which].push(pass);
            }
        }
    }
    Ok(passes)
}

/// Reads the response once, and checks that all of it was seen.
fn read(runtime: &Runtime, contender: &Contender, url: &str, response: &Prepared) -> Result<Pass, Box<dyn Error>> {
    let (processor, passing) = (ThreadTime::now(), Instant::now());
    let seen = runtime.block_on((contender.read)(url.to_owned()))?;
    let pass = Pass { processor: processor.elapsed(), passing: passing.elapsed() };
    // What is not the data of an event: its name, and two line ends.
    let framing = "data: \n\n".len() * response.events;
    let expected = if contender.is_alone() {
        Seen { events: 0, bytes: response.bytes }
    } else {
        Seen { events: response.events, bytes: response.bytes - framing }
    };
    if seen != expected {
        return Err(format!("{}: expected {expected:?}, seen {seen:?}", contender.name).into());
    }
    Ok(pass)
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<_> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_see_every_event() {
        let corpus = Corpus::named("openai").unwrap();
        for chunking in CHUNKINGS {
            let response = Arc::new(Prepared::new(&corpus, chunking));
            let url = format!("http://{}/", server::serve(Arc::clone(&response)).unwrap());
            measure(&url, &response, 1).unwrap();
        }
    }
}
