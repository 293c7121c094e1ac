//! The demos and the crate against programs by other authors: a real browser, and clients and servers from npm and
//! `PyPI` (`foreign/`).
//!
//! A test whose browser or package is not installed prints that, and is skipped; with `DEMOS_REQUIRE=1` it fails.

mod browser;
mod cases;
mod clients;
mod conformance;
mod foreign;
mod gzip;
mod pages;
mod servers;
mod support;

/// Where the scripts for the programs are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign");
