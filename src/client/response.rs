//! Which response is an event stream.

use crate::http;

/// Why a response does not open the stream ([9.2.3]). By the standard each of these is final.
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
    #[error("the content type is not text/event-stream")]
    ContentType,
    /// The source was closed before the response came, so that there should have been no request.
    #[error("closed before the response came")]
    Closed,
}

impl Rejection {
    /// Why a response with this status and this content type is rejected, if it is.
    pub(super) fn of(status: u16, content_type: &[u8]) -> Option<Rejection> {
        match status {
            200 if http::is_event_stream(content_type) => None,
            200 => Some(Rejection::ContentType),
            204 => Some(Rejection::NoContent),
            301 | 302 | 303 | 307 | 308 => Some(Rejection::Redirect { status }),
            _ => Some(Rejection::Status { status }),
        }
    }

    /// Whether a later request may well be accepted: status 429 or 5xx.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Rejection::Status { status: 429 | 500..=599 })
    }
}
