//! Loops, functions, structs and tasks around a reader.

use bytes::{Buf, Bytes, BytesMut};
use sse_wire::client::{CloseReason, EventSource, ReceiveError};
use sse_wire::{Event, EventId, EventName, Feed, Head, OwnedEvent, ParseError, ParseErrorKind, Parser};

const STREAM: &[u8] = b"data: 1\n\nevent: price\ndata: 2\n\ndata: 3\n\n";

/// A search that returns what it found.
fn price<'f>(events: &'f mut Feed<'_, '_>) -> Result<Option<Event<'f>>, ParseError> {
    events.find_event(|event| event.name() == "price")
}

/// The same, owned, with a plain loop.
fn owned_price(parser: &mut Parser, chunk: &[u8]) -> Result<Option<OwnedEvent>, ParseError> {
    let mut events = parser.feed(chunk);
    while let Some(event) = events.next_event()? {
        if event.name() == "price" {
            return Ok(Some(event.into_owned()));
        }
    }
    Ok(None)
}

/// The text of an event outlives the event value.
fn longest<'f>(events: &'f mut Feed<'_, '_>) -> Result<&'f str, ParseError> {
    Ok(events.next_event()?.map_or("", |event| event.data()))
}

/// A parser and a buffer in one struct, which lends one event at a time.
struct Connection {
    parser: Parser,
    buffer: BytesMut,
    read: usize,
}

impl Connection {
    fn next(&mut self) -> Result<Option<Event<'_>>, ParseError> {
        self.buffer.advance(std::mem::take(&mut self.read));
        let (next, rest) = self.parser.feed(&self.buffer).into_next_event();
        self.read = self.buffer.len() - rest.len();
        next
    }
}

/// A reader in a struct.
struct Reading<'p, 'c> {
    events: Feed<'p, 'c>,
}

impl Reading<'_, '_> {
    fn next(&mut self) -> Result<Option<Event<'_>>, ParseError> {
        self.events.next_event()
    }
}

/// A task that holds a reader and a borrowed event across `.await`.
async fn task(mut parser: Parser, chunk: Bytes) -> Result<usize, ParseError> {
    let mut len = 0;
    let mut events = parser.feed(&chunk);
    while let Some(event) = events.next_event()? {
        std::future::ready(()).await;
        len += event.data().len();
    }
    for event in parser.feed_bytes(&chunk) {
        let event = event?;
        std::future::ready(()).await;
        len += event.data().len();
    }
    Ok(len)
}

fn send<T: Send + 'static>(value: T) -> T {
    value
}

#[test]
fn a_function_searches_a_reader_and_returns_the_event() {
    let mut parser = Parser::new();
    let mut events = parser.feed(STREAM);
    assert_eq!(price(&mut events).unwrap().unwrap().data(), "2");
    assert_eq!(longest(&mut events).unwrap(), "3");
    assert_eq!(owned_price(&mut parser, STREAM).unwrap().unwrap().data(), "2");
}

#[test]
fn a_struct_lends_events() {
    let mut connection = Connection { parser: Parser::new(), buffer: STREAM.into(), read: 0 };
    let mut data = Vec::new();
    while let Some(event) = connection.next().unwrap() {
        data.push(event.data().to_owned());
    }
    assert_eq!(data, ["1", "2", "3"]);
    assert!(connection.buffer.is_empty() || connection.read == connection.buffer.len());

    let mut parser = Parser::new();
    let mut reading = Reading { events: parser.feed(STREAM) };
    assert_eq!(reading.next().unwrap().unwrap().data(), "1");
}

#[test]
fn a_reader_gives_access_to_its_parser() {
    let mut parser = Parser::new();
    let mut events = parser.feed(b"id: 7\ndata: 1\n\n");
    while let Some(event) = events.next_event().unwrap() {
        assert_eq!((event.data(), event.last_event_id()), ("1", "7"));
        assert_eq!((events.parser().last_event_id(), events.parser().position()), ("7", 15));
    }
    // The reader has no destructor: the parser is free once it is not used any more.
    assert_eq!(parser.last_event_id(), "7");
}

/// A function that is generic over its handler.
#[test]
fn a_handler_takes_events_of_any_lifetime() {
    fn each(parser: &mut Parser, chunk: &[u8], mut handler: impl FnMut(Event<'_>)) -> Result<(), ParseError> {
        let mut events = parser.feed(chunk);
        while let Some(event) = events.next_event()? {
            handler(event);
        }
        Ok(())
    }
    let mut seen = String::new();
    each(&mut Parser::new(), STREAM, |event| seen += event.data()).unwrap();
    assert_eq!(seen, "123");
}

#[tokio::test]
async fn a_task_holds_a_reader_across_await() {
    assert_eq!(tokio::spawn(send(task(Parser::new(), Bytes::from_static(STREAM)))).await.unwrap().unwrap(), 6);
}

#[test]
fn the_rest_is_fed_again_while_the_parser_is_free() {
    let mut parser = Parser::new();
    let mut events = parser.feed(STREAM);
    events.next_event().unwrap();
    let rest = events.into_rest();
    assert_eq!(parser.feed(rest).owned().count(), 2);
    let chunk = Bytes::from_static(STREAM);
    let mut events = parser.feed_bytes(&chunk);
    events.next();
    let rest = events.into_rest();
    assert_eq!(parser.feed_bytes(&rest).count(), 2);
}

#[test]
fn a_new_reader_at_every_turn_of_the_loop_is_an_error_and_does_not_run_for_ever() {
    let mut parser = Parser::new();
    let mut seen = 0;
    let end = (|| {
        while let Some(event) = parser.feed(STREAM).next_event()? {
            seen += event.data().len();
        }
        Ok::<(), ParseError>(())
    })();
    assert_eq!((seen, end.unwrap_err().kind()), (1, ParseErrorKind::Unread));
}

#[test]
fn one_event_for_each_chunk_is_an_error_only_if_something_was_left() {
    let mut parser = Parser::new();
    for chunk in ["data: 1\n\n", "data: 2\n\ndata: 3\n\n"] {
        assert!(parser.feed(chunk.as_bytes()).next_event().unwrap().is_some());
    }
    assert_eq!(parser.feed(b"data: 4\n\n").next_event().unwrap_err().kind(), ParseErrorKind::Unread);
}

#[test]
fn types_and_lifetimes_are_inferred() {
    let name: Option<&str> = None;
    let _ = Event::new("x").with_optional_name(None).with_optional_id(None).with_optional_retry(None);
    let _ = Event::new("x").with_optional_name(name.and_then(|name| EventName::new(name).ok()));
    let _ = Event::new("x").with_retry(std::time::Duration::ZERO);
    let _ = Event::new(&String::from("x"));
    let _: Result<Event<'_>, sse_wire::FieldError> =
        (|| Ok(Event::new("x").with_id("7".try_into()?).with_name("n".try_into()?)))();
    let mut parser = Parser::new();
    // References to arrays, vectors, `Bytes` and `AsRef` all become `&[u8]`.
    let _ = (parser.feed(b"").into_rest(), Head::new());
    let _ = parser.feed(&Vec::new()).into_rest();
    let _ = parser.feed(&Bytes::new()).into_rest();
    let _ = parser.feed("".as_ref()).into_rest();
    assert!(!matches!(Event::new("x").event_name(), Some(PRICE)));
    assert_eq!(CLOSED.encode(), "event: closed\nid: 0\ndata: bye\n\n");
}

const PRICE: EventName<'static> = EventName::from_static("price");

/// Whole events can be constants.
const CLOSED: Event<'static> =
    Event::new("bye").with_name(EventName::from_static("closed")).with_id(EventId::from_static("0"));

/// An event's parts may live for different times.
#[test]
fn an_event_of_a_local_and_a_constant() {
    fn shorter<'a>(event: Event<'static>, data: &'a str) -> Event<'a> {
        event.with_data(data)
    }
    let data = String::from("x");
    assert_eq!(shorter(Event::new("").with_name(PRICE), &data).name(), "price");
}

/// The loop of a reconnecting client: it awaits, skips what is refused, and closes the source from within.
async fn connection(
    source: &mut EventSource,
    chunks: &[Bytes],
    to: &tokio::sync::mpsc::Sender<OwnedEvent>,
) -> Result<(), ReceiveError> {
    for chunk in chunks {
        let mut events = source.feed(chunk);
        loop {
            match events.next_event() {
                Ok(Some(event)) if event.name() == "stop" => {
                    source.close();
                    return Ok(());
                }
                Ok(Some(event)) => {
                    if to.send(event.into_owned()).await.is_err() {
                        source.close();
                        return Ok(());
                    }
                }
                Ok(None) => break,
                Err(ReceiveError::Parse(error)) => println!("skipped after {:?}: {error}", events.last_event_id()),
                Err(over) => return Err(over),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_client_awaits_and_closes_within_its_loop() {
    let (to, mut from) = tokio::sync::mpsc::channel(8);
    let task = tokio::spawn(async move {
        let mut source = EventSource::new().with_parser(Parser::new().with_max_event_size(16));
        source.response(200, "text/event-stream", std::time::Duration::ZERO).unwrap();
        let chunks = ["data: 1\n\nda".into(), "ta: 2\n\ndata: this one is too large\n\nevent: stop\ndata\n\n".into()];
        connection(&mut source, &chunks, &to).await.unwrap();
        source.feed(STREAM).next_event().unwrap_err()
    });
    assert_eq!(task.await.unwrap(), ReceiveError::Closed(CloseReason::ByCaller));
    assert_eq!((from.recv().await.unwrap().data(), from.recv().await.unwrap().data()), ("1", "2"));
    assert!(from.recv().await.is_none());
}
