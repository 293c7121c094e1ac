//! Proves `sse-wire-hub` with real processes, and checks every event: see `README.md`.

mod arguments;
mod check;
mod client;
mod driver;
mod faults;
mod files;
mod node;
mod partition;
mod process;
mod publisher;

use std::error::Error;
use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Some(command)) => command,
        Ok(None) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Check { folder } => println!("{}", check::check(&folder)?),
        Command::Node { redis, port } => runtime.block_on(node::serve(&redis, port))?,
        Command::Run(run) => runtime.block_on(driver::run(&run))?,
    }
    Ok(())
}
