//! The event stream of one response.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use sse_wire::client::{EventSource, Rejection, Responses};
use sse_wire::{Block, OwnedEvent, ParseError, Parser, http, stream};

use crate::error::{into_message, with_causes};
use crate::platform::{BoxStream, Sleep, now};

/// The events of one response, such as the answer of a language model: a stream of [`OwnedEvent`]s.
///
/// It ends when the body does. Dropping it closes the connection, and most servers then stop. Dropping the future of
/// [`next`](EventStream::next) loses nothing.
///
/// [`ResponseExt::event_stream`](crate::ResponseExt::event_stream) makes it.
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream {
    events: stream::EventStream<BoxStream<reqwest::Result<Bytes>>>,
    headers: HeaderMap,
    idle: Option<Idle>,
}

/// A body that has ended.
struct Ended;

impl Stream for Ended {
    type Item = reqwest::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

/// The longest silence, and the timer for the current one.
struct Idle {
    timeout: Duration,
    timer: Option<Sleep>,
}

/// Why there is no event.
///
/// It is displayed with its causes.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection broke. The stream has ended.
    Transport(reqwest::Error),
    /// An event exceeds the limit. It is skipped, and the stream goes on.
    TooLarge(ParseError),
    /// Nothing came for so long. The stream has ended.
    Silent(Duration),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Transport(error) => with_causes(f, "the connection failed", error),
            StreamError::TooLarge(error) => error.fmt(f),
            StreamError::Silent(silence) => write!(f, "nothing came for {silence:?}"),
        }
    }
}

impl std::error::Error for StreamError {}

impl EventStream {
    fn new(response: Response, parser: Parser) -> EventStream {
        let headers = response.headers().clone();
        let body: BoxStream<_> = Box::pin(response.bytes_stream());
        EventStream { events: stream::EventStream::with_parser(body, parser), headers, idle: None }
    }

    /// The events of this response, if it is an event stream: its status is a success other than 204, and its content type
    /// says so.
    ///
    /// # Errors
    ///
    /// [`NotAnEventStream`], with all of the response.
    pub(crate) fn of(response: Response) -> Result<EventStream, NotAnEventStream> {
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        // Of a POST, any success may open the stream. The rules know what else is wrong.
        let rules = Responses::new();
        let rules = if status.is_success() { rules.with_status(status.as_u16()) } else { rules };
        match EventSource::new().with_responses(rules).response(status.as_u16(), content_type, Duration::ZERO) {
            Ok(_) => Ok(EventStream::new(response, Parser::new())),
            Err(rejection) => Err(NotAnEventStream(Box::new((rejection, response)))),
        }
    }

    /// The same stream, with this parser: its limits. Set it before the first event is read.
    pub fn with_parser(mut self, parser: Parser) -> Self {
        let parts = self.events.into_parts();
        self.events = stream::EventStream::from_parts(stream::Parts { parser, ..parts });
        self
    }

    /// The same stream, which ends with an error if nothing comes for so long, not even a comment. It waits for ever unless
    /// this is set. Models think for minutes.
    ///
    /// The response itself has come already: for that, put a `timeout` around `send`. A timeout of reqwest's own is one for the
    /// whole stream.
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle = Some(Idle { timeout, timer: None });
        self
    }

    /// The next event; `None` once the body has ended.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`StreamError`]: the connection broke, nothing came for too long, or an event is too large.
    pub async fn next(&mut self) -> Option<Result<OwnedEvent, StreamError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What came after the last blank line, once the stream has ended: the block that it ended in.
    ///
    /// The standard discards it, because it may be incomplete. Some servers leave out the last blank line, though, and then
    /// [`Block::event`] is their last event. `None` if there is none, or if the stream goes on.
    pub fn finish(&mut self) -> Option<Block<'_>> {
        self.events.finish()
    }

    /// How many lines the standard ignores: fields of other names, such as an error as bare JSON, and ids and reconnection times
    /// that are none. More than 0 means that the server says something that no event holds. A last line without an end counts
    /// after [`finish`](EventStream::finish).
    ///
    /// The lines themselves are in blocks: read `response.bytes_stream()` by
    /// [`blocks`](sse_wire::stream::TransportExt::blocks) to see them.
    #[must_use]
    pub fn ignored_lines(&self) -> u64 {
        self.events.ignored_lines()
    }

    /// The headers of the response, with its request id and rate limits.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The last event ID, after the event that was returned last.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.events.last_event_id()
    }
}

impl Stream for EventStream {
    type Item = Result<OwnedEvent, StreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let before = this.events.parser().position();
        match Pin::new(&mut this.events).poll_next(cx) {
            Poll::Ready(item) => {
                this.idle.iter_mut().for_each(|idle| idle.timer = None);
                Poll::Ready(item.map(|item| {
                    item.map_err(|error| match error {
                        stream::StreamError::Transport(error) => StreamError::Transport(error),
                        stream::StreamError::Parse(error) => StreamError::TooLarge(error),
                    })
                }))
            }
            Poll::Pending => {
                let Some(idle) = &mut this.idle else { return Poll::Pending };
                if this.events.parser().position() != before {
                    idle.timer = None;
                }
                ready!(idle.timer.get_or_insert_with(|| Sleep::new(idle.timeout)).poll(cx));
                let silent = StreamError::Silent(idle.timeout);
                // The connection is closed, and the next poll is the end.
                *this.events.get_mut() = Box::pin(Ended);
                Poll::Ready(Some(Err(silent)))
            }
        }
    }
}

impl FusedStream for EventStream {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// The response is not an event stream: its status is an error, or its content type another. Its body was not read.
///
/// ```no_run
/// use sse_wire_client::ResponseExt;
///
/// # async fn ask(request: reqwest::RequestBuilder) -> Result<(), Box<dyn std::error::Error>> {
/// let mut events = match request.send().await?.event_stream() {
///     Ok(events) => events,
///     Err(error) => return Err(error.into_message().await.into()),
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the response is not an event stream: {}", .0.0)]
pub struct NotAnEventStream(Box<(Rejection, Response)>);

impl NotAnEventStream {
    /// What is wrong with the response.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.0.0
    }

    /// The response.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.0.1
    }

    /// The response by value, to read its body.
    #[must_use]
    pub fn into_response(self) -> Response {
        self.0.1
    }

    /// This error as text, followed by what the body says: its first 16 KiB, as text. Waits up to 5 seconds for that.
    pub async fn into_message(self) -> String {
        into_message(self.to_string(), self.into_response()).await
    }

    /// The pause that the header `Retry-After` of the response asks for, if it does.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.response().headers().get(RETRY_AFTER).and_then(|value| http::retry_after(value, now()))
    }
}
