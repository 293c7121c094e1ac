//! What an event source is: connecting, open or closed, and why; and its settings.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Reconnect, Rejection};
use crate::event::Event;
use crate::parser::ParseError;

/// What the standard calls the ready state ([9.2.2]).
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// There is no connection yet, or it was lost and there will be another.
    Connecting,
    /// A response was accepted: events arrive.
    Open,
    /// There is no connection, and there will be none.
    Closed,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Connecting,
    /// Whether the connection has brought an event.
    Open(bool),
    Closed(CloseReason),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) reconnect: Reconnect,
    pub(super) request_is_unrepeatable: bool,
    pub(super) closes_on_too_large: bool,
    pub(super) end_names: Vec<String>,
    pub(super) end_data: Vec<String>,
}

impl Settings {
    pub(super) fn is_end(&self, event: Event<'_>) -> bool {
        self.end_names.iter().any(|name| name == event.name()) || self.end_data.iter().any(|data| data == event.data())
    }
}

/// Why an [`EventSource`](super::EventSource) is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`EventSource::close`](super::EventSource::close) was called.
    #[error("closed by the caller")]
    ByCaller,
    /// An end event came: see [`EventSource::with_end_name`](super::EventSource::with_end_name).
    #[error("the end event came")]
    EndEvent,
    /// A response that is final.
    #[error(transparent)]
    Rejected(Rejection),
    /// [`Reconnect::with_max_tries`] tries in a row to connect again did not lead to a good connection.
    #[error("gave up after {tries} tries to connect again")]
    OutOfTries {
        /// The limit.
        tries: u32,
    },
    /// The request must not be sent again: see [`EventSource::with_unrepeatable_request`](super::EventSource::with_unrepeatable_request).
    #[error("the request cannot be repeated")]
    UnrepeatableRequest,
    /// A block exceeded a limit: see [`EventSource::with_close_on_too_large`](super::EventSource::with_close_on_too_large).
    #[error(transparent)]
    TooLarge(ParseError),
}
