//! A client for event streams: reqwest carries the bytes, tokio waits, and an [`EventSource`] decides.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use sse_wire::Item;
use sse_wire::client::{Closed, EventSource, ReceiveError, Rejection};
use tokio::time::{Instant, Sleep, sleep};

/// The way to reqwest's client: it follows ten redirects, and none that leads back, as an empty `Location` does.
///
/// A redirect that is not followed is the response, which the [`EventSource`] rejects.
pub fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(redirect::Policy::custom(|attempt| {
        let been = attempt.previous();
        if been.len() > 10 || been.contains(attempt.url()) { attempt.stop() } else { attempt.follow() }
    }))
}

/// What is sent for every connection, the body included: whoever gives a method and a body asks for that.
///
/// (A request that must not be repeated has an `EventSource` that is `not_repeatable`.)
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Added to those of the [`EventSource`], and in place of the ones with the same names.
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
}

/// One event stream over all of its connections.
pub struct Client {
    http: reqwest::Client,
    request: Request,
    source: EventSource,
    connection: Connection,
}

/// How far the connection of this moment is.
enum Connection {
    /// A request is sent when this is over.
    Waiting(Pin<Box<Sleep>>),
    Requested(Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>),
    Open {
        response: Response,
        /// What came, as far as it was not yet parsed.
        chunk: Bytes,
        since: Instant,
    },
    Over,
}

/// What went wrong. Unless [`Client::closed`] says otherwise, [`Client::next`] goes on after it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, a connection that broke, or a read that took too long.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// The response is not an event stream.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// An event is too large.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}

impl Client {
    /// Connects with the first [`next`](Client::next).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its timers.
    pub fn new(http: reqwest::Client, request: Request, source: EventSource) -> Client {
        Client { http, request, source, connection: Connection::after(Duration::ZERO) }
    }

    /// The next event, comment or error, over as many connections as it takes; `None` once it is [over](Client::closed).
    ///
    /// A call that is dropped loses nothing.
    ///
    /// # Errors
    ///
    /// What went wrong, each time. A connection that the server ends as it should is no error.
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
                Connection::Open { response, chunk, .. } => {
                    match self.source.next_item_shared(chunk) {
                        Ok(Some(item)) => return Some(Ok(item)),
                        Ok(None) => {}
                        // The end event came: there is nothing to wait for.
                        Err(ReceiveError::Closed(_)) => {
                            self.disconnected();
                            continue;
                        }
                        Err(error) => return Some(Err(error.into())),
                    }
                    match response.chunk().await {
                        Ok(Some(read)) => *chunk = read,
                        Ok(None) => self.disconnected(),
                        Err(error) => {
                            self.disconnected();
                            return Some(Err(error.into()));
                        }
                    }
                }
                Connection::Over => return None,
            }
        }
    }

    /// Gives up this connection, as if it were lost, and connects again at once, if the `EventSource` connects again at
    /// all.
    pub fn restart(&mut self) {
        if !matches!(self.connection, Connection::Waiting(_)) {
            self.disconnected();
        }
        if !matches!(self.connection, Connection::Over) {
            self.connection = Connection::after(Duration::ZERO);
        }
    }

    /// Why it is over, if it is.
    pub fn closed(&self) -> Option<&Closed> {
        self.source.closed()
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
        let opened = self.source.response(response.status().as_u16(), content_type);
        match opened {
            Ok(()) => self.connection = Connection::Open { response, chunk: Bytes::new(), since: Instant::now() },
            Err(_) => self.disconnected(),
        }
        opened
    }

    fn disconnected(&mut self) {
        let open_for = match &self.connection {
            Connection::Open { since, .. } => since.elapsed(),
            _ => Duration::ZERO,
        };
        self.connection = match self.source.disconnected(open_for, fastrand::u32(..)) {
            Ok(wait) => Connection::after(wait),
            Err(_) => Connection::Over,
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
    use sse_wire::client::EventSourceBuilder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// A client of a server that sends one event named `x` with data `1` to everyone and keeps the connection.
    async fn connect(source: EventSourceBuilder) -> Client {
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
        Client::new(http().no_proxy().build().unwrap(), request, source.build())
    }

    async fn data(client: &mut Client) -> Option<String> {
        let next = timeout(Duration::from_secs(10), client.next()).await.expect("it is soon known what is next");
        match next?.unwrap() {
            Item::Event(event) => Some(event.data().to_owned()),
            Item::Comment(_) => panic!("there is none"),
        }
    }

    #[tokio::test]
    async fn an_end_event_is_the_last() {
        let mut client = connect(EventSource::builder().end_name("x")).await;
        assert_eq!(data(&mut client).await.unwrap(), "1");
        assert_eq!(data(&mut client).await, None);
        assert_eq!(data(&mut client).await, None);
        assert_eq!(client.closed(), Some(&Closed::EndEvent));
    }

    #[tokio::test]
    async fn restart_repeats_a_request_only_if_it_may_be_repeated() {
        let mut client = connect(EventSource::builder()).await;
        assert_eq!(data(&mut client).await.unwrap(), "1");
        client.restart();
        assert_eq!(data(&mut client).await.unwrap(), "1");

        let mut client = connect(EventSource::builder().not_repeatable()).await;
        // It is not sent yet.
        client.restart();
        assert_eq!(data(&mut client).await.unwrap(), "1");
        client.restart();
        assert_eq!(data(&mut client).await, None);
        assert_eq!(client.closed(), Some(&Closed::NotRepeatable));
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_loses_nothing() {
        let mut client = connect(EventSource::builder().not_repeatable()).await;
        let mut seen = 0;
        // Each of these is given up the first time that it has to wait.
        for _ in 0..1000 {
            tokio::select! {
                biased;
                _ = data(&mut client) => seen += 1,
                () = tokio::task::yield_now() => {}
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        assert_eq!(seen, 1);
        assert_eq!(client.closed(), None);
    }
}
