//! Data written in any pieces, as text or as bytes, becomes what `encode` makes of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_wire::{Encoder, Event};
use sse_wire_fuzz::cut::CutStream;

/// An event with all fields and this data.
fn event(data: &str) -> Event<&str> {
    Event::new(data).with_name("name").and_then(|event| event.with_id("id")).expect("they are fine")
}

fuzz_target!(|input: CutStream<'_>| {
    // Whether a piece that is text is written as such, whether one is what the data begins with, and whether another event
    // is begun first and never finished.
    let [as_text, begins, unfinished, ..] = input.choices;
    let mut pieces: Vec<_> = input.chunks().collect();
    let begin = if begins { std::str::from_utf8(pieces[0]).ok() } else { None };
    if begin.is_some() {
        pieces.remove(0);
    }
    let event_so_far = event(begin.unwrap_or_default());
    let mut encoder = Encoder::new();
    if unfinished {
        let mut writer = encoder.writer(&event_so_far);
        pieces.iter().for_each(|piece| writer.push_bytes(piece));
        drop(writer);
    }

    let mut whole = event_so_far.data().to_owned();
    let mut bytes = Vec::new();
    let mut writer = encoder.writer(&event_so_far);
    for piece in pieces {
        match std::str::from_utf8(piece) {
            Ok(text) if as_text && !text.is_empty() => {
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
    assert_eq!(writer.finish(), Encoder::new().encode(&event(&whole)));
});
