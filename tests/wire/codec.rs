//! The codecs, driven as `tokio-util` drives them.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sse_wire::codec::{BlockCodec, EventCodec};
use sse_wire::{Block, Comment, Encoder, Event, EventId, Head, KEEP_ALIVE, OwnedBlock, OwnedEvent, ParseError, Parser};
use tokio_util::codec::{Decoder, Encoder as _};

use crate::drive::{block_item, chunks, event_item, milliseconds, parser, plain_block};
use crate::oracle::{self, Item, ItemKind, Outcome};
use crate::properties::{config, cuts, limits, streams};

/// What the codec yields for this stream, and the state at the end.
macro_rules! outcome {
    ($codec:expr, $stream:expr, $cuts:expr, $seen:expr) => {{
        let (mut codec, mut src, mut results) = ($codec, BytesMut::new(), Vec::new());
        for chunk in chunks($stream, $cuts) {
            src.extend_from_slice(chunk);
            while let Some(item) = codec.decode(&mut src).unwrap() {
                results.extend($seen(&item));
            }
        }
        assert!(codec.decode_eof(&mut src).unwrap().is_none());
        Outcome {
            results,
            position: codec.parser().position(),
            ignored_lines: codec.parser().ignored_lines(),
            unfinished: codec.finish().as_ref().map(plain_block),
            last_event_id: codec.parser().last_event_id().to_owned(),
            reconnection_time: codec.parser().reconnection_time().map(milliseconds),
            ignored_lines_at_end: codec.parser().ignored_lines(),
        }
    }};
}

fn owned_event_item(item: &Result<OwnedEvent, ParseError>) -> Option<Item> {
    event_item(item.as_ref().map(|event| Some(event.as_event())).map_err(Clone::clone))
}

fn owned_block_item(item: &Result<OwnedBlock, ParseError>) -> Option<Item> {
    block_item(item.as_ref().map(|block| Some(block.as_block())).map_err(Clone::clone))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(stream in streams(), cuts in cuts(), limits in limits()) {
        let codec = EventCodec::new().with_parser(parser(limits));
        let mut expected = oracle::interpret(&stream, limits, ItemKind::Events);
        // A parser keeps them only for `next_block`.
        expected.unfinished.iter_mut().for_each(|block| block.lines.clear());
        let mut outcome = outcome!(codec, &stream, &cuts, owned_event_item);
        outcome.unfinished.iter_mut().for_each(|block| block.lines.clear());
        prop_assert_eq!(outcome, expected);

        let codec = BlockCodec::new().with_parser(parser(limits));
        let expected = oracle::interpret(&stream, limits, ItemKind::Blocks);
        prop_assert_eq!(outcome!(codec, &stream, &cuts, owned_block_item), expected);
    }
}

#[test]
fn everything_that_can_be_encoded_is_appended() {
    let (mut codec, mut sent) = (EventCodec::new(), BytesMut::new());
    codec.encode(Event::new("owned").into_owned(), &mut sent).unwrap();
    codec.encode(&Event::new("borrowed").with_id(EventId::from_static("7")), &mut sent).unwrap();
    codec.encode(Bytes::from_static(KEEP_ALIVE), &mut sent).unwrap();
    codec.encode(Comment("c"), &mut sent).unwrap();
    codec.encode(Head::from(EventId::from_static("8")), &mut sent).unwrap();
    let mut encoder = Encoder::new();
    encoder.push(Event::new("batch"));
    BlockCodec::new().encode(encoder.take(), &mut sent).unwrap();
    let expected = "data: owned\n\nid: 7\ndata: borrowed\n\n:\n\n: c\n\nid: 8\n\ndata: batch\n\n";
    assert_eq!(sent, expected);

    // A relay.
    let (mut codec, mut relayed) = (BlockCodec::default(), BytesMut::new());
    while let Some(block) = codec.decode(&mut sent).unwrap() {
        codec.encode(block.unwrap(), &mut relayed).unwrap();
    }
    assert_eq!(relayed, expected.replace(":\n\n", ": \n\n"));
}

#[test]
fn into_parts_returns_the_bytes_that_were_not_read() {
    let (mut codec, mut src) = (EventCodec::default(), BytesMut::from("id: 1\ndata: 1\n\ndata: 2\n\n"));
    assert!(codec.decode(&mut src).unwrap().unwrap().is_ok());
    assert!(src.is_empty());
    let (mut parser, rest) = codec.into_parts();
    assert_eq!((parser.last_event_id(), &rest[..]), ("1", &b"data: 2\n\n"[..]));
    assert_eq!(parser.feed(&rest).next_event().unwrap().unwrap().data(), "2", "the parser goes on with the rest");
}

#[test]
fn a_parser_keeps_its_limits_and_its_last_event_id() {
    let mut codec = EventCodec::new().with_parser(Parser::new().with_max_event_size(1).with_last_event_id("7"));
    let mut src = BytesMut::from("data: long\n\ndata: x\n\n");
    assert_eq!(codec.decode(&mut src).unwrap().unwrap().unwrap_err().limit(), Some(1));
    assert_eq!(codec.decode(&mut src).unwrap().unwrap().unwrap().last_event_id(), "7");
    assert_eq!(codec.finish(), None::<Block<'_>>);
}
