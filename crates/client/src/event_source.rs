//! A source of events over as many connections as it takes.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{IntoUrl, Request, RequestBuilder, Response, StatusCode};
use sse_wire::client::{
    Answer, CloseReason, EventSource as Rules, NextTry, ReadyState, ReceiveError, Reconnect, Rejection, Repeat,
    Responses,
};
use sse_wire::http::retry_after;
use sse_wire::{Block, OwnedBlock, OwnedEvent, Parser};

use crate::activity::Activity;
use crate::error::Then;
use crate::lines::{Chunk, MAX_BLOCK_SIZE};
use crate::platform::{self, BoxFuture, BoxStream, Instant, MaybeSend, Sleep, boxed, now};
use crate::request::{self, Requests};
use crate::{Attempt, BoxError, Error, ErrorKind, IdIn, RequestError};

/// The shortest time between two requests, whatever the settings and the server say: at most 600 requests a minute.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// How many chunks without an event one poll reads before other tasks run.
const CHUNKS_PER_POLL: usize = 32;

/// What an [`EventSource`] yields.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A response has opened the stream: the first one, or one after the connection was lost.
    Open,
    /// An event has come, of any name: [`OwnedEvent::name`].
    Message(OwnedEvent),
    /// A comment has come. Only if [asked for](EventSource::with_comments).
    Comment(String),
    /// A response of another type that is accepted: see [`Responses::with_other_type`]. It is the last item.
    Other(Response),
}

/// The head of a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from, after all redirects.
    pub url: reqwest::Url,
}

/// A source of events that connects again when the connection is lost: a stream of [`Event`]s and [`Error`]s.
///
/// It sends its first request when it is polled first. By itself it does what an `EventSource` of the standard does
/// ([9.2.3]): it waits for the reconnection time, sends the last event ID, and stops after a response that is no event stream.
/// The waits grow while connections fail. `with_*` sets other rules; they are those of [`sse_wire::client`].
///
/// Dropping the future of [`next`](EventSource::next) loses nothing, so it can be used in `select!`. Dropping the source
/// closes the connection.
///
/// ```no_run
/// use sse_wire_client::{Event, EventSource};
///
/// # async fn watch() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = EventSource::get("http://127.0.0.1:8080/events")?;
/// while let Some(event) = source.next().await {
///     match event {
///         Ok(Event::Message(event)) => println!("{}: {}", event.name(), event.data()),
///         Ok(_) => {}
///         Err(error) => eprintln!("{error}"), // it goes on, unless `error.is_final()`
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[must_use = "a source does nothing unless it is polled"]
pub struct EventSource {
    requests: Requests,
    rules: Rules,
    /// The settings of the parser in `rules`, without the limit that comments need.
    parser: Parser,
    policy: Option<Policy>,
    id_in: IdIn,
    /// Whether the caller has set [`Repeat`].
    repeat_is_set: bool,
    with_comments: bool,
    idle_timeout: Option<Duration>,
    connection: Connection,
    chunk: Chunk,
    /// What the times of `rules` are counted from.
    clock: Instant,
    requested: Option<Instant>,
    tries: u32,
    rejection: Option<Rejection>,
    response: Option<ResponseHead>,
    unfinished: Option<OwnedBlock>,
    hook: Option<Hook>,
}

type Policy = boxed!(FnMut(NextTry, Duration) -> Option<Duration>);
type Hook = boxed!(FnMut(&Activity<'_>));

/// The state of the current connection.
enum Connection {
    /// A request is made when this wait ends.
    Waiting(Sleep),
    Preparing {
        request: BoxFuture<Result<RequestBuilder, BoxError>>,
        deadline: Option<Sleep>,
    },
    Requested {
        response: BoxFuture<reqwest::Result<Response>>,
        deadline: Option<Sleep>,
    },
    Open {
        body: BoxStream<reqwest::Result<Bytes>>,
        deadline: Option<Sleep>,
    },
    Closed,
}

impl EventSource {
    /// A source that sends this request for each connection, with `accept`, `cache-control` and `last-event-id` unless it has
    /// them.
    ///
    /// If its method is not safe, as POST, the request is not sent again after the connection is lost, unless
    /// [`with_repeat`](EventSource::with_repeat) says so. A `last-event-id` header is where the source starts.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request is invalid, or if its body is a stream, which can be sent only once.
    pub fn new(request: RequestBuilder) -> Result<EventSource, RequestError> {
        let (requests, id) = Requests::same(request)?;
        let mut source = EventSource::with_requests(requests);
        if let Some(id) = id {
            source.rules.set_last_event_id(id);
        }
        Ok(source)
    }

    /// A source that sends a GET to this URL, by a client of its own.
    ///
    /// # Errors
    ///
    /// [`RequestError::Invalid`] if the URL is none.
    pub fn get(url: impl IntoUrl) -> Result<EventSource, RequestError> {
        EventSource::new(reqwest::Client::new().get(url))
    }

    /// A source that calls this function for the request of each connection: for a token that is fetched anew, or a last event
    /// ID that goes into the body. The method of what it returns decides whether the request may be sent again, unless
    /// [`with_repeat`](EventSource::with_repeat) does.
    ///
    /// It is a closure that returns a future: clone what the future needs before `async move`. Its error is an [`ErrorKind::Request`], after which the source waits and tries again, as after any other.
    ///
    /// ```
    /// use sse_wire_client::{EventSource, Responses};
    /// # async fn token() -> std::io::Result<String> { Ok(String::new()) }
    ///
    /// let client = reqwest::Client::new();
    /// let source = EventSource::from_fn(move |_| {
    ///     let request = client.get("https://example.org/events");
    ///     async move {
    ///         let token = token().await?;
    ///         Ok::<_, std::io::Error>(request.bearer_auth(token))
    ///     }
    /// });
    /// // After a 401, one more request: with a fresh token.
    /// let source = source.with_responses(Responses::new().with_retry_once([401]));
    /// ```
    pub fn from_fn<M, F, E>(mut make: M) -> EventSource
    where
        M: FnMut(Attempt) -> F + MaybeSend + 'static,
        F: Future<Output = Result<RequestBuilder, E>> + MaybeSend + 'static,
        E: Into<BoxError>,
    {
        EventSource::with_requests(Requests::Made(Box::new(move |attempt| {
            let request = make(attempt);
            Box::pin(async move { request.await.map_err(Into::into) })
        })))
    }

    fn with_requests(requests: Requests) -> EventSource {
        EventSource {
            requests,
            rules: Rules::new(),
            parser: Parser::new(),
            policy: None,
            id_in: IdIn::Header,
            repeat_is_set: false,
            with_comments: false,
            idle_timeout: None,
            connection: Connection::Waiting(Sleep::new(Duration::ZERO)),
            chunk: Chunk::default(),
            clock: Instant::now(),
            requested: None,
            tries: 0,
            rejection: None,
            response: None,
            unfinished: None,
            hook: None,
        }
    }

    /// The same source with these rules of when to connect again, and after how long.
    pub fn with_reconnect(self, reconnect: Reconnect) -> Self {
        self.map_rules(|rules| rules.with_reconnect(reconnect))
    }

    /// The same source with these rules of which responses are accepted, and which are not final.
    pub fn with_responses(self, responses: Responses) -> Self {
        self.map_rules(|rules| rules.with_responses(responses))
    }

    /// The same source with this rule of whether the request may be sent again. Unless set, it is what the method says: a GET
    /// may, a POST may not.
    pub fn with_repeat(mut self, repeat: Repeat) -> Self {
        self.repeat_is_set = true;
        self.map_rules(|rules| rules.with_repeat(repeat))
    }

    /// The same source, closed by an event of this name, which is yielded like any other. May be called more than once.
    pub fn with_end_name(self, name: impl Into<String>) -> Self {
        self.map_rules(|rules| rules.with_end_name(name))
    }

    /// The same source, closed by an event with this data, which is yielded like any other. May be called more than once.
    pub fn with_end_data(self, data: impl Into<String>) -> Self {
        self.map_rules(|rules| rules.with_end_data(data))
    }

    /// The same source, which takes a connection for lost if nothing comes for so long: no request from the function of
    /// [`from_fn`](EventSource::from_fn), no response, no event, and no comment. It waits for ever unless this is set, as in the
    /// standard.
    ///
    /// Three times the pause between the server's keep-alives is a good value.
    pub fn with_idle_timeout(mut self, silence: Duration) -> Self {
        self.idle_timeout = Some(silence);
        self.map_rules(|rules| rules.with_idle_timeout(silence))
    }

    /// The same source with this parser: its limits, and its last event ID to start with.
    pub fn with_parser(mut self, parser: Parser) -> Self {
        self.parser = parser.clone();
        let parser = if self.with_comments { parser.with_max_block_size(MAX_BLOCK_SIZE) } else { parser };
        self.map_rules(|rules| rules.with_parser(parser))
    }

    /// The same source, closed by an event that exceeds a limit of the parser. Unless this is set, the event is skipped with an
    /// error, and the stream goes on.
    pub fn with_close_on_too_large(self) -> Self {
        self.map_rules(Rules::with_close_on_too_large)
    }

    /// The same source, which sends the last event ID here: in the header unless set.
    pub fn with_last_event_id_in(mut self, place: IdIn) -> Self {
        self.id_in = place;
        self
    }

    /// The same source, which yields comments too, each when its line ends.
    ///
    /// A block may then have 32 MiB with all of its comments, and is an error beyond that.
    pub fn with_comments(mut self) -> Self {
        self.with_comments = true;
        let parser = self.parser.clone().with_last_event_id(self.last_event_id());
        self.with_parser(parser)
    }

    /// The same source with a policy of its own: it is given the next try, and the wait by the rules, jitter included, and
    /// returns how long to wait; `None` closes the source.
    ///
    /// Two requests are at least 100 milliseconds apart all the same.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use sse_wire_client::{EventSource, RequestError};
    /// # fn source() -> Result<EventSource, RequestError> {
    /// let source = EventSource::get("https://example.org/events")?;
    /// // As usual, but never more than 30 seconds, whatever the server says; and ten tries.
    /// let longest = Duration::from_secs(30);
    /// Ok(source.with_retry_policy(move |next, wait| (next.number() <= 10).then_some(wait.min(longest))))
    /// # }
    /// ```
    pub fn with_retry_policy(
        mut self,
        policy: impl FnMut(NextTry, Duration) -> Option<Duration> + MaybeSend + 'static,
    ) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// The same source, which tells this function what happens between the events.
    pub fn with_hook(mut self, hook: impl FnMut(&Activity<'_>) + MaybeSend + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    fn map_rules(mut self, change: impl FnOnce(Rules) -> Rules) -> Self {
        self.rules = change(mem::take(&mut self.rules));
        self
    }

    /// The next event or error, over as many connections as it takes; `None` once the source is
    /// [closed](EventSource::close_reason).
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`Error`]: each loss of a connection once, and each event that is too large.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Closes the source and the connection: [`next`](EventSource::next) returns `None`.
    pub fn close(&mut self) {
        self.rules.close();
        self.connection = Connection::Closed;
    }

    /// Drops this connection, and connects again at once: after a change of networks, for example. The next item is that of the
    /// new connection; there is no error for the old one. What came and was not yielded is dropped too: the server sends it again
    /// if it has the last event ID.
    ///
    /// Does nothing if the source is closed, and closes it if the request [must not be repeated](EventSource::with_repeat).
    pub fn reconnect(&mut self) {
        if !matches!(self.connection, Connection::Waiting(_) | Connection::Closed) {
            match self.rules.disconnected(self.clock.elapsed()) {
                Ok(next) => self.tries = next.number(),
                Err(_) => self.connection = Connection::Closed,
            }
        }
        if !matches!(self.connection, Connection::Closed) {
            self.connection = Connection::Waiting(Sleep::new(self.shortest_wait()));
        }
    }

    /// Connecting, open, or closed.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.rules.ready_state()
    }

    /// Why the source is closed; `None` if it is not.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.rules.close_reason()
    }

    /// The last event ID, after the event that was yielded last.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.rules.last_event_id()
    }

    /// Sets the last event ID, for the next request: before the first poll, the one that an earlier run has stored.
    ///
    /// Store [`last_event_id`](EventSource::last_event_id) after each item, errors included, together with what you did with it: a
    /// server may send an id without an event.
    pub fn set_last_event_id(&mut self, id: impl Into<String>) {
        self.rules.set_last_event_id(id);
    }

    /// The reconnection time that the server has set.
    #[must_use]
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.rules.reconnection_time()
    }

    /// The head of the last response, whether it was accepted or not.
    #[must_use]
    pub fn last_response(&self) -> Option<&ResponseHead> {
        self.response.as_ref()
    }

    /// The block in which the last connection ended, without the blank line that would have completed it. The standard
    /// discards it; some servers leave out the last blank line, though. `None` if the stream ended between two blocks.
    #[must_use]
    pub fn unfinished(&self) -> Option<Block<'_>> {
        self.unfinished.as_ref().map(OwnedBlock::as_block)
    }

    /// How many lines of this connection the standard ignores: fields of other names, such as an error as bare JSON, and ids and
    /// reconnection times that are none. More than 0 means that the server says something that no event holds.
    #[must_use]
    pub fn ignored_lines(&self) -> u64 {
        self.rules.ignored_lines()
    }

    /// How long to wait at least before the next request.
    fn shortest_wait(&self) -> Duration {
        self.requested.map_or(Duration::ZERO, |requested| SHORTEST_WAIT.saturating_sub(requested.elapsed()))
    }

    /// Begins to make the next request, or to send it.
    fn connect(&mut self) -> Result<(), BoxError> {
        self.requested = Some(Instant::now());
        self.tell(&Activity::Connecting { number: self.tries });
        let (client, request) = match &mut self.requests {
            Requests::Same(client, request) => (client.clone(), request.try_clone()),
            Requests::Made(make) => {
                let last_event_id = self.rules.last_event_id().to_owned();
                let attempt = Attempt { number: self.tries, last_event_id, rejection: self.rejection.take() };
                let deadline = self.idle_timeout.map(Sleep::new);
                self.connection = Connection::Preparing { request: make(attempt), deadline };
                return Ok(());
            }
        };
        // `Requests::same` has tried whether it can be cloned.
        let request = request.ok_or(RequestError::StreamedBody)?;
        self.send(&client, request);
        Ok(())
    }

    /// Sends the request that the function has made.
    fn send_made(&mut self, made: Result<RequestBuilder, BoxError>) -> Result<(), BoxError> {
        let (client, request) = made?.build_split();
        self.send(&client, request?);
        Ok(())
    }

    fn send(&mut self, client: &reqwest::Client, request: Request) {
        if !self.repeat_is_set {
            let repeat = if request::is_safe(request.method()) { Repeat::Always } else { Repeat::Never };
            self.rules = mem::take(&mut self.rules).with_repeat(repeat);
        }
        let request = request::complete(request, &self.rules, &self.id_in);
        // The function may have taken its time.
        self.requested = Some(Instant::now());
        let deadline = self.idle_timeout.map(Sleep::new);
        self.connection = Connection::Requested { response: request::send(client, request), deadline };
    }

    /// Lets the rules decide what the response is.
    fn respond(&mut self, response: Response) -> Result<Event, Error> {
        let (status, headers) = (response.status(), response.headers());
        let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let answer = self.rules.response(status.as_u16(), content_type, self.clock.elapsed());
        if let Some(pause) = headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now())) {
            self.rules.set_retry_after(pause);
        }
        self.response = Some(ResponseHead { status, headers: headers.clone(), url: response.url().clone() });
        self.unfinished = None;
        self.rejection = answer.as_ref().err().cloned();
        match answer {
            Ok(Answer::EventStream) => {
                self.tell(&Activity::Open);
                self.chunk = Chunk::new(self.with_comments);
                let deadline = self.idle_timeout.map(Sleep::new);
                self.connection = Connection::Open { body: Box::pin(response.bytes_stream()), deadline };
                Ok(Event::Open)
            }
            Ok(Answer::Other) => {
                self.connection = Connection::Closed;
                Ok(Event::Other(response))
            }
            Err(rejection) => self.lost(ErrorKind::Rejected { rejection, response }),
        }
    }

    /// The next event of the chunk. An error of the rules is that they were closed, which the caller looks at.
    fn read(&mut self) -> Option<Result<Event, Error>> {
        match self.chunk.next(&mut self.rules)? {
            Ok(event) => Some(Ok(event)),
            Err(ReceiveError::Parse(error)) => {
                let then = self.rules.close_reason().map_or(Then::Reads, |reason| Then::Closes(reason.clone()));
                Some(Err(Error::new(ErrorKind::TooLarge(error), then)))
            }
            Err(_) => None,
        }
    }

    /// The connection has ended, or could not be made. What it ended in may be the end event.
    fn lost(&mut self, kind: ErrorKind) -> Result<Event, Error> {
        if let Some(block) = self.rules.finish() {
            let block = block.into_owned();
            if self.rules.close_reason().is_some()
                && let Some(event) = block.clone().into_event()
            {
                self.connection = Connection::Closed;
                return Ok(Event::Message(event));
            }
            self.unfinished = Some(block);
        }
        match &kind {
            // Nothing that a later request would mend.
            ErrorKind::Transport(error) if error.is_redirect() || error.is_builder() => self.rules.fail(),
            ErrorKind::Transport(error) if platform::is_before_request(error) => self.rules.not_sent(),
            ErrorKind::Request(_) => self.rules.not_sent(),
            _ => {}
        }
        let then = match self.rules.disconnected(self.clock.elapsed()) {
            Ok(next) => {
                self.tries = next.number();
                let wait = next.wait(fastrand::u32(..));
                let wait = self.policy.as_mut().map_or(Some(wait), |policy| policy(next, wait));
                if let Some(wait) = wait {
                    Then::Connects(wait.max(self.shortest_wait()))
                } else {
                    self.rules.fail();
                    Then::Closes(CloseReason::Failed)
                }
            }
            Err(reason) => Then::Closes(reason),
        };
        self.connection = match &then {
            Then::Connects(wait) => Connection::Waiting(Sleep::new(*wait)),
            Then::Reads | Then::Closes(_) => Connection::Closed,
        };
        let error = Error::new(kind, then);
        self.tell(&Activity::Lost { error: &error });
        Err(error)
    }

    /// Tells those who have asked for it.
    fn tell(&mut self, activity: &Activity<'_>) {
        activity.trace();
        if let Some(hook) = &mut self.hook {
            hook(activity);
        }
    }
}

impl Stream for EventSource {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut chunks = 0;
        loop {
            match &mut this.connection {
                Connection::Closed => return Poll::Ready(None),
                Connection::Waiting(wait) => {
                    ready!(wait.poll(cx));
                    if let Err(error) = this.connect() {
                        return Poll::Ready(Some(this.lost(ErrorKind::Request(error))));
                    }
                }
                Connection::Preparing { request, deadline } => {
                    if let Poll::Ready(made) = request.as_mut().poll(cx) {
                        if let Err(error) = this.send_made(made) {
                            return Poll::Ready(Some(this.lost(ErrorKind::Request(error))));
                        }
                        continue;
                    }
                    let Some(deadline) = deadline else { return Poll::Pending };
                    ready!(deadline.poll(cx));
                    this.rules.not_sent();
                    return Poll::Ready(Some(this.lost_in_silence()));
                }
                Connection::Requested { response, deadline } => {
                    if let Poll::Ready(response) = response.as_mut().poll(cx) {
                        return Poll::Ready(Some(match response {
                            Ok(response) => this.respond(response),
                            Err(error) => this.lost(ErrorKind::Transport(error)),
                        }));
                    }
                    let Some(deadline) = deadline else { return Poll::Pending };
                    ready!(deadline.poll(cx));
                    return Poll::Ready(Some(this.lost_in_silence()));
                }
                Connection::Open { .. } => {
                    let item = this.read();
                    if this.rules.close_reason().is_some() {
                        this.connection = Connection::Closed;
                    }
                    if let Some(item) = item {
                        return Poll::Ready(Some(item));
                    }
                    if chunks == CHUNKS_PER_POLL {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    chunks += 1;
                    if let Some(item) = ready!(this.poll_chunk(cx)) {
                        return Poll::Ready(Some(item));
                    }
                }
            }
        }
    }
}

impl EventSource {
    /// The next chunk, which goes to the reader. Yields an item if the connection is lost.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        let Connection::Open { body, deadline } = &mut self.connection else { return Poll::Ready(None) };
        match body.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.tell(&Activity::Received { bytes: chunk.len() });
                // Reading the clock costs as much as a small chunk.
                if self.idle_timeout.is_some() {
                    self.rules.heard(self.clock.elapsed());
                }
                self.chunk.feed(chunk);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(self.lost(ErrorKind::Transport(error)))),
            Poll::Ready(None) => Poll::Ready(Some(self.lost(ErrorKind::Ended))),
            Poll::Pending => {
                // The timer is not set anew for each chunk, but once it fires.
                while let Some(timer) = deadline {
                    ready!(timer.poll(cx));
                    let now = self.clock.elapsed();
                    match self.rules.idle_deadline() {
                        Some(at) if at > now => *timer = Sleep::new(at.saturating_sub(now)),
                        _ => return Poll::Ready(Some(self.lost_in_silence())),
                    }
                }
                Poll::Pending
            }
        }
    }

    fn lost_in_silence(&mut self) -> Result<Event, Error> {
        self.lost(ErrorKind::Silent(self.idle_timeout.unwrap_or_default()))
    }
}

impl FusedStream for EventSource {
    fn is_terminated(&self) -> bool {
        matches!(self.connection, Connection::Closed)
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EventSource");
        shown.field("ready_state", &self.ready_state()).field("close_reason", &self.close_reason());
        shown.field("last_event_id", &self.last_event_id()).field("tries", &self.tries).finish_non_exhaustive()
    }
}
