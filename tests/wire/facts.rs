//! What the types promise, checked when this file compiles.

use std::error::Error;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use bytes::Buf;
use sse_wire::client::{EventSource, ReadyState};
use sse_wire::{
    Block, BlockLine, BlockLines, ByteString, Comment, DataWriter, EncodedEvent, Encoder, Event, EventId, EventName,
    EventParts, Feed, FeedBytes, Field, FieldError, Head, Line, LineFeed, LineParser, OwnedBlock, OwnedBlocks,
    OwnedEvent, OwnedEvents, ParseError, ParseErrorKind, Parser,
};

const fn thread_safe<T: Send + Sync + Debug + UnwindSafe + RefUnwindSafe>() {}
const fn send<T: Send + Sync + Debug>() {}
const fn sent_away<T: Send + Sync + 'static>() {}
const fn copy<T: Copy>() {}
const fn clone<T: Clone>() {}
const fn error<T: Error + Clone + Eq + Send + Sync + 'static>() {}

#[test]
fn the_types_keep_their_promises() {
    const {
        thread_safe::<Parser>();
        thread_safe::<LineParser>();
        thread_safe::<Encoder>();
        thread_safe::<EncodedEvent<ByteString>>();
        thread_safe::<EncodedEvent<&str>>();
        thread_safe::<Event<'_>>();
        thread_safe::<OwnedEvent>();
        thread_safe::<EventParts>();
        thread_safe::<Head<'_>>();
        thread_safe::<EventName<'_>>();
        thread_safe::<EventId<'_>>();
        thread_safe::<Comment<'_>>();
        thread_safe::<Block<'_>>();
        thread_safe::<BlockLine<'_>>();
        thread_safe::<BlockLines<'_>>();
        thread_safe::<OwnedBlock>();
        thread_safe::<Line<'_>>();
        send::<Feed<'_, '_>>();
        send::<OwnedEvents<'_, '_>>();
        send::<OwnedBlocks<'_, '_>>();
        send::<FeedBytes<'_, '_>>();
        send::<LineFeed<'_, '_>>();
        send::<DataWriter<'_>>();

        copy::<Event<'_>>();
        copy::<Head<'_>>();
        copy::<EventName<'_>>();
        copy::<EventId<'_>>();
        copy::<Comment<'_>>();
        copy::<Block<'_>>();
        copy::<BlockLine<'_>>();
        copy::<Line<'_>>();
        copy::<Field>();
        copy::<ParseErrorKind>();
        clone::<OwnedEvent>();
        clone::<OwnedBlock>();
        clone::<EncodedEvent<ByteString>>();
        clone::<Parser>();
        clone::<LineParser>();

        sent_away::<OwnedEvent>();
        sent_away::<OwnedBlock>();
        sent_away::<EventParts>();
        sent_away::<EncodedEvent<ByteString>>();

        error::<FieldError>();
        error::<ParseError>();
    };
    assert!(size_of::<Parser>() <= 256);
    assert!(size_of::<OwnedEvent>() <= 48);
}

/// An encoded event can be passed wherever a `Buf` can.
#[test]
fn an_encoded_event_is_a_buf() {
    fn remaining(buf: &(impl Buf + Send + 'static)) -> usize {
        buf.remaining()
    }
    assert_eq!(remaining(&Event::new("x").as_buf()), 9);
    assert_eq!(remaining(&Event::new("x").into_owned().into_buf()), 9);
    assert_eq!(remaining(&EncodedEvent::new(Head::new(), String::from("x"))), 9);
}

/// What an event returns lives as long as its text, and not only as long as the event.
#[test]
fn the_text_of_an_event_outlives_it() {
    fn data<'a>(event: &Event<'a>) -> (&'a str, &'a str, Option<&'a str>, Option<EventName<'a>>) {
        (event.data(), event.name(), event.id(), event.event_name())
    }
    let text = String::from("x");
    let of_event = data(&Event::new(&text).with_id(EventId::from_static("7")));
    assert_eq!(of_event, ("x", "message", Some("7"), None));
    let stream = b"id: 7\ndata: x\n\n".to_vec();
    let mut parser = Parser::new();
    let of_reader = {
        let (event, rest) = parser.feed(&stream).into_next_event();
        assert!(rest.is_empty());
        data(&event.unwrap().unwrap())
    };
    assert_eq!(of_reader, of_event);
}

/// `impl Into<Event>` takes events by value and owned events by reference.
#[test]
fn a_function_may_take_borrowed_and_owned_events() {
    fn describe<'a>(event: impl Into<Event<'a>>) -> String {
        let event = event.into();
        format!("{} {} {:?} {}", event.name(), event.data(), event.id(), event.encoded_len())
    }
    let event = Event::new("x").with_name(EventName::from_static("n"));
    let owned = event.into_owned();
    assert_eq!(describe(event), describe(&owned));
    assert_eq!(describe(event), "n x None 18");
}

#[test]
fn events_are_equal_if_a_client_cannot_tell_them_apart() {
    let hash = |event: &Event<'_>| {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        hasher.finish()
    };
    let time = Duration::from_millis;
    let (name, id) = (EventName::from_static, EventId::from_static);
    let event = Event::new("d").with_name(name("n")).with_id(id("i")).with_retry(time(1));
    let others = [
        Event::new("e").with_name(name("n")).with_id(id("i")).with_retry(time(1)),
        Event::new("d").with_name(name("m")).with_id(id("i")).with_retry(time(1)),
        Event::new("d").with_name(name("n")).with_id(id("j")).with_retry(time(1)),
        Event::new("d").with_name(name("n")).with_retry(time(1)),
        event.with_retry(time(2)),
        Event::new("d").with_name(name("n")).with_id(id("i")),
    ];
    for other in others {
        assert_ne!(event, other);
        assert_ne!(hash(&event), hash(&other));
        assert_ne!(event.into_owned(), other.into_owned());
    }
    // The order of the setters and the address of the text make no difference.
    let data = String::from("d");
    let same = Event::new(&data).with_retry(time(1)).with_id(id("i")).with_name(name("n"));
    assert_eq!(event, same);
    assert_eq!(hash(&event), hash(&same));
    assert_eq!(event.into_owned(), same);
    assert_eq!(hash(&event.into_owned().as_event()), hash(&same));
    // `message` is what an event without a name is called.
    assert_eq!(Event::new("d").with_name(name("message")), Event::new("d"));

    // The last event ID of the stream counts, even for an event without an id.
    let mut parser = Parser::new().with_last_event_id("7");
    let mut events = parser.feed(b"data: d\n\n");
    let later = events.next_event().unwrap().unwrap();
    assert_eq!((later.id(), later.last_event_id()), (None, "7"));
    assert_ne!(later, Event::new("d"));
}

#[test]
fn a_block_is_equal_to_a_copy_of_it_and_to_no_other() {
    let block = |stream: &str| Parser::new().feed(stream.as_bytes()).owned_blocks().next().unwrap().unwrap();
    let one = block("id: 1\n: c\n\n");
    assert_eq!(one, one.clone());
    assert_eq!(one.as_block(), block("id: 1\n: c\n\n").as_block());
    for other in ["id: 1\n: d\n\n", "id: 2\n: c\n\n", "id: 1\n\n", "id: 1\n: c\ndata\n\n"] {
        assert_ne!(one, block(other), "{other:?}");
    }
}

#[test]
fn error_messages_say_what_is_wrong_and_where() {
    let fields = [(Field::Event, "event"), (Field::Data, "data"), (Field::Id, "id"), (Field::Retry, "retry")];
    for (field, name) in fields {
        assert_eq!((field.to_string(), Field::from_name(name.as_bytes())), (name.to_owned(), Some(field)));
    }
    for (text, said) in [
        ("a\nb", "the id field cannot carry LF (byte 0x0a at index 1)"),
        ("\rb", "the id field cannot carry CR (byte 0x0d at index 0)"),
        ("ab\0", "the id field cannot carry NUL (byte 0x00 at index 2)"),
    ] {
        assert_eq!(EventId::new(text).unwrap_err().to_string(), said);
    }
    // A comment is a line of its block, at the start of a stream and after another event.
    for (stream, position) in [
        ("data: four\n\n", 0),
        ("\ndata: four\n\n", 1),
        (": c\ndata: four\n\n", 0),
        (": c\n\ndata: four\n", 5),
        ("data: x\n\n: c\ndata: four\n\n", 9),
        ("data: x\n\n: c\n\ndata: four\n\n", 14),
    ] {
        let refused = |parser: Parser| {
            let mut parser = parser;
            let errors: Vec<_> = parser.feed(stream.as_bytes()).owned().filter_map(Result::err).collect();
            let [error] = &errors[..] else { panic!("{errors:?}") };
            assert_eq!(error.position(), position, "{stream:?}");
            (error.kind(), error.limit(), error.to_string())
        };
        let said = format!("an event is too large (at byte {position} of the event stream, the limit is 3 bytes)");
        assert_eq!(refused(Parser::new().with_max_event_size(3)), (ParseErrorKind::EventTooLarge, Some(3), said));
        let said = format!("a block is too large (at byte {position} of the event stream, the limit is 9 bytes)");
        assert_eq!(refused(Parser::new().with_max_block_size(9)), (ParseErrorKind::BlockTooLarge, Some(9), said));
    }
    let mut lines = LineParser::new().with_max_line_size(3);
    let error = lines.feed(b"four").next_line().unwrap_err();
    assert_eq!(error.to_string(), "a line is too long (at byte 0 of the event stream, the limit is 3 bytes)");
    let mut parser = Parser::new();
    drop(parser.feed(b"data"));
    let error = parser.feed(b"data").next_event().unwrap_err();
    assert_eq!(error.to_string(), "the chunk before was not read to its end (at byte 0 of the event stream)");
}

#[test]
fn debug_shows_the_parts_of_events_and_blocks() {
    let shown = format!("{:?}", Event::new("x"));
    assert!(shown.starts_with("Event { name: \"message\", data: \"x\""), "{shown}");
    assert_eq!(format!("{:?}", Event::new("x").into_owned()), shown);
    let block = Parser::new().feed(b": c\n\n").owned_blocks().next().unwrap().unwrap();
    let shown = format!("{:?} {:?}", block.as_block(), block.lines().next().unwrap());
    assert!(shown.contains(": c") && shown.ends_with("Comment(\"c\")"), "{shown}");
}

/// As in the standard: no id, no reconnection time, and no limits but the default ones.
#[test]
fn default_is_the_same_as_new() {
    let (parser, source) = (Parser::default(), EventSource::default());
    assert_eq!((parser.last_event_id(), parser.reconnection_time(), parser.position()), ("", None, 0));
    assert_eq!((source.last_event_id(), source.ready_state()), ("", ReadyState::Connecting));
    assert_eq!(LineParser::default().feed(b"\xef\xbb\xbf\n").next_line(), Ok(Some(Line::Blank)));
    assert_eq!(OwnedEvent::default(), Event::new(""));
    assert_eq!(Event::default(), Event::new(""));
    assert_eq!(Head::default(), Head::new());
    assert!(Encoder::default().is_empty());
}

#[test]
fn sixteen_mebibytes_is_the_limit_unless_set() {
    const LIMIT: usize = 16 * 1024 * 1024;
    for (size, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let value = "x".repeat(size);
        let stream = format!("data: {value}\n\n");
        assert_eq!(Parser::new().feed(stream.as_bytes()).next_event().is_ok(), fits);
        assert_eq!(LineParser::new().feed(format!("{value}\n").as_bytes()).next_line().is_ok(), fits);
        // With a line end. Unless set, only `next_block` limits a block.
        let stream = format!(":{}\n\n", &value[2..]);
        assert_eq!(Parser::new().feed(stream.as_bytes()).next_block().is_ok(), fits);
        assert_eq!(Parser::new().feed(stream.repeat(2).as_bytes()).next_event(), Ok(None));
    }
}
