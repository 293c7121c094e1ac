//! The other side of the service: a server of event streams, a receiver of callbacks, and the requests that drive it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::routing::post;
use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long to wait for something that must happen.
const SOON: Duration = Duration::from_secs(10);
/// How long to wait for something that must not happen: several times the shortest wait between two connections.
const WHILE: Duration = Duration::from_millis(600);

/// A process of the service. It is killed when this value is dropped.
pub struct Service {
    pub process: Child,
    pub url: String,
    http: reqwest::Client,
}

impl Service {
    pub fn start() -> Service {
        let mut process =
            Command::new(env!("CARGO_BIN_EXE_contract")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Service {
            process,
            url: address.trim_end().to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub async fn request(&self, method: Method, path: &str, body: &Value) -> reqwest::Response {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).body(body.to_string()).send().await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server of event streams.
pub struct Server {
    listener: TcpListener,
    pub url: String,
}

impl Server {
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        Server { listener, url }
    }

    pub async fn accept(&self) -> Connection {
        let (socket, _) = timeout(SOON, self.listener.accept()).await.expect("a connection").unwrap();
        Connection::read(socket).await
    }

    pub async fn is_left_alone(&self) -> bool {
        timeout(WHILE, self.listener.accept()).await.is_err()
    }
}

/// One connection of the client, and its request.
pub struct Connection {
    socket: TcpStream,
    /// As it was sent: method, path, version.
    pub request_line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Connection {
    async fn read(mut socket: TcpStream) -> Connection {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let request_line = lines.next().unwrap().to_owned();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.into()));
        let mut connection = Connection { socket, request_line, headers: headers.collect(), body: String::new() };
        let length = connection.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        connection.socket.read_exact(&mut body).await.unwrap();
        connection.body = String::from_utf8(body).unwrap();
        connection
    }

    /// The value of a header that was sent once, or not at all.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|header| header.0 == name).map(|header| header.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} was sent twice");
        value
    }

    /// Answers without a body, and closes.
    pub async fn answer(mut self, status_and_headers: &str) {
        let head = format!("HTTP/1.1 {status_and_headers}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        self.socket.write_all(head.as_bytes()).await.unwrap();
    }

    /// Answers with the head of an event stream.
    pub async fn open(&mut self) {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        self.socket.write_all(head.as_bytes()).await.unwrap();
    }

    /// Sends one chunk of HTTP's chunked transfer coding.
    pub async fn send(&mut self, chunk: impl AsRef<[u8]>) {
        let chunk = chunk.as_ref();
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        self.socket.write_all(&framed).await.unwrap();
    }

    pub async fn send_in_pieces(&mut self, stream: impl AsRef<[u8]>, of: usize) {
        for piece in stream.as_ref().chunks(of) {
            self.send(piece).await;
        }
    }

    /// Ends the stream properly, by the last chunk of HTTP.
    pub async fn end(mut self) {
        self.socket.write_all(b"0\r\n\r\n").await.unwrap();
    }

    /// Closes the connection within the stream.
    pub fn break_off(self) {
        drop(self.socket);
    }

    /// Waits until the client has closed the connection.
    pub async fn wait_until_closed(mut self) {
        let read = timeout(SOON, self.socket.read(&mut [0])).await.expect("the connection is closed");
        assert!(!matches!(read, Ok(1..)), "the client sends nothing more");
    }
}

/// A service with one stream.
pub struct Test {
    pub service: Service,
    pub server: Server,
    /// The path of the stream's resource.
    pub stream: String,
    callbacks: mpsc::UnboundedReceiver<(u64, Value)>,
    /// The number of the last callback.
    seen: u64,
}

impl Test {
    /// A stream with parameters besides the two URLs; the client begins to connect.
    pub async fn start(parameters: Value) -> Test {
        let (callback_url, callbacks) = receive_callbacks().await;
        let (service, server) = (Service::start(), Server::start().await);
        let mut body =
            json!({ "streamUrl": server.url, "callbackUrl": callback_url, "tag": "a test", "initialDelayMs": 0 });
        body.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        let response = service.request(Method::POST, "/", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let stream = response.headers()["location"].to_str().unwrap().to_owned();
        Test { service, server, stream, callbacks, seen: 0 }
    }

    /// A stream without further parameters, connected and open.
    pub async fn open() -> (Test, Connection) {
        let test = Test::start(json!({})).await;
        let connection = test.accept().await;
        (test, connection)
    }

    /// The next connection, open.
    pub async fn accept(&self) -> Connection {
        let mut connection = self.server.accept().await;
        connection.open().await;
        connection
    }

    /// The next callback, which must have the next number.
    pub async fn message(&mut self) -> Value {
        let (number, message) = timeout(SOON, self.callbacks.recv()).await.expect("a callback").unwrap();
        assert_eq!(number, self.seen + 1, "{message}");
        self.seen = number;
        message
    }

    /// The next callbacks must be these.
    pub async fn expect(&mut self, messages: impl IntoIterator<Item = Value>) {
        for expected in messages {
            assert_eq!(self.message().await, expected);
        }
    }

    /// The next callback is an error, with this in its text.
    pub async fn expect_error(&mut self, part: &str) {
        let message = self.message().await;
        assert_eq!(message["kind"], "error");
        assert!(message["error"].as_str().unwrap().contains(part), "{message}");
        assert_eq!(message["comment"], message["error"]);
    }

    /// Whether no other callback has come.
    pub fn was_silent(&mut self) -> bool {
        self.callbacks.try_recv().is_err()
    }

    /// Has events of this name reported.
    pub async fn listen(&self, name: &str) {
        let listen = json!({ "command": "listen", "listen": { "type": name } });
        assert!(self.request(Method::POST, &listen).await.is_success());
    }

    /// Sends a request to the stream's resource.
    pub async fn request(&self, method: Method, body: &Value) -> StatusCode {
        self.service.request(method, &self.stream, body).await.status()
    }
}

/// A URL for callbacks, and what was sent there.
async fn receive_callbacks() -> (String, mpsc::UnboundedReceiver<(u64, Value)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let take = async move |Path(number): Path<u64>, body: Bytes| {
        // The test may be over.
        let _ = sender.send((number, serde_json::from_slice(&body).unwrap()));
    };
    let routes = Router::new().route("/callbacks/{number}", post(take)).layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, receiver)
}

/// The message for an event.
pub fn event(name: &str, data: &str, id: &str) -> Value {
    json!({ "kind": "event", "event": { "type": name, "data": data, "id": id } })
}

/// The message for an event with data alone.
pub fn data(data: &str) -> Value {
    event("message", data, "")
}

/// The message for a comment.
pub fn comment(text: &str) -> Value {
    json!({ "kind": "comment", "comment": text })
}
