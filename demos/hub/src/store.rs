//! Where the events are kept: in Redis, or in a hub in memory that both nodes share.

use std::fmt;
use std::io::ErrorKind;

use demos::sse::Failure;
use sse_wire_hub::{EngineError, Hub, Limits};

use crate::redis_pair::RedisPair;

pub(crate) enum Store {
    Embedded { hub: Hub, reason: String },
    Redis(Box<RedisPair>),
}

impl Store {
    /// Redis if it is installed.
    pub(crate) async fn best() -> Result<Store, Failure> {
        match RedisPair::start().await {
            Ok(pair) => Ok(Store::Redis(Box::new(pair))),
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(error) if error.kind() == ErrorKind::NotFound => {
                    Ok(Store::embedded("redis-server is not installed"))
                }
                _ => Err(error),
            },
        }
    }

    pub(crate) fn embedded(reason: &str) -> Store {
        Store::Embedded { hub: Hub::in_memory(Limits::default()), reason: reason.to_owned() }
    }

    /// A hub for one node.
    pub(crate) async fn hub(&self) -> Result<Hub, EngineError> {
        match self {
            // An engine in memory is for one hub.
            Store::Embedded { hub, .. } => Ok(hub.clone()),
            Store::Redis(pair) => Hub::redis(&pair.url(), Limits::default()).await,
        }
    }

    pub(crate) fn redis(&self) -> Option<&RedisPair> {
        if let Store::Redis(pair) = self { Some(pair) } else { None }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Embedded { reason, .. } => {
                write!(f, "an embedded engine that both nodes share, without Redis ({reason})")
            }
            Store::Redis(_) => f.write_str("Redis, a master with a replica"),
        }
    }
}
