//! Notes which compiler builds the peers, for the tables to say.

use std::env;
use std::process::Command;

fn main() {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    println!("cargo::rustc-env=COMPILER={}", String::from_utf8_lossy(&version).trim());
    println!("cargo::rustc-env=PROFILE={}", env::var("PROFILE").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
}
