//! Data written in any pieces, as text or as bytes, becomes what `encode` makes of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_wire::{Encoder, Event};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    start: &'a str,
    pieces: Vec<&'a [u8]>,
    /// Whether a piece that is text is written as such, and whether the writer is dropped half-way first.
    as_text: bool,
    dropped: bool,
}

fuzz_target!(|input: Input<'_>| {
    let event = Event::new(input.start).with_name("name").and_then(|event| event.with_id("id")).expect("they are fine");
    let mut encoder = Encoder::new();
    if input.dropped {
        let mut writer = encoder.writer(&event);
        input.pieces.iter().for_each(|piece| writer.push_bytes(piece));
        drop(writer);
    }
    let mut whole = input.start.to_owned();
    let mut bytes = Vec::new();
    let mut writer = encoder.writer(&event);
    for piece in &input.pieces {
        match std::str::from_utf8(piece) {
            Ok(text) if input.as_text && !text.is_empty() => {
                // Text begins anew: what came before it is complete.
                whole.push_str(&String::from_utf8_lossy(&bytes));
                bytes.clear();
                whole.push_str(text);
                writer.push_str(text);
            }
            _ => {
                bytes.extend_from_slice(piece);
                writer.push_bytes(piece);
            }
        }
    }
    whole.push_str(&String::from_utf8_lossy(&bytes));
    let written = writer.finish();
    let head = Event::new(&*whole).with_name("name").and_then(|event| event.with_id("id")).expect("they are fine");
    assert_eq!(written, Encoder::new().encode(&head));
});
