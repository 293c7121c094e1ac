//! There is no response.

use std::mem;
use std::time::Duration;

use sse_wire_client::{CloseReason, ErrorKind, EventSource, Repeat, RequestError};
use tokio::time::timeout;

use crate::server::{Server, nowhere};
use crate::{client, closed, error, event, lost, opens, soon, source};

#[tokio::test]
async fn a_name_that_no_server_has() {
    let mut source = source("http://no-server-has-this-name.invalid/");
    for _ in 0..2 {
        // How long the resolver takes is not up to the client.
        let error = error(&mut source).await;
        assert!(matches!(error.kind(), ErrorKind::Transport(error) if error.is_connect()), "{error:?}");
        assert!(error.retry_in().is_some());
    }
    let failed = client().get("http://no-server-has-this-name.invalid/").send().await;
    assert!(failed.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_connection_that_is_refused() {
    let url = nowhere();
    let mut source = source(&url).with_reconnect(soon().with_time(Duration::from_millis(100)));
    for wait in [100, 200, 400] {
        let error = error(&mut source).await;
        assert!(matches!(error.kind(), ErrorKind::Transport(error) if error.is_connect()), "{error:?}");
        assert_eq!(error.retry_in(), Some(Duration::from_millis(wait)));
        assert!(!error.is_final());
    }
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn tries_that_are_limited() {
    let mut source = source(&nowhere()).with_reconnect(soon().with_max_tries(1));
    lost(&mut source).await;
    let error = closed(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Transport(_)));
    assert_eq!(error.close_reason(), Some(&CloseReason::OutOfTries { tries: 1 }));
}

#[tokio::test]
async fn a_reset_in_the_head_of_the_response() {
    let server = Server::start(|server| {
        for _ in 0..2 {
            let mut connection = server.accept();
            connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/ev");
            connection.reset();
        }
        server.accept().stream("data: x\n\n");
    });
    assert!(client().get(&server.url).send().await.is_err());
    let mut source = source(&server.url);
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Transport(_)));
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "x");
    server.end().await;
}

#[tokio::test]
async fn an_answer_that_is_not_http() {
    let server = Server::start(|server| {
        for _ in 0..2 {
            server.accept().send("SSH-2.0-OpenSSH\r\n");
        }
        server.accept().stream("");
    });
    assert!(client().get(&server.url).send().await.is_err());
    let mut source = source(&server.url);
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Transport(_)));
    opens(&mut source).await;
    server.end().await;
}

#[tokio::test]
async fn a_head_that_does_not_come() {
    let silence = Duration::from_millis(200);
    let server = Server::start(|server| {
        let mut connection = server.accept();
        connection.send("HTTP/1.1 200 OK\r\n");
        connection.wait_until_closed();
        server.accept().stream("");
        let _patient = server.accept();
        server.wait();
    });
    let mut patient = source(&server.url);
    let mut source = source(&server.url).with_idle_timeout(silence);
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Silent(of) if *of == silence));
    opens(&mut source).await;
    drop(source);
    assert!(timeout(2 * silence, patient.next()).await.is_err(), "it waits for ever unless told otherwise");
    server.go();
    server.end().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_made() {
    let server = Server::start(|server| server.accept().stream(""));
    let (client, url) = (client(), server.url.clone());
    let mut fails = true;
    let source = EventSource::from_fn(move |_| {
        let made = if mem::take(&mut fails) { Err("no token") } else { Ok(client.get(&url)) };
        async move { made }
    });
    let mut source = source.with_reconnect(soon());
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Request(error) if error.to_string() == "no token"));
    opens(&mut source).await;
    server.end().await;
}

#[tokio::test]
async fn a_url_that_is_none() {
    assert!(matches!(EventSource::get("no URL"), Err(RequestError::Invalid(_))));
    let mut source = source("gopher://127.0.0.1/");
    let error = closed(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error:?}");
    assert_eq!(error.close_reason(), Some(&CloseReason::Failed));
}

#[tokio::test]
async fn a_timeout_of_reqwest() {
    let server = Server::start(|server| {
        let mut open = server.accept();
        open.open(":\n\n");
        open.wait_until_closed();
        server.accept().stream("");
    });
    let request = client().get(&server.url).timeout(Duration::from_millis(100));
    let mut source = EventSource::new(request).unwrap().with_reconnect(soon());
    opens(&mut source).await;
    let error = lost(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::Transport(error) if error.is_timeout()), "{error}");
    opens(&mut source).await;
    server.end().await;
}

#[tokio::test]
async fn a_request_that_is_never_made() {
    let source = EventSource::from_fn(|_| std::future::pending::<std::io::Result<reqwest::RequestBuilder>>());
    let mut source =
        source.with_repeat(Repeat::Never).with_reconnect(soon()).with_idle_timeout(Duration::from_millis(50));
    for _ in 0..2 {
        assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Silent(_)));
    }
}

#[tokio::test]
async fn a_post_that_was_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let mut refused = EventSource::new(client().post(&url)).unwrap().with_reconnect(soon());
    lost(&mut refused).await;
    lost(&mut refused).await;
    // Nor was one that could not be made.
    let mut unmade = EventSource::from_fn(|_| async { Err("no token") });
    unmade = unmade.with_repeat(Repeat::Never).with_reconnect(soon());
    lost(&mut unmade).await;
    lost(&mut unmade).await;
}

#[tokio::test]
async fn a_post_is_not_sent_again() {
    let server = Server::start(|server| {
        server.accept().reset();
        server.accept().reset();
        let again = server.accept();
        assert!(again.request.starts_with("POST "));
        again.stream("");
    });
    let mut once = EventSource::new(client().post(&server.url)).unwrap();
    assert_eq!(closed(&mut once).await.close_reason(), Some(&CloseReason::UnrepeatableRequest));
    let source = EventSource::new(client().post(&server.url)).unwrap().with_repeat(Repeat::Always);
    let mut source = source.with_reconnect(soon());
    lost(&mut source).await;
    opens(&mut source).await;
    server.end().await;
}
