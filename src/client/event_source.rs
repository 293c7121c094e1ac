//! A client over all of its connections.

use alloc::string::String;
use core::time::Duration;

use bytes::Bytes;

use super::feed::Closing;
use super::state::{Settings, State};
use super::{CloseReason, Feed, FeedBytes, ReadyState, Reconnect, Rejection};
use crate::block::Block;
use crate::http;
use crate::parser::Parser;

/// A client's side of an event stream over all of its connections, without I/O ([9.2.2], [9.2.3]).
///
/// 1. Send a request with the [`request_headers`](EventSource::request_headers).
/// 2. Pass the [`response`](EventSource::response). If it opens the stream, [`feed`](EventSource::feed) the source the chunks
///    of the body.
/// 3. When the connection has ended, for whatever reason, or could not be made, call
///    [`disconnected`](EventSource::disconnected). It returns how long to wait before you go back to 1, or why the
///    source is closed.
///
/// The [module](crate::client) shows a whole client. Settings are `with_*`:
///
/// ```
/// use sse_wire::Parser;
/// use sse_wire::client::EventSource;
///
/// // For an application that ends its streams with an event named `done`.
/// let source = EventSource::new().with_end_name("done");
///
/// // A chat completion: a POST, whose stream ends with `data: [DONE]`.
/// let source = EventSource::new().with_unrepeatable_request().with_end_data("[DONE]");
///
/// // Limits, and the last event ID to start with, are the parser's.
/// let source = EventSource::new().with_parser(Parser::new().with_max_event_size(64 * 1024).with_last_event_id("42"));
/// ```
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Debug)]
pub struct EventSource {
    parser: Parser,
    settings: Settings,
    state: State,
    /// Tries since the last connection that was good: see [`Reconnect::with_good_after`].
    tries: u32,
    /// The `Retry-After` of the last response.
    retry_after: Duration,
}

impl EventSource {
    /// As in the standard: connecting, with an empty last event ID, and [`Reconnect::new`].
    #[must_use]
    pub fn new() -> EventSource {
        EventSource {
            parser: Parser::new(),
            settings: Settings::default(),
            state: State::Connecting,
            tries: 0,
            retry_after: Duration::ZERO,
        }
    }

    /// The same source with this parser: its limits, and its last event ID to start with.
    #[must_use]
    pub fn with_parser(self, parser: Parser) -> EventSource {
        EventSource { parser, ..self }
    }

    /// The same source with these rules of when to connect again, and after how long.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> EventSource {
        self.settings.reconnect = reconnect;
        self
    }

    /// The same source, for a request that must not be sent twice, such as a POST that starts something: the first
    /// [`disconnected`](EventSource::disconnected) closes it, since the request may have taken effect.
    ///
    /// An `EventSource` of the standard always sends a GET, which may be repeated.
    #[must_use]
    pub fn with_unrepeatable_request(mut self) -> EventSource {
        self.settings.request_is_unrepeatable = true;
        self
    }

    /// The same source, closed by an event of this name. The event itself is returned like any other. May be called more than
    /// once.
    #[must_use]
    pub fn with_end_name(mut self, name: impl Into<String>) -> EventSource {
        self.settings.end_names.push(name.into());
        self
    }

    /// The same source, closed by an event with this data. The event itself is returned like any other. May be called more
    /// than once.
    #[must_use]
    pub fn with_end_data(mut self, data: impl Into<String>) -> EventSource {
        self.settings.end_data.push(data.into());
        self
    }

    /// The same source, closed by an event or a block that exceeds a limit of the parser. Unless this is set, the block is
    /// skipped, and the stream goes on.
    #[must_use]
    pub fn with_close_on_too_large(mut self) -> EventSource {
        self.settings.closes_on_too_large = true;
        self
    }

    /// Connecting, open, or closed.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Connecting => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed(_) => ReadyState::Closed,
        }
    }

    /// Why the source is closed; `None` if it is not.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        if let State::Closed(reason) = &self.state { Some(reason) } else { None }
    }

    /// The headers that the request must carry: names in lower case, and values as bytes.
    ///
    /// `accept`, `cache-control` ([9.2.2]), and `last-event-id` ([9.2.4]) as UTF-8, unless it is empty or holds a control
    /// character, which no header can carry. Nor can a header carry spaces and tabs around its value
    /// ([RFC 9110, 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)): they are left out, as in Fetch.
    ///
    /// ```
    /// use sse_wire::Parser;
    /// use sse_wire::client::EventSource;
    ///
    /// let source = EventSource::new().with_parser(Parser::new().with_last_event_id("42"));
    /// let headers: Vec<_> = source.request_headers().collect();
    /// assert_eq!(headers[0], ("accept", &b"text/event-stream"[..]));
    /// assert_eq!(headers[1], ("cache-control", &b"no-cache"[..]));
    /// assert_eq!(headers[2], ("last-event-id", &b"42"[..]));
    /// ```
    ///
    /// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    /// [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
    pub fn request_headers(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let always = http::REQUEST_HEADERS.map(|(name, value)| (name, value.as_bytes()));
        let id = http::trim(self.last_event_id().as_bytes());
        let is_sent = !id.is_empty() && http::carries(id);
        always.into_iter().chain(is_sent.then_some((http::LAST_EVENT_ID, id)))
    }

    /// Checks whether a response opens the stream ([9.2.3]).
    ///
    /// `content_type` is the value of that header, empty if there is none. Redirects are for the HTTP client to follow; pass
    /// the response at the end of them.
    ///
    /// # Errors
    ///
    /// [`Rejection`]: what is wrong with the response. The source is then closed, unless the status is temporary
    /// ([`Rejection::is_temporary`]) and [`Reconnect::with_retry_on_temporary_status`] was set. In both cases call
    /// [`disconnected`](EventSource::disconnected) next; the body may be read first, for an error message. A source that was
    /// closed before stays closed: [`Rejection::Closed`].
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn response(&mut self, status: u16, content_type: impl AsRef<[u8]>) -> Result<(), Rejection> {
        if self.close_reason().is_some() {
            return Err(Rejection::Closed);
        }
        self.retry_after = Duration::ZERO;
        self.parser.reset();
        let Some(rejection) = Rejection::of(status, content_type.as_ref()) else {
            self.state = State::Open(false);
            return Ok(());
        };
        let tries_again = rejection.is_temporary() && self.settings.reconnect.retries_temporary_status;
        self.state = if tries_again { State::Connecting } else { State::Closed(CloseReason::Rejected(rejection)) };
        Err(rejection)
    }

    /// Sets the pause from the header `Retry-After` of the response ([RFC 9110, 10.2.3]): the next wait is at least as long,
    /// up to the [ceiling](Reconnect::with_ceiling).
    ///
    /// Call it after [`response`](EventSource::response), which clears that of the previous response.
    ///
    /// [RFC 9110, 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    pub fn set_retry_after(&mut self, pause: Duration) {
        self.retry_after = pause;
    }

    /// Reads a chunk of the body: the reader yields what the chunk completes. As [`Parser::feed`].
    ///
    /// If the stream is not open, none of the chunk is read, and the reader returns an error.
    ///
    /// ```
    /// # use sse_wire::client::EventSource;
    /// # let mut source = EventSource::new();
    /// source.response(200, "text/event-stream")?;
    /// # let chunk = b"data: x\n\n";
    /// let mut events = source.feed(chunk);
    /// while let Some(event) = events.next_event()? {
    ///     println!("{}: {}", event.name(), event.data());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn feed<'s, 'c>(&'s mut self, chunk: &'c [u8]) -> Feed<'s, 'c> {
        let (taken, not_taken) = if self.is_open() { (chunk, &[][..]) } else { (&[][..], chunk) };
        let closing = Closing { state: &mut self.state, settings: &self.settings };
        Feed { events: self.parser.feed(taken), not_taken, closing }
    }

    /// Reads a chunk of the body that is reference-counted, into owned events: an ordinary iterator. As
    /// [`Parser::feed_bytes`].
    ///
    /// If the stream is not open, none of the chunk is read, and the iterator yields one error.
    pub fn feed_bytes<'s, 'c>(&'s mut self, chunk: &'c Bytes) -> FeedBytes<'s, 'c> {
        static NOTHING: Bytes = Bytes::new();
        let (taken, not_taken) = if self.is_open() { (chunk, &NOTHING) } else { (&NOTHING, chunk) };
        let closing = Closing { state: &mut self.state, settings: &self.settings };
        FeedBytes::new(self.parser.feed_bytes(taken), not_taken, closing)
    }

    /// End of the body: the block that it ended in, which the standard discards. As [`Parser::finish`].
    ///
    /// Call it before [`disconnected`](EventSource::disconnected), which discards the block. If its event is an end event, the
    /// source is closed. `None` if the stream is not open.
    pub fn finish(&mut self) -> Option<Block<'_>> {
        if !self.is_open() {
            return None;
        }
        let block = self.parser.finish()?;
        // It is not dispatched, so it does not make the connection a good one.
        if block.event().is_some_and(|event| self.settings.is_end(event)) {
            self.state = State::Closed(CloseReason::EndEvent);
        }
        Some(block)
    }

    /// The connection has ended, with an error or without, or could not be made. Returns how long to wait before the next
    /// request ([9.2.3]).
    ///
    /// An unfinished block is discarded. `open_for` is how long the connection was open, for
    /// [`Reconnect::with_good_after`]; `random` is any number, for the [jitter](Reconnect::with_jitter).
    ///
    /// # Errors
    ///
    /// [`CloseReason`]: the source is closed, now or since an earlier call, and there must be no other request.
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn disconnected(&mut self, open_for: Duration, random: u32) -> Result<Duration, CloseReason> {
        self.parser.reset();
        let reconnect = &self.settings.reconnect;
        match &self.state {
            State::Closed(reason) => return Err(reason.clone()),
            State::Open(brought_event) if *brought_event || open_for >= reconnect.good_after => self.tries = 0,
            State::Open(_) | State::Connecting => {}
        }
        let tries = self.tries.saturating_add(1);
        let reason = if self.settings.request_is_unrepeatable {
            Some(CloseReason::UnrepeatableRequest)
        } else {
            (tries > reconnect.max_tries).then_some(CloseReason::OutOfTries { tries: reconnect.max_tries })
        };
        if let Some(reason) = reason {
            self.state = State::Closed(reason.clone());
            return Err(reason);
        }
        self.tries = tries;
        self.state = State::Connecting;
        let retry_after = core::mem::take(&mut self.retry_after);
        Ok(reconnect.wait(tries, self.parser.reconnection_time(), retry_after, random))
    }

    /// Closes the source, from any state ([9.2.2]). If it is closed already, the first reason stays.
    ///
    /// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
    pub fn close(&mut self) {
        if self.close_reason().is_none() {
            self.state = State::Closed(CloseReason::ByCaller);
            self.parser.reset();
        }
    }

    /// The last event ID, over all connections: as [`Parser::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the server has set: as [`Parser::reconnection_time`].
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }
}

impl Default for EventSource {
    fn default() -> Self {
        EventSource::new()
    }
}
