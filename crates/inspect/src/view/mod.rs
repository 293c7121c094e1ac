//! What is shown of a stream.

mod escape;
mod human;
mod json;
pub mod output;
