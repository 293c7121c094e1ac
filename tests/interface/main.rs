//! What users write: readers in loops, functions, structs and tasks, and what they tried with 0.1 and could not do.

mod borrowing;
#[cfg(all(feature = "http-body", feature = "json", feature = "serde"))]
mod probes;
