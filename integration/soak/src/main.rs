//! Runs a server and clients over loopback for minutes, cuts their connections, and checks every event: see `README.md`.

mod arguments;
mod bounds;
mod check;
mod client;
mod connection;
mod expected;
mod failure;
mod habits;
mod hostile;
mod memory;
mod proxy;
mod report;
mod run;
mod server;
mod source;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use arguments::Arguments;
use check::Checker;
use client::Client;
use connection::Connector;
use failure::Failure;
use habits::Habits;
use memory::Memory;
use proxy::Proxy;
use run::Run;
use server::Feed;

/// How often the counts are printed.
const REPORT_PERIOD: Duration = Duration::from_secs(5);

/// How long every client has at the end to reach the newest event.
const LAST_RESPITE: Duration = Duration::from_secs(45);

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    let soaked = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error("the runtime", &error))
        .and_then(|runtime| runtime.block_on(soak(&arguments)));
    match soaked {
        Ok(events) => {
            println!("all {events} events as expected");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that runs beside the reports. The first error ends the run.
type Tasks = JoinSet<Result<(), Failure>>;

/// One run. Returns how many events were checked.
async fn soak(arguments: &Arguments) -> Result<u64, Failure> {
    let run = Arc::new(Run::new(arguments.seed, arguments.clients));
    let feed = Arc::new(Feed::new(run.series)?);
    let mut tasks = Tasks::new();
    start(&mut tasks, &run, &feed, arguments).await?;

    let start = Instant::now();
    let end = start + arguments.time;
    let mut memory = Memory::default();
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next_report = start + REPORT_PERIOD;
    let outcome = loop {
        tokio::select! {
            Some(ended) = tasks.join_next() => {
                let ended = ended.unwrap_or_else(|panic| Err(Failure::error("a task", &panic)));
                if let Err(failure) = ended {
                    break Err(failure);
                }
            }
            now = ticks.tick() => {
                memory.measure(third(now - start, arguments.time));
                if now >= next_report {
                    next_report += REPORT_PERIOD;
                    println!("{}", run.counts.line(now - start, &memory));
                }
                if now >= end {
                    run.end();
                    let stuck = stuck(&run, &feed);
                    if stuck.is_none() || now >= end + LAST_RESPITE {
                        break stuck.or_else(|| idle(&run)).map_or(Ok(run.counts.events()), Err);
                    }
                }
            }
        }
    };
    tasks.shutdown().await;
    println!("\n{}", run.counts.table(start.elapsed(), &memory));
    outcome
}

/// Starts the server, the proxies and the clients.
async fn start(tasks: &mut Tasks, run: &Arc<Run>, feed: &Arc<Feed>, arguments: &Arguments) -> Result<(), Failure> {
    let sockets = |error: io::Error| Failure::error("a socket", &error);
    let loopback = async || TcpListener::bind(("127.0.0.1", 0)).await;
    let (listener, cutting, gentle) = tokio::try_join!(loopback(), loopback(), loopback()).map_err(sockets)?;
    let server = listener.local_addr().map_err(sockets)?;
    let url = format!("http://{}/events", cutting.local_addr().map_err(sockets)?);
    let hostile_url = format!("http://{}/hostile", gentle.local_addr().map_err(sockets)?);
    let mut chance = Rng::with_seed(run.series.seed);
    tasks.spawn(server::serve(listener, Arc::clone(feed)));
    tasks.spawn(server::publish(Arc::clone(run), Arc::clone(feed), arguments.rate));
    tasks.spawn(Proxy { server, cuts: true, seed: chance.u64(..) }.serve(cutting, Arc::clone(run)));
    tasks.spawn(Proxy { server, cuts: false, seed: chance.u64(..) }.serve(gentle, Arc::clone(run)));

    let http = connection::http().map_err(|error| Failure::error("the HTTP client", &error))?;
    for (number, counts) in run.counts.clients.iter().enumerate() {
        let (http, url, run) = (http.clone(), url.clone(), Arc::clone(run));
        let habits = Habits::of(number, arguments.only_sources, &mut chance);
        let checker = Checker::new(run.series, Arc::clone(counts));
        let connector = Connector { http, url, habits, counts: Arc::clone(counts), run };
        let client = Client { connector, checker, chance: chance.fork() };
        tasks.spawn(async move {
            let failure = client.follow().await;
            Err(failure.within(format!("client {number} ({habits})")))
        });
    }
    let hostile = hostile::follow(http, hostile_url, Arc::clone(run));
    tasks.spawn(async move {
        let followed = hostile.await;
        followed.map_err(|failure| failure.within("the hostile endpoint"))
    });
    Ok(())
}

/// Which third of the run this is, counting from 0.
fn third(elapsed: Duration, of: Duration) -> usize {
    if elapsed < of / 3 {
        0
    } else if elapsed < of * 2 / 3 {
        1
    } else {
        2
    }
}

/// A client that is not at the newest event, if there is one.
fn stuck(run: &Run, feed: &Feed) -> Option<Failure> {
    let newest = feed.newest();
    let mut clients = run.counts.clients.iter().enumerate();
    let (number, client) = clients.find(|(_, client)| client.last.get() != newest)?;
    let expected = format!("to reach event {newest}, the newest");
    Some(Failure::new(format!("client {number}"), expected, format!("event {} as its last", client.last.get())))
}

/// A client that saw no event at all, if there is one; or the hostile endpoint, if no round was read to its end.
fn idle(run: &Run) -> Option<Failure> {
    let idle = run.counts.clients.iter().position(|client| client.events.get() == 0);
    let client = idle.map(|number| Failure::new(format!("client {number}"), "events", "none at all"));
    let hostile = (run.counts.hostile.rounds.get() == 0)
        .then(|| Failure::new("the hostile endpoint", "a whole round", "none at all"));
    client.or(hostile)
}
