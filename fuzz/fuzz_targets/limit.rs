//! Any bytes, cut anywhere, under small limits: the same blocks are refused at every cut, and no more memory is used than
//! the limits allow.
#![no_main]

use allocation_counter::measure;
use libfuzzer_sys::fuzz_target;
use sse_wire::{ParseErrorKind, Parser};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::drive::{METHODS, parse, parser};

/// How much of a line is decoded at a time.
const WINDOW: usize = 4 * 1024;
/// How much a buffer for anything but data keeps.
const SMALL_CAPACITY: usize = 1024;

/// Reads all of the chunks.
fn read(parser: &mut Parser, chunks: &[&[u8]], blocks: bool) {
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        loop {
            let found = if blocks {
                feed.next_block().map(|block| block.is_some())
            } else {
                feed.next_event().map(|event| event.is_some())
            };
            match found {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    assert!(matches!(error.kind(), ParseErrorKind::EventTooLarge | ParseErrorKind::BlockTooLarge));
                }
            }
        }
    }
}

fuzz_target!(|input: CutStream<'_>| {
    let [block_is_limited, blocks, ..] = input.choices;
    let limits = input.limits(true, block_is_limited);
    let cuts = input.lengths();
    for method in METHODS {
        let whole = parse(input.stream, &[], limits, method);
        assert_eq!(parse(input.stream, &cuts, limits, method), whole, "{method:?}");
    }

    let chunks: Vec<_> = input.chunks().collect();
    let mut parser = parser(limits);
    let most = measure(|| read(&mut parser, &chunks, blocks)).bytes_max;

    // The size is checked after a part of a line was decoded. A byte that is ill-formed becomes three.
    let longest = chunks.iter().map(|chunk| chunk.len()).max().unwrap_or_default();
    let text = limits.event + 3 * longest.min(WINDOW) + 3;
    // A buffer has up to twice the capacity that it needs, and grows beside the old one. The three small ones may have grown
    // in blocks before.
    let growing = 3 * text;
    let kept = 2 * text + 3 * SMALL_CAPACITY.min(2 * text);
    let last_event_id = 2 * limits.event;
    // The lines of the block, and the same as text.
    let most_lines = if block_is_limited { limits.block } else { limits.event };
    let lines = if blocks { 8 * most_lines } else { 0 };
    let allowed = growing + kept + last_event_id + lines + 64;
    assert!(most <= allowed as u64, "{most} bytes, {allowed} allowed");
});
