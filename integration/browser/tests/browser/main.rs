//! The client in Chromium: the page runs one of the clients of `src/lib.rs`, and the test is the server that it talks to.

mod page;

use std::time::{Duration, Instant, SystemTime};

use page::Page;

#[tokio::test]
async fn each_event_comes_before_the_next_is_sent() {
    let mut page = Page::open("watch").await;
    let request = page.request().await;
    assert_eq!(request.method, "GET");
    assert_eq!(request.header("accept"), "text/event-stream");
    assert_eq!(request.header("cache-control"), "no-cache");
    let events = request.open();
    page.reports("open").await;
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    events.send("event: na").await;
    events.send("me\ndata: \u{fc}\n\n").await;
    page.reports("name: \u{fc}").await;
    events.send("data: 3\n\ndata: 4\n\n").await;
    page.reports("message: 3").await;
    page.reports("message: 4").await;
    events.send("event: end\ndata\n\n").await;
    page.reports("end: ").await;
    page.reports("end: EndEvent").await;
    events.closed_by_client().await;
    page.ends().await;
}

#[tokio::test]
async fn a_source_connects_again_with_the_last_event_id() {
    let mut page = Page::open("watch").await;
    let request = page.request().await;
    assert_eq!(request.header("last-event-id"), "");
    let events = request.open();
    events.send("id: a 1\ndata: 1\n\n").await;
    page.reports("open").await;
    page.reports("message: 1").await;
    // The end of the body.
    drop(events);
    page.reports("ended; again in 200ms").await;

    let request = page.request().await;
    assert_eq!(request.header("last-event-id"), "a 1");
    let events = request.open();
    page.reports("open").await;
    events.send("id: 2\ndata: 2\n\ndata: not complete").await;
    page.reports("message: 2").await;
    events.cut().await;
    page.reports("broken; again in 200ms").await;

    assert_eq!(page.request().await.header("last-event-id"), "2");
}

#[tokio::test]
async fn a_source_waits_as_long_as_retry_says() {
    let mut page = Page::open("watch").await;
    let events = page.request().await.open();
    events.send("retry: 1500\ndata: 1\n\n").await;
    page.reports("open").await;
    page.reports("message: 1").await;
    let ended = Instant::now();
    drop(events);
    page.reports("ended; again in 1.5s").await;
    page.request().await;
    let waited = ended.elapsed();
    assert!(waited >= Duration::from_millis(1500) && waited < Duration::from_secs(30), "{waited:?}");
}

#[tokio::test]
async fn a_wait_may_be_longer_than_the_timers_of_browsers() {
    let mut page = Page::open("no ceiling").await;
    page.request().await.open().send("retry: 99999999999\n\n").await;
    page.reports("open").await;
    page.reports("ended; again in 99999999.999s").await;
    page.is_quiet(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_source_waits_until_the_date_of_retry_after() {
    let mut page = Page::open("retry of temporary").await;
    let request = page.request().await;
    let date = SystemTime::now() + Duration::from_secs(3);
    request.answer(503, ([("retry-after", httpdate::fmt_http_date(date))], "busy"));
    let report = page.report().await;
    assert!(report.starts_with("503: busy; again in "), "{report}");
    page.request().await;
    // The header has whole seconds.
    assert!(SystemTime::now() > date - Duration::from_secs(1));
}

#[tokio::test]
async fn silence_is_a_lost_connection() {
    let mut page = Page::open("idle timeout").await;
    page.request().await.given_up().await;
    page.reports("silent; again in 200ms").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("open").await;
    page.reports("message: 1").await;
    events.closed_by_client().await;
    page.reports("silent; again in 200ms").await;
    page.request().await;
}

#[tokio::test]
async fn to_close_a_source_closes_the_connection() {
    let mut page = Page::open("close").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    page.reports("end: ByCaller").await;
    events.closed_by_client().await;
}

#[tokio::test]
async fn to_drop_a_source_closes_the_connection() {
    let mut page = Page::open("drop").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    events.closed_by_client().await;
    page.ends().await;
}

#[tokio::test]
async fn after_a_401_a_fresh_token_is_sent() {
    let mut page = Page::open("fresh token").await;
    let request = page.request().await;
    assert_eq!(request.header("authorization"), "Bearer token-0");
    request.answer(401, "expired");
    page.reports("401: expired; again in 200ms").await;
    let request = page.request().await;
    assert_eq!(request.header("authorization"), "Bearer token-1");
    request.answer(401, "unknown");
    page.reports("401: unknown; closed").await;
    page.reports("end: Rejected(Status { status: 401 })").await;
    page.ends().await;
}

#[tokio::test]
async fn a_post_is_answered_by_events() {
    let mut page = Page::open("ask").await;
    let request = page.request().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.body, r#"{"question":"What is 1 + 1?","stream":true}"#);
    let events = request.open();
    events.send("data: {\"text\":\"It is\"}\n\n").await;
    page.reports("answer: It is").await;
    events.send("data: {\"text\":\"2.\"}\n\ndata: [DONE]\n\n").await;
    page.reports("answer: 2.").await;
    page.reports("message: [DONE]").await;
    drop(events);
    page.reports("end").await;
    page.ends().await;
}

#[tokio::test]
async fn an_error_has_its_body() {
    let mut page = Page::open("ask").await;
    page.request().await.answer(429, r#"{"error":"too many"}"#);
    page.reports(r#"429: {"error":"too many"}"#).await;
    page.ends().await;
}

#[tokio::test]
async fn an_answer_that_breaks_is_an_error() {
    let mut page = Page::open("ask").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    events.cut().await;
    page.reports("broken").await;
    page.reports("end").await;
    page.ends().await;
}

#[tokio::test]
async fn silence_ends_an_answer() {
    let mut page = Page::open("ask with idle timeout").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    page.reports("silent").await;
    page.reports("end").await;
    events.closed_by_client().await;
    page.ends().await;
}

#[tokio::test]
async fn to_drop_an_answer_closes_the_connection() {
    let mut page = Page::open("ask and drop").await;
    let events = page.request().await.open();
    events.send("data: 1\n\n").await;
    page.reports("message: 1").await;
    events.closed_by_client().await;
    page.ends().await;
}

/// Lets pages of every origin read the response.
const ANY_ORIGIN: (&str, &str) = ("access-control-allow-origin", "*");

#[tokio::test]
async fn across_origins_only_the_last_event_id_needs_a_preflight_request() {
    let mut page = Page::open_across_origins("watch").await;
    let request = page.request().await;
    assert_eq!(request.method, "GET");
    assert!(request.header("origin").starts_with("http://127.0.0.1:"));
    assert_eq!(request.header("cache-control"), "no-cache");
    assert_eq!(request.header("cookie"), "");
    let events = request.open_with([ANY_ORIGIN]);
    page.reports("open").await;
    events.send("id: 1\ndata: 1\n\n").await;
    page.reports("message: 1").await;
    drop(events);
    page.reports("ended; again in 200ms").await;

    let preflight = page.request().await;
    assert_eq!(preflight.method, "OPTIONS");
    assert_eq!(preflight.header("access-control-request-headers"), "last-event-id");
    preflight.answer(204, [ANY_ORIGIN, ("access-control-allow-headers", "last-event-id")]);
    let request = page.request().await;
    assert_eq!(request.method, "GET");
    assert_eq!(request.header("last-event-id"), "1");
}

#[tokio::test]
async fn across_origins_an_id_in_the_query_needs_no_preflight_request() {
    let mut page = Page::open_across_origins("id in the query").await;
    let events = page.request().await.open_with([ANY_ORIGIN]);
    page.reports("open").await;
    events.send("id: \u{fc} 1\ndata: 1\n\n").await;
    page.reports("message: 1").await;
    drop(events);
    page.reports("ended; again in 200ms").await;
    let request = page.request().await;
    assert_eq!(request.method, "GET");
    assert_eq!(request.uri, "/events?lastEventId=%C3%BC+1");
}

#[tokio::test]
async fn across_origins_cookies_are_sent_each_time_if_the_request_includes_them() {
    let mut page = Page::open_across_origins("cookies").await;
    for _ in 0..2 {
        let request = page.request().await;
        assert_eq!(request.header("cookie"), "session=1");
        let origin = request.header("origin").to_owned();
        request.open_with([("access-control-allow-origin", &origin), ("access-control-allow-credentials", "true")]);
        page.reports("open").await;
        let report = page.report().await;
        assert!(report.starts_with("ended; again in "), "{report}");
    }
}

#[tokio::test]
async fn across_origins_a_response_that_the_page_may_not_read_is_a_lost_connection() {
    let mut page = Page::open_across_origins("watch").await;
    let events = page.request().await.open();
    page.reports("broken; again in 200ms").await;
    events.closed_by_client().await;
}

#[tokio::test]
async fn across_origins_retry_after_counts_only_if_the_page_may_read_it() {
    let mut page = Page::open_across_origins("retry of temporary").await;
    page.request().await.answer(503, ([ANY_ORIGIN, ("retry-after", "2")], "busy"));
    page.reports("503: busy; again in 200ms").await;
    let exposed = ("access-control-expose-headers", "retry-after");
    page.request().await.answer(503, ([ANY_ORIGIN, ("retry-after", "2"), exposed], "busy"));
    page.reports("503: busy; again in 2s").await;
}

#[tokio::test]
async fn an_id_that_is_not_ascii_cannot_be_sent_in_the_header() {
    let mut page = Page::open("watch").await;
    let events = page.request().await.open();
    page.reports("open").await;
    events.send("id: \u{fc}\ndata: 1\n\n").await;
    page.reports("message: 1").await;
    drop(events);
    page.reports("ended; again in 200ms").await;
    page.reports("broken; closed").await;
    page.reports("end: Failed").await;
    page.ends().await;
}
