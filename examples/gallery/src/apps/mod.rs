//! The applications. Each file opens with what it teaches.

pub mod chat;
pub mod clock;
pub mod feed;
pub mod numbers;
pub mod relay;
pub mod report;
pub mod upstream;
