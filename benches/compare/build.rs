//! Notes the compiler and the profile, for the tables, and whether sse-wire 0.1 is measured too (`with-0.1`).

use std::env;
use std::process::Command;

fn main() {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    println!("cargo::rustc-env=COMPILER={}", String::from_utf8_lossy(&version).trim());
    println!("cargo::rustc-env=PROFILE={}", env::var("PROFILE").unwrap_or_default());
    println!("cargo::rustc-check-cfg=cfg(baseline)");
    // Its commit. Only the manifest that `with-0.1` writes has the dependency that this needs.
    if let Ok(commit) = env::var("SSE_WIRE_BASELINE") {
        println!("cargo::rustc-cfg=baseline");
        println!("cargo::rustc-env=BASELINE={commit}");
    }
    println!("cargo::rerun-if-env-changed=SSE_WIRE_BASELINE");
    println!("cargo::rerun-if-changed=build.rs");
}
