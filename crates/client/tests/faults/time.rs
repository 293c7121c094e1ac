//! The clock jumps, as when a computer sleeps. The date matters to `Retry-After` alone: see `responses`.

use std::time::Duration;

use sse_wire_client::{ErrorKind, Reconnect};
use tokio::time::{advance, pause, resume, sleep, timeout};

use crate::server::Server;
use crate::{error, event, lost, next, opens, source};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Sets the clock of the timers forward.
async fn jump(by: Duration) {
    pause();
    advance(by).await;
    resume();
}

#[tokio::test]
async fn a_jump_while_it_waits() {
    let server = Server::start(|server| {
        server.accept().stream("data: a\n\n");
        let mut connection = server.accept();
        connection.open("data: b\n\n");
        assert!(server.accept_within(Duration::from_millis(300)).is_none());
        drop(connection);
    });
    let mut source = source(&server.url).with_reconnect(Reconnect::new().with_time(HOUR).with_jitter(0));
    opens(&mut source).await;
    event(&mut source).await;
    assert_eq!(error(&mut source).await.retry_in(), Some(HOUR));
    assert!(timeout(Duration::from_millis(100), source.next()).await.is_err());
    jump(24 * HOUR).await;
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "b");
    assert_eq!(error(&mut source).await.retry_in(), Some(HOUR), "the wait is as long as before");
    server.end().await;
}

#[tokio::test]
async fn a_jump_while_it_is_open() {
    let server = Server::start(|server| {
        let mut connection = server.accept();
        connection.open("data: a\n\n");
        server.wait();
        connection.send("data: b\n\n");
        connection.wait_until_closed();
        server.accept().stream("data: c\n\n");
    });
    let mut source = source(&server.url).with_idle_timeout(HOUR);
    opens(&mut source).await;
    event(&mut source).await;
    assert!(timeout(Duration::from_millis(50), source.next()).await.is_err());
    // What has come is read, and then it is not silent.
    server.go();
    sleep(Duration::from_millis(100)).await;
    jump(24 * HOUR).await;
    assert_eq!(event(&mut source).await.data(), "b");
    assert!(timeout(Duration::from_millis(50), source.next()).await.is_err());
    jump(24 * HOUR).await;
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Silent(_)));
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "c");
    server.end().await;
}

#[tokio::test]
async fn a_jump_before_the_response() {
    let server = Server::start(|server| {
        server.accept().wait_until_closed();
        server.accept().stream("");
    });
    let mut source = source(&server.url).with_idle_timeout(HOUR);
    assert!(timeout(Duration::from_millis(50), source.next()).await.is_err());
    jump(24 * HOUR).await;
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Silent(_)));
    opens(&mut source).await;
    let _ = next(&mut source).await;
    server.end().await;
}
