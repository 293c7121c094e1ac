//! `hub-demo [--port N] [--embedded]`

use std::error::Error;

use hub_demo::Demo;
use lexopt::prelude::*;
use tokio::signal::ctrl_c;

const USAGE: &str = "\
Subscribers on two nodes of a hub, and buttons that break the nodes and Redis.

hub-demo [--port N] [--embedded]
    --port N    the port of the page at 127.0.0.1; 0 for any free one. 8090 unless given
    --embedded  the embedded engine, also if Redis is installed";

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Settings {
    port: u16,
    is_embedded: bool,
}

#[tokio::main]
async fn main() -> Result {
    let Some(Settings { port, is_embedded }) = settings()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let demo = Demo::start(port, is_embedded).await?;
    println!("http://{}/", demo.address());
    println!("The events are in {}.", demo.engine());
    let [first, second] = demo.nodes();
    println!("The nodes are at {first} and {second}.");
    stopped().await?;
    Ok(())
}

/// Waits for Ctrl-C, or for the signal that asks to end. At any other end of the program, Redis would stay.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            stopped = ctrl_c() => stopped,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    ctrl_c().await
}

/// `None`: only to say how it is used.
fn settings() -> Result<Option<Settings>> {
    let mut settings = Settings { port: 8090, is_embedded: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => settings.port = arguments.value()?.parse()?,
            Long("embedded") => settings.is_embedded = true,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(settings))
}
