//! A client's connection to one event stream, over and over: connecting, open, closed.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::{Reconnect, Rejection};
use crate::event::Event;
use crate::http;
use crate::parser::{Item, ParseError, Parser, ParserBuilder};

/// What the standard calls the ready state ([9.2.2]).
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// There is no connection yet, or it was lost and there will be another.
    Connecting,
    /// Events arrive.
    Open,
    /// It is over.
    Closed,
}

/// A client's side of an event stream over all of its connections, without I/O ([9.2.2], [9.2.3]).
///
/// 1. Send a request with the [`request_headers`](EventSource::request_headers).
/// 2. Pass the [`response`](EventSource::response); if it opens the stream, pass the chunks of its body to
///    [`next_event`](EventSource::next_event) or one of its like.
/// 3. When the connection has ended, however it did, or did not come about, call
///    [`disconnected`](EventSource::disconnected): it says how long to wait before you go back to 1, or that it is over.
///
/// The [module](crate::client) shows it in full.
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Debug)]
pub struct EventSource {
    parser: Parser,
    settings: Settings,
    state: State,
    /// Tries since the last good connection.
    tries: u32,
    /// What the last response asked for.
    retry_after: Duration,
}

#[derive(Clone, Debug)]
enum State {
    Connecting,
    Open,
    Closed(Closed),
}

#[derive(Clone, Debug, Default)]
struct Settings {
    reconnect: Reconnect,
    not_repeatable: bool,
    closes_on_too_large: bool,
    end_names: Vec<String>,
    end_data: Vec<String>,
}

/// Why it is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// [`EventSource::close`] was called.
    #[error("closed by the caller")]
    ByCaller,
    /// An end event came: see [`EventSourceBuilder::end_name`].
    #[error("the end event came")]
    EndEvent,
    /// A response that is final.
    #[error(transparent)]
    Rejected(Rejection),
    /// As many tries in a row to come back as [`Reconnect::max_tries`] allows did not lead to a good connection.
    #[error("gave up after {tries} tries to connect again")]
    OutOfTries {
        /// The limit.
        tries: u32,
    },
    /// The request must not be sent again: see [`EventSourceBuilder::not_repeatable`].
    #[error("the request cannot be repeated")]
    NotRepeatable,
    /// An event was too large: see [`EventSourceBuilder::close_on_too_large`].
    #[error(transparent)]
    TooLarge(ParseError),
}

/// Why there is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Bytes were passed before a response that opened the stream: a mistake of the caller. They were not taken.
    #[error("the event stream is not open: no response was accepted")]
    NotOpen,
    /// It is over: after the end event, or [`EventSource::close`]. The bytes were not taken. Drop the connection, and go
    /// on to [`EventSource::disconnected`], which says the same.
    #[error(transparent)]
    Closed(Closed),
    /// One event was larger than the limit. The next call goes on after it, unless
    /// [`EventSourceBuilder::close_on_too_large`] was chosen.
    #[error(transparent)]
    Parse(ParseError),
}

impl EventSource {
    /// As in the standard: connecting, with an empty last event ID, and [`Reconnect::new`].
    #[must_use]
    pub fn new() -> EventSource {
        EventSource::builder().build()
    }

    /// With settings of its own.
    pub fn builder() -> EventSourceBuilder {
        EventSourceBuilder { parser: Parser::builder(), settings: Settings::default() }
    }

    /// Connecting, open, or closed.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Connecting => ReadyState::Connecting,
            State::Open => ReadyState::Open,
            State::Closed(_) => ReadyState::Closed,
        }
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        if let State::Closed(why) = &self.state { Some(why) } else { None }
    }

    /// The headers that the request must carry: names in lower case, and values as bytes.
    ///
    /// `accept`, `cache-control` ([9.2.2]), and `last-event-id` ([9.2.4]) as UTF-8, unless it is empty or holds a control
    /// character, which no header can carry.
    ///
    /// ```
    /// use sse_wire::client::EventSource;
    ///
    /// let source = EventSource::builder().last_event_id("42").build();
    /// let headers: Vec<_> = source.request_headers().collect();
    /// assert_eq!(headers[0], ("accept", &b"text/event-stream"[..]));
    /// assert_eq!(headers[1], ("cache-control", &b"no-store"[..]));
    /// assert_eq!(headers[2], ("last-event-id", &b"42"[..]));
    /// ```
    ///
    /// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    /// [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
    pub fn request_headers(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let always = http::REQUEST_HEADERS.map(|(name, value)| (name, value.as_bytes()));
        let id = self.last_event_id().as_bytes();
        let fits = !id.is_empty() && id.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control());
        always.into_iter().chain(fits.then_some((http::LAST_EVENT_ID, id)))
    }

    /// A response came: does it open the stream ([9.2.3])?
    ///
    /// `content_type`: the value of the header, empty where there is none. Redirects are the HTTP client's: it follows
    /// them, and passes the response that it comes to.
    ///
    /// # Errors
    ///
    /// What is wrong with the response. The stream is then closed for good, unless the status is temporary
    /// ([`Rejection::is_temporary`]) and [`Reconnect::retry_temporary_statuses`] was chosen: call
    /// [`disconnected`](EventSource::disconnected), once the body has been read that may tell more. If it was closed
    /// before, it stays so: [`Rejection::Closed`].
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn response(&mut self, status: u16, content_type: impl AsRef<[u8]>) -> Result<(), Rejection> {
        if self.closed().is_some() {
            return Err(Rejection::Closed);
        }
        self.retry_after = Duration::ZERO;
        self.parser.reset();
        let Some(rejection) = Rejection::of(status, content_type.as_ref()) else {
            self.state = State::Open;
            return Ok(());
        };
        let tries_again = rejection.is_temporary() && self.settings.reconnect.retries_temporary_statuses;
        self.state = if tries_again { State::Connecting } else { State::Closed(Closed::Rejected(rejection)) };
        Err(rejection)
    }

    /// The response asked for a pause by the header `Retry-After` ([RFC 9110, 10.2.3]): the next wait is at least as long,
    /// up to the [`ceiling`](Reconnect::ceiling). To be called after [`response`](EventSource::response), which forgets
    /// what the response before it asked for.
    ///
    /// [RFC 9110, 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    pub fn retry_after(&mut self, pause: Duration) {
        self.retry_after = pause;
    }

    /// The next event in a chunk of the body, borrowed: as [`Parser::next_event`].
    ///
    /// `Ok(None)`: all of `input` was taken, and more is needed.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::NotOpen`] while there is no response that opened the stream, [`ReceiveError::Closed`] once it is
    /// over, and [`ReceiveError::Parse`] for an event that is too large.
    pub fn next_event<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Event<&'p str>>, ReceiveError> {
        self.check_open()?;
        let next = self.parser.next_event(input);
        received(&mut self.state, &self.settings, next, |event| Some(event.as_borrowed()))
    }

    /// The next event, shared: as [`Parser::next_event_shared`].
    ///
    /// # Errors
    ///
    /// As [`next_event`](EventSource::next_event).
    pub fn next_event_shared(&mut self, input: &mut Bytes) -> Result<Option<Event<ByteString>>, ReceiveError> {
        self.check_open()?;
        let next = self.parser.next_event_shared(input);
        received(&mut self.state, &self.settings, next, |event| Some(event.as_borrowed()))
    }

    /// The next event or comment, borrowed: as [`Parser::next_item`].
    ///
    /// # Errors
    ///
    /// As [`next_event`](EventSource::next_event).
    pub fn next_item<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Item<&'p str>>, ReceiveError> {
        self.check_open()?;
        let next = self.parser.next_item(input);
        received(&mut self.state, &self.settings, next, event_in)
    }

    /// The next event or comment, shared: as [`Parser::next_item_shared`].
    ///
    /// # Errors
    ///
    /// As [`next_event`](EventSource::next_event).
    pub fn next_item_shared(&mut self, input: &mut Bytes) -> Result<Option<Item<ByteString>>, ReceiveError> {
        self.check_open()?;
        let next = self.parser.next_item_shared(input);
        received(&mut self.state, &self.settings, next, event_in)
    }

    /// After the end of a body, and before [`disconnected`](EventSource::disconnected): the unfinished event, which the
    /// standard discards. See [`Parser::finish`].
    ///
    /// Whoever takes it takes it as an event: it may be the end event. `None` unless the stream is open.
    pub fn finish(&mut self) -> Option<Event<&str>> {
        self.check_open().ok()?;
        let event = self.parser.finish()?;
        if self.settings.is_end(&event) {
            self.state = State::Closed(Closed::EndEvent);
        }
        Some(event)
    }

    /// The connection has ended, by a fault or not, or did not come about: how long to wait before the next request
    /// ([9.2.3]), or that there must be none.
    ///
    /// An unfinished event is discarded. `open_for`: how long the connection was open, for [`Reconnect::good_after`].
    /// `random`: any number, for the [jitter](Reconnect::jitter).
    ///
    /// # Errors
    ///
    /// Why it is over, now or since an earlier call.
    ///
    /// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    pub fn disconnected(&mut self, open_for: Duration, random: u32) -> Result<Duration, Closed> {
        self.parser.reset();
        let reconnect = &self.settings.reconnect;
        match &self.state {
            State::Closed(why) => return Err(why.clone()),
            State::Open if open_for >= reconnect.good_after => self.tries = 0,
            State::Open | State::Connecting => {}
        }
        let tries = self.tries.saturating_add(1);
        let over = if self.settings.not_repeatable {
            Some(Closed::NotRepeatable)
        } else {
            (tries > reconnect.max_tries).then_some(Closed::OutOfTries { tries: reconnect.max_tries })
        };
        if let Some(why) = over {
            self.state = State::Closed(why.clone());
            return Err(why);
        }
        self.tries = tries;
        self.state = State::Connecting;
        let retry_after = core::mem::take(&mut self.retry_after);
        Ok(reconnect.wait(tries, self.parser.reconnection_time(), retry_after, random))
    }

    /// It is over, from any state ([9.2.2]). What closed it before stays the reason.
    ///
    /// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
    pub fn close(&mut self) {
        if self.closed().is_none() {
            self.state = State::Closed(Closed::ByCaller);
            self.parser.reset();
        }
    }

    /// The last event ID, over all connections: see [`Parser::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the server asked for: see [`Parser::reconnection_time`].
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    fn check_open(&self) -> Result<(), ReceiveError> {
        match &self.state {
            State::Open => Ok(()),
            State::Closed(why) => Err(ReceiveError::Closed(why.clone())),
            State::Connecting => Err(ReceiveError::NotOpen),
        }
    }
}

impl Default for EventSource {
    fn default() -> Self {
        EventSource::new()
    }
}

/// What the parser found may be the end.
fn received<T>(
    state: &mut State,
    settings: &Settings,
    next: Result<Option<T>, ParseError>,
    event: impl Fn(&T) -> Option<Event<&str>>,
) -> Result<Option<T>, ReceiveError> {
    match &next {
        Ok(Some(found)) if event(found).is_some_and(|event| settings.is_end(&event)) => {
            *state = State::Closed(Closed::EndEvent);
        }
        Err(error) if settings.closes_on_too_large => *state = State::Closed(Closed::TooLarge(error.clone())),
        _ => {}
    }
    next.map_err(ReceiveError::Parse)
}

fn event_in<S: AsRef<str>>(item: &Item<S>) -> Option<Event<&str>> {
    match item {
        Item::Event(event) => Some(event.as_borrowed()),
        Item::Comment(_) => None,
    }
}

impl Settings {
    fn is_end(&self, event: &Event<&str>) -> bool {
        self.end_names.iter().any(|name| name == event.name()) || self.end_data.iter().any(|data| data == event.data())
    }
}

/// Settings for an [`EventSource`].
///
/// ```
/// use sse_wire::client::{EventSource, Reconnect};
///
/// // As browsers do, and as an application that ends its streams with an event named `done`.
/// let source = EventSource::builder().end_name("done").build();
///
/// // A chat completion: a POST, whose stream ends with `data: [DONE]`.
/// let source = EventSource::builder().not_repeatable().end_data("[DONE]").build();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EventSourceBuilder {
    parser: ParserBuilder,
    settings: Settings,
}

impl EventSourceBuilder {
    /// How large one event may be: see [`ParserBuilder::max_event_size`].
    pub fn max_event_size(self, limit: usize) -> Self {
        EventSourceBuilder { parser: self.parser.max_event_size(limit), ..self }
    }

    /// The last event ID to start with: see [`ParserBuilder::last_event_id`].
    pub fn last_event_id(self, id: impl Into<String>) -> Self {
        EventSourceBuilder { parser: self.parser.last_event_id(id), ..self }
    }

    /// When to connect again, and after how long.
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.settings.reconnect = reconnect;
        self
    }

    /// The request is not to be sent again, as a POST that starts something: the first
    /// [`disconnected`](EventSource::disconnected) is the end, since who knows how far the request came.
    ///
    /// An `EventSource` of the standard always sends a GET, which may be repeated.
    pub fn not_repeatable(mut self) -> Self {
        self.settings.not_repeatable = true;
        self
    }

    /// An event of this name is the last: the caller sees it, and then it is over. May be called more than once.
    pub fn end_name(mut self, name: impl Into<String>) -> Self {
        self.settings.end_names.push(name.into());
        self
    }

    /// An event with this data is the last: the caller sees it, and then it is over. May be called more than once.
    pub fn end_data(mut self, data: impl Into<String>) -> Self {
        self.settings.end_data.push(data.into());
        self
    }

    /// An event larger than the limit is the end. Unless this is chosen, it is skipped, and the stream goes on.
    pub fn close_on_too_large(mut self) -> Self {
        self.settings.closes_on_too_large = true;
        self
    }

    /// The event source, connecting.
    #[must_use]
    pub fn build(self) -> EventSource {
        EventSource {
            parser: self.parser.build(),
            settings: self.settings,
            state: State::Connecting,
            tries: 0,
            retry_after: Duration::ZERO,
        }
    }
}
