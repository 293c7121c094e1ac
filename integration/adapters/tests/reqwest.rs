//! A reqwest client over `stream`, and a server that misbehaves.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use sse_wire::stream::{EventStream, StreamError, TransportExt};
use sse_wire::{BlockLine, Event, ParseErrorKind, Parser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A chunk of HTTP's chunked transfer coding.
fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const LAST_CHUNK: &str = "0\r\n\r\n";

/// Accepts one connection, and reads the head of a request.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    (connection, String::from_utf8(head).unwrap())
}

/// A server for one connection, which sends what this sender sends, and closes once it is dropped.
async fn server() -> Result<(SocketAddr, mpsc::UnboundedSender<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (sender, mut texts) = mpsc::unbounded_channel::<String>();
    tokio::spawn(async move {
        let (mut connection, _) = accept(&listener).await;
        while let Some(text) = texts.recv().await {
            connection.write_all(text.as_bytes()).await.unwrap();
        }
    });
    Ok((address, sender))
}

#[tokio::test]
async fn an_event_that_is_cut_over_chunks_comes_whole_and_no_event_is_held_back() -> Result {
    let (address, server) = server().await?;
    server.send([HEAD, &chunk("data: 1\n\nda")].concat())?;
    let response = reqwest::get(format!("http://{address}/")).await?.error_for_status()?;
    let mut events = response.bytes_stream().events();
    assert_eq!(events.next().await.unwrap()?.data(), "1");
    server.send(chunk("ta: h\u{e9}"))?;
    // A wait that is cancelled loses nothing.
    assert!(tokio::time::timeout(Duration::from_millis(20), events.next()).await.is_err());
    server.send([chunk("llo\n"), chunk("\n"), LAST_CHUNK.into()].concat())?;
    assert_eq!(events.next().await.unwrap()?.data(), "h\u{e9}llo");
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error_after_every_event_before_it() -> Result {
    let (address, server) = server().await?;
    server.send([HEAD, &chunk("data: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: unfin")].concat())?;
    let mut events = reqwest::get(format!("http://{address}/")).await?.bytes_stream().events();
    assert_eq!(events.next().await.unwrap()?.data(), "1");
    drop(server);
    assert_eq!(events.next().await.unwrap()?.data(), "2");
    let error = events.next().await.unwrap().unwrap_err();
    let StreamError::Transport(inner) = &error else { panic!("{error}") };
    assert!(inner.is_body() || inner.is_decode(), "{inner:?}");
    assert_eq!(error.to_string(), inner.to_string());
    assert!(events.next().await.is_none());
    let unfinished = events.finish().unwrap();
    assert_eq!((unfinished.id(), unfinished.event().unwrap().data()), (Some("3"), "unfin"));
    assert_eq!(events.last_event_id(), "2", "the id of an unfinished event does not count");
    Ok(())
}

#[tokio::test]
async fn a_client_goes_on_where_the_connection_broke() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move {
        let (mut connection, head) = accept(&listener).await;
        assert!(!head.contains("last-event-id"), "{head}");
        let broken = [HEAD, &chunk("retry: 1\n\nid: 1\ndata: 1\n\nid: 2\nda")].concat();
        connection.write_all(broken.as_bytes()).await.unwrap();
        drop(connection);
        let (mut connection, head) = accept(&listener).await;
        assert!(head.contains("\r\nlast-event-id: 1\r\n"), "{head}");
        let rest = [HEAD, &chunk("id: 2\ndata: 2\n\ndata: 3\n\n"), LAST_CHUNK].concat();
        connection.write_all(rest.as_bytes()).await.unwrap();
    });

    let client = reqwest::Client::new();
    let mut parser = Parser::new();
    let mut received = Vec::new();
    loop {
        let mut request = client.get(&url);
        if !parser.last_event_id().is_empty() {
            request = request.header("last-event-id", parser.last_event_id());
        }
        let mut events = EventStream::with_parser(request.send().await?.bytes_stream(), parser);
        while let Some(Ok(event)) = events.next().await {
            received.push((event.last_event_id().to_owned(), event.into_data()));
        }
        parser = events.into_parts().parser;
        if received.len() == 3 {
            break;
        }
        parser.reset();
        tokio::time::sleep(parser.reconnection_time().unwrap()).await;
    }
    let expected = [("1", "1"), ("2", "2"), ("2", "3")].map(|(id, data)| (id.to_owned(), data.into()));
    assert_eq!(received, expected);
    server.await?;
    Ok(())
}

#[tokio::test]
async fn an_event_over_the_limit_is_refused_and_the_client_may_go_on() -> Result {
    let (address, server) = server().await?;
    let large = format!("data: {}\n\n", "x".repeat(100));
    server.send([HEAD, &chunk("data: 1\n\n"), &chunk(&large), &chunk("data: 2\n\n"), LAST_CHUNK].concat())?;
    let parser = Parser::new().with_max_event_size(50);
    let response = reqwest::get(format!("http://{address}/")).await?;
    let mut events = EventStream::with_parser(response.bytes_stream(), parser);
    assert_eq!(events.next().await.unwrap()?.data(), "1");
    let error = events.next().await.unwrap().unwrap_err();
    let StreamError::Parse(refused) = &error else { panic!("{error}") };
    let seen = (refused.kind(), refused.limit(), refused.position());
    assert_eq!(seen, (ParseErrorKind::EventTooLarge, Some(50), 9));
    assert_eq!(events.next().await.unwrap()?.data(), "2");
    assert!(events.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn comments_are_seen_by_a_client_that_waits_for_keep_alives() -> Result {
    let (address, server) = server().await?;
    server.send([HEAD, &chunk(":\n\n"), &chunk("data: 1\n\n"), LAST_CHUNK].concat())?;
    let mut blocks = reqwest::get(format!("http://{address}/")).await?.bytes_stream().blocks();
    let keep_alive = blocks.next().await.unwrap()?;
    assert_eq!(keep_alive.event(), None);
    assert_eq!(keep_alive.lines().collect::<Vec<_>>(), [BlockLine::Comment("")]);
    assert_eq!(blocks.next().await.unwrap()?.event(), Some(Event::new("1")));
    assert!(blocks.next().await.is_none());
    Ok(())
}
