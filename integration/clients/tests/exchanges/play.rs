//! Plays a script to a client, and writes down what the client sends and what it yields.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest_eventsource::retry::ExponentialBackoff;
use sse_wire_client::{Event, EventSource, Reconnect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::script::{Answer, Exchange, Shown, Then};

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Client {
    Ours,
    Theirs,
}

pub const OURS: Client = Client::Ours;
pub const THEIRS: Client = Client::Theirs;

/// What the client did when the server followed the script.
pub async fn play(exchange: Exchange, client: Client) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let log = Log::default();
    let (shown, is_hurried) = (exchange.shown, exchange.shown != Shown::Waits);
    let mut server = tokio::spawn(serve(listener, exchange.answers, shown, log.clone()));
    let client = match client {
        Client::Ours => tokio::spawn(ours(url, is_hurried, log.clone())),
        Client::Theirs => tokio::spawn(theirs(url, is_hurried, log.clone())),
    };
    // Longer than any wait of the scripts.
    let most = Duration::from_secs(if is_hurried { 2 } else { 5 });
    let until = Instant::now() + most;
    while Instant::now() < until && !client.is_finished() && !server.is_finished() {
        sleep(Duration::from_millis(5)).await;
    }
    if client.is_finished() {
        // Nor does it send another request.
        let _ = timeout(Duration::from_millis(500), &mut server).await;
        if client.await.is_err_and(|error| error.is_panic()) {
            log.add("panic");
        }
    } else {
        client.abort();
    }
    server.abort();
    std::mem::take(&mut *log.0.lock().unwrap())
}

/// Ends after the request that follows the last answer, if there is one. Returns the connections that stay open.
async fn serve(listener: TcpListener, answers: Vec<Answer>, shown: Shown, log: Log) -> Vec<TcpStream> {
    let mut kept = Vec::new();
    let mut lost_at = None;
    for answer in answers.into_iter().map(Some).chain([None]) {
        let (mut socket, _) = listener.accept().await.unwrap();
        let waited: Option<Duration> = lost_at.map(|at: Instant| at.elapsed());
        log.add(request(&read(&mut socket).await, shown, waited));
        let Some(answer) = answer else {
            kept.push(socket);
            break;
        };
        socket.write_all(format!("HTTP/1.1 {}\r\nconnection: close\r\n\r\n", answer.head).as_bytes()).await.unwrap();
        socket.write_all(&answer.body).await.unwrap();
        // So that the client reads all of it before.
        sleep(Duration::from_millis(50)).await;
        match answer.then {
            Then::Ends => drop(socket),
            Then::Resets => socket.set_zero_linger().unwrap(),
            Then::Stays => kept.push(socket),
        }
        lost_at = Some(Instant::now());
    }
    kept
}

/// The head of a request.
async fn read(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// What is shown of a request.
fn request(head: &str, shown: Shown, waited: Option<Duration>) -> String {
    let mut headers: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    headers.sort_unstable();
    let entry = match headers.iter().find(|header| header.0 == "last-event-id") {
        None => "request".to_owned(),
        Some((_, "")) => "request with an empty id".to_owned(),
        Some((_, id)) => format!("request with id `{id}`"),
    };
    match (shown, waited) {
        (Shown::Headers, _) => {
            headers.retain(|header| header.0 != "host");
            let headers: Vec<_> = headers.iter().map(|(name, value)| format!("`{name}: {value}`")).collect();
            entry + " with " + &headers.join(" and ")
        }
        (Shown::Waits, Some(waited)) => {
            let waited = WAITS.iter().rfind(|&&wait| Duration::from_secs_f32(wait) <= waited);
            format!("{entry} after {} s", waited.unwrap_or(&0.0))
        }
        _ => entry,
    }
}

/// The waits that are told apart, in seconds: so far apart that a slow computer changes nothing.
const WAITS: [f32; 5] = [0.3, 0.5, 1.0, 2.0, 3.0];

/// The first wait, where it is not the default.
const HURRIED: Duration = Duration::from_millis(100);

async fn ours(url: String, is_hurried: bool, log: Log) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut source = EventSource::new(client.get(url)).unwrap();
    if is_hurried {
        source = source.with_reconnect(Reconnect::new().with_time(HURRIED).with_floor(HURRIED));
    }
    while let Some(item) = source.next().await {
        match item {
            Ok(Event::Open) => log.add("open"),
            Ok(Event::Message(event)) => {
                log.add(message(event.name(), event.data(), event.last_event_id()));
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => log.add(if error.is_final() { "closed" } else { "lost" }),
        }
    }
}

async fn theirs(url: String, is_hurried: bool, log: Log) {
    let client = reqwest_0_12::Client::builder().no_proxy().build().unwrap();
    let mut source = reqwest_eventsource::EventSource::new(client.get(url)).unwrap();
    if is_hurried {
        let default = reqwest_eventsource::retry::DEFAULT_RETRY;
        source.set_retry_policy(Box::new(ExponentialBackoff { start: HURRIED, ..default }));
    }
    while let Some(item) = source.next().await {
        match item {
            Ok(reqwest_eventsource::Event::Open) => log.add("open"),
            Ok(reqwest_eventsource::Event::Message(event)) => log.add(message(&event.event, &event.data, &event.id)),
            Err(_) => {
                let is_closed = source.ready_state() == reqwest_eventsource::ReadyState::Closed;
                log.add(if is_closed { "closed" } else { "lost" });
            }
        }
    }
}

fn message(name: &str, data: &str, id: &str) -> String {
    let name = if name == "message" { String::new() } else { format!(" {name}") };
    let id = if id.is_empty() { String::new() } else { format!(" (id `{id}`)") };
    format!("event{name} `{}`{id}", data.replace('\n', "\\n"))
}
