//! Which response is an event stream, and what to do about those that are not.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::http;

/// How much of a content type a [`Rejection`] keeps, in bytes.
const CONTENT_TYPE_KEPT: usize = 128;

/// Which responses open the stream, which are accepted besides, and after which others the request is sent again.
///
/// By the standard, status 200 with the type `text/event-stream` opens the stream, and every other response is final
/// ([9.2.3]). That is what [`new`](Responses::new) says. Everything else is for servers that do otherwise:
///
/// ```
/// use sse_wire::client::{EventSource, Repeat, Responses};
///
/// // A chat completion by POST, of a server that answers 201, and asks to come back after a 429 or 503. One 401 may mean that
/// // the token has expired: the caller gets a new one for the next request.
/// let responses = Responses::new().with_status(201).with_retry_of_temporary().with_retry_once([401]);
/// let source = EventSource::new().with_responses(responses).with_repeat(Repeat::Never);
///
/// // A server that sends its event stream as another type.
/// let responses = Responses::new().with_event_stream_type("application/octet-stream")?;
/// # Ok::<(), sse_wire::client::InvalidMimeType>(())
/// ```
///
/// Status 204, by which a server tells its clients to stop, is always final.
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Responses {
    /// Besides 200.
    statuses: Vec<u16>,
    /// Besides `text/event-stream`. The empty one stands for none.
    event_streams: Vec<String>,
    others: Vec<String>,
    retried: Vec<u16>,
    retried_once: Vec<u16>,
}

impl Responses {
    /// As in the standard.
    pub fn new() -> Responses {
        Responses::default()
    }

    /// The same rules, but this status opens the stream too: 201 of a POST, for example.
    pub fn with_status(mut self, status: u16) -> Self {
        self.statuses.push(status);
        self
    }

    /// The same rules, but a body of this type is an event stream too. The empty type stands for a response that has none, or
    /// none that is valid.
    ///
    /// # Errors
    ///
    /// [`InvalidMimeType`] if it is neither empty nor two tokens with a slash between them, without parameters.
    pub fn with_event_stream_type(mut self, mime_type: impl Into<String>) -> Result<Self, InvalidMimeType> {
        let mime_type = mime_type.into();
        if !mime_type.is_empty() {
            check(&mime_type)?;
        }
        self.event_streams.push(mime_type);
        Ok(self)
    }

    /// The same rules, but a body of this type is accepted in place of a stream, and is [`Answer::Other`]. It is added to the
    /// `accept` header.
    ///
    /// For protocols where the server chooses, as that of MCP, whose POST is answered by a stream or by one JSON message:
    ///
    /// ```
    /// use std::time::Duration;
    /// use sse_wire::client::{Answer, EventSource, Repeat, Responses};
    ///
    /// let responses = Responses::new().with_other_type("application/json")?;
    /// let mut source = EventSource::new().with_responses(responses).with_repeat(Repeat::Never);
    /// assert_eq!(source.request_headers().next(), Some(("accept", &b"text/event-stream, application/json"[..])));
    /// match source.response(200, "application/json", Duration::ZERO)? {
    ///     Answer::EventStream => { /* feed the source the body */ }
    ///     Answer::Other => { /* read all of the body, and parse it: the source is closed */ }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidMimeType`] if it is not two tokens with a slash between them, without parameters.
    pub fn with_other_type(mut self, mime_type: impl Into<String>) -> Result<Self, InvalidMimeType> {
        let mime_type = mime_type.into();
        check(&mime_type)?;
        self.others.push(mime_type);
        Ok(self)
    }

    /// The same rules, but after a response with one of these statuses the request is sent again, as after a connection that
    /// was lost: 404 while a server starts, for example. May be called more than once.
    ///
    /// This goes for a request that [must not be repeated](super::Repeat::Never) too: name only
    /// statuses by which the server says that it has started nothing.
    pub fn with_retry(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.retried.extend(statuses);
        self
    }

    /// As [`with_retry`](Responses::with_retry), for the statuses that are [temporary](Rejection::is_temporary).
    pub fn with_retry_of_temporary(self) -> Self {
        self.with_retry(TEMPORARY.into_iter().chain(500..=599))
    }

    /// As [`with_retry`](Responses::with_retry), but the second such response in a row is final. With 401, the caller can send
    /// a fresh token.
    pub fn with_retry_once(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.retried_once.extend(statuses);
        self
    }

    /// The value of the `accept` header.
    pub(super) fn accept(&self) -> Cow<'static, str> {
        if self.others.is_empty() {
            return http::EVENT_STREAM.into();
        }
        let mut accept = String::from(http::EVENT_STREAM);
        for other in &self.others {
            accept.push_str(", ");
            accept.push_str(other);
        }
        accept.into()
    }

    /// What a response with this status and this content type is.
    pub(super) fn judge(&self, status: u16, content_type: &[u8]) -> Result<Answer, Rejection> {
        match status {
            204 => return Err(Rejection::NoContent),
            200 => {}
            _ if self.statuses.contains(&status) => {}
            301 | 302 | 303 | 307 | 308 => return Err(Rejection::Redirect { status }),
            _ => return Err(Rejection::Status { status }),
        }
        let mime_type = http::mime_type(content_type);
        let is_in = |types: &[String]| types.iter().any(|of| mime_type.eq_ignore_ascii_case(of.as_bytes()));
        if mime_type.eq_ignore_ascii_case(http::EVENT_STREAM.as_bytes()) || is_in(&self.event_streams) {
            Ok(Answer::EventStream)
        } else if is_in(&self.others) {
            Ok(Answer::Other)
        } else {
            let kept = &content_type[..content_type.len().min(CONTENT_TYPE_KEPT)];
            Err(Rejection::ContentType { content_type: String::from_utf8_lossy(kept).into_owned() })
        }
    }

    /// Whether to send the request again after this rejection. `has_retried` says whether the response before was one to try
    /// once more after.
    pub(super) fn retries(&self, rejection: &Rejection, has_retried: &mut bool) -> bool {
        let Rejection::Status { status } = rejection else { return false };
        let once = self.retried_once.contains(status) && !mem::replace(has_retried, true);
        once || self.retried.contains(status)
    }
}

/// A type that is not `type/subtype`, both of them tokens
/// ([RFC 9110, 8.3.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1)), and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a MIME type: type, slash, subtype, and nothing else")]
pub struct InvalidMimeType;

fn check(mime_type: &str) -> Result<(), InvalidMimeType> {
    http::is_mime_type(mime_type.as_bytes()).then_some(()).ok_or(InvalidMimeType)
}

/// What a response that was accepted is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The stream is open: feed the source the body.
    EventStream,
    /// A response of a type that [`Responses::with_other_type`] accepts. Its body is for the caller. The source is closed.
    Other,
}

/// The statuses besides 5xx that are temporary.
const TEMPORARY: [u16; 3] = [408, 425, 429];

/// Why a response does not open the stream ([9.2.3]). By the standard each of these is final; [`Responses`] may say otherwise.
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Status 204, by which a server tells its clients to stop.
    #[error("204 No Content: the server wants no more connections")]
    NoContent,
    /// A redirect, which the HTTP client should have followed and did not.
    #[error("a redirect that was not followed (status {status})")]
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// Another status that is not 200.
    #[error("status {status} instead of 200")]
    Status {
        /// The status.
        status: u16,
    },
    /// Status 200, but no content type, or another than `text/event-stream`.
    #[error("the content type is {content_type:?}, not text/event-stream")]
    ContentType {
        /// The value of the header, as text; the beginning if it has more than 128 bytes. Empty if there was none.
        content_type: String,
    },
    /// The source was closed before the response came, so that there should have been no request.
    #[error("closed before the response came")]
    Closed,
}

impl Rejection {
    /// The status of the response, if that is what is wrong with it.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Rejection::NoContent => Some(204),
            Rejection::Redirect { status } | Rejection::Status { status } => Some(*status),
            Rejection::ContentType { .. } | Rejection::Closed => None,
        }
    }

    /// Whether a later request may well be accepted: status 408, 425, 429 or 5xx.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Rejection::Status { status } if TEMPORARY.contains(status) || (500..=599).contains(status))
    }
}
