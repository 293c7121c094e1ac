//! Any bytes, cut anywhere, through any door, with any limit: what the oracle says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_wire::Parser;
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::drive::{DOORS, parse, parse_on};
use sse_wire_fuzz::oracle::{Seen, interpret};

fuzz_target!(|input: CutStream<'_>| {
    let [limited, comments, doors @ ..] = input.choices;
    let limit = if limited { input.limit.into() } else { usize::MAX };
    let cuts = input.lengths();
    let expected = interpret(input.stream, limit, comments);
    for door in DOORS {
        assert_eq!(parse(input.stream, &cuts, limit, comments, door), expected, "{door:?}");
    }

    // All doors in turn, with comments asked for now and then: the events are the same.
    let doors = doors.chunks_exact(2).map(|door| (DOORS[usize::from(door[0])], door[1])).cycle();
    let mut mixed = parse_on(&mut Parser::new(), input.stream, &cuts, doors);
    mixed.results.retain(|seen| !matches!(seen, Seen::Comment(_)));
    let expected = if limited || comments { interpret(input.stream, usize::MAX, false) } else { expected };
    assert_eq!(mixed, expected);
});
