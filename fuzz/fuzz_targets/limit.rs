//! Any bytes, cut anywhere, under a small limit: the same blocks are refused at every cut, and no more memory is taken than
//! the limit allows.
#![no_main]

use allocation_counter::measure;
use libfuzzer_sys::fuzz_target;
use sse_wire::{ParseErrorKind, Parser};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::drive::{DOORS, parse};

fuzz_target!(|input: CutStream<'_>| {
    let [comments, ..] = input.choices;
    let limit = usize::from(input.limit);
    let cuts = input.lengths();
    for door in DOORS {
        let whole = parse(input.stream, &[], limit, comments, door);
        assert_eq!(parse(input.stream, &cuts, limit, comments, door), whole);
    }

    let mut parser = Parser::builder().max_event_size(limit).build();
    let chunks: Vec<_> = input.chunks().collect();
    let most = measure(|| {
        for mut chunk in chunks {
            loop {
                let next = if comments {
                    parser.next_item(&mut chunk).map(|item| item.is_some())
                } else {
                    parser.next_event(&mut chunk).map(|event| event.is_some())
                };
                match next {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => assert!(matches!(
                        error.kind(),
                        ParseErrorKind::EventTooLarge { .. } | ParseErrorKind::CommentTooLarge { .. }
                    )),
                }
            }
        }
    })
    .bytes_max;
    // Text is at most three times the limit before it is refused, as a byte that is ill-formed becomes three; it lies in a
    // buffer of up to twice of that, beside the old one while it grows. The three others of the parser may be as large, from
    // blocks before, as so little is kept; and then there is the last event ID.
    let allowed = (9 + 3 * 6 + 2) * limit as u64 + 64;
    assert!(most <= allowed, "{most} bytes, {allowed} allowed");
});
