//! The gallery and the crate against programs by other authors: a real browser, and clients and servers from npm and
//! `PyPI` (`peers/`).
//!
//! A test whose browser or package is not installed says so and is skipped; with `GALLERY_REQUIRE=1` it fails.

mod browser;
mod cases;
mod clients;
mod conformance;
mod pages;
mod peer;
mod servers;
mod support;
