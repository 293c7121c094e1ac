//! `EventCodec` and `BlockCodec` with `tokio-util`'s `FramedRead`, `FramedWrite` and `Framed`, in memory and over TCP.

use std::io;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::codec::{BlockCodec, EventCodec};
use sse_wire::{Block, Comment, Event, EventId, Head, KEEP_ALIVE, OwnedBlock, OwnedEvent, ParseError, Parser};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Decoder, Framed, FramedRead, FramedWrite};
use tokio_util::io::StreamReader;

/// A reader of these bytes and errors, one for each read, and then the end.
fn reader(reads: Vec<io::Result<Bytes>>) -> impl AsyncRead + Unpin {
    StreamReader::new(stream::iter(reads))
}

/// The event of the block that the stream ended in.
fn unfinished(codec: &mut EventCodec) -> Option<OwnedEvent> {
    codec.finish()?.event().map(Event::into_owned)
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(connect, listener.accept());
    let (client, server) = (client.unwrap(), accepted.unwrap().0);
    server.set_nodelay(true).unwrap();
    (client, server)
}

/// Events, or blocks, and errors; and the unfinished block.
type Read<T> = (Vec<Result<T, ParseError>>, Option<OwnedBlock>);

/// What the parser alone reads from the stream in one chunk.
fn by_parser(stream: &[u8], limit: usize) -> (Read<OwnedEvent>, Read<OwnedBlock>) {
    let parser = || Parser::new().with_max_event_size(limit);
    let (mut events, mut blocks) = (parser(), parser());
    let read_events = events.feed(stream).owned().collect();
    let read_blocks = blocks.feed(stream).owned_blocks().collect();
    ((read_events, events.finish().map(Block::into_owned)), (read_blocks, blocks.finish().map(Block::into_owned)))
}

/// What a codec decodes from the same stream, cut into these reads.
fn by_codec<C, T>(codec: C, reads: &[Bytes], finish: impl FnOnce(&mut C) -> Option<OwnedBlock>) -> Read<T>
where
    C: Decoder<Item = Result<T, ParseError>, Error = io::Error>,
{
    let mut framed = FramedRead::new(reader(reads.iter().cloned().map(Ok).collect()), codec);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(framed.by_ref().map(Result::unwrap).collect());
    (results, finish(framed.decoder_mut()))
}

proptest! {
    #[test]
    fn any_stream_at_any_cut_is_decoded_as_by_the_parser(
        lines in vec(prop::sample::select(&["data: x", "data: long data", "id: 7", "event: e", ": c", "", "", "data: \u{1f680}"][..]), 0..20),
        line_end in prop::sample::select(&["\n", "\r", "\r\n"][..]),
        cuts in vec(1..9_usize, 0..60),
        limit in prop_oneof![Just(usize::MAX), 0..20_usize],
    ) {
        let stream = lines.join(line_end);
        let mut rest = Bytes::from(stream.clone());
        let mut reads: Vec<_> = cuts.iter().map(|&cut| rest.split_to(cut.min(rest.len()))).collect();
        reads.push(rest);
        let parser = Parser::new().with_max_event_size(limit);
        let events = EventCodec::new().with_parser(parser.clone());
        let events = by_codec(events, &reads, |codec| codec.finish().map(Block::into_owned));
        let blocks = by_codec(BlockCodec::new().with_parser(parser), &reads, |codec| codec.finish().map(Block::into_owned));
        prop_assert_eq!((events, blocks), by_parser(stream.as_bytes(), limit));
    }
}

#[tokio::test]
async fn refused_blocks_do_not_end_the_stream_and_hide_no_event() {
    let stream = "data: 1\n\ndata: long\n\ndata: 2\n\ndata: long\n\ndata: 3\n\n".as_bytes();
    let codec = EventCodec::new().with_parser(Parser::new().with_max_event_size(1));
    let events = FramedRead::new(stream, codec);
    let seen: Vec<_> = events.map(|item| item.unwrap().ok().map(OwnedEvent::into_data)).collect().await;
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
    assert_eq!(unfinished(events.decoder_mut()).unwrap().data(), "3");
}

#[tokio::test]
async fn an_unfinished_event_at_the_end_is_no_error() {
    let mut events = FramedRead::new(&b"data: 1\n\ndata: 2\n"[..], EventCodec::new());
    assert!(events.next().await.unwrap().unwrap().is_ok());
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
    assert_eq!(unfinished(events.decoder_mut()).unwrap().data(), "2");
}

#[tokio::test]
async fn into_parts_returns_the_bytes_that_were_not_parsed() {
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
async fn events_and_encoded_blocks_are_sent_over_tcp() {
    let (client, server) = connection().await;
    let serve = async move {
        let mut events = FramedWrite::new(server, EventCodec::new());
        events.send(OwnedEvent::new(Head::new(), "owned")).await.unwrap();
        events.send(Event::new("borrowed").with_id(EventId::from_static("7"))).await.unwrap();
        events.feed(Comment("still here")).await.unwrap();
        events.feed(Bytes::from_static(KEEP_ALIVE)).await.unwrap();
        events.feed(Event::new("for all").encode()).await.unwrap();
        SinkExt::<Bytes>::close(&mut events).await.unwrap();
    };
    let watch = async {
        let events = FramedRead::new(client, EventCodec::new());
        let data: Vec<_> = events.map(|event| event.unwrap().unwrap().into_data()).collect().await;
        assert_eq!(data, ["owned", "borrowed", "for all"]);
    };
    tokio::join!(serve, watch);
}
