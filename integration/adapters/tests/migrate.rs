//! What the guide for those who come from another crate says of `eventsource-stream` and of axum's `Sse`, and of this one.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::response::{IntoResponse, Sse, sse};
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use sse_wire::stream::TransportExt;
use sse_wire::{Event, Parser};

/// A transport that delivers these chunks, and then waits for ever.
fn open(chunks: &[&'static [u8]]) -> impl Stream<Item = Result<&'static [u8], Infallible>> + use<> {
    stream::iter(chunks.to_vec()).map(Ok).chain(stream::pending())
}

/// The data of all events that there are without waiting, with that crate and with this one.
fn both(chunks: &[&'static [u8]]) -> [Vec<String>; 2] {
    let (mut there, mut here) = (open(chunks).eventsource(), open(chunks).events());
    let there = std::iter::from_fn(|| there.next().now_or_never().flatten().map(|event| event.unwrap().data));
    let here = std::iter::from_fn(|| here.next().now_or_never().flatten().map(|event| event.unwrap().into_data()));
    [there.collect(), here.map(String::from).collect()]
}

#[test]
fn a_bom_panics_there_and_is_dropped_here() {
    let chunks: [&[u8]; 1] = [b"\xef\xbb\xbfdata: 1\n\n"];
    assert_eq!(open(&chunks).events().next().now_or_never().flatten().unwrap().unwrap().data(), "1");
    let mut there = open(&chunks).eventsource();
    assert!(catch_unwind(AssertUnwindSafe(|| there.next().now_or_never().is_some())).is_err());
}

#[test]
fn text_that_is_not_utf_8_ends_the_stream_there() {
    assert_eq!(both(&[b"data: \xff\n\n", b"data: 2\n\n"]), [vec![], vec!["\u{fffd}", "2"]]);
    let there = stream::iter([b"data: \xff\n\n"]).map(Ok::<_, Infallible>).eventsource();
    let results: Vec<_> = there.collect().now_or_never().unwrap();
    assert!(matches!(&results[..], [Err(EventStreamError::Utf8(_))]), "{results:?}");
}

#[test]
fn an_event_that_ends_in_cr_waits_there() {
    assert_eq!(both(&[b"data: 1\r\r"]), [vec![], vec!["1"]]);
}

#[test]
fn a_block_without_data_counts_here_at_once() {
    let chunks: [&[u8]; 1] = [b"data: 1\n\nid: 7\n\nretry: 9\n\n"];
    let (mut there, mut here) = (open(&chunks).eventsource(), open(&chunks).events());
    assert_eq!(there.next().now_or_never().flatten().unwrap().unwrap().data, "1");
    assert_eq!(here.next().now_or_never().flatten().unwrap().unwrap().data(), "1");
    assert!(there.next().now_or_never().is_none() && here.next().now_or_never().is_none());
    assert_eq!((there.last_event_id(), here.last_event_id()), ("", "7"));
    assert_eq!(here.reconnection_time().map(|time| time.as_millis()), Some(9));
}

#[test]
fn a_retry_with_a_sign_counts_there() {
    let chunks: [&[u8]; 1] = [b"retry: +5\ndata: 1\n\n"];
    assert!(open(&chunks).eventsource().next().now_or_never().flatten().unwrap().unwrap().retry.is_some());
    assert_eq!(open(&chunks).events().next().now_or_never().flatten().unwrap().unwrap().retry(), None);
}

/// What a client reads of this event of axum's.
async fn read(event: sse::Event) -> Option<String> {
    let body = Sse::new(stream::iter([Ok::<_, Infallible>(event)])).into_response().into_body();
    let bytes = axum::body::to_bytes(body, 1000).await.unwrap();
    Parser::new().feed(&bytes).next_event().unwrap().map(|event| event.data().to_owned())
}

#[tokio::test]
async fn axum_drops_empty_data_and_doubles_crlf() {
    assert_eq!(read(sse::Event::default().data("")).await, None);
    assert_eq!(read(sse::Event::default().data("a\r\nb")).await.unwrap(), "a\n\nb");
    for (data, arrives) in [("", ""), ("a\r\nb", "a\nb")] {
        let bytes = Event::new(data).encode();
        assert_eq!(Parser::new().feed(&bytes).next_event().unwrap().map(|event| event.data()), Some(arrives));
    }
}

#[test]
fn axum_panics_on_a_line_break_and_on_a_second_call() {
    assert!(catch_unwind(|| sse::Event::default().event("a\nb")).is_err());
    assert!(catch_unwind(|| sse::Event::default().id("a\rb")).is_err());
    assert!(catch_unwind(|| sse::Event::default().comment("a\nb")).is_err());
    assert!(catch_unwind(|| sse::Event::default().data("a").data("b")).is_err());
    assert!(catch_unwind(|| sse::Event::default().event("a").event("b")).is_err());
}
