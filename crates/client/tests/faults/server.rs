//! A server that follows a script, on a thread of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How long to wait for something that must happen.
pub const SOON: Duration = Duration::from_secs(5);

/// The head of an event stream that ends when the connection does.
pub const EVENT_STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

pub struct Server<T = ()> {
    pub url: String,
    go: mpsc::Sender<()>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    pub fn start(script: impl FnOnce(&Peer) -> T + Send + 'static) -> Server<T> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (go, told) = mpsc::channel();
        let thread = thread::spawn(move || script(&Peer { listener, told }));
        Server { url, go, thread }
    }

    /// Lets the script go on behind [`Peer::wait`].
    pub fn go(&self) {
        self.go.send(()).unwrap();
    }

    /// Waits for the end of the script, while the runtime runs. Fails if the script has failed.
    pub async fn end(self) -> T {
        while !self.thread.is_finished() {
            sleep(Duration::from_millis(1)).await;
        }
        self.join()
    }

    /// The same where no runtime runs.
    pub fn join(self) -> T {
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// The URL of a port where nothing listens.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// What a script acts through.
pub struct Peer {
    listener: TcpListener,
    told: mpsc::Receiver<()>,
}

impl Peer {
    /// The next connection of the client, with its request.
    pub fn accept(&self) -> Connection {
        self.accept_within(SOON).expect("a connection")
    }

    pub fn accept_within(&self, time: Duration) -> Option<Connection> {
        let until = Instant::now() + time;
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => return Some(Connection::read(socket)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if Instant::now() > until {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for [`Server::go`].
    pub fn wait(&self) {
        self.told.recv_timeout(SOON).expect("to be told to go on");
    }
}

/// One connection of the client.
pub struct Connection {
    socket: TcpStream,
    /// The head of its request.
    pub request: String,
}

impl Connection {
    fn read(mut socket: TcpStream) -> Connection {
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.set_write_timeout(Some(SOON)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        Connection { socket, request: String::from_utf8(head).unwrap() }
    }

    /// The value of a header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.request.lines().filter_map(|line| line.split_once(": "));
        headers.find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Returns whether the client has not closed the connection yet.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    /// Begins an event stream.
    pub fn open(&mut self, body: impl AsRef<[u8]>) {
        self.send(EVENT_STREAM);
        self.send(body);
    }

    /// Sends an event stream, and ends it.
    pub fn stream(mut self, body: impl AsRef<[u8]>) {
        self.open(body);
    }

    /// Answers with this status and these headers, and the body `why`.
    pub fn answer(mut self, status_and_headers: &str) {
        self.send(format!("HTTP/1.1 {status_and_headers}\r\nconnection: close\r\ncontent-length: 3\r\n\r\nwhy"));
    }

    /// Breaks the connection.
    pub fn reset(self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Waits until the client has closed the connection.
    pub fn wait_until_closed(mut self) {
        let read = self.socket.read(&mut [0]);
        let is_closed = match &read {
            Ok(read) => *read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(is_closed, "{read:?}");
    }
}
