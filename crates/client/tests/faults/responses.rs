//! The response is not an event stream.

use std::time::{Duration, SystemTime};

use sse_wire_client::{CloseReason, ErrorKind, Event, EventSource, Rejection, ResponseExt, Responses};

use crate::server::Server;
use crate::{NEXT_TRY, client, closed, error, event, is_rejected, lost, next, opens, soon, source};

#[tokio::test]
async fn no_content() {
    let server = Server::start(|server| {
        server.accept().send("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        server.accept().send("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        assert!(server.accept_within(Duration::from_millis(300)).is_none());
    });
    let mut source = source(&server.url);
    let error = closed(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Rejected { rejection: Rejection::NoContent, .. }));
    assert_eq!(error.close_reason(), Some(&CloseReason::Rejected(Rejection::NoContent)));
    let refused = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
    assert_eq!(refused.rejection(), &Rejection::NoContent);
    server.end().await;
}

#[tokio::test]
async fn a_redirect_to_another_origin() {
    let other = Server::start(|server| {
        let mut connection = server.accept();
        assert_eq!(connection.header("authorization"), None);
        assert_eq!(connection.header("cookie"), None);
        assert_eq!(connection.header("accept"), Some("text/event-stream"));
        // As in the standard: nothing keeps it from other origins.
        assert_eq!(connection.header("last-event-id"), Some("7"));
        connection.open("data: x\n\n");
    });
    let to = other.url.clone();
    let first = Server::start(move |server| {
        let connection = server.accept();
        assert_eq!(connection.header("authorization"), Some("Bearer secret"));
        connection.answer(&format!("301 Moved Permanently\r\nlocation: {to}"));
        // The next connection begins here again, although the redirect is permanent.
        assert_eq!(server.accept().header("authorization"), Some("Bearer secret"));
    });
    let request = client().get(&first.url).bearer_auth("secret").header("cookie", "a=b");
    let mut source = EventSource::new(request).unwrap().with_reconnect(soon());
    source.set_last_event_id("7");
    opens(&mut source).await;
    assert_eq!(source.last_response().unwrap().url.as_str(), other.url);
    assert_eq!(event(&mut source).await.data(), "x");
    lost(&mut source).await;
    let _ = next(&mut source).await;
    first.end().await;
    other.end().await;
}

#[tokio::test]
async fn redirects_without_end() {
    let server = Server::start(|server| {
        let mut requests = 0;
        while let Some(connection) = server.accept_within(Duration::from_millis(300)) {
            connection.answer("302 Found\r\nlocation: /again");
            requests += 1;
        }
        requests
    });
    let mut source = source(&server.url);
    let error = closed(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Transport(error) if error.is_redirect()));
    assert_eq!(error.close_reason(), Some(&CloseReason::Failed));
    assert!(client().get(&server.url).send().await.unwrap_err().is_redirect());
    // The first request, and the ten redirects that reqwest follows; twice.
    assert_eq!(server.end().await, 22);
}

#[tokio::test]
async fn a_redirect_that_is_not_followed() {
    let server = Server::start(|server| server.accept().answer("302 Found\r\nlocation: /again"));
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut source = EventSource::new(client.get(&server.url)).unwrap();
    let error = closed(&mut source).await;
    assert_eq!(error.close_reason(), Some(&CloseReason::Rejected(Rejection::Redirect { status: 302 })));
    server.end().await;
}

#[tokio::test]
async fn another_content_type() {
    let server = Server::start(|server| {
        for _ in 0..2 {
            server.accept().answer("200 OK\r\ncontent-type: text/html");
        }
        assert!(server.accept_within(Duration::from_millis(300)).is_none());
    });
    let mut source = source(&server.url);
    let error = closed(&mut source).await;
    assert!(is_rejected(&error));
    let ErrorKind::Rejected { rejection, response } = error.into_kind() else { panic!("it is rejected") };
    assert_eq!(rejection, Rejection::ContentType { content_type: "text/html".into() });
    assert_eq!(response.text().await.unwrap(), "why");
    let refused = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
    assert_eq!(refused.rejection(), &rejection);
    assert_eq!(refused.into_response().text().await.unwrap(), "why");
    server.end().await;
}

/// The wait after a 429 with this `Retry-After`.
async fn wait_after(retry_after: String) -> Duration {
    let answer = format!("429 Too Many Requests\r\nretry-after: {retry_after}");
    let server = Server::start(move |server| server.accept().answer(&answer));
    let mut source = source(&server.url).with_responses(Responses::new().with_retry_of_temporary());
    let error = error(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Rejected { rejection: Rejection::Status { status: 429 }, .. }));
    server.end().await;
    error.retry_in().unwrap()
}

/// A date so far from now.
fn date(from_now: i64) -> String {
    let by = Duration::from_secs(from_now.unsigned_abs());
    let now = SystemTime::now();
    httpdate::fmt_http_date(if from_now < 0 { now - by } else { now + by })
}

#[tokio::test]
async fn too_many_requests() {
    let server = Server::start(|server| {
        server.accept().answer("429 Too Many Requests\r\nretry-after: 1");
        server.accept().answer("429 Too Many Requests\r\nretry-after: 1");
        assert!(server.accept_within(Duration::from_millis(1200)).is_none());
    });
    let mut source = source(&server.url);
    let error = closed(&mut source).await;
    assert_eq!(error.close_reason(), Some(&CloseReason::Rejected(Rejection::Status { status: 429 })));
    let ErrorKind::Rejected { response, .. } = error.into_kind() else { panic!("it is rejected") };
    assert_eq!(response.headers()["retry-after"], "1");
    let refused = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
    assert_eq!(refused.response().headers()["retry-after"], "1");
    server.end().await;
}

#[tokio::test]
async fn retry_after_in_seconds() {
    assert_eq!(wait_after("7".into()).await, Duration::from_secs(7));
    // It counts for one wait, and over the wire.
    let server = Server::start(|server| {
        let before = std::time::Instant::now();
        server.accept().answer("429 Too Many Requests\r\nretry-after: 1");
        server.accept().answer("429 Too Many Requests");
        assert!(before.elapsed() >= Duration::from_secs(1));
        server.accept().stream("");
        assert!(before.elapsed() < Duration::from_secs(2));
    });
    let mut source = source(&server.url).with_responses(Responses::new().with_retry_of_temporary());
    assert_eq!(error(&mut source).await.retry_in(), Some(Duration::from_secs(1)));
    lost(&mut source).await;
    opens(&mut source).await;
    server.end().await;
}

#[tokio::test]
async fn retry_after_as_a_date() {
    let wait = wait_after(date(9)).await;
    // A date has whole seconds.
    assert!(wait > Duration::from_secs(7) && wait <= Duration::from_secs(9), "{wait:?}");
}

#[tokio::test]
async fn retry_after_in_the_past() {
    for past in ["0".into(), date(-1), date(-86400)] {
        assert!(wait_after(past).await <= NEXT_TRY);
    }
}

#[tokio::test]
async fn retry_after_in_the_far_future() {
    for far in ["99999999999999999999999".into(), date(86400)] {
        assert_eq!(wait_after(far).await, Duration::from_secs(60 * 60));
    }
}

#[tokio::test]
async fn errors_of_the_server() {
    let server = Server::start(|server| {
        server.accept().answer("503 Service Unavailable");
        server.accept().answer("500 Internal Server Error");
        for status in ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
        {
            server.accept().answer(status);
        }
        server.accept().stream("");
    });
    // As the standard says.
    let error = closed(&mut source(&server.url)).await;
    assert_eq!(error.close_reason(), Some(&CloseReason::Rejected(Rejection::Status { status: 503 })));
    let refused = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
    assert_eq!(refused.rejection(), &Rejection::Status { status: 500 });

    let mut source = source(&server.url).with_responses(Responses::new().with_retry_of_temporary());
    for of in [500, 502, 503, 504] {
        let error = lost(&mut source).await;
        assert!(
            matches!(error.kind(), ErrorKind::Rejected { rejection: Rejection::Status { status }, .. } if *status == of)
        );
    }
    assert!(matches!(next(&mut source).await, Some(Ok(Event::Open))));
    server.end().await;
}

#[tokio::test]
async fn a_token_that_has_expired() {
    let server = Server::start(|server| {
        server.accept().answer("401 Unauthorized");
        server.accept().answer("401 Unauthorized");
        assert!(server.accept_within(Duration::from_millis(300)).is_none());
    });
    let mut source = source(&server.url).with_responses(Responses::new().with_retry_once([401]));
    lost(&mut source).await;
    assert_eq!(
        closed(&mut source).await.close_reason(),
        Some(&CloseReason::Rejected(Rejection::Status { status: 401 }))
    );
    server.end().await;
}
