//! Guides: how to read the stream of a language model, write a server, resume, relay, and come from another crate.
//!
//! There is nothing here but text. Examples use [reqwest](https://docs.rs/reqwest), [axum](https://docs.rs/axum),
//! [hyper](https://docs.rs/hyper) and [tokio](https://docs.rs/tokio), and this crate with the features `gzip` and `json`.

/// What a hostile peer can make the process hold, for each entry point, with the test that measures it.
///
#[doc = include_str!("../bounds.md")]
pub mod bounds {}
/// How to read the stream of a language model: errors, `[DONE]`, names, tool calls.
///
#[doc = include_str!("llm.md")]
pub mod llm {}
/// What changes if you come from eventsource-stream, reqwest-eventsource, sse-stream or axum's `Sse`.
///
#[doc = include_str!("migrate.md")]
pub mod migrate {}
/// How to pass on the stream of another server.
///
#[doc = include_str!("relay.md")]
pub mod relay {}
/// How to resume: ids, `Last-Event-ID`, replay, reconnection.
///
#[doc = include_str!("resume.md")]
pub mod resume {}
/// How to write a server with axum or hyper: headers, keep-alives, clients that lag, disconnects, shutdown.
///
#[doc = include_str!("server.md")]
pub mod server {}
