//! What users write: readers in loops, functions, structs and tasks, and what was not possible with 0.1.

mod borrowing;
#[cfg(all(feature = "http-body", feature = "json", feature = "serde"))]
mod probes;
