//! What can go wrong, and whether the source goes on.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use reqwest::Response;
use sse_wire::ParseError;
use sse_wire::client::{CloseReason, Rejection};

use crate::platform::{BoxStream, Sleep};

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

    /// The response that was rejected, with its body, if that is what went wrong.
    #[must_use]
    pub fn into_response(self) -> Option<Response> {
        if let ErrorKind::Rejected { response, .. } = self.into_kind() { Some(response) } else { None }
    }

    /// This error as text; if a response was rejected, followed by what its body says: its first 16 KiB, as text. Waits up to 5
    /// seconds for that.
    pub async fn into_message(self) -> String {
        let message = self.to_string();
        match self.into_response() {
            Some(response) => into_message(message, response).await,
            None => message,
        }
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

/// What went wrong with all of its causes, and what the source does now.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)?;
        match &self.0.then {
            Then::Reads => Ok(()),
            Then::Connects(wait) => write!(f, "; connects again in {wait:.1?}"),
            // The rejection, or the limit, is the reason.
            Then::Closes(CloseReason::Rejected(_) | CloseReason::TooLarge(_)) => f.write_str("; closed"),
            Then::Closes(reason) => write!(f, "; closed: {reason}"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Request(error) => with_causes(f, "there is no request to send", &**error),
            ErrorKind::Transport(error) => with_causes(f, "the connection failed", error),
            ErrorKind::Rejected { rejection, .. } => write!(f, "the response is not an event stream: {rejection}"),
            ErrorKind::Silent(silence) => write!(f, "nothing came for {silence:?}"),
            ErrorKind::Ended => f.write_str("the server has ended the stream"),
            ErrorKind::TooLarge(error) => error.fmt(f),
        }
    }
}

/// There is no [`source`](std::error::Error::source), since the causes are displayed; [`kind`](Error::kind) has them.
impl std::error::Error for Error {}

/// Errors of reqwest have their reason among their causes, and do not show it.
pub(crate) fn with_causes(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    error: &(dyn std::error::Error + 'static),
) -> fmt::Result {
    f.write_str(what)?;
    let mut next = Some(error);
    while let Some(error) = next {
        write!(f, ": {error}")?;
        next = error.source();
    }
    Ok(())
}

/// How much of a body [`into_message`] reads, in bytes.
const MESSAGE_SIZE: usize = 16 * 1024;

/// How long it waits for that.
const MESSAGE_TIME: Duration = Duration::from_secs(5);

/// A text about a response, followed by what its body says.
pub(crate) async fn into_message(mut message: String, response: Response) -> String {
    let mut body: BoxStream<_> = Box::pin(response.bytes_stream());
    let (mut said, mut time) = (Vec::new(), Sleep::new(MESSAGE_TIME));
    let mut next = async || {
        poll_fn(|cx| match body.as_mut().poll_next(cx) {
            Poll::Pending => time.poll(cx).map(|()| None),
            chunk @ Poll::Ready(_) => chunk,
        })
        .await
    };
    while said.len() < MESSAGE_SIZE
        && let Some(Ok(chunk)) = next().await
    {
        said.extend_from_slice(&chunk[..chunk.len().min(MESSAGE_SIZE - said.len())]);
    }
    if !said.is_empty() {
        message.push_str(": ");
        message.push_str(&String::from_utf8_lossy(&said));
    }
    message
}
