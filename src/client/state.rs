//! What an event source is: connecting, open or closed, and why; and its settings.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Reconnect, Rejection, Responses};
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
    /// Whether the rules for responses say that the request is sent again, whatever it is.
    Connecting {
        has_no_effect: bool,
    },
    Open(Open),
    Closed(CloseReason),
}

/// An open connection. The times are on the caller's clock.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) since: Duration,
    /// When bytes came last.
    pub(super) heard: Duration,
    pub(super) brought_event: bool,
}

/// Whether there may be another request once one was sent: see [`EventSource::with_repeat`](super::EventSource::with_repeat).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// For a GET, which an `EventSource` of the standard always sends, and for other methods that change nothing, such as QUERY
    /// ([RFC 10008](https://www.rfc-editor.org/rfc/rfc10008)).
    #[default]
    Always,
    /// For a request that must not be sent twice, such as a POST that starts something: it may have taken effect. Only a
    /// response after which the [rules](Responses::with_retry) say to try again lets it be sent again.
    Never,
    /// For a request that must not be sent twice, but whose stream another one resumes: a POST whose stream a GET with the last
    /// event ID goes on with, as in versions of MCP before 2026-07-28. As `Never` while the last event ID is empty.
    WithId,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) reconnect: Reconnect,
    pub(super) responses: Responses,
    pub(super) repeat: Repeat,
    pub(super) idle_timeout: Option<Duration>,
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
    /// [`EventSource::fail`](super::EventSource::fail) was called.
    #[error("another try to connect would fail too")]
    Failed,
    /// An end event came: see [`EventSource::with_end_name`](super::EventSource::with_end_name).
    #[error("the end event came")]
    EndEvent,
    /// A response that is final.
    #[error(transparent)]
    Rejected(Rejection),
    /// The response was of another type that is accepted: see [`Responses::with_other_type`].
    #[error("the response is no stream, but of a type that is accepted as well")]
    Answered,
    /// [`Reconnect::with_max_tries`] tries in a row to connect again did not lead to a good connection.
    #[error("gave up after {tries} tries to connect again")]
    OutOfTries {
        /// The limit.
        tries: u32,
    },
    /// The request must not be sent again: see [`EventSource::with_repeat`](super::EventSource::with_repeat).
    #[error("the request cannot be repeated")]
    UnrepeatableRequest,
    /// A block exceeded a limit: see [`EventSource::with_close_on_too_large`](super::EventSource::with_close_on_too_large).
    #[error(transparent)]
    TooLarge(ParseError),
}
