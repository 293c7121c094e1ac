//! A hyper server over `body`, read by curl, by a bare socket, and by a hyper client.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sse_wire::body::{DataStream, EventBody, Piece};
use sse_wire::stream::TransportExt;
use sse_wire::{Event, EventId, EventName, KEEP_ALIVE, OwnedEvent};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A server for one connection, and the senders that its response follows.
struct Server {
    address: SocketAddr,
    /// What the body sends.
    source: UnboundedSender<io::Result<Piece>>,
    /// Ends the time after which a keep-alive is due.
    keep_alive: Arc<Notify>,
}

async fn server() -> Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (source, pieces) = unbounded_channel();
    let keep_alive = Arc::new(Notify::new());
    tokio::spawn(serve(listener, pieces, keep_alive.clone()));
    Ok(Server { address, source, keep_alive })
}

async fn serve(listener: TcpListener, pieces: UnboundedReceiver<io::Result<Piece>>, keep_alive: Arc<Notify>) {
    let body = EventBody::new(UnboundedReceiverStream::new(pieces))
        .with_keep_alive(Duration::ZERO, move |_| keep_alive.clone().notified_owned());
    let body = Mutex::new(Some(body));
    let (connection, _) = listener.accept().await.unwrap();
    let service = service_fn(|_: Request<Incoming>| {
        let body = body.lock().unwrap().take().expect("one request");
        async { Ok::<_, Infallible>(body.into_response().map(EventBody::vectored)) }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service);
    // An error of the source becomes one of the connection.
    let _ = served.await;
}

impl Server {
    fn send(&self, piece: impl Into<Piece>) -> Result {
        Ok(self.source.send(Ok(piece.into()))?)
    }
}

fn event(data: &str) -> OwnedEvent {
    Event::new(data).into_owned()
}

/// Sends a request and reads the head of the response.
async fn request(address: SocketAddr) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    let head = String::from_utf8(head)?.to_ascii_lowercase();
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"), "{head}");
    Ok(socket)
}

/// Reads one chunk of HTTP's chunked transfer coding.
async fn expect(socket: &mut TcpStream, text: &str) -> Result {
    let expected = format!("{:X}\r\n{text}\r\n", text.len());
    let mut bytes = vec![0; expected.len()];
    socket.read_exact(&mut bytes).await?;
    assert_eq!(String::from_utf8(bytes)?, expected);
    Ok(())
}

#[tokio::test]
async fn events_are_not_held_back_and_keep_alives_come_between_them() -> Result {
    let server = server().await?;
    let mut socket = request(server.address).await?;
    server.send(event("one\ntwo"))?;
    expect(&mut socket, "data: one\ndata: two\n\n").await?;
    server.keep_alive.notify_one();
    expect(&mut socket, ":\n\n").await?;
    server.send(Piece::Raw("data: in ".into()))?;
    expect(&mut socket, "data: in ").await?;
    server.keep_alive.notify_one();
    // Long enough for a keep-alive, which must not come within a line.
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.send(Piece::Raw("pieces\n".into()))?;
    expect(&mut socket, "pieces\n").await?;
    expect(&mut socket, ":\n").await?;
    server.send(Piece::Raw("\n".into()))?;
    expect(&mut socket, "\n").await?;
    server.keep_alive.notify_one();
    expect(&mut socket, ":\n\n").await?;
    drop(server.source);
    // The last chunk is empty.
    expect(&mut socket, "").await
}

#[tokio::test]
async fn an_error_of_the_source_breaks_the_connection() -> Result {
    let server = server().await?;
    let mut socket = request(server.address).await?;
    server.send(event("x"))?;
    expect(&mut socket, "data: x\n\n").await?;
    server.source.send(Err(io::Error::other("no more")))?;
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await?;
    assert_eq!(rest, b"", "no last chunk");
    Ok(())
}

#[tokio::test]
async fn curl_prints_each_event_when_it_is_sent() -> Result {
    let server = server().await?;
    let curl = Command::new("curl")
        .args(["--no-progress-meter", "--no-buffer", &format!("http://{}/", server.address)])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut curl = match curl {
        Ok(curl) => curl,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: curl is not installed");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    for number in 0..3 {
        server.send(Event::new(&number.to_string()).with_id(EventId::from_static("7")))?;
        assert_eq!(lines.next_line().await?.unwrap(), "id: 7");
        assert_eq!(lines.next_line().await?.unwrap(), format!("data: {number}"));
        assert_eq!(lines.next_line().await?.unwrap(), "");
    }
    server.keep_alive.notify_one();
    assert_eq!(lines.next_line().await?.unwrap(), ":");
    assert_eq!(lines.next_line().await?.unwrap(), "");
    drop(server.source);
    assert_eq!(lines.next_line().await?, None);
    assert!(curl.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_hyper_client_reads_what_a_hyper_server_sends() -> Result {
    let server = server().await?;
    let large = "line\r\n".repeat(50_000);
    server.send(Event::new("one\ntwo").with_name(EventName::from_static("named")))?;
    server.send(Piece::Blocks(Bytes::from_static(KEEP_ALIVE)))?;
    server.send(Piece::Blocks(Event::new("ready").with_id(EventId::from_static("7")).encode()))?;
    server.send(event(&large))?;
    drop(server.source);

    let socket = TokioIo::new(TcpStream::connect(server.address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .header("host", "localhost")
        .body(EventBody::new(futures_util::stream::empty::<Event<'static>>()))?;
    let mut events = DataStream::new(sender.send_request(request).await?.into_body()).events();
    let mut received = Vec::new();
    while let Some(event) = events.next().await {
        received.push(event?);
    }
    let [named, ready, long] = &received[..] else { panic!("{} events", received.len()) };
    assert_eq!((named.name(), named.data()), ("named", "one\ntwo"));
    assert_eq!((ready.id(), ready.data()), (Some("7"), "ready"));
    assert_eq!(long.data(), "line\n".repeat(50_000));
    Ok(())
}
