//! What users tried to write with 0.1, which did not compile.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use sse_wire::body::{EventBody, Piece};
use sse_wire::client::EventSource;
use sse_wire::stream::{EventStream, StreamError, TransportExt};
use sse_wire::{Event, EventId, EventName, FieldError, OwnedEvent, ParseError, Parser, http as sse_http};

type BoxError = Box<dyn Error + Send + Sync>;

const PRICE: EventName<'static> = EventName::from_static("price");

fn event() -> Event<'static> {
    Event::new("x").with_name(PRICE).with_id(EventId::from_static("7"))
}

fn one<T>(item: T) -> impl Stream<Item = T> {
    stream::iter([item])
}

#[tokio::test]
async fn a_transport_may_fail_with_a_boxed_error() {
    async fn read(chunks: BoxStream<'static, Result<Bytes, BoxError>>) -> Result<(), BoxError> {
        let mut events = chunks.events();
        while let Some(event) = events.next().await {
            event?;
        }
        Ok(())
    }
    assert_eq!(read(one(Err("gone".into())).boxed()).await.unwrap_err().to_string(), "gone");
}

#[tokio::test]
async fn a_transport_may_fail_with_an_error_of_anyhow() {
    async fn read(chunks: BoxStream<'static, Result<Bytes, anyhow::Error>>) -> anyhow::Result<()> {
        let mut events = chunks.events();
        while let Some(event) = events.next().await {
            event?;
        }
        Ok(())
    }
    assert_eq!(read(one(Err(anyhow::Error::msg("gone"))).boxed()).await.unwrap_err().to_string(), "gone");
    // What caused it is kept.
    let error = StreamError::Transport(anyhow::Error::msg("cause").context("shown")).into_boxed();
    assert_eq!((error.to_string().as_str(), error.source().unwrap().to_string().as_str()), ("shown", "cause"));
}

#[test]
fn an_error_of_a_stream_becomes_an_error_of_the_users() {
    #[derive(Debug)]
    enum Mine {
        Transport(io::Error),
        Parse(ParseError),
    }

    impl From<StreamError<io::Error>> for Mine {
        fn from(error: StreamError<io::Error>) -> Self {
            match error {
                StreamError::Transport(error) => Mine::Transport(error),
                StreamError::Parse(error) => Mine::Parse(error),
            }
        }
    }

    fn into_io(error: StreamError<io::Error>) -> io::Error {
        match error {
            StreamError::Transport(error) => error,
            other @ StreamError::Parse(_) => io::Error::other(other),
        }
    }

    let timed_out = || StreamError::Transport(io::Error::from(io::ErrorKind::TimedOut));
    let refused = || {
        let mut parser = Parser::new().with_max_event_size(0);
        StreamError::<io::Error>::Parse(parser.feed(b"data: x\n\n").next_event().unwrap_err())
    };
    assert!(matches!(timed_out().into(), Mine::Transport(error) if error.kind() == io::ErrorKind::TimedOut));
    assert!(matches!(refused().into(), Mine::Parse(error) if error.limit() == Some(0)));
    assert_eq!(into_io(timed_out()).kind(), io::ErrorKind::TimedOut);
    assert_eq!(into_io(refused()).to_string(), refused().to_string());
}

#[tokio::test]
async fn chunks_may_be_borrowed() {
    async fn first<'a>(chunks: impl Stream<Item = io::Result<&'a [u8]>> + Unpin) -> Option<OwnedEvent> {
        chunks.events().next().await?.ok()
    }
    let buffer = b"data: x\n\n".to_vec();
    assert_eq!(first(stream::iter([Ok(&buffer[..])])).await.unwrap(), Event::new("x"));
}

#[tokio::test]
async fn a_stream_goes_on_after_a_refusal_or_ends_there() {
    let parser = || Parser::new().with_max_event_size(8);
    let chunks = || one(Ok::<_, Infallible>("data: a\n\ndata: too large\n\ndata: b\n\n"));
    let accepted = |events: Vec<Result<OwnedEvent, _>>| events.iter().map(Result::is_ok).collect::<Vec<_>>();
    let events = EventStream::with_parser(chunks(), parser());
    assert_eq!(accepted(events.collect().await), [true, false, true]);
    let events = EventStream::with_parser(chunks(), parser()).end_on_refusal();
    assert_eq!(accepted(events.collect().await), [true, false]);
}

#[test]
fn what_a_program_keeps_goes_to_other_threads() {
    fn kept<T: Send + Sync + Unpin + 'static>() {}

    kept::<EventStream<stream::Iter<std::vec::IntoIter<io::Result<Bytes>>>>>();
    kept::<StreamError<io::Error>>();
    kept::<OwnedEvent>();
    kept::<Parser>();
    kept::<EventSource>();
}

#[tokio::test]
async fn a_body_is_boxed() {
    fn body(events: impl Stream<Item = OwnedEvent> + Send + Sync + 'static) -> BoxBody<Bytes, Infallible> {
        EventBody::new(events).boxed()
    }

    fn vectored(events: impl Stream<Item = OwnedEvent> + Send + Sync + 'static) -> BoxBody<Piece, Infallible> {
        EventBody::new(events).vectored().boxed()
    }

    assert_eq!(body(one(event().into_owned())).collect().await.unwrap().to_bytes(), event().encode());
    assert_eq!(vectored(one(event().into_owned())).collect().await.unwrap().to_bytes(), event().encode());
}

#[tokio::test]
async fn the_type_of_a_body_can_be_named() {
    struct Response {
        body: EventBody<BoxStream<'static, OwnedEvent>, tokio::time::Sleep>,
    }

    let period = Duration::from_secs(15);
    let body =
        EventBody::new(one(event().into_owned()).boxed()).with_keep_alive(period, tokio::time::sleep as fn(_) -> _);
    let response = Response { body };
    assert_eq!(response.body.collect().await.unwrap().to_bytes(), event().encode());
}

#[test]
fn headers_go_to_and_come_from_the_http_crate() {
    let response = sse_http::RESPONSE_HEADERS
        .into_iter()
        .fold(http::Response::builder(), |builder, (name, value)| builder.header(name, value))
        .body(())
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut request = http::Request::new(());
    request.headers_mut().insert(sse_http::LAST_EVENT_ID, "9".parse().unwrap());
    assert_eq!(sse_http::last_event_id(request.headers()), Some(&b"9"[..]));
    request.headers_mut().insert(sse_http::LAST_EVENT_ID, http::HeaderValue::from_bytes("é".as_bytes()).unwrap());
    assert_eq!(sse_http::last_event_id(request.headers()), Some("é".as_bytes()));
    request.headers_mut().insert(sse_http::LAST_EVENT_ID, http::HeaderValue::from_static(""));
    assert_eq!(sse_http::last_event_id(request.headers()), None);
    request.headers_mut().remove(sse_http::LAST_EVENT_ID);
    assert_eq!(sse_http::last_event_id(request.headers()), None);
}

#[test]
fn an_owned_event_is_a_part_of_what_serde_writes() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug, Default)]
    struct Stored {
        event: OwnedEvent,
    }

    let stored = Stored { event: event().into() };
    let json = serde_json::to_string(&stored).unwrap();
    assert_eq!(json, r#"{"event":{"name":"price","data":"x","id":"7"}}"#);
    assert_eq!(serde_json::from_str::<Stored>(&json).unwrap(), stored);
    assert!(serde_json::from_str::<Stored>(r#"{"event":{"name":"a\nb","data":"x"}}"#).is_err());
    assert_eq!(Stored::default().event, Event::new(""));
    // An id that was inherited is kept as such.
    let parsed = Parser::new().with_last_event_id("6").feed(b"data: x\n\n").owned().next().unwrap().unwrap();
    let json = serde_json::to_string(&parsed).unwrap();
    assert_eq!(json, r#"{"data":"x","last_event_id":"6"}"#);
    assert_eq!(serde_json::from_str::<OwnedEvent>(&json).unwrap(), parsed);
}

#[test]
fn a_refused_id_does_not_take_the_event_with_it() {
    fn with_id<'a>(event: Event<'a>, id: &'a str) -> Event<'a> {
        match EventId::new(id) {
            Ok(id) => event.with_id(id),
            Err(_) => event,
        }
    }
    assert_eq!(with_id(event(), "8").id(), Some("8"));
    assert_eq!(with_id(event(), "a\nb").id(), Some("7"));
}

#[test]
fn a_name_or_an_id_may_be_absent() {
    fn build<'a>(data: &'a str, name: Option<&'a str>, id: Option<&'a str>) -> Result<Event<'a>, FieldError> {
        Ok(Event::new(data)
            .with_optional_name(name.map(EventName::new).transpose()?)
            .with_optional_id(id.map(EventId::new).transpose()?))
    }
    assert_eq!(build("x", Some("price"), Some("7")).unwrap(), event());
    assert_eq!(build("x", None, None).unwrap(), Event::new("x"));
    assert!(build("x", None, Some("a\0")).is_err());
}

#[test]
fn the_parts_of_an_event_become_strings() {
    let parts = event().into_owned().into_parts();
    let (name, data, id): (Option<String>, String, Option<String>) =
        (parts.name.map(Into::into), parts.data.into(), parts.id.map(Into::into));
    assert_eq!((name.as_deref(), &*data, id.as_deref()), (Some("price"), "x", Some("7")));
}

#[test]
fn an_event_is_compared_with_plain_text() {
    let event = event();
    assert!(event.data() != "[DONE]" && event.name() == "price" && event.id() == Some("7"));
    assert!(event.event_name().is_some_and(|name| name == "price"));
    let number = 7;
    assert_eq!(Event::new(&format!("x{number}")).data(), "x7");
}
