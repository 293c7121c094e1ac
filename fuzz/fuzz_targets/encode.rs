//! Any event that can be built comes back, by every way to encode it, and nothing but it.
#![no_main]

#[path = "../../tests/wire/drive.rs"]
mod drive;
#[path = "../../tests/wire/oracle.rs"]
mod oracle;

use std::time::Duration;

use bytes::Buf;
use libfuzzer_sys::fuzz_target;
use oracle::Seen;
use sse_wire::{Encoder, Event};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    data: &'a str,
    name: Option<&'a str>,
    id: Option<&'a str>,
    retry: Option<u64>,
    comment: Option<&'a str>,
}

fuzz_target!(|input: Input<'_>| {
    let mut event = Event::new(input.data);
    if let Some(name) = input.name {
        match event.with_name(name) {
            Ok(named) => event = named,
            Err(_) => return assert!(name.contains(['\r', '\n'])),
        }
    }
    if let Some(id) = input.id {
        match event.with_id(id) {
            Ok(with_id) => event = with_id,
            Err(_) => return assert!(id.contains(['\r', '\n', '\0'])),
        }
    }
    if let Some(time) = input.retry {
        event = event.with_retry(Duration::from_millis(time));
    }

    let mut encoder = Encoder::new();
    let mut stream = input.comment.map_or_else(Vec::new, |comment| encoder.comment(comment).to_vec());
    let encoded = encoder.encode(&event);
    let mut buf = event.to_shared().into_buf();
    assert_eq!(buf.copy_to_bytes(buf.remaining()), encoded);
    assert_eq!(encoder.encoded_len(&event), encoded.len());
    encoder.encode_into(&event, &mut stream);
    stream.extend_from_slice(&encoded);

    let mut expected = drive::seen_event(&event);
    expected.data = input.data.replace("\r\n", "\n").replace('\r', "\n");
    let outcome = oracle::interpret(&stream, usize::MAX, false);
    assert_eq!(outcome.results, [Seen::Event(expected.clone()), Seen::Event(expected)]);
    assert_eq!(outcome.unfinished, None);
    for door in drive::DOORS {
        assert_eq!(drive::parse(&stream, &[], usize::MAX, false, door), outcome);
    }
});
