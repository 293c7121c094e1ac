//! Bodies that are compressed for the clients that ask for it.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::task::Poll;

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::{Decompress, FlushDecompress};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body;
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::body::{EventBody, GzipBody, Piece};
use sse_wire::{Event, OwnedEvent};

use crate::body::poll_body;
use crate::properties::config;
use crate::script::Script;

fn request(accept_encoding: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in accept_encoding {
        headers.append(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A body of these items that is compressed.
fn compressed<T>(items: impl IntoIterator<Item = T>) -> GzipBody<EventBody<Script<T>>>
where
    T: sse_wire::body::BodyItem + Unpin,
{
    EventBody::new(Script::ready(items)).into_gzip_response(&request(&["gzip"])).into_body()
}

fn event(data: &str) -> OwnedEvent {
    Event::new(data).into_owned()
}

#[test]
fn a_response_is_compressed_if_the_client_prefers_it() {
    let coding_for = |accept_encoding: &[&str]| {
        let response = EventBody::new(Script::ready([event("x")])).into_gzip_response(&request(accept_encoding));
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "text/event-stream");
        assert_eq!(headers["vary"], "accept-encoding");
        let Poll::Ready(Some(Ok(sent))) = poll_body(&mut response.into_body()) else { panic!() };
        let is_compressed = headers.get("content-encoding").is_some_and(|coding| coding == "gzip");
        assert_eq!(is_compressed, sent != "data: x\n\n");
        assert_eq!(is_compressed, headers.contains_key("content-encoding"));
        is_compressed
    };
    for yes in [
        &["gzip"][..],
        &["GZip"],
        &["x-gzip"],
        &["gzip, deflate, br, zstd"],
        &["br;q=1.0, gzip;q=0.8, *;q=0.1"],
        &["deflate", "gzip"],
        &["*"],
        &["br;q=0, *;q=0.001"],
        &["gzip;q=0.001"],
        &["gzip ; q=1"],
        &["gzip;Q=1.000"],
        &["gzip;q=1."],
        &["identity, gzip"],
        &["identity;q=0.5, gzip;q=0.5"],
        &["identity;q=0, gzip;q=0.1"],
        &["*;q=0, gzip"],
        &[",gzip,"],
    ] {
        assert!(coding_for(yes), "{yes:?}");
    }
    for no in [
        &[][..],
        &[""],
        &["identity"],
        &["br"],
        &["gzip;q=0"],
        &["gzip;q=0."],
        &["gzip;q=0.000"],
        &["gzip;q=0, *"],
        &["*;q=0"],
        &["gzip;q=0.5, identity"],
        &["gzip;q=0.5, identity;q=0.6"],
        &["gzipx"],
        &["gzip x"],
        // A weight that is none.
        &["gzip;q=2"],
        &["gzip;q=0.0001"],
        &["gzip;q=x"],
        &["gzip;q=-1"],
        &["gzip;q"],
        &["gzip;"],
        &["gzip;q=0.5;q=1"],
    ] {
        assert!(!coding_for(no), "{no:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// A client has each frame in full before the next one is made.
    #[test]
    fn nothing_is_held_back(frames in vec(vec(any::<u8>(), 0..300), 0..8)) {
        let mut body = compressed(frames.iter().map(|frame| Bytes::copy_from_slice(frame)));
        let (mut client, mut all) = (Decompress::new(false), Vec::new());
        for frame in &frames {
            let Poll::Ready(Some(Ok(sent))) = poll_body(&mut body) else { panic!() };
            prop_assert_eq!(sent.is_empty(), frame.is_empty());
            let deflated = if all.is_empty() && !sent.is_empty() { &sent[10..] } else { &sent[..] };
            all.extend_from_slice(&sent);
            let mut read = Vec::with_capacity(frame.len() + 1);
            client.decompress_vec(deflated, &mut read, FlushDecompress::None).unwrap();
            prop_assert_eq!(&read, frame);
        }
        let Poll::Ready(Some(Ok(trailer))) = poll_body(&mut body) else { panic!() };
        all.extend_from_slice(&trailer);
        prop_assert!(body.is_end_stream());
        prop_assert_eq!(poll_body(&mut body), Poll::Ready(None));
        let mut read = Vec::new();
        GzDecoder::new(&all[..]).read_to_end(&mut read).unwrap();
        prop_assert_eq!(read, frames.concat());
    }
}

#[test]
fn large_events_and_noise_are_compressed_too() {
    // Noise gets longer.
    let mut state = 1_u32;
    let mut noise: Vec<u8> = (0..300_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    noise.push(b'x');
    let large = event(&"line\n".repeat(50_000));
    let mut expected = noise.clone();
    expected.extend_from_slice(b"\0\nevent: cut\n\n");
    expected.extend_from_slice(&large.encode());
    let mut body = compressed([Piece::Raw(noise.into()), large.into()]);
    let mut sent = Vec::new();
    while let Poll::Ready(Some(Ok(frame))) = poll_body(&mut body) {
        sent.extend_from_slice(&frame);
    }
    let mut read = Vec::new();
    GzDecoder::new(&sent[..]).read_to_end(&mut read).unwrap();
    assert!(read == expected, "{} {}", read.len(), expected.len());
}

#[test]
fn a_stream_that_fails_has_no_trailer() {
    let mut body = compressed([Ok(event("x")), Err(io::ErrorKind::Other)]);
    let Poll::Ready(Some(Ok(sent))) = poll_body(&mut body) else { panic!() };
    assert!(!body.is_end_stream());
    assert_eq!(poll_body(&mut body), Poll::Ready(Some(Err(io::ErrorKind::Other))));
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert_eq!(poll_body(&mut body), Poll::Ready(None));
    let mut read = Vec::new();
    let error = GzDecoder::new(&sent[..]).read_to_end(&mut read).unwrap_err();
    assert_eq!((&read[..], error.kind()), (&b"data: x\n\n"[..], io::ErrorKind::UnexpectedEof));
}

#[test]
fn an_empty_stream_is_a_whole_gzip_stream() {
    let mut body = compressed::<OwnedEvent>([]);
    let Poll::Ready(Some(Ok::<_, Infallible>(sent))) = poll_body(&mut body) else { panic!() };
    let mut read = Vec::new();
    GzDecoder::new(&sent[..]).read_to_end(&mut read).unwrap();
    assert_eq!(read, b"");
}

/// What the documentation of `into_gzip_response` says.
#[test]
fn a_thousand_chunks_of_a_chat_completion_become_several_times_smaller() {
    let text = include_str!("../../README.md");
    let mut words = text.split_inclusive(' ').cycle();
    let events = (0..1000).map(|_| {
        let mut data = String::from(
            r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741569952,"#,
        );
        let word = words.next().unwrap();
        let word = serde_json::Value::from(word);
        write!(data, r#""model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_44709d6fcb","#).unwrap();
        write!(data, r#""choices":[{{"index":0,"delta":{{"content":{word}}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#)
            .unwrap();
        event(&data)
    });
    let events: Vec<_> = events.collect();
    let before: usize = events.iter().map(|event| event.encode().len()).sum();
    let mut body = compressed(events);
    let mut after = 0;
    while let Poll::Ready(Some(Ok(frame))) = poll_body(&mut body) {
        after += frame.len();
    }
    assert!(before / after >= 10, "{before} bytes become {after}");
}
