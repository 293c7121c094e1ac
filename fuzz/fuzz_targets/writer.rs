//! Data written in any pieces, as text or as bytes, is encoded as the whole is by `encode`.
#![no_main]

use std::{fmt, io};

use libfuzzer_sys::fuzz_target;
use sse_wire::{DataWriter, Encoder, Event, EventId, EventName, Head};
use sse_wire_fuzz::cut::CutStream;

const HEAD: Head<'_> = Head::new().with_name(EventName::from_static("name")).with_id(EventId::from_static("id"));

fn push_str(writer: &mut DataWriter<'_>, text: &str, by_trait: bool) {
    if by_trait {
        fmt::Write::write_str(writer, text).expect("it never fails");
    } else {
        writer.push_str(text);
    }
}

fn push_bytes(writer: &mut DataWriter<'_>, bytes: &[u8], by_trait: bool) {
    if by_trait {
        io::Write::write_all(writer, bytes).expect("it never fails");
    } else {
        writer.push_bytes(bytes);
    }
}

fuzz_target!(|input: CutStream<'_>| {
    // Whether a piece that is text is written as such; whether pieces go through the traits of `std`; whether another event
    // is begun first and never finished; whether there are other events in the encoder.
    let [as_text, by_trait, unfinished, batched, ..] = input.choices;
    let pieces: Vec<_> = input.chunks().collect();
    let mut encoder = Encoder::new();
    let mut expected = Encoder::new();
    if batched {
        encoder.push(Event::new("before"));
        expected.push(Event::new("before"));
    }
    if unfinished {
        let before = encoder.len();
        let mut writer = encoder.writer(HEAD);
        pieces.iter().for_each(|piece| writer.push_bytes(piece));
        drop(writer);
        assert_eq!(encoder.len(), before);
    }

    let (mut whole, mut bytes) = (String::new(), Vec::new());
    let mut writer = encoder.writer(HEAD);
    for piece in pieces {
        match str::from_utf8(piece) {
            Ok(text) if as_text && !text.is_empty() => {
                // Text begins with a whole character: an incomplete one before it becomes U+FFFD.
                whole.push_str(&String::from_utf8_lossy(&bytes));
                bytes.clear();
                whole.push_str(text);
                push_str(&mut writer, text, by_trait);
            }
            _ => {
                bytes.extend_from_slice(piece);
                push_bytes(&mut writer, piece, by_trait);
            }
        }
    }
    whole.push_str(&String::from_utf8_lossy(&bytes));
    writer.finish();
    expected.push(HEAD.with_data(&whole));
    if batched {
        encoder.push(Event::new("after"));
        expected.push(Event::new("after"));
    }
    assert_eq!(encoder.len(), expected.len());
    assert_eq!(encoder.take(), expected.take());
});
