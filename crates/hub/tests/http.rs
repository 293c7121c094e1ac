//! Topics over HTTP.
#![cfg(feature = "axum")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use sse_wire::Event;
use sse_wire::body::DataStream;
use sse_wire_hub::engine::{After, BoxFuture, Cursors, Engine, EngineError, Id, Page, Read};
use sse_wire_hub::http::{Endpoint, Unavailable, Unknown};
use sse_wire_hub::{Hub, Limits, Start};
use tower::ServiceExt;

/// The answer of the endpoint, as axum gives it.
async fn ask(endpoint: &Endpoint, request: Request<Body>) -> Response<Body> {
    let router = Router::new().route("/topics/{*topic}", get(endpoint.clone()).post(endpoint.clone()));
    router.oneshot(request).await.unwrap()
}

async fn get_it(endpoint: &Endpoint, uri: &str, id: Option<&[u8]>) -> Response<Body> {
    let mut request = Request::get(uri).body(Body::empty()).unwrap();
    if let Some(id) = id {
        request.headers_mut().insert("last-event-id", HeaderValue::from_bytes(id).unwrap());
    }
    ask(endpoint, request).await
}

/// The next bytes of a body, at most so many times; less if it ends.
async fn read(response: Response<Body>, times: usize) -> Vec<u8> {
    let chunks = DataStream::new(response.into_body()).take(times).map(|chunk| chunk.unwrap());
    tokio::time::timeout(Duration::from_secs(60), chunks.collect::<Vec<Bytes>>())
        .await
        .expect("it is not silent")
        .concat()
}

fn header(response: &Response<Body>, name: HeaderName) -> &str {
    response.headers()[name].to_str().unwrap()
}

fn hub() -> Hub {
    Hub::in_memory(Limits::default())
}

async fn publish(hub: &Hub, topic: &str, data: &str) -> Id {
    hub.publish(topic, Event::new(data)).await.unwrap()
}

fn block(id: &Id, data: &str) -> Vec<u8> {
    format!("id: {id}\ndata: {data}\n\n").into_bytes()
}

#[tokio::test]
async fn the_topic_is_in_the_path_and_the_last_event_id_in_the_header_or_else_in_the_query() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone());
    let (first, second) = (publish(&hub, "a/é", "1").await, publish(&hub, "a/é", "2").await);
    let third = publish(&hub, "a/é", "3").await;
    let uri = "/topics/a/%C3%A9";
    let response = get_it(&endpoint, uri, Some(first.as_str().as_bytes())).await;
    assert_eq!((response.status(), header(&response, CONTENT_TYPE)), (StatusCode::OK, "text/event-stream"));
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(read(response, 2).await, [block(&second, "2"), block(&third, "3")].concat());

    let with_query = format!("{uri}?x=1&lasteventid={first}");
    assert_eq!(read(get_it(&endpoint, &with_query, None).await, 1).await, block(&second, "2"));
    // A page goes on from an id that it has stored. Since then its browser has come back with a newer one.
    let both = get_it(&endpoint, &with_query, Some(second.as_str().as_bytes())).await;
    assert_eq!(read(both, 1).await, block(&third, "3"));
    // An empty one is none.
    for (uri, id) in [(uri, Some(&b""[..])), (&format!("{uri}?LastEventId=") as &str, None)] {
        assert_eq!(read(get_it(&endpoint, uri, id).await, 1).await, format!("id: {third}\n\n").into_bytes());
    }
    let renamed = endpoint.with_id_parameter("since");
    let response = get_it(&renamed, &format!("{uri}?lastEventID={first}&since={second}"), None).await;
    assert_eq!(read(response, 1).await, block(&third, "3"));
}

#[tokio::test]
async fn a_new_client_begins_where_the_endpoint_says() {
    let hub = hub();
    let id = publish(&hub, "a", "1").await;
    let live = get_it(&Endpoint::new(hub.clone()), "/topics/a", None).await;
    assert_eq!(read(live, 1).await, format!("id: {id}\n\n").into_bytes());
    let kept = get_it(&Endpoint::new(hub).with_new_client(Start::Kept), "/topics/a", None).await;
    assert_eq!(read(kept, 1).await, block(&id, "1"));
}

#[tokio::test]
async fn a_reconnection_time_comes_first_if_it_is_set() {
    let hub = hub();
    let id = publish(&hub, "a", "1").await;
    let endpoint = Endpoint::new(hub).with_retry(Duration::from_millis(300)).with_new_client(Start::Kept);
    let sent = read(get_it(&endpoint, "/topics/a", None).await, 2).await;
    assert_eq!(sent, [&b"retry: 300\n\n"[..], &block(&id, "1")].concat());
    let gone = read(get_it(&endpoint, "/topics/a", Some(b"unknown")).await, usize::MAX).await;
    assert!(gone.starts_with(b"retry: 300\n\nevent: gone\n"));
}

#[tokio::test]
async fn what_an_unknown_id_gets_is_a_choice() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone());
    let id = publish(&hub, "a", "1").await;
    for unknown in [&b"7"[..], b"\xff", b"*", "a\u{fffd}".as_bytes()] {
        let gone = get_it(&endpoint, "/topics/a", Some(unknown)).await;
        assert_eq!(gone.status(), StatusCode::OK);
        assert_eq!(read(gone, usize::MAX).await, format!("event: gone\nid: {id}\ndata: \n\n").into_bytes());
        let none = get_it(&endpoint.clone().with_unknown(Unknown::NoContent), "/topics/a", Some(unknown)).await;
        assert_eq!((none.status(), read(none, usize::MAX).await), (StatusCode::NO_CONTENT, Vec::new()));
        let kept = get_it(&endpoint.clone().with_unknown(Unknown::Kept), "/topics/a", Some(unknown)).await;
        assert_eq!(read(kept, 1).await, block(&id, "1"));
    }
    assert_eq!(hub.stats().subscribers, 0);
}

#[tokio::test]
async fn the_hook_decides_before_anything_else_and_its_response_is_sent() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone()).with_authorization(|request, topic| {
        let token = request.headers.get("authorization").cloned();
        let topic = topic.to_owned();
        async move {
            match token {
                Some(token) if token == *format!("Bearer {topic}") => Ok(()),
                Some(_) => Err(StatusCode::FORBIDDEN.into()),
                None => {
                    let response = Response::builder().status(401).header(WWW_AUTHENTICATE, "Bearer");
                    Err(response.body(Bytes::from("who are you?")).unwrap().into())
                }
            }
        }
    });
    let request = |method: Method, token: Option<&str>| {
        let mut request = Request::builder().method(method).uri("/topics/mine");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        request.header("last-event-id", "unknown").body(Body::empty()).unwrap()
    };
    for method in [Method::GET, Method::HEAD] {
        let nobody = ask(&endpoint, request(method.clone(), None)).await;
        assert_eq!((nobody.status(), header(&nobody, WWW_AUTHENTICATE)), (StatusCode::UNAUTHORIZED, "Bearer"));
        let body = read(nobody, usize::MAX).await;
        assert_eq!(body, if method == Method::GET { &b"who are you?"[..] } else { b"" });
        let wrong = ask(&endpoint, request(method.clone(), Some("Bearer other"))).await;
        assert_eq!((wrong.status(), read(wrong, usize::MAX).await), (StatusCode::FORBIDDEN, Vec::new()));
        assert_eq!(ask(&endpoint, request(method, Some("Bearer mine"))).await.status(), StatusCode::OK);
    }
    assert_eq!(hub.stats().pages, 1, "only the one request that was allowed and not HEAD was looked up");
}

#[tokio::test]
async fn a_request_for_the_head_has_no_subscriber_and_other_methods_are_refused() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone());
    let head = ask(&endpoint, Request::head("/topics/a").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status(), header(&head, CONTENT_TYPE)), (StatusCode::OK, "text/event-stream"));
    assert!(!head.headers().contains_key("content-length"), "that of a GET is not known");
    assert_eq!((read(head, usize::MAX).await, hub.stats().topics), (Vec::new(), 0));
    let post = ask(&endpoint, Request::post("/topics/a").body(Body::empty()).unwrap()).await;
    assert_eq!((post.status(), header(&post, ALLOW)), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// An engine that nobody reaches.
struct Unreachable;

fn unreachable<T>() -> BoxFuture<'static, Result<T, EngineError>>
where
    T: Send + 'static,
{
    Box::pin(async { Err(EngineError::unreachable("everything", "a test")) })
}

impl Engine for Unreachable {
    fn append<'a>(&'a self, _: &'a str, _: Event<'a>, _: Option<&'a str>) -> BoxFuture<'a, Result<Id, EngineError>> {
        unreachable()
    }

    fn newest<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        unreachable()
    }

    fn page<'a>(&'a self, _: &'a str, _: After<'a>, _: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        unreachable()
    }

    fn read<'a>(&'a self, _: &'a Cursors, _: BoxFuture<'a, ()>) -> BoxFuture<'a, Result<Read, EngineError>> {
        unreachable()
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_served_now_is_503_with_a_time_to_come_back() {
    let full = Hub::in_memory(limits(|limits| limits.subscribers = 0));
    let shut_down = hub();
    shut_down.shutdown(Duration::from_secs(1));
    for hub in [full, shut_down, Hub::with_engine(Unreachable, Limits::default())] {
        let endpoint = Endpoint::new(hub).with_retry_after(Duration::from_secs(3));
        let mut waits: Vec<u64> = Vec::new();
        for _ in 0..64 {
            let response = get_it(&endpoint, "/topics/a", None).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            waits.push(header(&response, RETRY_AFTER).parse().unwrap());
        }
        waits.sort_unstable();
        waits.dedup();
        assert_eq!(waits, [1, 2, 3], "spread over the time that is set");
        let response = get_it(&endpoint.with_unavailable(Unavailable::Retry), "/topics/a", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        let sent = String::from_utf8(read(response, usize::MAX).await).unwrap();
        assert!(["retry: 1000\n\n", "retry: 2000\n\n", "retry: 3000\n\n"].contains(&&*sent), "{sent:?}");
    }
    let short = Endpoint::new(Hub::in_memory(limits(|limits| limits.name = 3)));
    assert_eq!(get_it(&short, "/topics/four", None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_silent_topic_has_comments() {
    let hub = hub();
    let id = publish(&hub, "a", "1").await;
    let endpoint = Endpoint::new(hub).with_keep_alive(Duration::from_secs(7));
    let started = tokio::time::Instant::now();
    let sent = read(get_it(&endpoint, "/topics/a", Some(id.as_str().as_bytes())).await, 3).await;
    assert_eq!((sent, started.elapsed().as_secs()), (b":\n\n:\n\n:\n\n".to_vec(), 21));
}
