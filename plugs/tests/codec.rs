//! `EventCodec` with `tokio-util`'s `FramedRead`, `FramedWrite` and `Framed`, in memory and over TCP.

use std::io;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::codec::EventCodec;
use sse_wire::{Encoder, Event, KEEP_ALIVE, ParseError, Parser};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, FramedRead, FramedWrite};
use tokio_util::io::StreamReader;

/// A reader that gives these bytes as they are cut here, or these errors, and then the end.
fn reader(reads: Vec<io::Result<Bytes>>) -> impl AsyncRead + Unpin {
    StreamReader::new(stream::iter(reads))
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(connect, listener.accept());
    let (client, server) = (client.unwrap(), accepted.unwrap().0);
    server.set_nodelay(true).unwrap();
    (client, server)
}

/// What the parser alone makes of the stream in one chunk: events or errors, and the unfinished event.
fn by_parser(stream: &[u8], limit: usize) -> (Vec<Result<Event, ParseError>>, Option<Event>) {
    let mut parser = Parser::builder().max_event_size(limit).build();
    let mut chunk = stream;
    let mut results = Vec::new();
    while let Some(result) = parser.next_event(&mut chunk).transpose() {
        results.push(result.map(|event| event.to_shared()));
    }
    (results, parser.finish().map(|event| event.to_shared()))
}

proptest! {
    #[test]
    fn any_stream_at_any_cut_is_what_the_parser_makes_of_it(
        lines in vec(prop::sample::select(&["data: x", "data: long data", "id: 7", "event: e", ": c", "", "", "data: \u{1f680}"][..]), 0..20),
        line_end in prop::sample::select(&["\n", "\r", "\r\n"][..]),
        cuts in vec(1..9_usize, 0..60),
        limit in prop_oneof![Just(usize::MAX), 0..20_usize],
    ) {
        let stream = lines.join(line_end);
        let mut rest = Bytes::from(stream.clone());
        let mut reads: Vec<_> = cuts.iter().map(|&cut| Ok(rest.split_to(cut.min(rest.len())))).collect();
        reads.push(Ok(rest));
        let codec = EventCodec::with_parser(Parser::builder().max_event_size(limit).build());
        let mut framed = FramedRead::new(reader(reads), codec);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results: Vec<_> = runtime.block_on(framed.by_ref().map(Result::unwrap).collect());
        let unfinished = framed.decoder_mut().finish().map(|event| event.to_shared());
        prop_assert_eq!((results, unfinished), by_parser(stream.as_bytes(), limit));
    }
}

#[tokio::test]
async fn refused_blocks_do_not_end_the_stream_and_hide_no_event() {
    let stream = "data: 1\n\ndata: long\n\ndata: 2\n\ndata: long\n\ndata: 3\n\n".as_bytes();
    let codec = EventCodec::with_parser(Parser::builder().max_event_size(1).build());
    let events = FramedRead::new(stream, codec);
    let seen: Vec<_> = events.map(|item| item.unwrap().ok().map(Event::into_data)).collect().await;
    let seen: Vec<_> = seen.iter().map(|data| data.as_deref()).collect();
    assert_eq!(seen, [Some("1"), None, Some("2"), None, Some("3")]);
}

#[tokio::test]
async fn an_error_of_the_reader_comes_once_after_every_event_before_it() {
    let broken = Err(io::ErrorKind::ConnectionReset.into());
    let reads = vec![Ok(Bytes::from_static(b"id: 1\ndata: 1\n\ndata: 2\n\ndata: 3")), broken];
    let mut events = FramedRead::new(reader(reads), EventCodec::new());
    assert_eq!(events.next().await.unwrap().unwrap().unwrap().data(), "1");
    assert_eq!(events.next().await.unwrap().unwrap().unwrap().data(), "2");
    assert_eq!(events.next().await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
    assert_eq!(events.decoder().parser().last_event_id(), "1");
    assert_eq!(events.decoder_mut().finish().map(Event::into_data), Some("3"));
}

#[tokio::test]
async fn an_unfinished_event_at_the_end_is_no_error() {
    let mut events = FramedRead::new(&b"data: 1\n\ndata: 2\n"[..], EventCodec::new());
    assert!(events.next().await.unwrap().unwrap().is_ok());
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
    assert_eq!(events.decoder_mut().finish().map(Event::into_data), Some("2"));
}

#[tokio::test]
async fn the_codec_gives_up_what_it_has_not_parsed() {
    let mut events = Framed::new(io::Cursor::new(b"data: 1\n\ndata: 2\n\n".to_vec()), EventCodec::new());
    assert!(events.next().await.unwrap().unwrap().is_ok());
    let parts = events.into_parts();
    let (parser, rest) = parts.codec.into_parts();
    assert_eq!((parser.position(), &rest[..], &parts.read_buf[..]), (9, &b"data: 2\n\n"[..], &b""[..]));
}

#[tokio::test]
async fn events_arrive_over_tcp_however_they_are_cut() {
    let (client, mut server) = connection().await;
    let stream =
        "\u{feff}id: 1\r\nevent: price\r\ndata: \u{1f680}\r\n\r\n: c\ndata: two\ndata: lines\n\ndata: lost".as_bytes();
    let serve = async move {
        for piece in stream.chunks(3) {
            server.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let watch = async {
        let mut events = FramedRead::new(client, EventCodec::new());
        let first = events.next().await.unwrap().unwrap().unwrap();
        assert_eq!((first.name(), first.data(), first.id()), ("price", "\u{1f680}", Some("1")));
        let second = events.next().await.unwrap().unwrap().unwrap();
        assert_eq!((second.data(), second.last_event_id()), ("two\nlines", "1"));
        assert!(events.next().await.is_none());
    };
    tokio::join!(serve, watch);
}

#[tokio::test]
async fn events_and_ready_blocks_are_sent_over_tcp() {
    let (client, server) = connection().await;
    let serve = async move {
        let mut events = FramedWrite::new(server, EventCodec::new());
        let mut encoder = Encoder::new();
        events.send(Event::new("owned".to_owned())).await.unwrap();
        events.send(&Event::new("borrowed").with_id("7").unwrap()).await.unwrap();
        events.feed(encoder.comment("a sign of life")).await.unwrap();
        events.feed(Bytes::from_static(KEEP_ALIVE)).await.unwrap();
        events.feed(encoder.encode(&Event::new("for all"))).await.unwrap();
        SinkExt::<Bytes>::close(&mut events).await.unwrap();
    };
    let watch = async {
        let events = FramedRead::new(client, EventCodec::new());
        let data: Vec<_> = events.map(|event| event.unwrap().unwrap().into_data()).collect().await;
        assert_eq!(data, ["owned", "borrowed", "for all"]);
    };
    tokio::join!(serve, watch);
}
