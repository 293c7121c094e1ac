//! What the types promise, checked when this file compiles.

use std::error::Error;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use bytes::Buf;
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
