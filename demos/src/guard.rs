//! What a request must be like before an application sees it.
//!
//! A browser sends requests to this server for any page that it shows, and with them whatever this server lets its own pages
//! do. So a request must name this server as its host; one that changes something must not come from another server's
//! page; and the relay takes only JSON, which a page of another server cannot send without being asked for its origin first.
//!
//! A request must also arrive in time: a client that sends half of one would keep its connection and its memory.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Body};

/// How long the body of a request may be. An application may accept less.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// What browsers say about where a request comes from: `same-origin`, `none` (the user), or another site.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The router, behind all guards but [`json_only`]. Its server is at `address`; a body may take `patience` to arrive.
pub fn guarded(router: Router, address: SocketAddr, patience: Duration) -> Router {
    // The last layer comes first.
    router.layer(from_fn_with_state(patience, whole)).layer(from_fn_with_state(address, own))
}

/// The router, for requests whose content type is JSON: 415 (Unsupported Media Type) for others.
pub fn json_only(router: Router) -> Router {
    router.layer(from_fn(async |request: Request, next: Next| {
        let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes()));
        if is_json { next.run(request).await } else { StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response() }
    }))
}

/// Whether a content type is JSON: `application/json`, or one with the suffix `+json`, with any parameters.
#[must_use]
pub fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || essence.ends_with(b"+json")
}

/// Answers 403 (Forbidden) to requests for another server, and to those that a page of another server sends, unless they
/// only read.
async fn own(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    // A name of another server may lead to this address (DNS rebinding). Then its pages have the same origin as this server.
    let is_for_us = text(request.headers(), HOST).is_some_and(|host| is_ours(host, address));
    if !is_for_us || !(request.method().is_safe() || is_from_us(request.headers(), address)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Whether nothing says that the request comes from another server's page. Clients that are no browsers say nothing.
fn is_from_us(headers: &HeaderMap, address: SocketAddr) -> bool {
    let origin = |origin: &str| origin.strip_prefix("http://").is_some_and(|authority| is_ours(authority, address));
    text(headers, ORIGIN).is_none_or(origin)
        && text(headers, SEC_FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// Whether an authority, such as `localhost:8080`, is this server.
fn is_ours(authority: &str, address: SocketAddr) -> bool {
    authority.parse::<Authority>().is_ok_and(|authority| {
        let host = authority.host();
        let port = authority.port_u16().unwrap_or(80);
        port == address.port() && (host.eq_ignore_ascii_case("localhost") || host == address.ip().to_string())
    })
}

/// The value of a header; empty if it is no text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Reads the body before the application is called. Answers 408 (Request Timeout) if it does not arrive in time, and 413
/// (Content Too Large) if it is too long. (If the connection broke, no one gets the answer.)
async fn whole(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(patience, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
