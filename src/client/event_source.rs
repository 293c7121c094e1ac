//! A client over all of its connections.

use alloc::borrow::Cow;
use alloc::string::String;
use core::time::Duration;

use bytes::Bytes;

use super::feed::Closing;
use super::state::{Open, Settings, State};
use super::{Answer, CloseReason, Feed, FeedBytes, NextTry, ReadyState, Reconnect, Rejection, Repeat, Responses};
use crate::block::Block;
use crate::http;
use crate::parser::Parser;

/// A client's side of an event stream over all of its connections, without I/O ([9.2.2], [9.2.3]).
///
/// 1. Send a request with the [`request_headers`](EventSource::request_headers).
/// 2. Pass the [`response`](EventSource::response). If it opens the stream, [`feed`](EventSource::feed) the source the chunks
///    of the body.
/// 3. When the connection has ended, for whatever reason, or could not be made, call
///    [`disconnected`](EventSource::disconnected). It returns the [`NextTry`], which says how long to wait before you go back
///    to 1, or why the source is closed.
///
/// The [module](crate::client) shows a whole client. A time, `now`, is one since some start, such as `start.elapsed()` of an
/// `Instant`: the same start for all calls. A clock that goes back makes nothing worse than a wait.
///
/// Settings are `with_*`:
///
/// ```
/// use sse_wire::Parser;
/// use sse_wire::client::{EventSource, Repeat};
///
/// // For an application that ends its streams with an event named `done`.
/// let source = EventSource::new().with_end_name("done");
///
/// // A chat completion: a POST, whose stream ends with `data: [DONE]`.
/// let source = EventSource::new().with_repeat(Repeat::Never).with_end_data("[DONE]");
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
    /// The value of the `accept` header.
    accept: Cow<'static, str>,
    /// Tries since the last connection that was good: see [`Reconnect::with_good_after`].
    tries: u32,
    /// Whether the request was sent again once, after a status that allows for it. See [`Responses::with_retry_once`].
    has_retried: bool,
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
            state: State::Connecting { is_refused: false },
            accept: http::EVENT_STREAM.into(),
            tries: 0,
            has_retried: false,
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

    /// The same source with these rules of which responses are accepted, and which are not final.
    #[must_use]
    pub fn with_responses(mut self, responses: Responses) -> EventSource {
        self.accept = responses.accept();
        self.settings.responses = responses;
        self
    }

    /// The same source with this rule of whether the request may be sent again: [`Repeat::Always`] unless set.
    ///
    /// Where it may not, the first [`disconnected`](EventSource::disconnected) closes the source.
    ///
    /// ```
    /// use sse_wire::client::{EventSource, Repeat};
    ///
    /// // A POST whose stream a GET resumes.
    /// let source = EventSource::new().with_repeat(Repeat::WithId);
    /// let method = if source.last_event_id().is_empty() { "POST" } else { "GET" };
    /// assert_eq!(method, "POST");
    /// ```
    #[must_use]
    pub fn with_repeat(mut self, repeat: Repeat) -> EventSource {
        self.settings.repeat = repeat;
        self
    }

    /// The same source with this longest silence of an open connection: see [`idle_deadline`](EventSource::idle_deadline).
    /// None unless set.
    ///
    /// Servers send a comment "every 15 seconds or so" ([9.2.7]), if they do. Three times what yours does is a good value.
    ///
    /// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
    #[must_use]
    pub fn with_idle_timeout(mut self, silence: Duration) -> EventSource {
        self.settings.idle_timeout = Some(silence);
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
            State::Connecting { .. } => ReadyState::Connecting,
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
    /// `accept` ([9.2.2]) with the types that are [accepted besides](Responses::with_other_type), `cache-control: no-cache`
    /// ([`http::REQUEST_HEADERS`]), and `last-event-id` ([9.2.4]) as UTF-8, unless it is empty or holds a control
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
        let [(accept, _), (cache_control, no_cache)] = http::REQUEST_HEADERS;
        let always = [(accept, self.accept.as_bytes()), (cache_control, no_cache.as_bytes())];
        let id = http::trim(self.last_event_id().as_bytes());
        let is_sent = !id.is_empty() && http::carries(id);
        always.into_iter().chain(is_sent.then_some((http::LAST_EVENT_ID, id)))
    }

    /// Checks whether a response opens the stream ([9.2.3]).
    ///
    /// `content_type` is the value of that header, empty if there is none; `now` is the time. Redirects are for the HTTP client
    /// to follow; pass the response at the end of them.
    ///
    /// # Errors
    ///
    /// [`Rejection`]: what is wrong with the response. The source is then closed, unless the [rules](Responses) say to try
    /// again after this status. In both cases call [`disconnected`](EventSource::disconnected) next; the body may be read
    /// first, for an error message. A source that was closed before stays closed: [`Rejection::Closed`].
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn response(
        &mut self,
        status: u16,
        content_type: impl AsRef<[u8]>,
        now: Duration,
    ) -> Result<Answer, Rejection> {
        if self.close_reason().is_some() {
            return Err(Rejection::Closed);
        }
        self.retry_after = Duration::ZERO;
        self.parser.reset();
        let answer = self.settings.responses.judge(status, content_type.as_ref());
        self.state = match &answer {
            Ok(Answer::EventStream) => State::Open(Open { since: now, heard: now, brought_event: false }),
            Ok(Answer::Other) => State::Closed(CloseReason::Answered),
            Err(rejection) if self.settings.responses.retries(rejection, &mut self.has_retried) => {
                State::Connecting { is_refused: true }
            }
            Err(rejection) => State::Closed(CloseReason::Rejected(rejection.clone())),
        };
        self.has_retried &= answer.is_err();
        answer
    }

    /// Sets the pause from the header `Retry-After` of the response ([RFC 9110, 10.2.3]): the next wait is at least as long,
    /// up to the [ceiling](Reconnect::with_ceiling).
    ///
    /// Call it after [`response`](EventSource::response), which clears that of the previous response. [`http::retry_after`] reads
    /// the header.
    ///
    /// [RFC 9110, 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    pub fn set_retry_after(&mut self, pause: Duration) {
        self.retry_after = pause;
    }

    /// Bytes of the body have come at this time: events, comments, or parts of them.
    ///
    /// Needed only for an [`idle_deadline`](EventSource::idle_deadline).
    pub fn heard(&mut self, now: Duration) {
        if let State::Open(open) = &mut self.state {
            open.heard = open.heard.max(now);
        }
    }

    /// The time at which the connection has been silent for too long: then drop it, and call
    /// [`disconnected`](EventSource::disconnected). `None` if it is not open, or if there is no
    /// [limit](EventSource::with_idle_timeout).
    ///
    /// A connection whose other side is gone without a trace looks like one on which nothing happens. Comments that the server
    /// sends as keep-alives tell the two apart.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sse_wire::client::EventSource;
    ///
    /// let seconds = Duration::from_secs;
    /// let mut source = EventSource::new().with_idle_timeout(seconds(45));
    /// source.response(200, "text/event-stream", seconds(100))?;
    /// assert_eq!(source.idle_deadline(), Some(seconds(145)));
    /// source.heard(seconds(115)); // and then `feed` it what came
    /// assert_eq!(source.idle_deadline(), Some(seconds(160)));
    /// # Ok::<(), sse_wire::client::Rejection>(())
    /// ```
    #[must_use]
    pub fn idle_deadline(&self) -> Option<Duration> {
        let State::Open(open) = &self.state else { return None };
        self.settings.idle_timeout.map(|silence| open.heard.saturating_add(silence))
    }

    /// Reads a chunk of the body: the reader yields what the chunk completes. As [`Parser::feed`].
    ///
    /// If the stream is not open, none of the chunk is read, and the reader returns an error.
    ///
    /// ```
    /// # use sse_wire::client::EventSource;
    /// # let mut source = EventSource::new();
    /// source.response(200, "text/event-stream", std::time::Duration::ZERO)?;
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

    /// The connection has ended at this time, with an error or without, or could not be made. Returns the next try: how long
    /// to wait before the next request ([9.2.3]).
    ///
    /// An unfinished block is discarded.
    ///
    /// # Errors
    ///
    /// [`CloseReason`]: the source is closed, now or since an earlier call, and there must be no other request.
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn disconnected(&mut self, now: Duration) -> Result<NextTry, CloseReason> {
        self.parser.reset();
        let reconnect = &self.settings.reconnect;
        let is_refused = match &self.state {
            State::Closed(reason) => return Err(reason.clone()),
            State::Connecting { is_refused } => *is_refused,
            State::Open(open) => {
                if open.brought_event || now.saturating_sub(open.since) >= reconnect.good_after {
                    self.tries = 0;
                }
                false
            }
        };
        let repeats = match self.settings.repeat {
            Repeat::Always => true,
            Repeat::Never => is_refused,
            Repeat::WithId => is_refused || !self.last_event_id().is_empty(),
        };
        let tries = self.tries.saturating_add(1);
        let reason = if repeats {
            (tries > reconnect.max_tries).then_some(CloseReason::OutOfTries { tries: reconnect.max_tries })
        } else {
            Some(CloseReason::UnrepeatableRequest)
        };
        if let Some(reason) = reason {
            self.state = State::Closed(reason.clone());
            return Err(reason);
        }
        self.tries = tries;
        self.state = State::Connecting { is_refused: false };
        let retry_after = core::mem::take(&mut self.retry_after);
        Ok(NextTry::new(reconnect, tries, self.parser.reconnection_time(), retry_after))
    }

    /// Closes the source, from any state ([9.2.2]). If it is closed already, the first reason stays.
    ///
    /// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
    pub fn close(&mut self) {
        self.close_because(CloseReason::ByCaller);
    }

    /// Closes the source, instead of [`disconnected`](EventSource::disconnected), where the caller knows that another try would be
    /// futile, as after a redirect that leads back to itself. What the standard calls to fail the connection ([9.2.3]).
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#fail-the-connection
    pub fn fail(&mut self) {
        self.close_because(CloseReason::Failed);
    }

    fn close_because(&mut self, reason: CloseReason) {
        if self.close_reason().is_none() {
            self.state = State::Closed(reason);
            self.parser.reset();
        }
    }

    /// The last event ID, over all connections: as [`Parser::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// How many lines of this connection the standard ignores: as [`Parser::ignored_lines`].
    #[must_use]
    pub fn ignored_lines(&self) -> u64 {
        self.parser.ignored_lines()
    }

    /// Sets the last event ID, as [`Parser::set_last_event_id`]: to begin somewhere else with the next request.
    pub fn set_last_event_id(&mut self, id: impl Into<String>) {
        self.parser.set_last_event_id(id);
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
