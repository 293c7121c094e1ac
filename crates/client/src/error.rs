//! What can go wrong, and whether the source goes on.

use core::fmt;
use core::time::Duration;

use reqwest::Response;
use sse_wire::ParseError;
use sse_wire::client::{CloseReason, Rejection};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, and what the [`EventSource`](crate::EventSource) does now.
///
/// Each loss of a connection is one error, as browsers fire one `error` event ([9.2.3]), also if the server ended the stream
/// properly. Unless it [is final](Error::is_final), the next items are those of another connection.
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    then: Then,
}

/// What the source does after an error.
#[derive(Debug)]
pub(crate) enum Then {
    /// It goes on with the same connection.
    Reads,
    Connects(Duration),
    Closes(CloseReason),
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no request to send: the function that makes requests has failed, or what it has made cannot be sent.
    Request(BoxError),
    /// There is no connection or no response, or the connection broke: the error of reqwest.
    Transport(reqwest::Error),
    /// The response is not an event stream. Its body was not read: it may say why.
    Rejected {
        /// What is wrong with it.
        rejection: Rejection,
        /// All of the response.
        response: Response,
    },
    /// Nothing came for so long: see [`EventSource::with_idle_timeout`](crate::EventSource::with_idle_timeout).
    Silent(Duration),
    /// The server has ended the stream.
    Ended,
    /// An event or a block exceeds a limit. It is skipped.
    TooLarge(ParseError),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, then: Then) -> Error {
        Error(Box::new(Parts { kind, then }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What went wrong, by value: for the body of a response that was rejected.
    #[must_use]
    pub fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the source is closed by this error, so that nothing follows. [`close_reason`](Error::close_reason) says why.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.close_reason().is_some()
    }

    /// Why the source is closed; `None` if it goes on.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        if let Then::Closes(reason) = &self.0.then { Some(reason) } else { None }
    }

    /// After what time the source connects again; `None` if it does not, or if the connection is still good.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        if let Then::Connects(wait) = self.0.then { Some(wait) } else { None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ErrorKind::Request(_) => write!(f, "there is no request to send")?,
            ErrorKind::Transport(_) => write!(f, "the connection failed")?,
            ErrorKind::Rejected { rejection, .. } => write!(f, "the response is not an event stream: {rejection}")?,
            ErrorKind::Silent(silence) => write!(f, "nothing came for {silence:?}")?,
            ErrorKind::Ended => write!(f, "the server has ended the stream")?,
            ErrorKind::TooLarge(error) => write!(f, "{error}")?,
        }
        match &self.0.then {
            // The rejection, or the limit, is the reason.
            Then::Reads | Then::Closes(CloseReason::Rejected(_) | CloseReason::TooLarge(_)) => Ok(()),
            Then::Connects(wait) => write!(f, "; connects again in {wait:.1?}"),
            Then::Closes(reason) => write!(f, "; closed: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Request(error) => Some(&**error),
            ErrorKind::Transport(error) => Some(error),
            _ => None,
        }
    }
}
