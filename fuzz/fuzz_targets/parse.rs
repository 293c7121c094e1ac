//! Any bytes, cut anywhere, read by any method, with any limits: what the oracle says. Blocks that are encoded again keep
//! their meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_wire::{Block, Encoder, OwnedBlock, Parser};
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::drive::{BLOCK_METHODS, EVENT_METHODS, expected, parse, parser, plain_block};
use sse_wire_fuzz::oracle::{Item, ItemKind, Limits, Outcome, PlainBlock, PlainLine, interpret};
use sse_wire_fuzz::turns::{assert_agrees, assert_unfinished, parse_in_turns, yields};

/// All methods in turn, and readers that stop early.
fn in_turns(input: &CutStream<'_>, mut limits: Limits, events: &Outcome, blocks: &Outcome) {
    match yields(&input.turns()) {
        Some(ItemKind::Events) => {
            let outcome = parse_in_turns(&mut parser(limits), input);
            assert_unfinished(outcome.unfinished.as_ref(), events.unfinished.as_ref());
            assert_eq!(outcome, Outcome { unfinished: outcome.unfinished.clone(), ..events.clone() });
        }
        Some(ItemKind::Blocks) => assert_eq!(&parse_in_turns(&mut parser(limits), input), blocks),
        None => {
            if limits.block == usize::MAX {
                // Now all methods have the limit that `next_block` has unless one is set.
                limits.block = limits.event;
            }
            assert_agrees(parse_in_turns(&mut parser(limits), input), blocks);
        }
    }
}

/// A block after it was encoded and parsed: a comment comes before a U+FEFF that could be a BOM.
fn again(mut block: PlainBlock) -> PlainBlock {
    if matches!(block.lines.first(), Some(PlainLine::Field(name, _)) if name.starts_with('\u{feff}')) {
        block.lines.insert(0, PlainLine::Comment(String::new()));
    }
    block
}

/// Encodes a block in every way. Alone, at the start of a stream, it has the same meaning.
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
    // The last event ID from before the block, if the block has no id.
    let last_event_id = block.event().map_or("", |event| event.last_event_id());
    let mut parser = Parser::new().with_last_event_id(last_event_id);
    let blocks: Vec<OwnedBlock> = parser.feed(&encoded).owned_blocks().map(|block| block.expect("it fits")).collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(plain_block(&blocks[0].as_block()), again(plain_block(&block)));
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
        if let Item::Block(block) = seen {
            expected.reconnection_time = block.retry.or(expected.reconnection_time);
            expected.results.push(Item::Block(again(block.clone())));
        }
    }
    let seen = interpret(&stream, Limits::NONE, ItemKind::Blocks);
    // Lines of a block that was refused, or that did not end, were counted, and are not encoded again.
    (expected.ignored_lines, expected.ignored_lines_at_end) = (seen.ignored_lines, seen.ignored_lines_at_end);
    assert!(seen.ignored_lines <= before.ignored_lines);
    assert_eq!(seen, expected);
}

fuzz_target!(|input: CutStream<'_>| {
    let [event_is_limited, block_is_limited, ..] = input.choices;
    let limits = input.limits(event_is_limited, block_is_limited);
    let cuts = input.lengths();
    let [events, blocks] = [ItemKind::Events, ItemKind::Blocks].map(|kind| interpret(input.stream, limits, kind));
    for (said, methods) in [(&events, &EVENT_METHODS[..]), (&blocks, &BLOCK_METHODS[..])] {
        for &method in methods {
            assert_eq!(parse(input.stream, &cuts, limits, method), expected(said, method), "{method:?}");
        }
    }
    in_turns(&input, limits, &events, &blocks);
    encoded_again(&input, limits, &blocks);
});
