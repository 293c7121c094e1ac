//! A service for contract test suites of SSE clients: it opens event streams on request, and reports their events. See
//! `README.md`.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use reqwest::redirect;
use serde::Deserialize;
use serde_json::{Value, json};
use sse_wire_client::{ErrorKind, Event, EventSource, Parser, Reconnect, Repeat};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

/// The optional tests that the service supports, by the names of the public suite.
const CAPABILITIES: [&str; 14] = [
    "204",
    "bom",
    "comments",
    "cr-only",
    "empty-or-missing-location",
    "event-type-listeners",
    "headers",
    "last-event-id",
    "payload-size-stress-testable",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown-request",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port()?)).await?;
    println!("http://{}", listener.local_addr()?);
    let service = Arc::new(Service::default());
    let routes = Router::new()
        .route("/", get(status).post(create).delete(quit))
        .route("/streams/{number}", post(command).delete(stop))
        .with_state(Arc::clone(&service));
    let shutdown = async move {
        tokio::select! {
            () = service.quit.notified() => {}
            // Without a handler for it, Ctrl-C ends the process anyway.
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, routes).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

/// `--port N`. With 0, the default, the operating system chooses.
fn port() -> Result<u16, lexopt::Error> {
    use lexopt::prelude::{Long, ValueExt};
    let mut port = 0;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => port = arguments.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(port)
}

#[derive(Default)]
struct Service {
    streams: Mutex<HashMap<u64, Stream>>,
    last_number: AtomicU64,
    quit: Notify,
}

/// A client that runs, and how it is told what to do.
struct Stream {
    task: JoinHandle<()>,
    commands: Arc<Commands>,
}

#[derive(Default)]
struct Commands {
    restart: Notify,
    /// The names of events that are reported besides `message`.
    names: std::sync::Mutex<HashSet<String>>,
}

impl Commands {
    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a request for a new stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    stream_url: String,
    callback_url: String,
    tag: Option<String>,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    headers: Option<HashMap<String, String>>,
    method: Option<String>,
    body: Option<String>,
}

/// The body of a request to a stream.
#[derive(Deserialize)]
struct Command {
    command: String,
    listen: Option<Listen>,
}

#[derive(Deserialize)]
struct Listen {
    r#type: String,
}

async fn status() -> impl IntoResponse {
    let status = json!({ "name": "sse-wire", "capabilities": CAPABILITIES });
    ([(CONTENT_TYPE, "application/json")], status.to_string())
}

async fn quit(State(service): State<Arc<Service>>) -> StatusCode {
    service.quit.notify_one();
    StatusCode::NO_CONTENT
}

async fn create(State(service): State<Arc<Service>>, body: Bytes) -> Result<impl IntoResponse, (StatusCode, String)> {
    let parameters: Parameters = serde_json::from_slice(&body).map_err(bad_request)?;
    let callbacks = Callbacks::new(&parameters).map_err(bad_request)?;
    let source = source(parameters).map_err(bad_request)?;
    let commands = Arc::<Commands>::default();
    let task = tokio::spawn(report(source, callbacks, Arc::clone(&commands)));
    let number = service.last_number.fetch_add(1, Ordering::Relaxed) + 1;
    service.streams.lock().await.insert(number, Stream { task, commands });
    Ok((StatusCode::CREATED, [(LOCATION, format!("/streams/{number}"))]))
}

async fn command(
    State(service): State<Arc<Service>>,
    Path(number): Path<u64>,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    let command: Command = serde_json::from_slice(&body).map_err(bad_request)?;
    let streams = service.streams.lock().await;
    let Some(stream) = streams.get(&number) else { return Ok(StatusCode::NOT_FOUND) };
    match (command.command.as_str(), command.listen) {
        ("restart", _) => stream.commands.restart.notify_one(),
        ("listen", Some(listen)) => drop(stream.commands.names().insert(listen.r#type)),
        (command, _) => return Err(bad_request(format!("unknown command {command:?}, or nothing to listen to"))),
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn stop(State(service): State<Arc<Service>>, Path(number): Path<u64>) -> StatusCode {
    let Some(stream) = service.streams.lock().await.remove(&number) else { return StatusCode::NOT_FOUND };
    stream.task.abort();
    // The only error is that it was cancelled, which was the request.
    let _ = stream.task.await;
    StatusCode::NO_CONTENT
}

fn bad_request(error: impl Display) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}

/// The requested client, not yet connected.
fn source(parameters: Parameters) -> Result<EventSource, Box<dyn Error>> {
    // It follows ten redirects, and none that leads back, as an empty `Location` does.
    let redirects = redirect::Policy::custom(|attempt| {
        let been = attempt.previous();
        if been.len() > 10 || been.contains(attempt.url()) { attempt.stop() } else { attempt.follow() }
    });
    let client = reqwest::Client::builder().no_proxy().redirect(redirects).build()?;
    let method = parameters.method.map_or(Ok(Method::GET), |method| method.parse())?;
    let headers = HeaderMap::try_from(&parameters.headers.unwrap_or_default())?;
    let mut request = client.request(method, parameters.stream_url).headers(headers);
    if let Some(body) = parameters.body {
        request = request.body(body);
    }
    // The suite asks for waits of a few milliseconds.
    let mut reconnect = Reconnect::new().with_floor(Duration::from_millis(100));
    if let Some(milliseconds) = parameters.initial_delay_ms {
        reconnect = reconnect.with_time(Duration::from_millis(milliseconds));
    }
    let parser = Parser::new().with_last_event_id(parameters.last_event_id.unwrap_or_default());
    // The suite wants a POST to be repeated.
    let mut source = EventSource::new(request)?.with_repeat(Repeat::Always).with_reconnect(reconnect);
    source = source.with_parser(parser).with_comments();
    if let Some(milliseconds) = parameters.read_timeout_ms {
        source = source.with_idle_timeout(Duration::from_millis(milliseconds));
    }
    Ok(source)
}

/// Reports everything until the client is closed.
async fn report(mut source: EventSource, mut callbacks: Callbacks, commands: Arc<Commands>) {
    loop {
        let next = tokio::select! {
            next = source.next() => next,
            () = commands.restart.notified() => {
                source.reconnect();
                continue;
            }
        };
        let message = match next {
            Some(Ok(Event::Message(event))) => {
                if event.name() != "message" && !commands.names().contains(event.name()) {
                    continue;
                }
                json!({
                    "kind": "event",
                    "event": { "type": event.name(), "data": event.data(), "id": event.last_event_id() },
                })
            }
            Some(Ok(Event::Comment(text))) => json!({ "kind": "comment", "comment": text }),
            Some(Ok(_)) => continue,
            // The suite takes this for no error.
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Ended) => continue,
            Some(Err(error)) => {
                let text = error.to_string();
                // The suite's documents say `comment`, its code reads `error`.
                json!({ "kind": "error", "error": text, "comment": text })
            }
            None => {
                if let Some(reason) = source.close_reason() {
                    eprintln!("{}: {reason}", callbacks.tag);
                }
                return;
            }
        };
        if let Err(error) = callbacks.send(&message).await {
            eprintln!("{}: a callback failed: {}", callbacks.tag, with_causes(&error));
            return;
        }
    }
}

/// Where messages are sent, and how many were.
struct Callbacks {
    http: reqwest::Client,
    url: String,
    sent: u64,
    tag: String,
}

impl Callbacks {
    fn new(parameters: &Parameters) -> Result<Callbacks, Box<dyn Error>> {
        let url = parameters.callback_url.parse::<reqwest::Url>()?.to_string();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Callbacks { http, url, sent: 0, tag: parameters.tag.clone().unwrap_or_default() })
    }

    /// The number of the message is part of the URL, so that the receiver can tell the order.
    async fn send(&mut self, message: &Value) -> reqwest::Result<()> {
        self.sent += 1;
        let url = format!("{}/{}", self.url.trim_end_matches('/'), self.sent);
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(message.to_string());
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

/// The error and its causes: an error of reqwest does not show its cause.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
