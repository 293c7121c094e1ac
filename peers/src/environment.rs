//! What the results were measured with, and on.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::measure::Pace;
use crate::{encoders, parsers};

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

#[derive(Serialize, Deserialize)]
pub struct Environment {
    pub compiler: String,
    pub profile: String,
    pub processor: String,
    pub system: String,
    pub pace: String,
    /// By the name of the crate.
    pub versions: BTreeMap<String, String>,
}

impl Environment {
    pub fn here(pace: &Pace) -> Environment {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_string())
        });
        let peers = parsers::ALL.iter().filter_map(|parser| parser.package);
        let peers = peers.chain(encoders::ALL.iter().filter_map(|encoder| encoder.package));
        let versions = peers.chain(["sse-wire", "memchr", "bytes"]);
        Environment {
            compiler: env!("COMPILER").into(),
            profile: env!("PROFILE").into(),
            processor: processor.unwrap_or_else(|| "an unknown processor".into()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            pace: format!("median of {} rounds of at least {} ms each", pace.rounds, pace.at_least.as_millis()),
            versions: versions.map(|name| (name.to_string(), locked_version(name).to_string())).collect(),
        }
    }
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK_FILE.lines().skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("unknown")
}
