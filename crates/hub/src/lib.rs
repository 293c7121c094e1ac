//! Many subscribers of event streams (Server-Sent Events), on one node or on many.
//!
//! A [`Hub`] has topics. Publish an event to a topic anywhere, and each subscriber on each node gets it once and in order. A client
//! that comes back, to any node, goes on where it was, or is told that it cannot: what each client gets is a contiguous run of the
//! topic's log, or ends with an event of the name [`GONE`].

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod engine;
mod error;
mod follow;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
mod hub;
mod limits;
mod live;
mod memory;
mod node;
#[cfg(feature = "redis")]
mod redis;
mod subscription;
mod tail;
mod trace;

pub use engine::{Engine, EngineError, Id};
pub use error::{PublishError, SubscribeError};
pub use hub::{Hub, Stats};
pub use limits::{Kept, Limits, Slow};
pub use memory::Memory;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis::Redis;
pub use subscription::{Ended, GONE, Start, Subscription, gone_event};
