//! Any event that can be built comes back, by every way to encode it, and nothing but it.
#![no_main]

use std::io::IoSlice;

use bytes::Buf;
use libfuzzer_sys::fuzz_target;
use sse_wire::{EncodedEvent, Encoder};
use sse_wire_fuzz::drive::{self, DOORS};
use sse_wire_fuzz::fields::Fields;
use sse_wire_fuzz::oracle::{Seen, SeenEvent, arriving, interpret};

/// What is read of it, so many bytes at a time, by vectored and by plain reads in turn.
fn read(mut buf: EncodedEvent, step: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while buf.has_remaining() {
        let before = bytes.len();
        let mut slices = [IoSlice::new(&[]); 5];
        let filled = buf.chunks_vectored(&mut slices);
        bytes.extend(slices[..filled].iter().flat_map(|slice| slice.iter()).take(step));
        buf.advance(bytes.len() - before);
        let len = buf.chunk().len().min(step);
        bytes.extend_from_slice(&buf.chunk()[..len]);
        buf.advance(len);
    }
    bytes
}

fuzz_target!(|fields: Fields<'_>| {
    let mut encoder = Encoder::new();
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    if let Some(comment) = &fields.comment {
        stream.extend_from_slice(&encoder.comment(comment));
        expected.extend(arriving(comment).split('\n').map(|line| Seen::Comment(line.to_owned())));
    }
    if let Some(event) = fields.event() {
        let encoded = encoder.encode(&event);
        let step = 1 + fields.name.as_ref().map_or(0, |name| name.len());
        assert_eq!(read(event.to_shared().into_buf(), step), encoded);
        assert_eq!(encoder.encoded_len(&event), encoded.len());
        encoder.encode_into(&event, &mut stream);
        stream.extend_from_slice(&encoded);
        let seen = Seen::Event(SeenEvent {
            name: fields.name_that_arrives().to_owned(),
            data: arriving(&fields.data),
            id: fields.id.as_deref().map(str::to_owned),
            last_event_id: fields.id.as_deref().unwrap_or_default().to_owned(),
            // Whole milliseconds, rounded up.
            retry: fields.retry.map(|nanoseconds| nanoseconds.div_ceil(1_000_000)),
        });
        expected.extend([seen.clone(), seen]);
    }

    let outcome = interpret(&stream, usize::MAX, true);
    assert_eq!(outcome.results, expected);
    assert_eq!(outcome.unfinished, None);
    for door in DOORS {
        assert_eq!(drive::parse(&stream, &[], usize::MAX, true, door), outcome);
    }
});
