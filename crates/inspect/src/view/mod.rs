//! What is shown of a stream.

pub mod escape;
mod human;
mod json;
pub mod output;
mod run;

pub use escape::Escaped;
pub use human::Human;
pub use json::seconds;
pub use run::run;
