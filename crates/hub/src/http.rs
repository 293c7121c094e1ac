//! Event streams of topics as responses of HTTP, for any library that uses the types of the crate `http`.

use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::header::{ALLOW, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use sse_wire::Head;
use sse_wire::body::EventBody;
use sse_wire::http::last_event_id;
use tokio::time::Sleep;

use crate::engine::BoxFuture;
use crate::error::SubscribeError;
use crate::hub::Hub;
use crate::subscription::{Start, Subscription, gone_event};

/// Answers requests for topics: with an event stream, or with the status that says why there is none.
///
/// The last event ID comes from the header `Last-Event-ID`, as browsers send it when they connect again
/// ([HTML, 9.2.4](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)); without it from the
/// query parameter `lastEventID`, by which a page can go on from an id that it has stored.
///
/// | what happens | answer |
/// |---|---|
/// | the request is allowed, and its id is known or there is none | 200, and the events |
/// | the last event ID is unknown | as [`Unknown`] says: 200 with the event `gone`, 204, or 200 with all that is kept |
/// | the hook for authorisation refuses | what it says |
/// | no topic can have this name | 404 |
/// | not `GET` or `HEAD` | 405 |
/// | too many topics or subscribers, shutdown, or the engine does not answer for 5 s | as [`Unavailable`] says: 503 with `Retry-After`, or 200 with a reconnection time |
///
/// With axum (feature `axum`) it is a handler: `get(endpoint)` takes the topic from the one parameter of the path, which axum decodes.
/// Where a path has more parameters, or the hub depends on the topic, a handler of your own calls [`respond`](Endpoint::respond):
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, extract::{Path, Request, State}, response::Response, routing::get};
/// use sse_wire_hub::http::{Body, Endpoint};
///
/// async fn room(State(endpoint): State<Endpoint>, Path((tenant, room)): Path<(String, String)>, request: Request) -> http::Response<Body> {
///     let (request, _) = request.into_parts();
///     endpoint.respond(&format!("{tenant}/{room}"), &request).await
/// }
/// # let _: Router<Endpoint> = Router::new().route("/{tenant}/rooms/{room}", get(async |a: State<Endpoint>, b: Path<_>, c: Request| room(a, b, c).await.map(axum::body::Body::new)));
/// # }
/// ```
///
/// A browser's `EventSource` gives up at 503: its page must make another, with the last event ID in the query.
/// A page sees the id of an event only, and not the one that a client gets first with [`Start::Live`]: until it has seen an event, it
/// begins anew.
///
/// ```
/// use http::{Request, StatusCode};
/// use sse_wire_hub::http::Endpoint;
/// use sse_wire_hub::{Hub, Limits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # async fn may_read(token: &str, topic: &str) -> bool { topic != "secret" || token == "Bearer 7" }
/// let endpoint = Endpoint::new(Hub::in_memory(Limits::default())).with_authorization(|request, topic| {
///     // What the future needs is taken out of the request first.
///     let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
///     let (token, topic) = (token.unwrap_or_default().to_owned(), topic.to_owned());
///     async move {
///         // Ask a database.
///         if may_read(&token, &topic).await { Ok(()) } else { Err(StatusCode::FORBIDDEN.into()) }
///     }
/// });
/// let (request, ()) = Request::get("/secret").body(()).unwrap().into_parts();
/// assert_eq!(endpoint.respond("secret", &request).await.status(), 403);
/// let response = endpoint.respond("orders", &request).await;
/// assert_eq!((response.status(), &response.headers()["content-type"]), (StatusCode::OK, &"text/event-stream".parse().unwrap()));
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    hub: Hub,
    authorize: Option<Arc<Authorize>>,
    keep_alive: Duration,
    id_parameter: Cow<'static, str>,
    new_client: Start<'static>,
    unknown: Unknown,
    unavailable: Unavailable,
    retry: Option<Duration>,
    retry_after: Duration,
}

type Authorize = dyn Fn(&Parts, &str) -> BoxFuture<'static, Result<(), Refusal>> + Send + Sync;

/// What a client gets whose last event ID is unknown: events that it has not seen are gone, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The event [`GONE`](crate::GONE), whose id is that of the newest event, and the end of the stream. The client then comes back
    /// with that id, and gets what is published after it; meanwhile it can load the state anew.
    #[default]
    Gone,
    /// 204: clients do not come back
    /// ([HTML, 9.2.3](https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model)).
    NoContent,
    /// All that is kept, as if it were new.
    Kept,
}

/// What a client gets that cannot be served now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// 503 with `Retry-After`, which says what it is to proxies and to clients that are programs. A browser's `EventSource` gives up.
    #[default]
    Status,
    /// 200, a reconnection time, and the end of the stream: a browser's `EventSource` comes back.
    Retry,
}

/// The response to a request that is not allowed: from a status, or from a response of your own.
#[derive(Debug)]
pub struct Refusal(Box<Response<Bytes>>);

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Refusal {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Refusal(Box::new(response))
    }
}

impl From<Response<Bytes>> for Refusal {
    fn from(response: Response<Bytes>) -> Refusal {
        Refusal(Box::new(response))
    }
}

impl Endpoint {
    /// Answers for the topics of this hub, to all who ask.
    #[must_use]
    pub fn new(hub: Hub) -> Endpoint {
        Endpoint {
            hub,
            authorize: None,
            keep_alive: Duration::from_secs(15),
            id_parameter: Cow::Borrowed("lastEventID"),
            new_client: Start::Live,
            unknown: Unknown::Gone,
            unavailable: Unavailable::Status,
            retry: None,
            retry_after: Duration::from_secs(10),
        }
    }

    /// Asks this function before anything else whether a request may subscribe to the topic. It can look at the request, and must
    /// own what its future needs.
    #[must_use]
    pub fn with_authorization<F, A>(mut self, authorize: F) -> Endpoint
    where
        F: Fn(&Parts, &str) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        self.authorize = Some(Arc::new(move |request, topic| Box::pin(authorize(request, topic))));
        self
    }

    /// Sends a comment after so long a silence, so that proxies do not take the stream for dead. 15 s unless set.
    #[must_use]
    pub fn with_keep_alive(mut self, period: Duration) -> Endpoint {
        self.keep_alive = period;
        self
    }

    /// The query parameter that may hold the last event ID, in any case. `lastEventID` unless set.
    #[must_use]
    pub fn with_id_parameter(mut self, name: impl Into<Cow<'static, str>>) -> Endpoint {
        self.id_parameter = name.into();
        self
    }

    /// Where a client begins that sends no last event ID. [`Start::Live`] unless set.
    #[must_use]
    pub fn with_new_client(mut self, start: Start<'static>) -> Endpoint {
        self.new_client = start;
        self
    }

    /// What a client gets whose last event ID is unknown. [`Unknown::Gone`] unless set.
    #[must_use]
    pub fn with_unknown(mut self, unknown: Unknown) -> Endpoint {
        self.unknown = unknown;
        self
    }

    /// Sends a reconnection time first: how long clients wait before they come back. Without it, that is up to them; browsers wait some
    /// seconds.
    #[must_use]
    pub fn with_retry(mut self, retry: Duration) -> Endpoint {
        self.retry = Some(retry);
        self
    }

    /// What a client gets that cannot be served now. [`Unavailable::Status`] unless set.
    #[must_use]
    pub fn with_unavailable(mut self, unavailable: Unavailable) -> Endpoint {
        self.unavailable = unavailable;
        self
    }

    /// How long clients that cannot be served now should wait at most: what they are told is a random number of seconds up to this, so
    /// that they do not all come back at once. 10 s unless set.
    #[must_use]
    pub fn with_retry_after(mut self, most: Duration) -> Endpoint {
        self.retry_after = most;
        self
    }

    /// The response to a request for this topic. Where its name comes from is up to you: a path must be decoded (`%2F`), or the same
    /// topic has two names.
    pub async fn respond(&self, topic: &str, request: &Parts) -> Response<Body> {
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if let Some(authorize) = &self.authorize
            && let Err(Refusal(response)) = authorize(request, topic).await
        {
            return response.map(|text| Body(Content::Text(Some(text))));
        }
        if request.method == Method::HEAD {
            return self.events(Events::One(None));
        }
        let id = self.last_event_id(request);
        let start = id.as_deref().map_or(self.new_client, Start::After);
        let mut subscribed = self.hub.subscribe(topic, start).await;
        if let (Err(SubscribeError::Unknown { .. }), Unknown::Kept) = (&subscribed, self.unknown) {
            subscribed = self.hub.subscribe(topic, Start::Kept).await;
        }
        match subscribed {
            Ok(events) => self.events(Events::Subscription(events)),
            Err(SubscribeError::Unknown { .. }) if self.unknown == Unknown::NoContent => status(StatusCode::NO_CONTENT),
            Err(SubscribeError::Unknown { newest }) => self.events(Events::One(Some(gone_event(&newest)))),
            Err(SubscribeError::Name) => status(StatusCode::NOT_FOUND),
            Err(SubscribeError::TooMany(_) | SubscribeError::Shutdown | SubscribeError::Engine(_)) => {
                let seconds = fastrand::u64(1..=self.retry_after.as_secs().max(1));
                match self.unavailable {
                    Unavailable::Status => {
                        let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
                        response.headers_mut().insert(RETRY_AFTER, seconds.into());
                        response
                    }
                    Unavailable::Retry => {
                        let retry = Head::new().with_retry(Duration::from_secs(seconds)).encode();
                        self.events(Events::One(Some(retry)))
                    }
                }
            }
        }
    }

    /// The last event ID of a request. One that is no UTF-8 is no id that an engine has given, and is kept so.
    fn last_event_id<'a>(&self, request: &'a Parts) -> Option<Cow<'a, str>> {
        last_event_id(&request.headers).map(String::from_utf8_lossy).or_else(|| {
            let query = request.uri.query().unwrap_or_default();
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(name, id)| (name.eq_ignore_ascii_case(&self.id_parameter) && !id.is_empty()).then_some(id))
        })
    }

    fn events(&self, events: Events) -> Response<Body> {
        let first = self.retry.map(|retry| Head::new().with_retry(retry).encode());
        let body =
            EventBody::new(Source { first, events }).with_keep_alive(self.keep_alive, tokio::time::sleep as fn(_) -> _);
        body.into_response().map(|body| Body(Content::Events(Box::pin(body))))
    }
}

/// A response without content.
fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body(Content::Text(None)));
    *response.status_mut() = status;
    response
}

/// What one response sends.
struct Source {
    first: Option<Bytes>,
    events: Events,
}

enum Events {
    Subscription(Subscription),
    /// Only this, and the end.
    One(Option<Bytes>),
}

impl Stream for Source {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let source = self.get_mut();
        if let Some(first) = source.first.take() {
            return Poll::Ready(Some(first));
        }
        match &mut source.events {
            Events::Subscription(events) => Pin::new(events).poll_next(cx),
            Events::One(block) => Poll::Ready(block.take()),
        }
    }
}

/// The body of a response of an [`Endpoint`].
pub struct Body(Content);

enum Content {
    Text(Option<Bytes>),
    Events(Pin<Box<Sent>>),
}

type Sent = EventBody<Source, Sleep, fn(Duration) -> Sleep>;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Content::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Content::Events(events) => events.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Text(text) => text.is_none(),
            Content::Events(events) => events.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Content::Events(_) => SizeHint::new(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self.0, Content::Text(_)) { "Text" } else { "Events" };
        f.debug_tuple("Body").field(&kind).finish()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("hub", &self.hub).field("unknown", &self.unknown).finish_non_exhaustive()
    }
}

#[cfg(feature = "axum")]
mod with_axum {
    use axum::extract::{FromRequestParts, Path, Request};
    use axum::handler::Handler;
    use axum::response::{IntoResponse, Response};

    use super::{BoxFuture, Endpoint};

    /// How axum calls an [`Endpoint`]: the topic is the one parameter of the path.
    #[derive(Debug)]
    pub struct ByPath;

    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    impl<S: Send + Sync + 'static> Handler<ByPath, S> for Endpoint {
        type Future = BoxFuture<'static, Response>;

        fn call(self, request: Request, state: S) -> Self::Future {
            Box::pin(async move {
                let (mut request, _) = request.into_parts();
                match Path::<String>::from_request_parts(&mut request, &state).await {
                    Ok(Path(topic)) => self.respond(&topic, &request).await.map(axum::body::Body::new),
                    Err(refused) => refused.into_response(),
                }
            })
        }
    }
}
