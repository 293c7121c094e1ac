//! What is shown of a stream.

pub mod escape;
mod human;
mod json;
pub mod output;
