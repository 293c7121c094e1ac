//! The request of each connection.

use reqwest::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, RequestBuilder};
use sse_wire::client::{EventSource, Rejection};
use sse_wire::http::LAST_EVENT_ID;

use crate::BoxError;
use crate::platform::{BoxFuture, boxed};

/// Why there is no source for a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The body of the request is a stream, which can be sent only once. Use
    /// [`EventSource::from_fn`](crate::EventSource::from_fn).
    #[error("the body of the request is a stream, which cannot be sent again")]
    StreamedBody,
    /// The request cannot be sent, for example because its URL is none.
    #[error("the request is invalid")]
    Invalid(#[source] reqwest::Error),
}

/// What a request is made for: see [`EventSource::from_fn`](crate::EventSource::from_fn).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// 0 for the first request, and after a [good](sse_wire::client::Reconnect::with_good_after) connection 1, 2, 3 for each
    /// try to connect again.
    pub number: u32,
    /// The last event ID; empty if there is none.
    pub last_event_id: String,
    /// Why the last response was rejected, if that is why there is another request: a status 401 asks for a fresh token.
    pub rejection: Option<Rejection>,
}

/// Where the last event ID is sent, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdIn {
    /// In the header `Last-Event-ID`, as the standard says
    /// ([9.2.4](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)).
    ///
    /// In the browser it must be ASCII there, or the source cannot connect again, and closes.
    #[default]
    Header,
    /// In this parameter of the URL's query, such as `lastEventID`. One that is there already is replaced.
    Query(String),
    /// Where the function puts it that makes the request: see [`EventSource::from_fn`](crate::EventSource::from_fn).
    Request,
}

pub(crate) type Make = boxed!(FnMut(Attempt) -> BoxFuture<Result<RequestBuilder, BoxError>>);

/// Where requests come from.
pub(crate) enum Requests {
    Same(Client, Box<Request>),
    Made(Make),
}

impl Requests {
    /// The same request for each connection. Returns the last event ID that it brings in its header, too.
    pub(crate) fn same(request: RequestBuilder) -> Result<(Requests, Option<String>), RequestError> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(RequestError::Invalid)?;
        if request.try_clone().is_none() {
            return Err(RequestError::StreamedBody);
        }
        let id = request.headers_mut().remove(LAST_EVENT_ID);
        let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        Ok((Requests::Same(client, Box::new(request)), id))
    }
}

/// Completes a request with what the source sends, and begins to send it. The caller's own headers stay as they are.
pub(crate) fn complete(mut request: Request, source: &EventSource, id_in: &IdIn) -> Request {
    for (name, value) in source.request_headers() {
        // Across origins it would need a preflight request. The cache mode of `send` does the same.
        let is_by_cache_mode = cfg!(target_arch = "wasm32") && name == CACHE_CONTROL.as_str();
        if is_by_cache_mode || name == LAST_EVENT_ID && *id_in != IdIn::Header {
            continue;
        }
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers_mut().entry(HeaderName::from_static(name)).or_insert(value);
        }
    }
    if let IdIn::Query(name) = id_in
        && !source.last_event_id().is_empty()
    {
        let url = request.url_mut();
        let others: Vec<_> =
            url.query_pairs().filter(|(of, _)| of != name).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, source.last_event_id());
    }
    request
}

/// Sends a request.
pub(crate) fn send(client: &Client, request: Request) -> BoxFuture<reqwest::Result<reqwest::Response>> {
    #[cfg(target_arch = "wasm32")]
    let sent = RequestBuilder::from_parts(client.clone(), request).fetch_cache_no_store().send();
    #[cfg(not(target_arch = "wasm32"))]
    let sent = client.execute(request);
    Box::pin(sent)
}

/// Whether a request with this method may be sent again without harm
/// ([RFC 9110, 9.2.1](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1)).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY" | "REPORT" | "PROPFIND" | "SEARCH")
}
