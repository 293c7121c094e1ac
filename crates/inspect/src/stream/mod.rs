//! What is in a stream, and what is wrong with it.

mod data;
pub mod findings;
pub mod inspector;
mod mojibake;
pub mod notes;
mod opening;
pub mod problem;
pub mod timing;
