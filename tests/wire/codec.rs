//! The codec, driven as `tokio-util` drives it.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sse_wire::codec::EventCodec;
use sse_wire::{Encoder, Event, Item, KEEP_ALIVE, Parser};
use tokio_util::codec::{Decoder, Encoder as _};

use crate::drive::{chunks, milliseconds, seen, seen_event};
use crate::oracle::{self, Outcome};
use crate::properties::{config, cuts, limits, streams};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_at_any_cut_is_what_the_standard_says(stream in streams(), cuts in cuts(), limit in limits()) {
        let mut codec = EventCodec::with_parser(Parser::builder().max_event_size(limit).build());
        let (mut src, mut results) = (BytesMut::new(), Vec::new());
        for chunk in chunks(&stream, &cuts) {
            src.extend_from_slice(chunk);
            while let Some(item) = codec.decode(&mut src).unwrap() {
                results.extend(seen(item.map(|event| Some(Item::Event(event)))));
            }
        }
        prop_assert!(codec.decode_eof(&mut src).unwrap().is_none());
        let outcome = Outcome {
            results,
            position: codec.parser().position(),
            unfinished: codec.finish().as_ref().map(seen_event),
            last_event_id: codec.parser().last_event_id().to_owned(),
            reconnection_time: codec.parser().reconnection_time().map(milliseconds),
        };
        prop_assert_eq!(outcome, oracle::interpret(&stream, limit, false));
    }
}

#[test]
fn events_and_ready_blocks_are_appended() {
    let (mut codec, mut sent) = (EventCodec::new(), BytesMut::new());
    codec.encode(Event::new("owned".to_owned()), &mut sent).unwrap();
    codec.encode(&Event::new("borrowed").with_id("7").unwrap(), &mut sent).unwrap();
    codec.encode(Bytes::from_static(KEEP_ALIVE), &mut sent).unwrap();
    codec.encode(Encoder::new().comment("c"), &mut sent).unwrap();
    assert_eq!(sent, "data: owned\n\nid: 7\ndata: borrowed\n\n:\n\n: c\n\n");
}

#[test]
fn what_was_taken_and_not_parsed_is_given_up() {
    let (mut codec, mut src) = (EventCodec::new(), BytesMut::from("id: 1\ndata: 1\n\ndata: 2\n\n"));
    assert!(codec.decode(&mut src).unwrap().unwrap().is_ok());
    assert!(src.is_empty());
    let (parser, rest) = codec.into_parts();
    assert_eq!((parser.last_event_id(), &rest[..]), ("1", &b"data: 2\n\n"[..]));
}
