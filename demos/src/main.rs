//! `demos [--port N] [--upstream URL]`, and `demos watch URL TOKEN`.

use std::error::Error;
use std::net::Ipv4Addr;

use demos::watch::{self, Subscriber};
use demos::{Settings, serve};
use lexopt::prelude::*;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const USAGE: &str = "\
Six applications of Server-Sent Events, with a page for each.

demos [--port N] [--upstream URL]
    --port N        the port to listen on at 127.0.0.1; 0 for any free one. 8080 unless given
    --upstream URL  an OpenAI-compatible server for the relay, in place of the built-in one.
                    Its key is read from OPENAI_API_KEY

demos watch URL TOKEN
    follows a report, such as http://127.0.0.1:8080/rooms/blue/report";

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

enum Command {
    Help,
    Serve { port: u16, settings: Settings },
    Watch { url: String, token: String },
}

#[tokio::main]
async fn main() -> Result {
    match command()? {
        Command::Help => println!("{USAGE}"),
        Command::Serve { port, settings } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            println!("http://{}/", listener.local_addr()?);
            let shutdown = CancellationToken::new();
            let interrupt = shutdown.clone();
            tokio::spawn(async move {
                // On an error there is no handler, and Ctrl-C ends the program at once.
                if tokio::signal::ctrl_c().await.is_ok() {
                    interrupt.cancel();
                }
            });
            serve(listener, settings, shutdown).await?;
        }
        Command::Watch { url, token } => {
            let mut subscriber = Subscriber::new();
            subscriber.subscribe(&url, &token, watch::printed())?;
            if let Some(reason) = subscriber.closed().await {
                println!("closed: {reason}");
            }
        }
    }
    Ok(())
}

fn command() -> Result<Command> {
    let mut settings = Settings { key: std::env::var("OPENAI_API_KEY").ok(), ..Settings::default() };
    let mut port = 8080;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => port = arguments.value()?.parse()?,
            Long("upstream") => settings.upstream = Some(arguments.value()?.string()?),
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(word) if word == "watch" => {
                let url = arguments.value()?.string()?;
                return Ok(Command::Watch { url, token: arguments.value()?.string()? });
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    if settings.upstream.as_deref().is_some_and(|url| url.starts_with("https:")) && !cfg!(feature = "https") {
        return Err("an upstream over https needs `--features https`".into());
    }
    Ok(Command::Serve { port, settings })
}
