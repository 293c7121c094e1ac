//! A server that plays streams back.

use std::process::ExitCode;

use crate::args;

/// Serves until it is interrupted.
pub fn run(args: &args::Serve) -> ExitCode {
    let _ = args;
    ExitCode::SUCCESS
}
