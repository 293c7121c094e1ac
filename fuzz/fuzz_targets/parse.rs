//! Any bytes, cut anywhere, with any limit, through any door: what the oracle says.
#![no_main]

#[path = "../../tests/wire/drive.rs"]
mod drive;
#[path = "../../tests/wire/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    cuts: Vec<u8>,
    limit: Option<u8>,
    comments: bool,
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let cuts: Vec<usize> = input.cuts.iter().map(|&cut| cut.into()).collect();
    let limit = input.limit.map_or(usize::MAX, usize::from);
    let expected = oracle::interpret(input.stream, limit, input.comments);
    for door in drive::DOORS {
        assert_eq!(drive::parse(input.stream, &cuts, limit, input.comments, door), expected, "{door:?}");
    }
});
