//! Two parsers by other authors read what the encoder writes.
#![no_main]

use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;
use sse_wire::{Comment, Encoder, Event};
use sse_wire_fuzz::fields::Fields;

/// Name, data, last event ID.
type Item = (String, String, String);

fn by_sse_parse(stream: &[u8]) -> Vec<Item> {
    let mut parser = sse_parse::SseParser::new();
    parser.feed(stream);
    std::iter::from_fn(|| parser.next_event()).map(|event| (event.event, event.data, event.id)).collect()
}

fn by_sse_core(mut stream: &[u8]) -> Vec<Item> {
    let mut decoder = sse_core::SseDecoder::with_limit(NonZeroUsize::MAX);
    let mut seen = Vec::new();
    while let Some(event) = decoder.next(&mut stream) {
        if let sse_core::SseEvent::Message(event) = event.expect("there is no limit") {
            let id = event.last_event_id.as_deref().unwrap_or_default().to_owned();
            seen.push((event.event.to_string(), event.data.to_string(), id));
        }
    }
    seen
}

fuzz_target!(|fields: Fields<'_>| {
    let Some(event) = fields.event() else { return };
    let mut encoder = Encoder::new();
    if let Some(comment) = &fields.comment {
        encoder.push(Comment(comment));
    }
    encoder.push(event);
    // A forged field would show in the event after it.
    encoder.push(Event::new("after"));
    let stream = encoder.take();

    let arriving = fields.event_that_arrives().event.expect("it has data");
    let id = arriving.last_event_id;
    let expected = [(arriving.name, arriving.data, id.clone()), ("message".to_owned(), "after".to_owned(), id)];
    assert_eq!(by_sse_parse(&stream), expected, "sse-parse");
    assert_eq!(by_sse_core(&stream), expected, "sse-core");
});
