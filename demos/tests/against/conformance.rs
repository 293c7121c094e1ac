//! The conformance cases, served byte for byte to Chromium's `EventSource`: it reads what our parser reads.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use sse_wire::Parser;

use crate::browser::Page;
use crate::cases::{Case, encoder_cases, parser_cases};
use crate::support::serve;

/// A function of the page.
const READ: &str = include_str!("conformance.js");

/// The cases that Chromium reads differently from our parser and the standard. The reason is the same for all: Chromium does
/// not look for a line end right after the BOM, so that the BOM, a line feed and the next line are one unknown field.
const DIFFERENCES: [&str; 2] = ["bom-then-lf-split", "bom-then-lf-then-field"];

/// An event, as (name, data, last event ID).
type Seen = (String, String, String);

/// A stream in the chunks in which it is sent.
type Chunks = Vec<Bytes>;

fn cut(mut stream: Bytes, lengths: impl IntoIterator<Item = usize>) -> Chunks {
    let mut chunks: Vec<_> = lengths.into_iter().map(|length| stream.split_to(length.min(stream.len()))).collect();
    chunks.push(stream);
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

/// Whole, as the case says, in three, in small pieces, and byte by byte where that is not too long.
fn all_cuts(case: &Case) -> Vec<Chunks> {
    let length = case.stream.len();
    let mut lengths = vec![vec![], case.chunks.clone(), vec![length / 3; 2], vec![length / 40 + 1; 40]];
    if length <= 400 {
        lengths.push(vec![1; length]);
    }
    lengths.dedup();
    lengths.into_iter().map(|lengths| cut(case.stream.clone(), lengths)).collect()
}

/// What our parser reads, and the parser at the end.
fn parse(chunks: &Chunks) -> (Vec<Seen>, Parser) {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(event) = feed.next_event().unwrap() {
            events.push((event.name().to_owned(), event.data().to_owned(), event.last_event_id().to_owned()));
        }
    }
    (events, parser)
}

/// The `Last-Event-ID` of a request.
type LastEventId = Option<Vec<u8>>;

/// The streams by number, and the `Last-Event-ID` of each request for them.
#[derive(Clone)]
struct Served {
    streams: Arc<Vec<Chunks>>,
    requests: Arc<Mutex<BTreeMap<usize, Vec<LastEventId>>>>,
}

/// Sends a stream to the first request, and 204 to the next ones.
async fn send(State(served): State<Served>, Path(number): Path<usize>, headers: HeaderMap) -> Response {
    let id = headers.get("last-event-id").map(|id| id.as_bytes().to_vec());
    let earlier = {
        let mut requests = served.requests.lock().unwrap();
        let requests = requests.entry(number).or_default();
        requests.push(id);
        requests.len() - 1
    };
    if earlier > 0 {
        return StatusCode::NO_CONTENT.into_response();
    }
    let pause = if served.streams[number].len() > 10 { Duration::ZERO } else { Duration::from_millis(1) };
    let chunks = stream::iter(served.streams[number].clone()).then(move |chunk| async move {
        // The server sends a chunk when there is no other to add to it.
        tokio::time::sleep(pause).await;
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(chunk)
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
}

/// What Chromium reads from each stream, and its requests for each; `None` if there is no browser.
fn in_the_browser(streams: Vec<Chunks>, names: &BTreeSet<String>, resume: bool) -> Option<(Vec<Vec<Seen>>, Served)> {
    let mut page = Page::open()?;
    let paths: Vec<_> = (0..streams.len()).map(|number| format!("/{number}")).collect();
    let served = Served { streams: Arc::new(streams), requests: Arc::default() };
    let router = Router::new()
        .route("/", get(Html("<!doctype html><title>The conformance cases</title>")))
        .route("/{number}", get(send))
        .with_state(served.clone());
    page.goto(&serve(router));
    let input = json!({ "paths": paths, "names": names, "resume": resume });
    let seen = page.evaluate(&format!("({READ})({input})"));
    Some((serde_json::from_value(seen).unwrap(), served))
}

/// The names of the events of all cases, so that an event of a wrong name is noticed.
fn names(cases: &[Case]) -> BTreeSet<String> {
    let names = cases.iter().flat_map(|case| case.names.iter().cloned());
    names.chain(["message".to_owned()]).collect()
}

fn assert_the_browser_agrees(cases: &[Case]) {
    let (owners, streams): (Vec<_>, Vec<_>) =
        cases.iter().flat_map(|case| all_cuts(case).into_iter().map(move |chunks| (case, chunks))).unzip();
    let Some((seen, _)) = in_the_browser(streams.clone(), &names(cases), false) else { return };
    let mut differences = BTreeSet::new();
    for ((case, chunks), seen) in owners.iter().zip(&streams).zip(&seen) {
        let (expected, _) = parse(chunks);
        if DIFFERENCES.contains(&case.name.as_str()) && *seen != expected {
            differences.insert(case.name.as_str());
        } else {
            assert_eq!(*seen, expected, "{} in {} chunks", case.name, chunks.len());
        }
    }
    let known = DIFFERENCES.into_iter().filter(|name| cases.iter().any(|case| case.name == *name));
    assert_eq!(differences, known.collect(), "a known difference is gone");
    println!("{} cases in {} streams", cases.len(), streams.len());
}

#[test]
fn chromium_reads_the_events_of_every_parser_case_however_it_is_cut() {
    assert_the_browser_agrees(&parser_cases());
}

#[test]
fn chromium_reads_what_the_encoder_writes_for_every_encoder_case() {
    assert_the_browser_agrees(&encoder_cases());
}

#[test]
fn chromium_reconnects_with_the_last_event_id_of_our_parser() {
    let mut cases = parser_cases();
    cases.extend(encoder_cases());
    // Some set a reconnection time of hours.
    cases.retain(|case| parse(&vec![case.stream.clone()]).1.reconnection_time() < Some(Duration::from_secs(4)));
    let streams = cases.iter().map(|case| vec![case.stream.clone()]).collect();
    let Some((_, served)) = in_the_browser(streams, &names(&cases), true) else { return };
    let requests = served.requests.lock().unwrap();
    for (number, case) in cases.iter().enumerate() {
        let parser = parse(&vec![case.stream.clone()]).1;
        let id = parser.last_event_id();
        // HTTP trims a header's value at both ends.
        let expected = if id.is_empty() { None } else { Some(id.trim_matches([' ', '\t']).as_bytes().to_vec()) };
        assert_eq!(requests[&number], [None, expected], "{}", case.name);
    }
    println!("{} cases", cases.len());
}
