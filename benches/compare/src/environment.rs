//! The compiler, machine and versions with which the results were measured.

use std::collections::BTreeMap;
use std::fs;

use crate::measure::Pace;
use crate::{encoders, parsers};

const LOCK_FILE: &str = include_str!("../../../Cargo.lock");

#[derive(Debug, Default, PartialEq)]
pub struct Environment {
    pub compiler: String,
    pub machine: String,
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
        let processor = processor.unwrap_or_else(|| "an unknown processor".into());
        let measured = parsers::ALL.iter().filter_map(|parser| parser.package);
        let measured = measured.chain(encoders::ALL.iter().filter_map(|encoder| encoder.package));
        let packages = measured.chain(["sse-wire", "memchr", "bytes"]);
        let versions = packages.map(|name| (name.to_string(), locked_version(name).to_string()));
        #[cfg(baseline)]
        let versions = versions.chain([("sse-wire 0.1 of commit".into(), env!("BASELINE").into())]);
        Environment {
            compiler: format!("{}, {} profile", env!("COMPILER"), env!("PROFILE")),
            machine: format!("{processor}, {} {}", std::env::consts::OS, std::env::consts::ARCH),
            pace: format!("median of {} rounds of at least {} ms each", pace.rounds, pace.at_least.as_millis()),
            versions: versions.collect(),
        }
    }

    /// Names and values, as in the first lines of a file of results.
    pub fn entries(&self) -> [(&str, String); 4] {
        [
            ("compiler", self.compiler.clone()),
            ("machine", self.machine.clone()),
            ("pace", self.pace.clone()),
            ("versions", self.shown_versions()),
        ]
    }

    /// Reads such lines.
    pub fn of<'t>(entries: impl Iterator<Item = (&'t str, &'t str)>) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in entries {
            match name {
                "compiler" => environment.compiler = value.into(),
                "machine" => environment.machine = value.into(),
                "pace" => environment.pace = value.into(),
                "versions" => {
                    let versions = value.split(", ").filter_map(|version| version.rsplit_once(' '));
                    environment.versions = versions.map(|(name, version)| (name.into(), version.into())).collect();
                }
                _ => {}
            }
        }
        environment
    }

    pub fn shown_versions(&self) -> String {
        let versions: Vec<_> = self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        versions.join(", ")
    }
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK_FILE.lines().skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("unknown")
}
