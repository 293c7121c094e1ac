//! Any event that can be built is the only one that is read back, by every way to encode it.
#![no_main]

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use libfuzzer_sys::fuzz_target;
use sse_wire::{Comment, EncodedEvent, Encoder, Event, EventName, OwnedEvent};
use sse_wire_fuzz::drive::{BLOCK_METHODS, EVENT_METHODS, parse};
use sse_wire_fuzz::fields::Fields;
use sse_wire_fuzz::oracle::{Item, ItemKind, Limits, PlainBlock, PlainLine, interpret};

/// Reads it, `step` bytes at a time, by vectored and by plain reads in turn; more at a time if it is large, since each
/// vectored read searches ahead.
fn read(mut buf: EncodedEvent<impl AsRef<[u8]>>, step: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let len = buf.remaining();
    let step = step.max(len / 256);
    while buf.has_remaining() {
        let before = bytes.len();
        let mut slices = [IoSlice::new(&[]); 5];
        let filled = buf.chunks_vectored(&mut slices);
        bytes.extend(slices[..filled].iter().flat_map(|slice| slice.iter()).take(step));
        buf.advance(bytes.len() - before);
        let chunk = buf.chunk();
        assert_eq!(chunk.is_empty(), !buf.has_remaining());
        let read = chunk.len().min(step);
        bytes.extend_from_slice(&chunk[..read]);
        buf.advance(read);
    }
    assert_eq!(bytes.len(), len);
    bytes
}

/// The owned event, by every way to make it.
fn owned(event: Event<'_>) -> OwnedEvent {
    let owned = event.into_owned();
    assert_eq!(owned, event);
    assert_eq!(OwnedEvent::new(event.head(), event.data()), owned);
    let parts = owned.clone().into_parts();
    assert_eq!(parts.name.as_deref(), event.event_name().map(EventName::as_str));
    assert_eq!((&*parts.data, parts.id.as_deref()), (event.data(), event.id()));
    assert_eq!((&*parts.last_event_id, parts.retry), (event.last_event_id(), event.retry()));
    assert_eq!(owned.clone().into_data(), event.data());
    owned
}

/// The bytes of the event, by every way to write them.
fn encode(event: Event<'_>, step: usize) -> Bytes {
    let (encoded, owned) = (event.encode(), owned(event));
    assert_eq!(owned.encode(), encoded);
    assert_eq!((event.encoded_len(), owned.encoded_len()), (encoded.len(), encoded.len()));
    assert_eq!(read(event.as_buf(), step), encoded);
    assert_eq!(read(owned.clone().into_buf(), step), encoded);
    assert_eq!(read(EncodedEvent::new(event.head(), event.data()), step), encoded);
    let mut appended = Vec::new();
    event.encode_into(&mut appended);
    owned.encode_into(&mut appended);
    assert_eq!(appended, encoded.repeat(2));
    let mut encoder = Encoder::new();
    encoder.push(event);
    encoder.push(&owned);
    encoder.push(&encoded);
    assert_eq!(encoder.len(), 3 * encoded.len());
    assert_eq!(encoder.take(), encoded.repeat(3));
    assert!(encoder.is_empty());
    encoded
}

fuzz_target!(|fields: Fields<'_>| {
    let mut encoder = Encoder::new();
    let mut expected = Vec::new();
    if let Some(comment) = &fields.comment {
        let comment = Comment(comment);
        let encoded = comment.encode();
        assert_eq!(comment.encoded_len(), encoded.len());
        encoder.push(comment);
        assert_eq!(encoder.len(), encoded.len());
        expected.extend(fields.comment_that_arrives());
    }
    if let Some(event) = fields.event() {
        let encoded = encode(event, 1 + fields.name.as_ref().map_or(0, |name| name.len()));
        encoder.push(&encoded);
        let arriving = fields.event_that_arrives();
        // Its head alone has the same meaning, without the name, which has no effect without data.
        let head = event.head().encode();
        assert_eq!(event.head().encoded_len(), head.len());
        encoder.push(event.head());
        let stays = |line: &&PlainLine| matches!(line, PlainLine::Field(name, _) if name == "id" || name == "retry");
        let lines = arriving.lines.iter().filter(stays).cloned().collect();
        let head = PlainBlock { event: None, lines, ..arriving.clone() };
        expected.push(arriving.clone());
        // There is no block without lines.
        expected.extend((!head.lines.is_empty()).then_some(head));
        encoder.push(event);
        expected.push(arriving);
    }
    let stream = encoder.take();

    let outcome = interpret(&stream, Limits::NONE, ItemKind::Blocks);
    assert_eq!(outcome.unfinished, None);
    for method in BLOCK_METHODS {
        assert_eq!(parse(&stream, &[], Limits::NONE, method), outcome);
    }
    let events = expected.iter().filter_map(|block| block.event.clone().map(Item::Event)).collect::<Vec<_>>();
    assert_eq!(outcome.results, expected.into_iter().map(Item::Block).collect::<Vec<_>>());

    let outcome = interpret(&stream, Limits::NONE, ItemKind::Events);
    assert_eq!(outcome.results, events);
    for method in EVENT_METHODS {
        assert_eq!(parse(&stream, &[], Limits::NONE, method), outcome);
    }
});
