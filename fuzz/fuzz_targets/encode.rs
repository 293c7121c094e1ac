//! Any event that can be built comes back, by every way to encode it, and nothing but it.
#![no_main]

use bytes::Buf;
use libfuzzer_sys::fuzz_target;
use sse_wire::Encoder;
use sse_wire_fuzz::drive::{self, DOORS};
use sse_wire_fuzz::fields::Fields;
use sse_wire_fuzz::oracle::{Seen, interpret};

fuzz_target!(|fields: Fields<'_>| {
    let Some(event) = fields.event() else { return };
    let mut encoder = Encoder::new();
    let mut stream = fields.comment.as_ref().map_or_else(Vec::new, |comment| encoder.comment(comment).to_vec());
    let encoded = encoder.encode(&event);
    let mut buf = event.to_shared().into_buf();
    assert_eq!(buf.copy_to_bytes(buf.remaining()), encoded);
    assert_eq!(encoder.encoded_len(&event), encoded.len());
    encoder.encode_into(&event, &mut stream);
    stream.extend_from_slice(&encoded);

    let mut expected = drive::seen_event(&event);
    expected.data = fields.data_that_arrives();
    // Whole milliseconds, rounded up.
    expected.retry = fields.retry.map(|nanoseconds| nanoseconds.div_ceil(1_000_000));
    let outcome = interpret(&stream, usize::MAX, false);
    assert_eq!(outcome.results, [Seen::Event(expected.clone()), Seen::Event(expected)]);
    assert_eq!(outcome.unfinished, None);
    for door in DOORS {
        assert_eq!(drive::parse(&stream, &[], usize::MAX, false, door), outcome);
    }
});
