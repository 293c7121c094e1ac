//! The applications. Each file begins with what it shows.

pub mod chat;
pub mod clock;
pub mod feed;
pub mod numbers;
pub mod relay;
pub mod report;
pub mod upstream;
