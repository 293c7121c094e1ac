//! What the types promise, checked when this file compiles.

use std::error::Error;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use bytes::Buf;
use sse_wire::client::{EventSource, ReadyState};
use sse_wire::{
    ByteString, EncodedEvent, Encoder, Event, Field, FieldError, Item, Line, LineParser, ParseError, ParseErrorKind,
    Parser, ParserBuilder,
};

const fn thread_safe<T: Send + Sync + Debug + UnwindSafe + RefUnwindSafe>() {}
const fn copy<T: Copy>() {}
const fn clone<T: Clone>() {}
const fn error<T: Error + Clone + Eq + Send + Sync + 'static>() {}

#[test]
fn the_types_keep_their_promises() {
    const {
        thread_safe::<Parser>();
        thread_safe::<ParserBuilder>();
        thread_safe::<LineParser>();
        thread_safe::<Encoder>();
        thread_safe::<EncodedEvent>();
        thread_safe::<Event>();
        thread_safe::<Event<&str>>();
        thread_safe::<Event<String>>();
        thread_safe::<Item>();
        thread_safe::<Line<'_>>();

        copy::<Event<&str>>();
        copy::<Item<&str>>();
        copy::<Line<'_>>();
        copy::<Field>();
        copy::<ParseErrorKind>();
        clone::<Event<ByteString>>();
        clone::<EncodedEvent>();
        clone::<Parser>();

        error::<FieldError>();
        error::<ParseError>();
    };
    assert!(size_of::<Parser>() <= 256);
}

/// Any buffer that takes `Buf` takes an encoded event.
#[test]
fn an_encoded_event_is_a_buf() {
    fn remaining(buf: &(impl Buf + Send + 'static)) -> usize {
        buf.remaining()
    }
    assert_eq!(remaining(&Event::new(ByteString::from_static("x")).into_buf()), 9);
}

/// The interface works on any text that it accepts, without naming which.
#[test]
fn code_may_be_generic_over_the_text_of_an_event() {
    fn describe<S: AsRef<str>>(event: &Event<S>) -> String {
        format!("{} {} {:?} {}", event.name(), event.data(), event.id(), Encoder::new().encoded_len(event))
    }
    let event = Event::new(String::from("x")).with_name("n".into()).unwrap();
    assert_eq!(describe(&event), describe(&event.as_borrowed().to_shared()));
}

#[test]
fn events_are_equal_if_a_client_cannot_tell_them_apart() {
    let hash = |event: &Event<&str>| {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        hasher.finish()
    };
    let time = Duration::from_millis;
    let event = Event::new("d").with_name("n").unwrap().with_id("i").unwrap().with_retry(time(1));
    let others = [
        Event::new("e").with_name("n").unwrap().with_id("i").unwrap().with_retry(time(1)),
        Event::new("d").with_name("m").unwrap().with_id("i").unwrap().with_retry(time(1)),
        Event::new("d").with_name("n").unwrap().with_id("j").unwrap().with_retry(time(1)),
        Event::new("d").with_name("n").unwrap().with_retry(time(1)),
        event.with_retry(time(2)),
        Event::new("d").with_name("n").unwrap().with_id("i").unwrap(),
    ];
    for other in others {
        assert_ne!(event, other);
        assert_ne!(hash(&event), hash(&other));
    }
    // Whatever order it was built in, and wherever its text lies.
    let data = String::from("d");
    let same = Event::new(&*data).with_retry(time(1)).with_id("i").unwrap().with_name("n").unwrap();
    assert_eq!(event, same);
    assert_eq!(hash(&event), hash(&same));

    // The last event ID of the stream shows, also in an event without an id of its own.
    let mut parser = Parser::builder().last_event_id("7").build();
    let later = parser.next_event(&mut &b"data: d\n\n"[..]).unwrap().unwrap();
    assert_eq!((later.id(), later.last_event_id()), (None, "7"));
    assert_ne!(later, Event::new("d"));
}

#[test]
fn items_are_equal_if_their_events_or_texts_are() {
    let event = Item::Event(Event::new("x"));
    assert_eq!(event, event.to_shared());
    assert_eq!(Item::Comment("x"), Item::Comment("x").to_shared());
    assert_ne!(Item::Comment("x"), Item::Comment("y"));
    assert_ne!(Item::Comment("x"), event);
}

#[test]
fn what_goes_wrong_says_what_and_where() {
    let fields = [(Field::Event, "event"), (Field::Data, "data"), (Field::Id, "id"), (Field::Retry, "retry")];
    for (field, name) in fields {
        assert_eq!((field.to_string(), Field::from_name(name.as_bytes())), (name.to_owned(), Some(field)));
    }
    for (text, said) in [
        ("a\nb", "the id field cannot carry LF (byte 0x0a at index 1)"),
        ("\rb", "the id field cannot carry CR (byte 0x0d at index 0)"),
        ("ab\0", "the id field cannot carry NUL (byte 0x00 at index 2)"),
    ] {
        assert_eq!(Encoder::new().id(text).unwrap_err().to_string(), said);
    }
    // A comment is a line of its block. (At the start of a stream, and where a call begins with it.)
    for (stream, position) in [
        ("data: four\n\n", 0),
        ("\ndata: four\n\n", 1),
        (": c\ndata: four\n\n", 0),
        (": c\n\ndata: four\n", 5),
        ("data: x\n\n: c\ndata: four\n\n", 9),
        ("data: x\n\n: c\n\ndata: four\n\n", 14),
    ] {
        let (mut parser, mut input) = (Parser::builder().max_event_size(3).build(), stream.as_bytes());
        let error = loop {
            if let Err(error) = parser.next_event(&mut input) {
                break error;
            }
            assert!(!input.is_empty(), "{stream:?} is refused");
        };
        let said = format!("the block at byte {position} of the event stream has an event of more than 3 bytes");
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn items_show_what_they_hold() {
    assert_eq!(format!("{:?}", Item::Comment(ByteString::from_static("c"))), "Comment(\"c\")");
    let shown = format!("{:?}", Item::Event(Event::new("x")));
    assert!(shown.starts_with("Event(Event { name: \"message\", data: \"x\""), "{shown}");
}

/// As in the standard: nothing is known yet, and everything is allowed.
#[test]
fn what_is_made_by_default_is_what_is_made_anew() {
    let (parser, source) = (Parser::default(), EventSource::default());
    assert_eq!((parser.last_event_id(), parser.reconnection_time(), parser.position()), ("", None, 0));
    assert_eq!((source.last_event_id(), source.ready_state()), ("", ReadyState::Connecting));
    assert_eq!(LineParser::default().next_line(&mut &b"\xef\xbb\xbf\n"[..]), Ok(Some(Line::Blank)));
}

#[test]
fn sixteen_mebibytes_is_the_limit_unless_set() {
    const LIMIT: usize = 16 * 1024 * 1024;
    for (size, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let value = "x".repeat(size);
        let stream = format!("data: {value}\n\n");
        assert_eq!(Parser::new().next_event(&mut stream.as_bytes()).is_ok(), fits);
        assert_eq!(LineParser::new().next_line(&mut format!("{value}\n").as_bytes()).is_ok(), fits);
    }
}
