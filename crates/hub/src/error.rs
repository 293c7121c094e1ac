//! Why an event was not published, and why there is no subscription.

use crate::engine::{EngineError, Id};

/// Why there is no subscription.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// What followed the client's last event ID is not known. The server decides: send [`gone_event`](crate::gone_event) with this
    /// position, answer 204, or subscribe it with [`Start::Kept`](crate::Start::Kept) or [`Start::Live`](crate::Start::Live).
    #[error("the last event ID is unknown")]
    Unknown {
        /// The id of the newest event: whoever has this one is up to date.
        newest: Id,
    },
    /// The name of the topic is empty, or longer than [`Limits::name`](crate::Limits::name).
    #[error("the name of the topic is empty or too long")]
    Name,
    /// There are as many topics or subscribers as the [`Limits`](crate::Limits) allow. Answer 503.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// The hub is shutting down. Answer 503.
    #[error("the hub is shutting down")]
    Shutdown,
    /// The engine has failed. Answer 503.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an event was not published.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The name of the topic, or that of the event, is empty, or longer than [`Limits::name`](crate::Limits::name).
    #[error("the name of the topic or of the event is empty or too long")]
    Name,
    /// The event is larger than what is kept of a topic ([`Kept::bytes`](crate::Kept::bytes)), so that nobody could catch up.
    #[error("the event has {bytes} bytes, and of a topic {most} are kept")]
    TooLarge {
        /// The bytes of the event, encoded.
        bytes: usize,
        /// The most that it may have.
        most: usize,
    },
    /// The engine has failed. Unless it has [refused](EngineError::is_refusal), the event may have been appended all the same: publish
    /// it by [`publish_once`](crate::Hub::publish_once), and it can be tried again.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl PublishError {
    /// Whether the same event may be published if it is tried again later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, PublishError::Engine(error) if !error.is_refusal())
    }
}
