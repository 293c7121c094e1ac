//! Methods for the types of reqwest.

use reqwest::{RequestBuilder, Response};

use crate::{EventSource, EventStream, NotAnEventStream, RequestError};

/// Event streams of responses of reqwest.
pub trait ResponseExt: Sized {
    /// The events of this response.
    ///
    /// # Errors
    ///
    /// [`NotAnEventStream`], with all of the response, unless its status is a success other than 204, and its content type is
    /// `text/event-stream`.
    fn event_stream(self) -> Result<EventStream, NotAnEventStream>;
}

impl ResponseExt for Response {
    fn event_stream(self) -> Result<EventStream, NotAnEventStream> {
        EventStream::of(self)
    }
}

/// Sources of events by requests of reqwest.
pub trait RequestBuilderExt: Sized {
    /// A source that sends this request for each connection: see [`EventSource::new`].
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request is invalid, or if its body is a stream, which can be sent only once.
    fn eventsource(self) -> Result<EventSource, RequestError>;
}

impl RequestBuilderExt for RequestBuilder {
    fn eventsource(self) -> Result<EventSource, RequestError> {
        EventSource::new(self)
    }
}
