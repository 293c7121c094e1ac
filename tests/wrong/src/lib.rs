//! Programs that must not compile, and what the compiler says. Not published.
//!
//! Each of `examples/` holds a mistake that people make, in a function that exists only with `--cfg wrong`, and in `main`
//! the right way, which compiles. Its first lines hold what the compiler must report: the code of each error and, after it
//! and in notes, the words that this crate adds. The compiler's own words change from version to version, and are not
//! checked.
//!
//! `cargo test -p wrong` checks all. To see what a user sees:
//!
//! ```text
//! cargo rustc -p wrong --example text_as_name -- --cfg wrong
//! ```
