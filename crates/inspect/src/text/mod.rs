//! The answer of a language model, put together from its events.

mod answer;
mod piece;

pub use answer::Answer;
