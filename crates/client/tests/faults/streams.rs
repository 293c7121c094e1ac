//! Something is wrong with the stream.

use std::time::Duration;

use allocation_counter::measure;
use sse_wire_client::{ErrorKind, Parser, StreamError};
use tokio::time::timeout;

use crate::server::{Connection, Server};
use crate::{closed, error, event, lost, next, opens, source, stream};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn the_stream_ends() {
    let server = Server::start(|server| {
        server.accept().stream("data: a\n\n");
        server.accept().stream("data: a\n\n");
        assert_eq!(server.accept().header("last-event-id"), None);
    });
    let mut one = stream(&server.url).await;
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a");
    assert!(one.next().await.is_none());
    let mut source = source(&server.url);
    opens(&mut source).await;
    event(&mut source).await;
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Ended));
    assert!(source.unfinished().is_none());
    let _ = next(&mut source).await;
    server.end().await;
}

#[tokio::test]
async fn the_stream_ends_in_an_event() {
    let server = Server::start(|server| {
        for _ in 0..2 {
            server.accept().stream("id: 1\ndata: a\n\nid: 2\ndata: b");
        }
        assert_eq!(server.accept().header("last-event-id"), Some("1"));
    });
    let mut one = stream(&server.url).await;
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a");
    assert!(one.next().await.is_none());
    assert_eq!(one.finish().unwrap().event().unwrap().data(), "b");
    let mut source = source(&server.url);
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "a");
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Ended));
    assert_eq!(source.unfinished().unwrap().event().unwrap().data(), "b");
    let _ = next(&mut source).await;
    server.end().await;
}

/// Sends the beginning of a stream in two connections, breaks each by this when told to, and answers another one.
fn breaks(by: fn(Connection)) -> Server {
    Server::start(move |server| {
        for _ in 0..2 {
            let mut connection = server.accept();
            connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
            connection.send("1a\r\nid: 1\ndata: a\n\ndata: b\ndata\r\n");
            server.wait();
            by(connection);
        }
        let mut connection = server.accept();
        assert_eq!(connection.header("last-event-id"), Some("1"));
        connection.open("data: c\n\n");
    })
}

async fn breaks_in_an_event(server: Server) {
    let mut one = stream(&server.url).await;
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a");
    server.go();
    assert!(matches!(one.next().await, Some(Err(StreamError::Transport(_)))));
    assert!(one.next().await.is_none());
    let mut source = source(&server.url);
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "a");
    server.go();
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Transport(_)));
    // Nothing is left of the event.
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data(), "c");
    server.end().await;
}

#[tokio::test]
async fn a_reset_in_an_event() {
    breaks_in_an_event(breaks(Connection::reset)).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off() {
    breaks_in_an_event(breaks(drop)).await;
}

#[tokio::test]
async fn a_silent_peer() {
    let silence = Duration::from_millis(200);
    let server = Server::start(|server| {
        for _ in 0..2 {
            let mut connection = server.accept();
            connection.open("id: 1\ndata: a\n\n");
            connection.wait_until_closed();
        }
        assert_eq!(server.accept().header("last-event-id"), Some("1"));
        let mut connection = server.accept();
        connection.open("");
        server.wait();
        connection.send(":\n");
    });
    let mut one = stream(&server.url).await.with_idle_timeout(silence);
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a");
    assert!(matches!(one.next().await, Some(Err(StreamError::Silent(of))) if of == silence));
    assert!(one.next().await.is_none());
    let mut patient = source(&server.url);
    let mut source = source(&server.url).with_idle_timeout(silence);
    opens(&mut source).await;
    event(&mut source).await;
    assert!(matches!(lost(&mut source).await.kind(), ErrorKind::Silent(of) if *of == silence));
    let _ = next(&mut source).await;
    drop(source);
    opens(&mut patient).await;
    assert!(timeout(2 * silence, patient.next()).await.is_err(), "it waits for ever unless told otherwise");
    server.go();
    server.end().await;
}

/// Writes until the client has closed, or this much.
fn write(connection: &mut Connection, piece: &[u8], most: usize) -> usize {
    let mut written = 0;
    while written < most && connection.try_send(piece) {
        written += piece.len();
    }
    written
}

/// A line of 64 MiB, while an event may have one.
fn endless() -> Server {
    Server::start(|server| {
        let mut connection = server.accept();
        connection.open("data: ");
        write(&mut connection, &vec![b'x'; 64 * 1024], 64 * MIB);
        write(&mut connection, b"\n\ndata: next\n\n", 1);
        server.wait();
    })
}

/// What an event may have in the test.
fn parser() -> Parser {
    Parser::new().with_max_event_size(MIB)
}

/// How much memory this takes at most, on this thread.
fn memory_of(run: impl Future<Output = ()>) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    measure(|| runtime.block_on(run)).bytes_max
}

#[test]
fn a_line_without_end() {
    let server = endless();
    let held = memory_of(async {
        let mut source = source(&server.url).with_parser(parser());
        opens(&mut source).await;
        let error = error(&mut source).await;
        assert!(matches!(error.kind(), ErrorKind::TooLarge(_)));
        assert!(!error.is_final() && error.retry_in().is_none());
        // One error, and the same connection goes on.
        assert_eq!(event(&mut source).await.data(), "next");
    });
    assert!(held < 5 * MIB as u64, "{held}");
    server.go();
    server.join();

    let server = endless();
    let held = memory_of(async {
        let mut one = stream(&server.url).await.with_parser(parser());
        assert!(matches!(one.next().await, Some(Err(StreamError::TooLarge(_)))));
        assert_eq!(one.next().await.unwrap().unwrap().data(), "next");
    });
    assert!(held < 5 * MIB as u64, "{held}");
    server.go();
    server.join();
}

#[tokio::test]
async fn a_line_without_end_that_closes() {
    let server = Server::start(|server| {
        let mut connection = server.accept();
        connection.open("data: ");
        assert!(write(&mut connection, &vec![b'x'; 64 * 1024], 64 * MIB) < 64 * MIB);
    });
    let mut source = source(&server.url).with_parser(parser()).with_close_on_too_large();
    opens(&mut source).await;
    assert!(matches!(closed(&mut source).await.kind(), ErrorKind::TooLarge(_)));
    server.end().await;
}

#[tokio::test]
async fn an_event_of_16_mib() {
    let script = |server: &crate::server::Peer| {
        let mut connection = server.accept();
        connection.open("");
        for size in [16 * MIB, 16 * MIB + 1] {
            connection.send(format!("data: {}\n\n", "x".repeat(size)));
        }
        connection.send("data: next\n\n");
    };
    let server = Server::start(move |server| {
        script(server);
        script(server);
    });
    let mut one = stream(&server.url).await;
    assert_eq!(one.next().await.unwrap().unwrap().data().len(), 16 * MIB);
    assert!(matches!(one.next().await, Some(Err(StreamError::TooLarge(_)))));
    assert_eq!(one.next().await.unwrap().unwrap().data(), "next");
    let mut source = source(&server.url);
    opens(&mut source).await;
    assert_eq!(event(&mut source).await.data().len(), 16 * MIB);
    let error = error(&mut source).await;
    assert!(matches!(error.kind(), ErrorKind::TooLarge(_)) && !error.is_final() && error.retry_in().is_none());
    assert_eq!(event(&mut source).await.data(), "next");
    server.end().await;
}

#[tokio::test]
async fn ill_formed_utf_8() {
    let server = Server::start(|server| {
        for _ in 0..2 {
            server.accept().stream(b"event: \xff\ndata: a\xf0\x9f\n\ndata: b\n\n");
        }
    });
    let mut one = stream(&server.url).await;
    assert_eq!(one.next().await.unwrap().unwrap().data(), "a\u{fffd}");
    assert_eq!(one.next().await.unwrap().unwrap().data(), "b");
    let mut source = source(&server.url);
    opens(&mut source).await;
    let first = event(&mut source).await;
    assert_eq!((first.name(), first.data()), ("\u{fffd}", "a\u{fffd}"));
    assert_eq!(event(&mut source).await.data(), "b");
    server.end().await;
}
