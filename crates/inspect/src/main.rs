//! Shows what is in an event stream, and what is wrong with it.
//!
//! Each event is shown as soon as it is complete; a summary follows at the end. See `--help`.

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};
use clap_mangen::Man;

mod args;
mod check;
mod input;
mod record;
mod serve;
mod stream;
mod text;
mod view;

/// The exit status if something is wrong with the stream, the server or the client.
const FOUND: u8 = 1;

/// The exit status for wrong options, or a file of the wrong kind.
const USAGE: u8 = 2;

/// The exit status if there is no stream, it could not be read to its end, or the output not be written.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Serve(args)) => serve::run(args),
        None if cli.man => generated(man()),
        None => match cli.completions {
            Some(shell) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "sse-inspect", &mut script);
                generated(Ok(script))
            }
            None => view::run(&cli.view),
        },
    }
}

/// One page, also for the options of `check` and `serve`.
fn man() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    // Also names the subcommands in full.
    command.build();
    // Otherwise they have no text.
    let command = command.mut_args(|arg| arg.hide_short_help(false));
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for subcommand in command.get_subcommands() {
        let man = Man::new(subcommand.clone());
        writeln!(page, ".SH {}", subcommand.get_name().to_uppercase())?;
        let mut text = Vec::new();
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        man.render_extra_section(&mut text)?;
        // As parts of the one section.
        page.extend(
            String::from_utf8_lossy(&text).replace(".SH EXTRA", ".SH NOTES").replace(".SH ", ".SS ").into_bytes(),
        );
    }
    let mut text = Vec::new();
    man.render_extra_section(&mut text)?;
    page.extend(String::from_utf8_lossy(&text).replace(".SH EXTRA", ".SH \"EXIT STATUS\"").into_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn generated(text: io::Result<Vec<u8>>) -> ExitCode {
    match text.and_then(|text| io::stdout().write_all(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("standard output: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Not `eprintln!`, which panics if standard error is closed.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "sse-inspect: {}", view::Escaped(message.as_bytes()));
}
