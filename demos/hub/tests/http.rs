//! The demo of the hub over plain HTTP, without a browser.

use std::env;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hub_demo::Demo;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use sse_wire::OwnedEvent;
use sse_wire::stream::{EventStream, TransportExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long the slowest machine may take for one step. Only a test that fails waits this long.
const SOON: Duration = Duration::from_secs(30);

/// The demo, and one client of its numbers, which reconnects as a browser does.
struct Test {
    demo: Demo,
    client: Client,
    events: Option<EventStream<BoxStream<'static, reqwest::Result<Bytes>>>>,
    last_event_id: String,
    /// The node that serves the events.
    node: usize,
    /// The last number. `None`: at the start, and after `gone`.
    number: Option<u64>,
    /// How often it has connected.
    connected: u32,
    gone: u32,
}

impl Test {
    fn new(demo: Demo) -> Result<Test> {
        let client = Client::builder().no_proxy().build()?;
        let last_event_id = String::new();
        Ok(Test { demo, client, events: None, last_event_id, node: 0, number: None, connected: 0, gone: 0 })
    }

    /// With the embedded engine.
    async fn embedded() -> Result<Test> {
        Test::new(Demo::start(0, true).await?)
    }

    /// With Redis; `None` if it is not installed, unless `REDIS_REQUIRE` is set.
    async fn redis() -> Result<Option<Test>> {
        let demo = Demo::start(0, false).await?;
        if demo.engine().starts_with("Redis") {
            return Ok(Some(Test::new(demo)?));
        }
        assert!(env::var_os("REDIS_REQUIRE").is_none(), "{}", demo.engine());
        eprintln!("not tested: {}", demo.engine());
        Ok(None)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.demo.address())
    }

    async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.client.get(self.url(path)).send().await?)
    }

    /// Presses a button, which must work.
    async fn press(&self, path: &str) -> Result {
        let answer = self.client.post(self.url(path)).send().await?;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}: {}", answer.text().await?);
        Ok(())
    }

    /// Connects, with the last event ID if there is one. `false` if there is no node, or no Redis.
    async fn connect(&mut self) -> Result<bool> {
        let mut request = self.client.get(self.url("/events/numbers"));
        if !self.last_event_id.is_empty() {
            request = request.header("last-event-id", &self.last_event_id);
        }
        let response = request.send().await?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            assert!(response.headers().contains_key("retry-after"));
            return Ok(false);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.status(), StatusCode::OK);
        self.events = Some(response.bytes_stream().boxed().events());
        Ok(true)
    }

    /// The next event; `None` if the stream has ended or broken, so that a client must come back.
    async fn next(&mut self) -> Result<Option<OwnedEvent>> {
        let Some(events) = &mut self.events else { return Ok(None) };
        let event = timeout(SOON, events.next()).await?.and_then(std::result::Result::ok);
        if event.is_none() {
            self.events = None;
        }
        Ok(event)
    }

    /// Reads so many numbers, which must follow each other, and reconnects as often as it must.
    async fn read(&mut self, mut count: u32) -> Result {
        while count > 0 {
            let Some(event) = self.next().await? else {
                sleep(Duration::from_millis(100)).await;
                self.connected += u32::from(self.connect().await?);
                continue;
            };
            event.last_event_id().clone_into(&mut self.last_event_id);
            match event.name() {
                "node" => self.node = event.data().parse()?,
                "gone" => (self.gone, self.number) = (self.gone + 1, None),
                _ => {
                    let data: Value = serde_json::from_str(event.data())?;
                    let (number, previous) = (data["number"].as_u64(), data["previous"].as_u64());
                    assert!(number > previous);
                    if self.number.is_some() {
                        assert_eq!(previous, self.number, "{data}");
                    }
                    self.number = number;
                    count -= 1;
                }
            }
        }
        Ok(())
    }

    /// Waits until the board says this.
    async fn wait_for(&self, text: &str) -> Result {
        let mut board = self.get("/board").await?.error_for_status()?.bytes_stream().boxed().events();
        let told = async {
            while let Some(event) = board.next().await {
                if event?.data().contains(text) {
                    return Ok(());
                }
            }
            Err("the board has ended".into())
        };
        timeout(SOON, told).await?
    }
}

#[tokio::test]
async fn the_page_needs_no_network_and_the_buttons_are_guarded() -> Result {
    let test = Test::embedded().await?;
    let page = test.get("/").await?.error_for_status()?.text().await?;
    assert!(!page.contains("https://"));
    assert!(test.get("/style.css").await?.status().is_success());
    let kill = || test.client.post(test.url("/nodes/1/kill"));
    for request in [
        kill().header("origin", "http://example.org"),
        kill().header("sec-fetch-site", "cross-site"),
        kill().header("host", "example.org"),
        test.client.get(test.url("/")).header("host", "example.org"),
        // The nodes are guarded too.
        test.client.get(format!("http://{}/events/numbers", test.demo.nodes()[0])).header("host", "example.org"),
    ] {
        assert_eq!(request.send().await?.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(test.get("/nodes/1/kill").await?.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(test.client.post(test.url("/nodes/3/kill")).send().await?.status(), StatusCode::CONFLICT);
    Ok(())
}

#[tokio::test]
async fn without_redis_the_buttons_for_it_say_so() -> Result {
    let test = Test::embedded().await?;
    test.wait_for("\"has_redis\":false").await?;
    for path in ["/redis/cut", "/redis/promote", "/redis/lose"] {
        let answer = test.client.post(test.url(path)).send().await?;
        assert_eq!((answer.status(), answer.text().await?), (StatusCode::CONFLICT, "There is no Redis.".into()));
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_goes_on_at_the_other_node_when_its_node_is_killed() -> Result {
    let mut test = Test::embedded().await?;
    goes_on_at_the_other_node(&mut test).await
}

#[tokio::test]
async fn with_redis_it_does_too() -> Result {
    let Some(mut test) = Test::redis().await? else { return Ok(()) };
    goes_on_at_the_other_node(&mut test).await
}

async fn goes_on_at_the_other_node(test: &mut Test) -> Result {
    test.read(5).await?;
    let killed = test.node;
    test.press(&format!("/nodes/{killed}/kill")).await?;
    let port = test.demo.nodes()[killed - 1];
    assert!(TcpStream::connect(port).await.is_err(), "its port refuses");
    let again = test.client.post(test.url(&format!("/nodes/{killed}/kill"))).send().await?;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    test.read(20).await?;
    assert_ne!(test.node, killed);
    assert_eq!(test.connected, 2, "the first connection, and one more");

    // Without any node there is no answer but 503, until one is back.
    test.press(&format!("/nodes/{}/kill", test.node)).await?;
    while test.next().await?.is_some() {}
    assert!(!test.connect().await?);
    test.wait_for(&format!("Node {killed} is back.")).await?;
    test.read(20).await?;
    assert_eq!((test.node, test.gone), (killed, 0));
    TcpStream::connect(port).await?;
    Ok(())
}

#[tokio::test]
async fn a_client_also_goes_on_by_the_id_in_the_url() -> Result {
    let mut test = Test::embedded().await?;
    test.read(3).await?;
    let (id, number) = (test.last_event_id.clone(), test.number);
    let response = test.get(&format!("/events/numbers?lastEventID={id}")).await?;
    let mut events = response.bytes_stream().boxed().events();
    assert_eq!(timeout(SOON, events.next()).await?.ok_or("no event")??.name(), "node");
    let data: Value = serde_json::from_str(timeout(SOON, events.next()).await?.ok_or("no event")??.data())?;
    assert_eq!(data["previous"].as_u64(), number);
    Ok(())
}

#[tokio::test]
async fn streams_wait_while_redis_is_cut_off_and_then_go_on() -> Result {
    let Some(mut test) = Test::redis().await? else { return Ok(()) };
    test.read(5).await?;
    test.press("/redis/cut").await?;
    let again = test.client.post(test.url("/redis/promote")).send().await?;
    assert_eq!(again.status(), StatusCode::CONFLICT, "one thing at a time");
    test.wait_for("is not acknowledged").await?;
    test.wait_for("Redis is reached again.").await?;
    test.read(40).await?;
    assert_eq!((test.connected, test.gone), (1, 0), "it was the same stream all the time");
    Ok(())
}

#[tokio::test]
async fn a_promotion_loses_nothing_or_says_that_it_has() -> Result {
    let Some(mut test) = Test::redis().await? else { return Ok(()) };
    test.read(5).await?;
    for _ in 0..2 {
        test.press("/redis/promote").await?;
        test.read(60).await?;
        test.wait_for("A new replica follows.").await?;
        assert_eq!((test.connected, test.gone), (1, 0));
    }
    test.press("/redis/lose").await?;
    test.read(60).await?;
    assert_eq!((test.connected, test.gone), (2, 1));
    test.read(20).await?;
    assert_eq!((test.connected, test.gone), (2, 1));
    Ok(())
}

#[tokio::test]
async fn it_ends_with_its_owner() -> Result {
    let mut test = Test::embedded().await?;
    test.read(1).await?;
    let Test { demo, events, .. } = test;
    let (address, nodes) = (demo.address(), demo.nodes());
    drop(demo);
    let mut events = events.ok_or("no stream")?;
    while let Some(Ok(_)) = timeout(SOON, events.next()).await? {}
    for address in [address, nodes[0], nodes[1]] {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}
