//! Any bytes, cut anywhere, with any limit, through any door: what the oracle says.
#![no_main]

#[path = "../../tests/wire/drive.rs"]
mod drive;
#[path = "../../tests/wire/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use oracle::Seen;
use sse_wire::Parser;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    cuts: Vec<u8>,
    limit: Option<u8>,
    comments: bool,
    /// Whether each call shares, and asks for comments.
    doors: Vec<(bool, bool)>,
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let cuts: Vec<usize> = input.cuts.iter().map(|&cut| cut.into()).collect();
    let limit = input.limit.map_or(usize::MAX, usize::from);
    let expected = oracle::interpret(input.stream, limit, input.comments);
    for door in drive::DOORS {
        assert_eq!(drive::parse(input.stream, &cuts, limit, input.comments, door), expected, "{door:?}");
    }

    if !input.doors.is_empty() {
        let door = |&(shared, comments): &_| (drive::DOORS[usize::from(shared)], comments);
        let doors = input.doors.iter().map(door).cycle();
        let mut mixed = drive::parse_on(&mut Parser::new(), input.stream, &cuts, doors);
        mixed.results.retain(|seen| !matches!(seen, Seen::Comment(_)));
        assert_eq!(mixed, oracle::interpret(input.stream, usize::MAX, false));
    }
});
