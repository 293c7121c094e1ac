//! What is in a stream, and what is wrong with it.

pub mod findings;
pub mod inspector;
mod notes;
