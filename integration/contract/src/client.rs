//! A client for event streams: reqwest does the I/O, tokio the waiting, and an [`EventSource`] decides when to connect.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use sse_wire::client::{CloseReason, EventSource, ReceiveError, Rejection};
use tokio::time::{Instant, Sleep, sleep};

use crate::lines::{Item, Lines};

/// The settings of reqwest's client: it follows ten redirects, and none that leads back, as an empty `Location` does.
///
/// A redirect that is not followed is the response, which the [`EventSource`] rejects.
pub fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(redirect::Policy::custom(|attempt| {
        let been = attempt.previous();
        if been.len() > 10 || been.contains(attempt.url()) { attempt.stop() } else { attempt.follow() }
    }))
}

/// What is sent for every connection, the body included.
///
/// For a request that must not be repeated, use an `EventSource` with [`Repeat::Never`](sse_wire::client::Repeat).
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Added to those of the [`EventSource`]. They replace headers with the same names.
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
}

/// One event stream over all of its connections.
pub struct Client {
    http: reqwest::Client,
    request: Request,
    source: EventSource,
    /// The chunk of the current connection, as far as it was not read yet.
    lines: Lines,
    connection: Connection,
    /// What times are counted from.
    clock: Instant,
}

/// The state of the current connection.
enum Connection {
    /// A request is sent when this wait ends.
    Waiting(Pin<Box<Sleep>>),
    Requested(Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>),
    Open(Response),
    Closed,
}

/// What went wrong. Unless there is a [`Client::close_reason`], [`Client::next`] goes on after it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, a connection that broke, or a read that took too long.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// The response is not an event stream.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// An event or a block is too large.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}

impl Client {
    /// A client that connects with the first [`next`](Client::next).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its timers.
    pub fn new(http: reqwest::Client, request: Request, source: EventSource) -> Client {
        let connection = Connection::after(Duration::ZERO);
        Client { http, request, source, lines: Lines::new(), connection, clock: Instant::now() }
    }

    /// The next event, comment or error, over as many connections as it takes; `None` once the client is
    /// [closed](Client::close_reason).
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// Each error once. A body that the server has ended properly is no error.
    pub async fn next(&mut self) -> Option<Result<Item, Error>> {
        loop {
            match &mut self.connection {
                Connection::Waiting(wait) => {
                    wait.await;
                    self.connection = Connection::Requested(Box::pin(self.request().send()));
                }
                Connection::Requested(response) => match response.await {
                    Ok(response) => {
                        if let Err(rejection) = self.open(response) {
                            return Some(Err(rejection.into()));
                        }
                    }
                    Err(error) => {
                        self.disconnected();
                        return Some(Err(error.into()));
                    }
                },
                // The end event came: there is nothing to wait for.
                Connection::Open(_) if self.source.close_reason().is_some() => self.disconnected(),
                Connection::Open(response) => {
                    if let Some(item) = self.lines.next(&mut self.source) {
                        return Some(item.map_err(Error::from));
                    }
                    match response.chunk().await {
                        Ok(Some(chunk)) => self.lines.feed(chunk),
                        Ok(None) => self.disconnected(),
                        Err(error) => {
                            self.disconnected();
                            return Some(Err(error.into()));
                        }
                    }
                }
                Connection::Closed => return None,
            }
        }
    }

    /// Drops this connection, as if it were lost, and connects again at once, unless the `EventSource` is closed by that.
    pub fn restart(&mut self) {
        if !matches!(self.connection, Connection::Waiting(_)) {
            self.disconnected();
        }
        if !matches!(self.connection, Connection::Closed) {
            self.connection = Connection::after(Duration::ZERO);
        }
    }

    /// Why the client is closed; `None` if it is not.
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.source.close_reason()
    }

    fn request(&self) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        for (name, value) in self.source.request_headers() {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.extend(self.request.headers.clone());
        let request = self.http.request(self.request.method.clone(), self.request.url.clone()).headers(headers);
        match &self.request.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }

    fn open(&mut self, response: Response) -> Result<(), Rejection> {
        let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let opened = self.source.response(response.status().as_u16(), content_type, self.clock.elapsed());
        if opened.is_ok() {
            self.lines = Lines::new();
            self.connection = Connection::Open(response);
        } else {
            self.disconnected();
        }
        opened.map(drop)
    }

    fn disconnected(&mut self) {
        self.connection = match self.source.disconnected(self.clock.elapsed()) {
            Ok(next) => Connection::after(next.wait(fastrand::u32(..))),
            Err(_) => Connection::Closed,
        };
    }
}

impl Connection {
    fn after(wait: Duration) -> Connection {
        Connection::Waiting(Box::pin(sleep(wait)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// A client of a server that sends one event named `x` with data `1` on each connection and keeps it open.
    async fn connect(source: EventSource) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let mut connections = Vec::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0);
                let response = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: x\ndata: 1\n\n";
                connection.write_all(response).await.unwrap();
                connections.push(connection);
            }
        });
        let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: None };
        Client::new(http().no_proxy().build().unwrap(), request, source)
    }

    async fn data(client: &mut Client) -> Option<String> {
        let next = timeout(Duration::from_secs(10), client.next()).await.expect("an event, or the end");
        match next?.unwrap() {
            Item::Event(event) => Some(event.data().to_owned()),
            Item::Comment(_) => panic!("there is none"),
        }
    }

    #[tokio::test]
    async fn an_end_event_is_the_last() {
        let mut client = connect(EventSource::new().with_end_name("x")).await;
        assert_eq!(data(&mut client).await.unwrap(), "1");
        assert_eq!(data(&mut client).await, None);
        assert_eq!(data(&mut client).await, None);
        assert_eq!(client.close_reason(), Some(&CloseReason::EndEvent));
    }

    #[tokio::test]
    async fn restart_repeats_a_request_only_if_it_may_be_repeated() {
        let mut client = connect(EventSource::new()).await;
        assert_eq!(data(&mut client).await.unwrap(), "1");
        client.restart();
        assert_eq!(data(&mut client).await.unwrap(), "1");

        let mut client = connect(EventSource::new().with_repeat(sse_wire::client::Repeat::Never)).await;
        // The request was not sent yet.
        client.restart();
        assert_eq!(data(&mut client).await.unwrap(), "1");
        client.restart();
        assert_eq!(data(&mut client).await, None);
        assert_eq!(client.close_reason(), Some(&CloseReason::UnrepeatableRequest));
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_loses_nothing() {
        let mut client = connect(EventSource::new().with_repeat(sse_wire::client::Repeat::Never)).await;
        let mut seen = 0;
        // Each future is dropped the first time that it has to wait.
        for _ in 0..1000 {
            tokio::select! {
                biased;
                _ = data(&mut client) => seen += 1,
                () = tokio::task::yield_now() => {}
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        assert_eq!(seen, 1);
        assert_eq!(client.close_reason(), None);
    }
}
