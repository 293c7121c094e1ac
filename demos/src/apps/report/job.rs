//! The job: a summary, and then a spreadsheet. It publishes to a channel, independent of the subscribers.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::channel::Channel;
use crate::sse::Failure;

const SUMMARY_STEPS: u32 = 4;
const SPREADSHEET_STEPS: u32 = 6;

/// The progress of a stage.
#[derive(Serialize)]
struct Progress {
    stage: &'static str,
    done: u32,
    of: u32,
}

/// Makes the report of a room, and writes its spreadsheet to `file`. A step takes `step`.
///
/// The caller closes the channel, also if this fails.
pub(super) async fn run(room: &str, file: &Path, step: Duration, channel: &Channel) -> Result<(), Failure> {
    let progress = |stage, done, of| channel.emit(&serde_json::to_string(&Progress { stage, done, of })?);

    let mut total = 0;
    for done in 1..=SUMMARY_STEPS {
        tokio::time::sleep(step).await;
        total += fastrand::u32(..100);
        progress("summary", done, SUMMARY_STEPS)?;
    }

    let mut csv = String::from("room,row,value\n");
    for done in 1..=SPREADSHEET_STEPS {
        tokio::time::sleep(step).await;
        writeln!(csv, "{room},{done},{}", fastrand::u32(..1000))?;
        tokio::fs::write(file, format!("{csv}{room},total,{total}\n")).await?;
        progress("spreadsheet", done, SPREADSHEET_STEPS)?;
    }
    Ok(())
}
