//! What is shown of a stream.

pub mod escape;
mod human;
mod json;
mod layout;
pub mod output;
mod run;
mod select;

pub use escape::Escaped;
pub use human::Human;
pub use json::seconds;
pub use run::run;
pub use select::Path;
