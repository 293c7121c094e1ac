//! A source over its connections, and the stream of one response.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use reqwest::Client;
use sse_wire_client::{
    Activity, CloseReason, ErrorKind, Event, EventSource, IdIn, Parser, ReadyState, Reconnect, Rejection, Repeat,
    RequestBuilderExt, RequestError, ResponseExt, Responses, StreamError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(10);
const STREAM: &str = "200 OK\r\ncontent-type: text/event-stream";

/// A server whose answers the test writes.
struct Server {
    listener: TcpListener,
    url: String,
}

/// A connection, and the request that came on it.
struct Connection {
    socket: TcpStream,
    head: String,
    body: String,
}

impl Server {
    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        Server { listener, url }
    }

    async fn accept(&self) -> Connection {
        let (mut socket, _) = timeout(SOON, self.listener.accept()).await.expect("a connection").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let mut connection = Connection { socket, head, body: String::new() };
        let length = connection.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        connection.socket.read_exact(&mut body).await.unwrap();
        connection.body = String::from_utf8(body).unwrap();
        connection
    }

    /// Answers with these bytes of a stream, and closes.
    async fn answer(&self, stream: &str) -> Connection {
        let mut connection = self.accept().await;
        connection.write(STREAM, stream).await;
        connection.socket.shutdown().await.unwrap();
        connection
    }

    async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_millis(400), self.listener.accept()).await.is_err()
    }
}

impl Connection {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    async fn write(&mut self, status_and_headers: &str, body: &str) {
        let response = format!("HTTP/1.1 {status_and_headers}\r\nconnection: close\r\n\r\n{body}");
        self.socket.write_all(response.as_bytes()).await.unwrap();
    }

    async fn send(&mut self, body: &str) {
        self.socket.write_all(body.as_bytes()).await.unwrap();
    }

    /// Waits until the client has closed the connection.
    async fn closed(mut self) {
        let read = timeout(SOON, self.socket.read(&mut [0])).await.expect("the connection is closed");
        assert!(!matches!(read, Ok(1..)));
    }
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// A source that connects again at once.
fn source(url: &str) -> EventSource {
    quick(client().get(url).eventsource().unwrap())
}

fn quick(source: EventSource) -> EventSource {
    source.with_reconnect(Reconnect::new().with_time(Duration::ZERO).with_floor(Duration::ZERO).with_jitter(0))
}

/// The next item, in a few words.
async fn next(source: &mut EventSource) -> String {
    match timeout(SOON, source.next()).await.expect("an item") {
        Some(Ok(Event::Open)) => String::from("open"),
        Some(Ok(Event::Message(event))) => format!("{} {}", event.name(), event.data()),
        Some(Ok(Event::Comment(text))) => format!(": {text}"),
        Some(Ok(Event::Other(response))) => format!("other {}", response.text().await.unwrap()),
        Some(Ok(_)) => unreachable!(),
        Some(Err(error)) => {
            let kind = match error.kind() {
                ErrorKind::Request(_) => "request",
                ErrorKind::Transport(_) => "transport",
                ErrorKind::Rejected { .. } => "rejected",
                ErrorKind::Silent(_) => "silent",
                ErrorKind::Ended => "ended",
                ErrorKind::TooLarge(_) => "too large",
                _ => unreachable!(),
            };
            assert_eq!(error.is_final(), source.ready_state() == ReadyState::Closed);
            assert_eq!(error.close_reason(), source.close_reason());
            format!("{kind}{}", if error.is_final() { ", final" } else { "" })
        }
        None => String::from("the end"),
    }
}

async fn expect(source: &mut EventSource, items: impl IntoIterator<Item: AsRef<str>>) {
    for item in items {
        assert_eq!(next(source).await, item.as_ref());
    }
}

#[tokio::test]
async fn events_come_over_as_many_connections_as_it_takes_and_the_last_id_is_sent() {
    let server = Server::start().await;
    let mut source = source(&server.url);
    let answering = async {
        let request = server.answer("id: 1\ndata: a\n\ndata: b\n\nid: lost\ndata: cut").await;
        assert_eq!(request.header("last-event-id"), None);
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        assert_eq!(request.header("cache-control"), Some("no-cache"));
        let request = server.answer("data: c\n\nid: 2\n\n").await;
        assert_eq!(request.header("last-event-id"), Some("1"));
        let request = server.answer("id\ndata: d\n\n").await;
        assert_eq!(request.header("last-event-id"), Some("2"));
        let mut last = server.accept().await;
        assert_eq!(last.header("last-event-id"), None);
        last.write("204 No Content", "").await;
    };
    let seen = async {
        expect(&mut source, ["open", "message a", "message b", "ended"]).await;
        assert_eq!(source.unfinished().unwrap().event().unwrap().data(), "cut");
        expect(&mut source, ["open", "message c", "ended", "open", "message d", "ended", "rejected, final"]).await;
        expect(&mut source, ["the end", "the end"]).await;
    };
    tokio::join!(answering, seen);
    assert_eq!(source.last_response().unwrap().status, 204);
    assert_eq!(source.close_reason(), Some(&CloseReason::Rejected(Rejection::NoContent)));
    assert!(server.is_left_alone().await);
}

#[tokio::test]
async fn a_future_of_next_that_is_dropped_loses_nothing() {
    let server = Server::start().await;
    let mut source = source(&server.url).with_end_name("end");
    let answering = async {
        for number in 0..3 {
            let mut connection = server.accept().await;
            connection.write(STREAM, "").await;
            for event in 0..20 {
                let text = format!("id: {number}\ndata: {number} {event}\n\n");
                let (a, b) = text.split_at(text.len() / 2);
                connection.send(a).await;
                sleep(Duration::from_micros(300)).await;
                connection.send(b).await;
            }
            connection.send(if number == 2 { "event: end\ndata\n\n" } else { "" }).await;
        }
    };
    let seen = async {
        let (mut seen, mut dropped) = (Vec::new(), 0);
        loop {
            tokio::select! {
                biased;
                item = next(&mut source) => match item.as_str() {
                    "the end" => break,
                    "open" | "ended" => {}
                    _ => seen.push(item),
                },
                () = sleep(Duration::from_micros(100)) => dropped += 1,
            }
        }
        assert!(dropped > 20, "{dropped}");
        seen
    };
    let ((), seen) = tokio::join!(answering, seen);
    let events = (0..3).flat_map(|number| (0..20).map(move |event| format!("message {number} {event}")));
    assert_eq!(seen, events.chain([String::from("end ")]).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_request_is_made_anew_for_each_connection_and_a_401_asks_for_a_fresh_token() {
    let server = Server::start().await;
    let (http, url) = (client(), server.url.clone());
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let made = Arc::clone(&attempts);
    let source = EventSource::from_fn(move |attempt| {
        let rejected = attempt.rejection.is_some();
        made.lock().unwrap().push((attempt.number, attempt.last_event_id.clone(), rejected));
        let request = http.post(&url).bearer_auth(if rejected { "fresh" } else { "old" }).body(attempt.last_event_id);
        async move {
            sleep(Duration::from_millis(1)).await;
            std::io::Result::Ok(request)
        }
    });
    let source = source.with_responses(Responses::new().with_retry_once([401])).with_repeat(Repeat::Always);
    let mut source = quick(source).with_last_event_id_in(IdIn::Request);
    let answering = async {
        server.answer("id: 7\ndata: a\n\n").await;
        let mut second = server.accept().await;
        assert_eq!((second.header("authorization"), second.body.as_str()), (Some("bearer old"), "7"));
        assert_eq!(second.header("last-event-id"), None);
        second.write("401 Unauthorized", "expired").await;
        drop(second);
        let third = server.answer("data: b\n\n").await;
        assert_eq!((third.header("authorization"), third.body.as_str()), (Some("bearer fresh"), "7"));
        for _ in 0..2 {
            server.accept().await.write("401 Unauthorized", "expired").await;
        }
    };
    let seen = async {
        expect(&mut source, ["open", "message a", "ended"]).await;
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.retry_in().is_some());
        let ErrorKind::Rejected { rejection, response } = error.into_kind() else { panic!("it is rejected") };
        assert_eq!(rejection, Rejection::Status { status: 401 });
        assert_eq!(response.text().await.unwrap(), "expired");
        expect(&mut source, ["open", "message b", "ended", "rejected", "rejected, final", "the end"]).await;
    };
    tokio::join!(answering, seen);
    let id = || String::from("7");
    let expected = [(0, String::new(), false), (1, id(), false), (2, id(), true), (1, id(), false), (2, id(), true)];
    assert_eq!(*attempts.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_function_that_fails_to_make_a_request_is_asked_again() {
    let server = Server::start().await;
    let (http, url) = (client(), server.url.clone());
    let source = EventSource::from_fn(move |attempt| {
        let request = match attempt.number {
            0 => Err("no token yet"),
            1 => Ok(http.get("no url")),
            _ => Ok(http.get(&url)),
        };
        async move { request }
    });
    let mut source = quick(source);
    let seen = expect(&mut source, ["request", "request", "open", "message a"]);
    tokio::join!(server.answer("data: a\n\n"), seen);
}

#[tokio::test]
async fn the_id_is_sent_in_the_query_if_asked_for_and_replaces_the_one_before() {
    let server = Server::start().await;
    let url = format!("{}?topic=a%26b&lastEventID=0", server.url);
    let mut source = source(&url).with_last_event_id_in(IdIn::Query("lastEventID".into()));
    let answering = async {
        let first = server.answer("id: 1&2\ndata: a\n\n").await;
        assert!(first.head.starts_with("get /?topic=a%26b&lasteventid=0 http"), "{}", first.head);
        let second = server.answer("data: b\n\n").await;
        assert!(second.head.starts_with("get /?topic=a%26b&lasteventid=1%262 http"), "{}", second.head);
        assert_eq!(second.header("last-event-id"), None);
    };
    let seen = expect(&mut source, ["open", "message a", "ended", "open", "message b"]);
    tokio::join!(answering, seen);
}

#[tokio::test]
async fn a_header_of_the_caller_stays_and_an_id_in_it_is_where_the_source_starts() {
    let server = Server::start().await;
    let request = client().get(&server.url).header("accept", "text/event-stream, x/y").header("last-event-id", "start");
    let mut source = quick(request.eventsource().unwrap());
    assert_eq!(source.last_event_id(), "start");
    let answering = async {
        let first = server.answer("id: 9\ndata: a\n\n").await;
        assert_eq!(first.header("accept"), Some("text/event-stream, x/y"));
        assert_eq!(first.header("last-event-id"), Some("start"));
        let second = server.answer("").await;
        assert_eq!(second.header("last-event-id"), Some("9"));
    };
    tokio::join!(answering, expect(&mut source, ["open", "message a", "ended", "open"]));
}

#[tokio::test]
async fn a_post_is_not_sent_again_unless_that_is_set() {
    for (repeat, last) in [(None, "ended, final"), (Some(Repeat::Always), "ended")] {
        let server = Server::start().await;
        let mut source = quick(client().post(&server.url).body("x").eventsource().unwrap());
        if let Some(repeat) = repeat {
            source = source.with_repeat(repeat);
        }
        tokio::join!(server.answer("data: a\n\n"), expect(&mut source, ["open", "message a", last]));
        assert_eq!(source.close_reason().is_none(), repeat.is_some());
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_twice_or_at_all_is_an_error_before_anything_is_sent() {
    let streamed = reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
    let error = client().post("http://127.0.0.1/").body(streamed).eventsource().unwrap_err();
    assert!(matches!(error, RequestError::StreamedBody), "{error}");
    assert!(matches!(EventSource::get("no url").unwrap_err(), RequestError::Invalid(_)));
}

#[tokio::test]
async fn an_end_event_closes_the_connection_also_if_its_blank_line_never_comes() {
    for stream in ["data: a\n\ndata: [DONE]\n\ndata: b\n\n", "data: a\n\ndata: [DONE]\n", "data: a\n\ndata: [DONE]"] {
        let server = Server::start().await;
        let mut source = source(&server.url).with_end_data("[DONE]");
        let seen = expect(&mut source, ["open", "message a", "message [DONE]", "the end"]);
        let (connection, ()) = tokio::join!(server.answer(stream), seen);
        assert_eq!(source.close_reason(), Some(&CloseReason::EndEvent));
        connection.closed().await;
        assert!(server.is_left_alone().await);
    }
}

type Setting = fn(EventSource, Parser) -> EventSource;

#[tokio::test]
async fn comments_come_when_their_line_ends_if_asked_for_in_whatever_order_the_limits_are_set() {
    let parser = || Parser::new().with_max_event_size(3);
    let settings: [Setting; 2] = [
        |source, parser| source.with_comments().with_parser(parser),
        |source, parser| source.with_parser(parser).with_comments(),
    ];
    for set in settings {
        let server = Server::start().await;
        let mut source = set(source(&server.url), parser());
        let answering = async {
            let mut connection = server.accept().await;
            connection.write(STREAM, ": hi\nda").await;
            sleep(Duration::from_millis(20)).await;
            connection.send("ta: x\n:there\n\ndata: large\n\n:\n").await;
        };
        let items = [": hi", ": there", "message x", "too large", ": ", "ended"];
        tokio::join!(answering, expect(&mut source, ["open"].into_iter().chain(items)));
    }
}

#[tokio::test]
async fn close_drops_the_connection_and_is_the_end_in_any_state() {
    let server = Server::start().await;
    let mut open = source(&server.url);
    let answering = async {
        let mut connection = server.accept().await;
        connection.write(STREAM, "data: a\n\ndata: b\n\n").await;
        connection
    };
    let (connection, ()) = tokio::join!(answering, expect(&mut open, ["open", "message a"]));
    open.close();
    expect(&mut open, ["the end"]).await;
    assert_eq!(open.close_reason(), Some(&CloseReason::ByCaller));
    connection.closed().await;

    let mut requested = source(&server.url);
    assert!(requested.next().now_or_never().is_none());
    let (connection, ()) = tokio::join!(server.accept(), async {
        assert!(timeout(Duration::from_millis(50), requested.next()).await.is_err());
    });
    requested.close();
    expect(&mut requested, ["the end"]).await;
    connection.closed().await;

    let mut new = source(&server.url);
    new.close();
    expect(&mut new, ["the end"]).await;
    assert!(server.is_left_alone().await);
}

#[tokio::test]
async fn reconnect_drops_the_connection_and_makes_another_without_an_error() {
    let server = Server::start().await;
    let mut source = client().get(&server.url).eventsource().unwrap();
    for number in ["1", "2"] {
        let answering = async {
            let mut connection = server.accept().await;
            connection.write(STREAM, &format!("id: {number}\ndata: {number}\n\n")).await;
            connection
        };
        let (connection, ()) =
            tokio::join!(answering, expect(&mut source, ["open".into(), format!("message {number}")]));
        assert_eq!(connection.header("last-event-id").is_some(), number == "2");
        source.reconnect();
        connection.closed().await;
    }
    let mut post = client().post(&server.url).eventsource().unwrap();
    tokio::join!(server.answer(""), expect(&mut post, ["open"]));
    post.reconnect();
    expect(&mut post, ["the end"]).await;
    assert_eq!(post.close_reason(), Some(&CloseReason::UnrepeatableRequest));
}

#[tokio::test]
async fn silence_ends_a_connection_and_comments_do_not() {
    let server = Server::start().await;
    let mut source = source(&server.url).with_idle_timeout(Duration::from_millis(300));
    let answering = async {
        let mut connection = server.accept().await;
        connection.write(STREAM, "").await;
        for _ in 0..4 {
            sleep(Duration::from_millis(150)).await;
            connection.send(":\n").await;
        }
        connection.send("data: a\n\n").await;
        connection.closed().await;
        // No response at all.
        server.accept().await.closed().await;
    };
    tokio::join!(answering, expect(&mut source, ["open", "message a", "silent", "silent"]));
}

#[tokio::test]
async fn a_policy_of_the_caller_decides_when_to_connect_again_and_when_to_stop() {
    let server = Server::start().await;
    let mut source = source(&server.url).with_retry_policy(|next, _| (next.number() < 3).then_some(Duration::ZERO));
    let answering = async {
        for _ in 0..3 {
            server.answer("").await;
        }
    };
    let items = ["open", "ended", "open", "ended", "open", "ended, final", "the end"];
    tokio::join!(answering, expect(&mut source, items));
    assert_eq!(source.close_reason(), Some(&CloseReason::Failed));
}

#[tokio::test]
async fn an_error_is_displayed_with_its_causes_and_with_what_comes_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let mut refused = source(&url);
    let error = refused.next().await.unwrap().unwrap_err().to_string();
    let has = |part: &str| error.contains(part);
    assert!(error.starts_with("the connection failed: ") && has("refused") && has("; connects again in "), "{error}");

    let mut unmade = quick(EventSource::from_fn(|_| async { Err("no token") }));
    let error = unmade.next().await.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("there is no request to send: no token; connects again in "), "{error}");
}

#[tokio::test]
async fn what_a_server_says_with_a_rejection_is_read_for_a_message_and_not_for_ever() {
    let server = Server::start().await;
    let mut source = source(&server.url);
    let answering = async {
        let mut connection = server.accept().await;
        connection.write("400 Bad Request\r\ncontent-length: 10", "half").await;
        connection
    };
    let (_connection, error) = tokio::join!(answering, source.next());
    let message = timeout(SOON, error.unwrap().unwrap_err().into_message()).await.expect("it waits for five seconds");
    assert_eq!(message, "the response is not an event stream: status 400 instead of 200; closed: half");
}

#[tokio::test]
async fn another_type_that_is_accepted_is_a_value() {
    let server = Server::start().await;
    let responses = Responses::new().with_other_type("application/json").unwrap();
    let mut source = client().post(&server.url).eventsource().unwrap().with_responses(responses);
    let answering = async {
        let mut connection = server.accept().await;
        assert_eq!(connection.header("accept"), Some("text/event-stream, application/json"));
        connection.write("200 OK\r\ncontent-type: application/json", "{}").await;
    };
    tokio::join!(answering, expect(&mut source, ["other {}", "the end"]));
    assert_eq!(source.close_reason(), Some(&CloseReason::Answered));
}

#[tokio::test]
async fn a_hook_is_told_what_happens_between_the_events() {
    let server = Server::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let mut source = source(&server.url).with_hook(move |activity| {
        hear.lock().unwrap().push(match activity {
            Activity::Connecting { number } => format!("connecting {number}"),
            Activity::Open => String::from("open"),
            Activity::Received { bytes } => format!("{bytes} bytes"),
            Activity::Lost { error } => error.to_string(),
            _ => unreachable!(),
        });
    });
    tokio::join!(server.answer("data: a\n\n"), expect(&mut source, ["open", "message a", "ended"]));
    let told = told.lock().unwrap();
    assert_eq!(told[..3], ["connecting 0", "open", "9 bytes"]);
    assert!(told[3].starts_with("the server has ended the stream; connects again in "), "{}", told[3]);
}

#[tokio::test]
async fn a_source_may_be_made_outside_of_a_runtime_and_is_a_stream() {
    let server = Server::start().await;
    let url = server.url.clone();
    let source = std::thread::spawn(move || source(&url).with_idle_timeout(SOON)).join().unwrap();
    let items = async {
        source.take(2).map(|item| matches!(item, Ok(Event::Open | Event::Message(_)))).collect::<Vec<_>>().await
    };
    let (_, items) = tokio::join!(server.answer("data: a\n\n"), items);
    assert_eq!(items, [true, true]);
}

#[test]
fn sources_streams_and_errors_go_to_other_threads() {
    fn sends<T: Send>() {}
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    sends::<EventSource>();
    sends::<sse_wire_client::EventStream>();
    is_error::<sse_wire_client::Error>();
    is_error::<sse_wire_client::NotAnEventStream>();
    is_error::<StreamError>();
    is_error::<RequestError>();
}

// The stream of one response -------------------------------------------------------------------------------------

#[tokio::test]
async fn the_events_of_a_response_and_what_came_after_the_last_blank_line() {
    let server = Server::start().await;
    let asked = async {
        let response = client().post(&server.url).send().await.unwrap();
        let mut events = response.event_stream().unwrap();
        assert_eq!(events.headers()["x-request-id"], "r1");
        assert_eq!(events.next().await.unwrap().unwrap().data(), "a");
        assert!(events.finish().is_none());
        assert!(events.next().await.is_none());
        assert_eq!((events.last_event_id(), events.ignored_lines()), ("1", 1));
        assert_eq!(events.finish().unwrap().event().unwrap().data(), "[DONE]");
    };
    let answering = async {
        let mut connection = server.accept().await;
        let head = "201 Created\r\ncontent-type: text/event-stream\r\nx-request-id: r1";
        connection.write(head, "id: 1\ndata: a\n\n{\"error\": 1}\n\ndata: [DONE]\n").await;
    };
    tokio::join!(answering, asked);
}

#[tokio::test]
async fn a_response_that_is_no_event_stream_is_an_error_with_all_of_it() {
    for (head, message) in [
        ("429 Too Many\r\ncontent-type: application/json", "status 429 instead of 200"),
        ("200 OK\r\ncontent-type: application/json", "the content type is \"application/json\", not text/event-stream"),
        ("200 OK", "the content type is \"\", not text/event-stream"),
        ("204 No Content", "204 No Content: the server wants no more connections"),
    ] {
        let server = Server::start().await;
        let asked = async {
            let error = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
            assert_eq!(error.to_string(), format!("the response is not an event stream: {message}"));
            assert_eq!(error.response().status().as_u16().to_string(), head[..3]);
            let body = error.into_response().text().await.unwrap();
            assert_eq!(body, if head.starts_with("204") { "" } else { "why" });
            let error = client().get(&server.url).send().await.unwrap().event_stream().unwrap_err();
            let (said, message) = (error.to_string(), error.into_message().await);
            if head.starts_with("204") {
                assert_eq!(message, said);
            } else {
                assert_eq!(message, format!("{said}: {}", "x".repeat(16 * 1024)));
            }
        };
        let answering = async {
            server.accept().await.write(head, "why").await;
            server.accept().await.write(head, &"x".repeat(1 << 20)).await;
        };
        tokio::join!(answering, asked);
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_and_silence_and_a_drop_of_the_stream_of_a_response() {
    let server = Server::start().await;
    let asked = async {
        let response = client().get(&server.url).send().await.unwrap();
        let mut events = response.event_stream().unwrap().with_parser(Parser::new().with_max_event_size(3));
        events = events.with_idle_timeout(Duration::from_millis(200));
        assert!(matches!(events.next().await, Some(Err(StreamError::TooLarge(_)))));
        assert_eq!(events.next().await.unwrap().unwrap().data(), "a");
        assert!(matches!(events.next().await, Some(Err(StreamError::Silent(_)))));
        assert!(events.next().await.is_none());
        assert_eq!(events.finish().unwrap().event().unwrap().data(), "b");
        let response = client().get(&server.url).send().await.unwrap();
        drop(response.event_stream().unwrap());
    };
    let answering = async {
        for _ in 0..2 {
            let mut connection = server.accept().await;
            connection.write(STREAM, "data: large\n\ndata: a\n\ndata: b").await;
            connection.closed().await;
        }
    };
    tokio::join!(answering, asked);
}
