//! The demos over real sockets, without a browser.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use demos::watch::{Action, Actions, MAX_TRIES, Subscriber};
use demos::{Settings, serve};
use futures_util::{Stream, StreamExt};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sse_wire::OwnedEvent;
use sse_wire::stream::{EventStream, StreamError, TransportExt};
use sse_wire_client::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ALICE: &str = "demo-alice";

/// The demos, whose second is short.
struct Demos {
    address: SocketAddr,
    client: Client,
    shutdown: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Demos {
    async fn start() -> Result<Demos> {
        Demos::with(Duration::from_millis(40), None).await
    }

    async fn relaying(upstream: String) -> Result<Demos> {
        Demos::with(Duration::from_millis(40), Some(upstream)).await
    }

    async fn with(beat: Duration, upstream: Option<String>) -> Result<Demos> {
        Demos::set(Settings { beat, upstream, key: Some("key".into()), ..Settings::default() }).await
    }

    async fn set(settings: Settings) -> Result<Demos> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, settings, shutdown.clone()));
        Ok(Demos { address, client: Client::new(), shutdown, served })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    fn report(&self, token: &str) -> RequestBuilder {
        self.get("/rooms/blue/report").bearer_auth(token)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).json(body)
    }

    async fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.get(path).send().await?.error_for_status()?.text().await?)?)
    }

    /// The body of the relay's refusal for this model, which must have this status.
    async fn refused(&self, model: &str, status: u16) -> Result<Value> {
        let response = self.post("/relay/ask", &json!({ "message": "Hi", "model": model })).send().await?;
        assert_eq!(response.status(), status, "{model}");
        Ok(serde_json::from_str(&response.text().await?)?)
    }

    /// What the relay sends for this model: its text, and the name and the data of the last event.
    async fn relayed(&self, model: &str) -> Result<(String, String, Value)> {
        let question = json!({ "message": "Hi", "model": model });
        let mut events = all(open(self.post("/relay/ask", &question)).await?).await?;
        let last = events.pop().ok_or("no event")?;
        assert!(events.iter().all(|event| event.name() == "message"));
        let data = if last.data().is_empty() { Value::Null } else { last.parse_json()? };
        Ok((events.iter().map(OwnedEvent::data).collect(), last.name().into(), data))
    }
}

/// The events that answer a request.
async fn open(
    request: RequestBuilder,
) -> Result<EventStream<impl Stream<Item = reqwest::Result<Bytes>> + Unpin + use<>>> {
    let response = request.send().await?.error_for_status()?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    Ok(Box::pin(response.bytes_stream()).events())
}

/// All events, up to a clean end, which must come.
async fn all<S: Stream<Item = reqwest::Result<Bytes>> + Unpin>(mut events: EventStream<S>) -> Result<Vec<OwnedEvent>> {
    let mut received = Vec::new();
    let ended = timeout(Duration::from_secs(10), async {
        while let Some(event) = events.next().await {
            received.push(event?);
        }
        Ok(received)
    });
    ended.await?
}

/// The next event, which must come.
async fn next<S: Stream<Item = reqwest::Result<Bytes>> + Unpin>(events: &mut EventStream<S>) -> Result<OwnedEvent> {
    Ok(timeout(Duration::from_secs(10), events.next()).await?.ok_or("the stream has ended")??)
}

fn ids(events: &[OwnedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.id().unwrap_or("none")).collect()
}

#[tokio::test]
async fn the_index_leads_to_a_page_for_each_application() -> Result {
    let demos = Demos::start().await?;
    let index = demos.get("/").send().await?.text().await?;
    for page in ["/report", "/numbers", "/clock", "/chat", "/relay", "/feed"] {
        assert!(index.contains(&format!("href=\"{page}\"")), "{page}");
        let text = demos.get(page).send().await?.error_for_status()?.text().await?;
        assert!(text.contains("id=\"status\"") && text.contains("id=\"events\""), "{page}");
        assert!(!text.contains("https://"), "{page} needs a network");
    }
    Ok(())
}

#[tokio::test]
async fn a_report_needs_a_known_token() -> Result {
    let demos = Demos::start().await?;
    for path in ["/rooms/blue/report", "/rooms/blue/report.csv"] {
        for request in [demos.get(path), demos.get(path).bearer_auth("wrong"), demos.get(path).bearer_auth("")] {
            let response = request.send().await?;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert!(response.headers()["www-authenticate"].to_str()?.starts_with("Bearer"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_report_counts_its_messages_from_1_and_ends_with_the_end_event() -> Result {
    let demos = Demos::start().await?;
    let events = all(open(demos.report(ALICE)).await?).await?;
    assert_eq!(ids(&events), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
    let (end, messages) = events.split_last().ok_or("no event")?;
    assert_eq!((end.name(), end.data()), ("EXCEL_STATUS_END", ""));
    assert!(messages.iter().all(|event| event.name() == "EXCEL_STATUS"));
    assert_eq!(messages[9].parse_json::<Value>()?, json!({ "stage": "spreadsheet", "done": 6, "of": 6 }));

    let csv = demos.get("/rooms/blue/report.csv").bearer_auth(ALICE).send().await?.error_for_status()?;
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    let csv = csv.text().await?;
    assert!(csv.starts_with("room,row,value\nblue,1,") && csv.contains("\nblue,total,"), "{csv}");
    let other = demos.get("/rooms/blue/report.csv").bearer_auth("demo-bob").send().await?;
    assert_eq!(other.status(), StatusCode::NOT_FOUND, "it belongs to another user");
    Ok(())
}

#[tokio::test]
async fn a_room_whose_name_leads_elsewhere_is_not_found() -> Result {
    let demos = Demos::start().await?;
    let response = demos.get("/rooms/..%2F..%2Fblue/report").bearer_auth(ALICE).send().await?;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_new_subscription_replaces_that_of_the_same_user_and_no_other() -> Result {
    let demos = Demos::with(Duration::from_millis(400), None).await?;
    let mut first = open(demos.report(ALICE)).await?;
    let other = open(demos.report("demo-bob")).await?;
    assert_eq!(next(&mut first).await?.id(), Some("1"));
    let second = open(demos.report(ALICE)).await?;

    let rest = all(first).await?;
    let end = rest.last().ok_or("the first received no end event")?;
    assert_eq!((end.name(), end.data(), end.id()), ("EXCEL_STATUS_END", "", None));
    assert!(rest.len() < 10, "the first continued");
    assert_eq!(all(second).await?.len(), 11);
    assert_eq!(all(other).await?.len(), 11);
    Ok(())
}

#[tokio::test]
async fn a_client_that_reconnects_gets_what_it_missed_of_the_report() -> Result {
    let demos = Demos::start().await?;
    let mut first = open(demos.report(ALICE)).await?;
    next(&mut first).await?;
    assert_eq!(next(&mut first).await?.id(), Some("2"));
    drop(first);
    let rest = all(open(demos.report(ALICE).header("last-event-id", "2")).await?).await?;
    assert_eq!(ids(&rest), ["3", "4", "5", "6", "7", "8", "9", "10", "11"]);
    // It has ended, and is still replayed.
    let rest = all(open(demos.report(ALICE).header("last-event-id", "10")).await?).await?;
    assert_eq!(ids(&rest), ["11"]);
    assert!(all(open(demos.report(ALICE).header("last-event-id", "11")).await?).await?.is_empty());
    // A new client gets a new report.
    assert_eq!(all(open(demos.report(ALICE)).await?).await?.len(), 11);
    Ok(())
}

/// Actions that record the ids and the names of the events.
fn noted(notes: &Arc<Mutex<Vec<String>>>) -> Actions {
    let note = || -> Action {
        let notes = Arc::clone(notes);
        Box::new(move |event| notes.lock().unwrap().push(format!("{} {}", event.last_event_id(), event.name())))
    };
    HashMap::from([("EXCEL_STATUS", note()), ("EXCEL_STATUS_END", note())])
}

#[tokio::test]
async fn the_client_follows_a_report_to_its_end() -> Result {
    let demos = Demos::start().await?;
    let notes = Arc::default();
    let mut subscriber = Subscriber::new();
    subscriber.subscribe(&demos.url("/rooms/blue/report"), ALICE, noted(&notes))?;
    assert_eq!(subscriber.closed().await, Some(CloseReason::EndEvent));
    let notes = notes.lock().unwrap();
    assert_eq!((notes.len(), notes[0].as_str(), notes[10].as_str()), (11, "1 EXCEL_STATUS", "11 EXCEL_STATUS_END"));
    Ok(())
}

#[tokio::test]
async fn a_new_subscription_of_the_client_closes_the_one_before() -> Result {
    let demos = Demos::with(Duration::from_millis(400), None).await?;
    let (first, second) = (Arc::default(), Arc::default());
    let mut subscriber = Subscriber::new();
    subscriber.subscribe(&demos.url("/rooms/blue/report"), ALICE, noted(&first))?;
    while first.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    subscriber.subscribe(&demos.url("/rooms/green/report"), ALICE, noted(&second))?;
    assert_eq!(subscriber.closed().await, Some(CloseReason::EndEvent));
    assert_eq!(second.lock().unwrap().len(), 11);
    assert!(first.lock().unwrap().len() < 10, "the first continued");
    assert_eq!(subscriber.closed().await, None);
    Ok(())
}

#[tokio::test]
async fn the_client_does_not_reconnect_with_a_wrong_token() -> Result {
    let demos = Demos::start().await?;
    let mut subscriber = Subscriber::new();
    subscriber.subscribe(&demos.url("/rooms/blue/report"), "wrong", Actions::new())?;
    let closed = subscriber.closed().await.ok_or("not closed")?;
    assert_eq!(closed.to_string(), "status 401 instead of 200");
    Ok(())
}

// The time is simulated.
#[tokio::test(start_paused = true)]
async fn the_client_gives_up_after_five_tries() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move {
        let mut connections = 0;
        while let Ok(Ok(connection)) = timeout(Duration::from_secs(90), listener.accept()).await {
            drop(connection);
            connections += 1;
        }
        connections
    });
    let mut subscriber = Subscriber::new();
    subscriber.subscribe(&url, ALICE, Actions::new())?;
    assert_eq!(subscriber.closed().await, Some(CloseReason::OutOfTries { tries: MAX_TRIES }));
    assert_eq!(server.await?, 1 + MAX_TRIES, "the first, and the tries to connect again");
    Ok(())
}

#[tokio::test]
async fn numbers_have_the_time_as_their_id_and_a_status_beside_them() -> Result {
    let demos = Demos::start().await?;
    let mut events = open(demos.get("/numbers/events")).await?;
    let mut last = 0;
    for place in 0..12 {
        let event = next(&mut events).await?;
        if place % 6 == 0 {
            assert_eq!((event.name(), event.id()), ("status", None));
            continue;
        }
        let data: Value = event.parse_json()?;
        assert_eq!(event.id(), Some(data["id"].to_string().as_str()));
        assert!(data["number"].is_u64());
        let id = data["id"].as_u64().ok_or("no number")?;
        assert!(id > last);
        last = id;
    }
    Ok(())
}

#[tokio::test]
async fn the_clock_counts_its_subscribers_up_and_down() -> Result {
    let demos = Demos::start().await?;
    let mut stays = open(demos.get("/clock/events")).await?;
    let mut counts = Vec::new();
    let mut goes = None;
    for _ in 0..1000 {
        let event = next(&mut stays).await?;
        match event.name() {
            "message" => assert!(event.parse_json::<Value>()?["timestamp"].is_u64()),
            "subscribers" if counts.last().map(String::as_str) != Some(event.data()) => {
                counts.push(event.data().to_owned());
                // Connects at "1", is counted at "2", and disconnects.
                goes = if counts.len() == 1 { Some(open(demos.get("/clock/events")).await?) } else { None };
            }
            "subscribers" if counts.len() == 3 => break,
            "subscribers" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(counts, ["1", "2", "1"]);
    assert!(goes.is_none());
    Ok(())
}

#[tokio::test]
async fn a_chat_answers_with_any_text() -> Result {
    let demos = Demos::start().await?;
    let question = "Zeile 1\nZeile 2 👩‍🚀 質問";
    let events = all(open(demos.post("/chat", &json!({ "message": question }))).await?).await?;
    let (done, pieces) = events.split_last().ok_or("no event")?;
    assert_eq!(done.name(), "done");
    let answer: String = pieces.iter().map(OwnedEvent::data).collect();
    assert!(answer.starts_with(&format!("You asked:\n\n  {question}\n\n")), "{answer}");
    assert!(answer.contains("\n- emoji: 👋🏽 👩‍🚀 🎉\n- 中文、日本語、한국어\n") && answer.ends_with("✅\n"), "{answer}");
    assert!(pieces.len() > 20);
    Ok(())
}

#[tokio::test]
async fn an_abort_stops_the_answer_at_once() -> Result {
    let demos = Demos::start().await?;
    let mut events = open(demos.post("/chat", &json!({ "message": "x".repeat(100_000) }))).await?;
    next(&mut events).await?;
    assert_eq!(demos.json("/chat/running").await?["running"], 1);
    drop(events);
    while demos.json("/chat/running").await?["running"] != 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let pieces = demos.json("/chat/running").await?["pieces"].clone();
    assert!(pieces.as_u64().ok_or("no number")? < 10_000, "{pieces}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(demos.json("/chat/running").await?["pieces"], pieces, "it continued");
    Ok(())
}

#[tokio::test]
async fn the_relay_passes_on_the_text_of_the_first_choice() -> Result {
    let demos = Demos::start().await?;
    let (text, last, _) = demos.relayed("demo").await?;
    assert_eq!(text, "You asked: Hi\n\nA stream tells you at once; ポーリングは待つ。 🚀\nThe end.");
    assert_eq!(last, "done");
    Ok(())
}

#[tokio::test]
async fn no_failure_of_the_upstream_is_silent() -> Result {
    let demos = Demos::start().await?;
    for (model, status) in [("demo-unauthorized", 401), ("demo-overloaded", 503)] {
        let problem = demos.refused(model, status).await?;
        assert_eq!((&problem["kind"], &problem["status"]), (&json!("status"), &json!(status)), "{model}");
    }
    for (model, kind) in [("demo-broken", "broken"), ("demo-malformed", "malformed")] {
        let (relayed, last, problem) = demos.relayed(model).await?;
        assert_eq!((relayed.as_str(), last.as_str()), ("You asked: Hi\n\nA ", "error"), "{model}");
        assert_eq!((&problem["kind"], &problem["status"]), (&json!(kind), &Value::Null), "{model}");
        assert!(!problem["message"].as_str().ok_or("no message")?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_is_unreachable_or_no_event_stream_is_a_bad_gateway() -> Result {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let demos = Demos::relaying(format!("http://{closed}")).await?;
    assert_eq!(demos.refused("any", 502).await?["kind"], "unreachable");
    let passed = demos.post("/v1/chat/completions", &json!({})).send().await?;
    assert_eq!(passed.status(), StatusCode::BAD_GATEWAY);

    let upstream = Upstream::start("hello").await?;
    let demos = Demos::relaying(format!("{}/", upstream.url)).await?;
    assert_eq!(demos.refused("any", 502).await?["kind"], "content type");
    Ok(())
}

#[tokio::test]
async fn the_relay_delays_nothing_and_sends_the_key() -> Result {
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::result::Result<Bytes, std::io::Error>>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let upstream = axum::Router::new().fallback(async move |headers: axum::http::HeaderMap| {
        assert_eq!(headers["authorization"], "Bearer key");
        let receiver = receiver.lock().unwrap().take().unwrap();
        let body = axum::body::Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
        ([("content-type", "text/event-stream")], body)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let demos = Demos::relaying(format!("http://{}", listener.local_addr()?)).await?;
    let server = tokio::spawn(async { axum::serve(listener, upstream).await });

    let mut events = open(demos.post("/relay/ask", &json!({ "message": "Hi" }))).await?;
    for text in ["a", "b"] {
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
        sender.send(Ok(format!("data: {chunk}\n\n").into())).await?;
        // The upstream sends no more before this has arrived.
        assert_eq!(next(&mut events).await?.data(), text);
    }
    drop(events);
    timeout(Duration::from_secs(10), sender.closed()).await?;
    server.abort();
    Ok(())
}

#[tokio::test]
async fn the_pass_through_leaves_everything_as_it_is() -> Result {
    let demos = Demos::start().await?;
    let request = |model| json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": "Hi" }] });
    let direct = demos.post("/upstream/v1/chat/completions", &request("demo")).send().await?.text().await?;
    let passed = demos.post("/v1/chat/completions", &request("demo")).send().await?.text().await?;
    assert!(passed.contains(": keep-alive\n\n") && passed.ends_with("data: [DONE]\n\n"));
    assert_eq!(passed, direct);

    let refused = demos.post("/v1/chat/completions", &request("demo-unauthorized")).send().await?;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await?.contains("Incorrect API key"));

    let events = all(open(demos.post("/v1/chat/completions", &request("demo-broken"))).await?).await?;
    let (last, chunks) = events.split_last().ok_or("no event")?;
    assert_eq!(last.name(), "error");
    // Nothing of the chunk that was cut.
    assert!(chunks.iter().all(|chunk| chunk.name() == "message" && chunk.parse_json::<Value>().is_ok()));
    assert_eq!(chunks.len(), 4, "the role, and three pieces of text");
    assert!(last.parse_json::<Value>()?["error"]["message"].is_string());
    Ok(())
}

/// An upstream that sends the same answer to every request, and counts them.
struct Upstream {
    url: String,
    asked: Arc<AtomicUsize>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Upstream {
    async fn start<A>(answer: A) -> Result<Upstream>
    where
        A: axum::response::IntoResponse + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&asked);
        let router = axum::Router::new().fallback(async move || {
            count.fetch_add(1, Relaxed);
            answer
        });
        let served = tokio::spawn(async { axum::serve(listener, router).await });
        Ok(Upstream { url, asked, served })
    }

    /// It answers with this event stream.
    async fn streaming(body: &'static str) -> Result<Upstream> {
        Upstream::start(([("content-type", "text/event-stream")], body)).await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// Both doors of the relay.
const DOORS: [&str; 2] = ["/relay/ask", "/v1/chat/completions"];

/// A question for both doors.
const QUESTION: &str = r#"{"message":"Hi","model":"any","stream":true,"messages":[]}"#;

impl Demos {
    /// A question without a content type.
    fn ask(&self, door: &str) -> RequestBuilder {
        self.client.post(self.url(door)).body(QUESTION)
    }

    fn ask_json(&self, door: &str) -> RequestBuilder {
        self.ask(door).header("content-type", "application/json")
    }

    /// All events of the pass-through.
    async fn passed(&self) -> Result<Vec<OwnedEvent>> {
        all(open(self.ask_json("/v1/chat/completions")).await?).await
    }
}

#[tokio::test]
async fn no_page_of_another_server_spends_the_key() -> Result {
    let upstream = Upstream::streaming("data: [DONE]\n\n").await?;
    let demos = Demos::relaying(upstream.url.clone()).await?;
    let port = demos.address.port();
    for door in DOORS {
        // What a page may send without asking first.
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""] {
            let response = demos.ask(door).header("content-type", content_type).send().await?;
            assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{door} {content_type}");
        }
        assert_eq!(demos.ask(door).send().await?.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{door}");
        for (header, value) in [
            ("origin", "http://example.org".to_owned()),
            ("origin", "null".to_owned()),
            ("origin", format!("http://127.0.0.1:{}", port ^ 1)),
            ("origin", format!("https://127.0.0.1:{port}")),
            ("origin", format!("http://127.0.0.1:{port}.example.org")),
            ("sec-fetch-site", "cross-site".to_owned()),
            ("sec-fetch-site", "same-site".to_owned()),
            // A name of the attacker that leads to this address.
            ("host", "example.org".to_owned()),
            ("host", format!("example.org:{port}")),
            ("host", "127.0.0.1:1".to_owned()),
        ] {
            let response = demos.ask_json(door).header(header, &value).send().await?;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{door} {header}: {value}");
        }
        assert_eq!(upstream.asked.load(Relaxed), 0, "{door}");
    }
    for door in DOORS {
        for (origin, host) in [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("localhost", "LocalHost")] {
            let request = demos.ask_json(door).header("origin", format!("http://{origin}:{port}"));
            let request = request.header("host", format!("{host}:{port}")).header("sec-fetch-site", "same-origin");
            assert_eq!(request.send().await?.status(), StatusCode::OK, "{door} {origin} {host}");
        }
    }
    assert_eq!(upstream.asked.load(Relaxed), 6);
    Ok(())
}

#[tokio::test]
async fn no_page_of_the_upstream_is_served_as_a_page_of_this_server() -> Result {
    let json = "application/json";
    let text = "text/plain; charset=utf-8";
    for (content_type, passed) in [
        ("text/html", text),
        ("text/html; charset=utf-8, application/json", text),
        ("image/svg+xml", text),
        ("text/javascript", text),
        ("", text),
        ("application/json", json),
        ("application/json; charset=utf-8", json),
        ("Application/Problem+JSON", json),
    ] {
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
            let upstream = Upstream::start((
                axum::http::StatusCode::from_u16(status.as_u16())?,
                [("content-type", content_type)],
                "<script>alert(1)</script>",
            ));
            let upstream = upstream.await?;
            let demos = Demos::relaying(upstream.url.clone()).await?;
            let response = demos.ask_json("/v1/chat/completions").send().await?;
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], passed, "{content_type}");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert_eq!(response.text().await?, "<script>alert(1)</script>");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_upstream_keeps_its_status_and_its_retry_after() -> Result {
    let busy = (
        axum::http::StatusCode::TOO_MANY_REQUESTS,
        [("content-type", "application/json"), ("retry-after", "7")],
        r#"{"error":{"message":"Rate limit reached"}}"#,
    );
    let upstream = Upstream::start(busy).await?;
    let demos = Demos::relaying(upstream.url.clone()).await?;
    for door in DOORS {
        let response = demos.ask_json(door).send().await?;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "{door}");
        assert_eq!(response.headers()["retry-after"], "7", "{door}");
        assert!(response.text().await?.contains("Rate limit reached"), "{door}");
    }
    Ok(())
}

#[tokio::test]
async fn blocks_without_an_event_are_passed_through() -> Result {
    let body = ": hello\n\nretry: 5\n\nid: 7\n\nevent: none\nid: 8\n\nunknown: x\n\ndata: [DONE]\n\n";
    let upstream = Upstream::streaming(body).await?;
    let demos = Demos::relaying(upstream.url.clone()).await?;
    let passed = demos.ask_json("/v1/chat/completions").send().await?.text().await?;
    assert_eq!(passed, body);
    Ok(())
}

#[tokio::test]
async fn an_error_outside_the_data_is_an_error() -> Result {
    for body in [
        "error: {\"message\":\"overloaded\"}\n\ndata: [DONE]\n\n",
        "error: {\"error\":{\"message\":\"overloaded\"}}\n\ndata: [DONE]\n\n",
        "error: overloaded\n\ndata: [DONE]\n\n",
        "event: x\nerror:overloaded\ndata: [DONE]\n\n",
        "{\"error\":{\"message\":\"overloaded\"}}\n\ndata: [DONE]\n\n",
        "{\"error\":{\"message\":\"overloaded\"}}",
        "{\n  \"error\": {\n    \"message\": \"overloaded\"\n  }\n}\n",
    ] {
        let upstream = Upstream::streaming(body).await?;
        let demos = Demos::relaying(upstream.url.clone()).await?;
        let (_, last, problem) = demos.relayed("any").await?;
        assert_eq!((last.as_str(), &problem["kind"]), ("error", &json!("upstream")), "{body}");
        assert_eq!(problem["message"], "overloaded", "{body}");

        let passed = demos.passed().await?;
        let last = passed.last().ok_or("no event")?;
        assert_eq!(last.name(), "error", "{body}");
        assert_eq!(last.parse_json::<Value>()?["error"]["message"], "overloaded", "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn the_blank_line_after_the_end_may_be_missing() -> Result {
    for body in ["data: [DONE]\n", "data: [DONE]", "data:[DONE]\r"] {
        let upstream = Upstream::streaming(body).await?;
        let demos = Demos::relaying(upstream.url.clone()).await?;
        assert_eq!(demos.relayed("any").await?.1, "done", "{body:?}");
        let passed = demos.passed().await?;
        assert_eq!(passed.iter().map(OwnedEvent::data).collect::<Vec<_>>(), ["[DONE]"], "{body:?}");
    }
    // Anything else that was cut is an error.
    let upstream = Upstream::streaming("data: {\"choices\":[]}\n\ndata: {\"choices\":[]}\n").await?;
    let demos = Demos::relaying(upstream.url.clone()).await?;
    let (_, last, problem) = demos.relayed("any").await?;
    assert_eq!((last.as_str(), &problem["kind"]), ("error", &json!("broken")));
    let passed = demos.passed().await?;
    assert_eq!(passed.iter().map(OwnedEvent::name).collect::<Vec<_>>(), ["message", "error"]);
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() -> Result {
    let demos = Demos::start().await?;
    for (size, status) in [(100_000, StatusCode::OK), (300_000, StatusCode::PAYLOAD_TOO_LARGE)] {
        let response = demos.post("/chat", &json!({ "message": "x".repeat(size) })).send().await?;
        assert_eq!(response.status(), status, "{size}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_does_not_come_to_its_end_is_ended() -> Result {
    let demos = Demos::set(Settings { patience: Duration::from_millis(100), ..Settings::default() }).await?;
    let host = format!("host: {}\r\n", demos.address);
    let head = format!("POST /chat HTTP/1.1\r\n{host}content-type: application/json\r\ncontent-length: 99999\r\n\r\n");
    for half in ["", "GET /feed/eve", &format!("GET / HTTP/1.1\r\n{host}"), &head, &format!("{head}{{\"mess")] {
        let mut socket = TcpStream::connect(demos.address).await?;
        socket.write_all(half.as_bytes()).await?;
        let mut answer = Vec::new();
        timeout(Duration::from_secs(5), socket.read_to_end(&mut answer)).await.map_err(|_| half)??;
    }
    // A byte from time to time does not help.
    for (half, byte) in [(format!("GET / HTTP/1.1\r\n{host}x: "), b"x"), (head, b" ")] {
        let socket = TcpStream::connect(demos.address).await?;
        let (mut from, mut to) = socket.into_split();
        to.write_all(half.as_bytes()).await?;
        let drip = tokio::spawn(async move {
            while to.write_all(byte).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut answer = Vec::new();
        // A reset, if bytes came after the end, is an end as well.
        let _ = timeout(Duration::from_secs(5), from.read_to_end(&mut answer)).await.map_err(|_| half)?;
        drip.abort();
    }
    // A stream that is open may be silent for longer.
    let mut events = open(demos.get("/numbers/events")).await?;
    next(&mut events).await?;
    next(&mut events).await?;
    assert_eq!(next(&mut events).await?.name(), "message");
    Ok(())
}

#[tokio::test]
async fn no_page_of_another_server_cuts_the_feed() -> Result {
    let demos = Demos::start().await?;
    let mut events = open(demos.get("/feed/events")).await?;
    next(&mut events).await?;
    for path in ["/feed/cut", "/feed/restart"] {
        for (header, value) in [("origin", "http://example.org"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            let response = demos.client.post(demos.url(path)).header(header, value).send().await?;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {header}: {value}");
        }
        // A link to the page may be anywhere.
        let page = demos.get("/feed").header("sec-fetch-site", "cross-site").send().await?;
        assert_eq!(page.status(), StatusCode::OK);
    }
    for _ in 0..10 {
        next(&mut events).await?;
    }
    let own = format!("http://{}", demos.address);
    demos.client.post(demos.url("/feed/cut")).header("origin", own).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::test]
async fn the_scheme_of_a_token_may_be_in_any_case() -> Result {
    let demos = Demos::start().await?;
    for (scheme, status) in [("bearer", 200), ("BEARER", 200), ("Basic", 401), ("Bearerdemo", 401)] {
        let request = demos.get("/rooms/blue/report").header("authorization", format!("{scheme} {ALICE}"));
        assert_eq!(request.send().await?.status(), status, "{scheme}");
    }
    Ok(())
}

#[tokio::test]
async fn a_room_without_a_name_is_not_found() -> Result {
    let demos = Demos::start().await?;
    for path in ["/rooms//report", "/rooms//report.csv"] {
        assert_eq!(demos.get(path).bearer_auth(ALICE).send().await?.status(), StatusCode::NOT_FOUND, "{path}");
    }
    Ok(())
}

fn number(event: &OwnedEvent) -> Result<u64> {
    event.parse_json::<Value>()?["number"].as_u64().ok_or_else(|| "no number".into())
}

#[tokio::test]
async fn the_feed_has_no_gap_and_no_double_however_often_it_is_cut() -> Result {
    let demos = Demos::start().await?;
    let mut last_event_id = String::new();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        let mut events = open(demos.get("/feed/events").header("last-event-id", &last_event_id)).await?;
        for _ in 0..3 {
            numbers.push(number(&next(&mut events).await?)?);
        }
        demos.post("/feed/cut", &Value::Null).send().await?.error_for_status()?;
        let cut = timeout(Duration::from_secs(10), async {
            while let Some(event) = events.next().await {
                numbers.push(number(&event?)?);
            }
            Ok(())
        });
        let error: Box<dyn Error> = cut.await?.expect_err("the stream ended cleanly");
        assert!(error.is::<StreamError<reqwest::Error>>(), "{error}");
        assert!(!events.last_event_id().contains("never"), "the id of half an event took effect");
        events.last_event_id().clone_into(&mut last_event_id);
        // The client misses what is published in the meantime.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let expected: Vec<_> = (numbers[0]..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    Ok(())
}

#[tokio::test]
async fn a_feed_that_lost_its_buffer_sends_gone_once() -> Result {
    let demos = Demos::start().await?;
    let mut events = open(demos.get("/feed/events")).await?;
    let mut before = 0;
    while before < 8 {
        before = number(&next(&mut events).await?)?;
    }
    demos.post("/feed/restart", &Value::Null).send().await?.error_for_status()?;
    while let Some(Ok(_)) = timeout(Duration::from_secs(10), events.next()).await? {}

    let id = events.last_event_id().to_owned();
    let mut events = open(demos.get("/feed/events").header("last-event-id", id)).await?;
    assert_eq!(next(&mut events).await?.name(), "gone");
    let first = next(&mut events).await?;
    assert_eq!(first.name(), "message");
    // A client that reconnects after this event is known again.
    let id = first.last_event_id().to_owned();
    let mut events = open(demos.get("/feed/events").header("last-event-id", id)).await?;
    assert_eq!(number(&next(&mut events).await?)?, number(&first)? + 1);
    Ok(())
}

#[tokio::test]
async fn every_stream_ends_cleanly_with_the_server() -> Result {
    let demos = Demos::start().await?;
    let endless = json!({ "message": "Hi", "model": "demo-endless" });
    let mut streams = Vec::new();
    for request in [
        demos.get("/numbers/events"),
        demos.get("/clock/events"),
        demos.get("/feed/events"),
        demos.report(ALICE),
        demos.post("/chat", &json!({ "message": "x".repeat(100_000) })),
        demos.post("/relay/ask", &endless),
    ] {
        let mut events = open(request).await?;
        next(&mut events).await?;
        streams.push(events);
    }
    demos.shutdown.cancel();
    for events in streams {
        all(events).await?;
    }
    timeout(Duration::from_secs(2), demos.served).await???;
    Ok(())
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_keep_the_server() -> Result {
    let demos = Demos::start().await?;
    let silent = TcpStream::connect(demos.address).await?;
    silent.writable().await?;
    silent.try_write(b"GET /feed/eve")?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    demos.shutdown.cancel();
    timeout(Duration::from_secs(2), demos.served).await???;
    Ok(())
}
