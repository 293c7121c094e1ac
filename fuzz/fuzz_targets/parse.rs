//! Any bytes, cut anywhere, through any door, with any limits: what the oracle says. Blocks that are encoded again keep
//! their meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_wire::{Block, Encoder, OwnedBlock, Parser};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::drive::{BLOCK_DOORS, EVENT_DOORS, expected, parse, parser, seen_block};
use sse_wire_fuzz::oracle::{Ask, Limits, Outcome, Seen, SeenBlock, SeenLine, interpret};
use sse_wire_fuzz::turns::{asks, assert_agrees, assert_unfinished, parse_in_turns};

/// All doors in turn, and readers that stop early.
fn in_turns(input: &CutStream<'_>, mut limits: Limits, events: &Outcome, blocks: &Outcome) {
    match asks(&input.turns()) {
        Some(Ask::Events) => {
            let outcome = parse_in_turns(&mut parser(limits), input);
            assert_unfinished(outcome.unfinished.as_ref(), events.unfinished.as_ref());
            assert_eq!(outcome, Outcome { unfinished: outcome.unfinished.clone(), ..events.clone() });
        }
        Some(Ask::Blocks) => assert_eq!(&parse_in_turns(&mut parser(limits), input), blocks),
        None => {
            if limits.block == usize::MAX {
                // What holds for those who ask for blocks is to hold for all.
                limits.block = limits.event;
            }
            assert_agrees(parse_in_turns(&mut parser(limits), input), blocks);
        }
    }
}

/// A block as it comes back when it is encoded. Its first line is never one that begins with U+FEFF, which could be a BOM.
fn again(mut block: SeenBlock) -> SeenBlock {
    if matches!(block.lines.first(), Some(SeenLine::Field(name, _)) if name.starts_with('\u{feff}')) {
        block.lines.insert(0, SeenLine::Comment(String::new()));
    }
    block
}

/// Encodes a block in every way. Alone, at the start of a stream, it says what it said before.
fn encode(block: Block<'_>, encoder: &mut Encoder, appended: &mut Vec<u8>) {
    let (encoded, owned) = (block.encode(), block.into_owned());
    assert_eq!((block.encoded_len(), owned.encoded_len()), (encoded.len(), encoded.len()));
    assert_eq!(owned.encode(), encoded);
    assert_eq!(owned.as_block(), block);
    block.encode_into(appended);
    if appended.len().is_multiple_of(2) {
        encoder.push(block);
    } else {
        encoder.push(&owned);
    }
    // What comes from before the block, if it has no id of its own.
    let last_event_id = block.event().map_or("", |event| event.last_event_id());
    let mut parser = Parser::new().with_last_event_id(last_event_id);
    let blocks: Vec<OwnedBlock> = parser.feed(&encoded).owned_blocks().map(|block| block.expect("it fits")).collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(seen_block(&blocks[0].as_block()), again(seen_block(&block)));
    assert_eq!(parser.finish(), None);
}

/// All blocks, encoded one after the other, are a stream with the same meaning.
fn encoded_again(input: &CutStream<'_>, limits: Limits, before: &Outcome) {
    let (mut encoder, mut appended) = (Encoder::new(), Vec::new());
    let mut parser = parser(limits);
    for chunk in input.chunks() {
        let mut blocks = parser.feed(chunk);
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => encode(block, &mut encoder, &mut appended),
                Ok(None) => break,
                Err(error) => assert!(error.limit().is_some()),
            }
        }
    }
    let stream = encoder.take();
    assert_eq!(stream, appended);
    let mut expected =
        Outcome { last_event_id: before.last_event_id.clone(), position: stream.len() as u64, ..Outcome::default() };
    for seen in &before.results {
        if let Seen::Block(block) = seen {
            expected.reconnection_time = block.retry.or(expected.reconnection_time);
            expected.results.push(Seen::Block(again(block.clone())));
        }
    }
    assert_eq!(interpret(&stream, Limits::NONE, Ask::Blocks), expected);
}

fuzz_target!(|input: CutStream<'_>| {
    let [event_is_limited, block_is_limited, ..] = input.choices;
    let limits = input.limits(event_is_limited, block_is_limited);
    let cuts = input.lengths();
    let [events, blocks] = [Ask::Events, Ask::Blocks].map(|ask| interpret(input.stream, limits, ask));
    for (said, doors) in [(&events, &EVENT_DOORS[..]), (&blocks, &BLOCK_DOORS[..])] {
        for &door in doors {
            assert_eq!(parse(input.stream, &cuts, limits, door), expected(said, door), "{door:?}");
        }
    }
    in_turns(&input, limits, &events, &blocks);
    encoded_again(&input, limits, &blocks);
});
