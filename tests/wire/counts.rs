//! Counts allocations, bytes held, and what keeps a chunk alive. The unit tests of `parser` and `encoder` count the bytes
//! that are searched.

use std::io::Write;
use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sse_wire::{
    Comment, Encoder, Event, EventId, EventName, Feed, Head, KEEP_ALIVE, LineParser, OwnedEvent, ParseError, Parser,
};

const KIB: usize = 1024;

/// Events with all fields, with one and with several data lines, of up to a few KiB, with comments between them.
fn mixed_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..200 {
        let data = "text \u{e9}\u{4e2d}\u{1f680} ".repeat(number % 50);
        write!(stream, "id: {number}\nevent: name{}\ndata: {data}\n\n", number % 3).unwrap();
        write!(stream, ": comment {number}\n\ndata: one\ndata: two\ndata:\nretry: {number}\n\n").unwrap();
        write!(stream, "data: {data}\n\n").unwrap();
    }
    stream
}

fn read_borrowed(parser: &mut Parser, stream: &[u8], chunk_size: usize) -> usize {
    read(parser, stream, chunk_size, |feed| feed.next_event().map(|event| event.is_some()))
}

fn read_blocks(parser: &mut Parser, stream: &[u8], chunk_size: usize) -> usize {
    read(parser, stream, chunk_size, |feed| feed.next_block().map(|block| block.is_some()))
}

fn read(
    parser: &mut Parser,
    stream: &[u8],
    chunk_size: usize,
    mut next: impl FnMut(&mut Feed<'_, '_>) -> Result<bool, ParseError>,
) -> usize {
    let mut found = 0;
    for chunk in stream.chunks(chunk_size) {
        let mut feed = parser.feed(chunk);
        while next(&mut feed).unwrap() {
            found += 1;
        }
    }
    found
}

fn read_lines(parser: &mut LineParser, stream: &[u8], chunk_size: usize) {
    for chunk in stream.chunks(chunk_size) {
        let mut lines = parser.feed(chunk);
        while lines.next_line().unwrap().is_some() {}
    }
}

/// The owned events of a chunk, by `feed_bytes` if `shared`, or else by `feed`.
fn owned(parser: &mut Parser, chunk: &Bytes, shared: bool) -> Vec<OwnedEvent> {
    let events: Result<_, _> =
        if shared { parser.feed_bytes(chunk).collect() } else { parser.feed(chunk).owned().collect() };
    events.unwrap()
}

/// Allocated when `work` ended and not freed, in bytes.
fn held_after(work: impl FnOnce()) -> usize {
    measure(work).bytes_current.try_into().expect("nothing is freed that was not allocated")
}

#[test]
fn a_new_parser_allocates_nothing() {
    assert_eq!(measure(|| drop(Parser::new())).count_total, 0);
    assert_eq!(measure(|| drop(LineParser::new())).count_total, 0);
    assert_eq!(measure(|| drop(Encoder::new())).count_total, 0);
}

#[test]
fn whole_events_without_ids_cost_no_allocation_from_the_start() {
    let stream = b"event: a\ndata: b\n\n: comment\nretry: 7\ndata: c\r\n\r\n".repeat(100);
    let mut events = 0;
    let cost = measure(|| events = read_borrowed(&mut Parser::new(), &stream, stream.len()));
    assert_eq!((events, cost.count_total), (200, 0));
}

#[test]
fn borrowed_parsing_allocates_nothing_once_its_buffer_has_grown() {
    let stream = mixed_stream();
    for chunk_size in [1, 7, 100, 1400, 16 * KIB, stream.len()] {
        let mut parser = Parser::new();
        read_borrowed(&mut parser, &stream, chunk_size);
        let mut events = 0;
        let cost = measure(|| events = read_borrowed(&mut parser, &stream, chunk_size));
        assert_eq!((events, cost.count_total), (600, 0), "chunks of {chunk_size}");
        let mut parser = Parser::new();
        read_blocks(&mut parser, &stream, chunk_size);
        let mut blocks = 0;
        let cost = measure(|| blocks = read_blocks(&mut parser, &stream, chunk_size));
        assert_eq!(blocks, 800);
        // The lines of a block of more than 1 KiB are released with it.
        let most = if chunk_size == stream.len() { 0 } else { 2000 };
        assert!(cost.count_total <= most, "{cost:?} for blocks in chunks of {chunk_size}");
    }
}

#[test]
fn an_owned_event_costs_one_allocation_at_most_and_keeps_none() {
    const STREAM: &[u8] = b"event: a\nid: 1\ndata: b\n\ndata: \xe4\xb8\xad\n\nretry: 5\nid: 2\ndata: c\ndata: d\n\n";
    let chunk = Bytes::from_static(STREAM);
    for shared in [false, true] {
        let mut parser = Parser::new();
        // The first time, the parser takes memory for the last event ID and for data that is joined.
        assert_eq!(owned(&mut parser, &chunk, shared).len(), 3);
        let mut feed = parser.feed_bytes(&chunk);
        for data in ["b", "\u{4e2d}", "c\nd"] {
            let cost = measure(|| assert_eq!(feed.next().unwrap().unwrap().data(), data));
            assert_eq!((cost.count_total, cost.count_current), (1, 0), "{data}: {cost:?}");
        }
        assert_eq!(measure(|| assert!(feed.next().is_none())).count_total, 0);
        // Empty text needs no memory.
        let mut parser = Parser::new();
        let chunk = Bytes::from_static(b"data\n\n");
        assert_eq!(measure(|| assert_eq!(parser.feed_bytes(&chunk).count(), 1)).count_total, 0);
    }
}

/// The event, its large data, and each other text that it has.
#[test]
fn a_large_owned_event_costs_an_allocation_for_each_of_its_texts() {
    let long = "x".repeat(3 * KIB);
    let stream = Bytes::from(format!("data: {long}\n\nevent: e\nid: 1\ndata: {long}\n\n"));
    let mut parser = Parser::new();
    // For the last event ID.
    assert_eq!(owned(&mut parser, &stream, false).len(), 2);
    parser = Parser::new().with_last_event_id(parser.last_event_id());
    let mut events = parser.feed(&stream).owned();
    for most in [3, 4] {
        let cost = measure(|| assert_eq!(events.next().unwrap().unwrap().data(), long));
        assert!(cost.count_total <= most && cost.count_current == 0, "{cost:?}");
    }
}

#[test]
fn a_clone_of_an_owned_event_costs_one_allocation_at_most_and_none_of_large_data() {
    for (data, most) in [("some data".to_owned(), 1), ("x".repeat(100 * KIB), 0)] {
        let event =
            Event::new(&data).with_name(EventName::from_static("e")).with_id(EventId::from_static("7")).into_owned();
        let cost = measure(|| drop(event.clone()));
        assert!(cost.count_total <= most, "{cost:?}");
    }
}

#[test]
fn data_of_one_line_within_a_chunk_is_not_copied() {
    let stream: &[u8] = b"event: a\nid: 1\ndata: some text\nretry: 1\n\n";
    let mut parser = Parser::new();
    let mut events = parser.feed(stream);
    let event = events.next_event().unwrap().unwrap();
    for text in [event.name(), event.data(), event.last_event_id()] {
        assert!(stream.as_ptr_range().contains(&text.as_ptr()), "{text}");
    }
    let mut parser = Parser::new();
    let mut blocks = parser.feed(stream);
    let block = blocks.next_block().unwrap().unwrap();
    let event = block.event().unwrap();
    for text in [event.name(), event.data(), event.last_event_id(), block.id().unwrap()] {
        assert!(stream.as_ptr_range().contains(&text.as_ptr()), "{text}");
    }
    // Nor is large data that makes up most of a chunk that is shared.
    let chunk = Bytes::from(format!("event: a\ndata: {}\n\n", "x".repeat(2 * KIB)));
    let event = owned(&mut Parser::new(), &chunk, true).remove(0);
    assert!(chunk.as_ptr_range().contains(&event.data().as_ptr()));
    assert!(chunk.as_ptr_range().contains(&event.clone().into_data().as_ptr()));
}

/// A chunk, and a function that returns whether anything still keeps it alive.
fn watched(bytes: &[u8]) -> (Bytes, impl Fn() -> bool + use<>) {
    let owner: Arc<[u8]> = bytes.into();
    let watch = Arc::downgrade(&owner);
    (Bytes::from_owner(owner), move || watch.strong_count() > 0)
}

#[test]
fn nothing_keeps_a_chunk_alive_but_large_data_that_makes_up_half_of_it() {
    let small = b": c\nid: 1\nevent: e\ndata: x\n\nid: 2\n\nevent: cut off\nid: 3\ndata: y\ndata: z";
    let (chunk, alive) = watched(small);
    let mut parser = Parser::new();
    let events = owned(&mut parser, &chunk, true);
    assert_eq!(events.len(), 1);
    drop(chunk);
    assert!(!alive(), "neither the parser nor a small event holds it");
    assert_eq!((events[0].name(), events[0].data(), events[0].id()), ("e", "x", Some("1")));
    assert_eq!(parser.last_event_id(), "2");

    let (chunk, alive) = watched(b"\n\nid: 4\ndata: a\ndata: b\n\n");
    let events = owned(&mut parser, &chunk, true);
    drop(chunk);
    assert!(!alive(), "an event that was joined does not hold the chunk");
    assert_eq!((events[0].data(), events[0].name(), events[0].id()), ("y\nz", "cut off", Some("3")));
    assert_eq!((events[1].data(), events[1].id()), ("a\nb", Some("4")));
    assert_eq!(parser.last_event_id(), "4");

    // Data of this length in one line or in two, and as much in another block.
    let stream = |data: &str, rest: usize| format!("event: e\nid: 5\n{data}\n\ndata: {}\n\n", "y".repeat(rest));
    let line = |len: usize| format!("data: {}", "x".repeat(len));
    let cases = [
        (stream(&line(2 * KIB), 0), true),
        (stream(&line(2 * KIB), 2 * KIB - 60), true),
        (stream(&line(2 * KIB), 2 * KIB + 60), false),
        (stream(&line(2 * KIB - 1), 0), false),
        (stream(&line(100 * KIB), 90 * KIB), true),
        (stream(&line(100 * KIB), 110 * KIB), false),
        (stream(&[line(50 * KIB), line(50 * KIB)].join("\n"), 0), false),
        (stream(&format!("data: \u{fffd}{}", "x".repeat(50 * KIB)), 0), true),
    ];
    for (number, (stream, holds)) in cases.into_iter().enumerate() {
        let (chunk, alive) = watched(stream.as_bytes());
        let mut parser = Parser::new();
        let mut event = owned(&mut parser, &chunk, true).remove(0);
        let len = chunk.len();
        assert!(!holds || 2 * event.data().len() + 1 >= len, "no more than twice its own text");
        drop(chunk);
        assert_eq!(alive(), holds, "case {number}");
        event = event.clone();
        assert_eq!(alive(), holds, "case {number}");
        let parts = event.into_parts();
        assert_eq!(alive(), holds, "case {number}");
        drop(parts.data);
        assert!(!alive(), "case {number}: name and id do not hold it");
        assert_eq!((parts.name.as_deref(), parts.id.as_deref()), (Some("e"), Some("5")));
        // Without sharing, nothing keeps the chunk alive.
        let (chunk, alive) = watched(stream.as_bytes());
        let events = owned(&mut parser, &chunk, false);
        drop(chunk);
        assert!(!alive(), "case {number}");
        assert_eq!(events[0].name(), "e");
    }

    // Ill-formed data, which is not what the chunk holds.
    let (chunk, alive) = watched(&[b"data: \xff", &b"x".repeat(4 * KIB)[..], b"\n\n"].concat());
    let events = owned(&mut Parser::new(), &chunk, true);
    drop(chunk);
    assert!(!alive());
    assert_eq!(events[0].data().len(), 3 + 4 * KIB);

    // Blocks are copies.
    let (chunk, alive) = watched(&[b"data: ", &b"x".repeat(4 * KIB)[..], b"\n\n"].concat());
    let blocks: Vec<_> = Parser::new().feed(&chunk).owned_blocks().map(Result::unwrap).collect();
    drop(chunk);
    assert!(!alive());
    assert_eq!(blocks[0].event().unwrap().data().len(), 4 * KIB);
}

#[test]
fn an_owned_copy_of_a_borrowed_event_outlives_everything() {
    let mut parser = Parser::new();
    let copy = {
        let stream = b"id: 1\nevent: e\ndata: x\n\n".to_vec();
        parser.feed(&stream).next_event().unwrap().unwrap().into_owned()
    };
    drop(parser);
    assert_eq!((copy.name(), copy.data(), copy.id()), ("e", "x", Some("1")));
}

#[test]
fn the_memory_of_a_huge_event_is_released() {
    const HUGE: usize = 8 * KIB * KIB;
    let long = "x".repeat(HUGE);
    let streams = [
        format!("data: {long}\n\n"),
        format!("data: {long}\ndata: {long}\n\n"),
        format!("event: {long}\ndata: x\n\n"),
        format!("retry: {long}\n\n"),
        format!("id: {long}\0\n\n"),
        format!(": {long}\n\n"),
    ];
    for stream in streams {
        for read in [read_blocks, read_borrowed] {
            let mut parser = Parser::new().with_max_event_size(usize::MAX);
            let mut most = AllocationInfo::default();
            let held = held_after(|| {
                most = measure(|| {
                    read(&mut parser, stream.as_bytes(), 16 * KIB);
                });
                read(&mut parser, b"data: small\n\ndata: partial", 5);
            });
            let is_kept = read as *const () == read_blocks as *const () || !stream.starts_with(':');
            assert_eq!(most.bytes_max >= HUGE as u64, is_kept, "the event was held: {most:?}");
            assert!(held <= 64 * KIB, "{held} bytes held");
        }
    }

    // A name or an id that is replaced within its block, even by an empty one.
    let gives_way: [(&str, &[u8]); 3] = [("event", b"event:\n\n"), ("id", b"id\n\n"), ("event", b"event: \xff\n\n")];
    for (field, next) in gives_way {
        let mut parser = Parser::new();
        let block = [format!("{field}: {long}\n").as_bytes(), next].concat();
        let held = held_after(|| {
            read_borrowed(&mut parser, &block, 16 * KIB);
            read_borrowed(&mut parser, b"data: small\n\n", KIB);
        });
        assert!(held <= 64 * KIB, "{held} bytes held after a name or an id that gave way");
    }

    // An unfinished block is borrowed from the parser; with none, or after a new connection, nothing is left.
    for stream in [format!("event: {long}\nid: {long}"), format!("data: {long}"), format!(": {long}")] {
        for read in [read_blocks, read_borrowed] {
            let mut parser = Parser::new().with_max_block_size(4 * HUGE).with_max_event_size(4 * HUGE);
            for ends in [true, false] {
                let held = held_after(|| {
                    read(&mut parser, stream.as_bytes(), 16 * KIB);
                    let is_block = !stream.starts_with(':');
                    if ends {
                        assert_eq!(parser.finish().is_some(), is_block);
                    }
                    if is_block || !ends {
                        parser.reset();
                    }
                });
                assert!(held <= 64 * KIB, "{held} bytes held after the end of the stream");
            }
        }
    }

    let mut parser = Parser::new();
    let held = held_after(|| {
        read_borrowed(&mut parser, format!("id: {long}\n\n").as_bytes(), 16 * KIB);
        read_borrowed(&mut parser, b"id: small\n\n", 5);
        read_borrowed(&mut parser, format!("data: {}\n\n", "x".repeat(64 * KIB)).as_bytes(), 16 * KIB);
        read_blocks(&mut parser, format!(": {}\n\n", "x".repeat(8 * KIB)).as_bytes(), KIB);
        assert_eq!(parser.feed(b"\n").next_event(), Ok(None));
    });
    assert!(held <= 64 * KIB, "{held} bytes held after an id, an event and a comment");

    // What was refused.
    for blocks in [false, true] {
        let mut parser = Parser::new().with_max_event_size(HUGE / 2);
        let held = held_after(|| {
            let refused = format!("event: {long}\n");
            let mut errors = 0;
            for chunk in refused.as_bytes().chunks(16 * KIB) {
                let mut feed = parser.feed(chunk);
                let mut next = || {
                    if blocks {
                        feed.next_block().map(|block| block.is_some())
                    } else {
                        feed.next_event().map(|event| event.is_some())
                    }
                };
                errors += usize::from(next().is_err());
                assert_eq!(next(), Ok(false));
            }
            assert_eq!(errors, 1);
        });
        assert!(held <= 64 * KIB, "{held} bytes held after a block that was refused");
    }

    let mut lines = LineParser::new().with_max_line_size(HUGE / 2);
    let held = held_after(|| {
        let refused = format!("{long}\n");
        let errors = refused.as_bytes().chunks(16 * KIB).filter(|chunk| lines.feed(chunk).next_line().is_err());
        assert_eq!(errors.count(), 1);
    });
    assert!(held <= 64 * KIB, "{held} bytes held after a line that was refused");

    let mut lines = LineParser::new();
    let held = held_after(|| {
        read_lines(&mut lines, format!("{long}\nx").as_bytes(), 16 * KIB);
    });
    assert!(held <= 64 * KIB, "{held} bytes held");
}

#[test]
fn after_a_large_event_small_ones_allocate_nothing() {
    let mut parser = Parser::new();
    let large = format!("data: {}\n\n", "x".repeat(100 * KIB));
    read_borrowed(&mut parser, large.as_bytes(), 16 * KIB);
    let held = held_after(|| {
        read_borrowed(&mut parser, b"data: part, part\n\ndata: part, part\n\n", 9);
    });
    assert!(held <= KIB, "{held} bytes held");
    let cost = measure(|| {
        for _ in 0..1000 {
            read_borrowed(&mut parser, b"data: part, part\n\n", 9);
        }
    });
    assert_eq!(cost.count_total, 0);
}

#[test]
fn an_event_in_parts_is_read_into_the_memory_of_the_one_before_or_one_allocation() {
    let event = |size: usize| format!("data: {}\n\n", "x".repeat(size)).into_bytes();
    let mut parser = Parser::new();
    let mut cost = |size: usize| {
        let stream = event(size);
        let mut cost = AllocationInfo::default();
        for _ in 0..2 {
            cost = measure(|| assert_eq!(read_borrowed(&mut parser, &stream, 4 * KIB), 1));
        }
        cost
    };
    assert_eq!(cost(30 * KIB).count_total, 0, "kept, as it is less than 64 KiB");
    let large = cost(60 * KIB);
    assert!(large.count_total <= 1, "the length of the last one at once: {large:?}");
}

#[test]
fn owned_events_hold_little_more_memory_than_their_text() {
    let junk = "0".repeat(4 * KIB);
    let stream = format!("data: {junk}\n\nretry: {junk}\nevent: e\ndata: x\n\n: {junk}\n: c\n\nid: i\ndata: y\n\n");
    for shared in [false, true] {
        for size in [3, 16 * KIB] {
            let mut parser = Parser::new();
            let mut kept = Vec::with_capacity(16);
            let held = held_after(|| {
                for chunk in stream.as_bytes().chunks(size) {
                    kept.extend(owned(&mut parser, &Bytes::copy_from_slice(chunk), shared));
                }
                kept.retain(|event| event.data().len() == 1);
                parser = Parser::new();
            });
            assert_eq!(kept.len(), 2);
            assert!(held <= KIB, "{held} bytes held by {kept:?}");
        }
    }
    // Large data that was cut, in a buffer that has doubled.
    for len in [2 * KIB, 3 * KIB, 33 * KIB, 100 * KIB] {
        let stream = format!("data: {}\n\n", "x".repeat(len));
        let mut parser = Parser::new();
        let mut kept = Vec::with_capacity(16);
        let held = held_after(|| {
            for chunk in stream.as_bytes().chunks(KIB) {
                kept.extend(owned(&mut parser, &Bytes::copy_from_slice(chunk), true));
            }
            parser = Parser::new();
        });
        assert_eq!(kept[0].data().len(), len);
        assert!(held <= 2 * len + KIB, "{held} bytes held for {len}");
    }
}

#[test]
fn data_that_fills_most_of_its_buffer_is_moved_out_of_it() {
    let stream = Bytes::from(format!("data: {}\n\n", "x".repeat(3 * KIB)));
    let chunks: Vec<_> =
        (0..stream.len()).step_by(KIB).map(|at| stream.slice(at..stream.len().min(at + KIB))).collect();
    for shared in [false, true] {
        let mut parser = Parser::new();
        let mut seen = 0;
        let cost = measure(|| {
            for chunk in &chunks {
                seen += if shared { parser.feed_bytes(chunk).count() } else { parser.feed(chunk).owned().count() };
            }
        });
        assert_eq!(seen, 1);
        // Buffers of 1, 2 and 4 KiB. Another of 3 KiB would be a copy of the data.
        assert!(cost.bytes_total < 8 * KIB as u64, "{cost:?}");
    }
}

/// All allocations of a buffer that doubles are in proportion to its length. More copies would need more allocations.
#[test]
fn each_kind_of_line_takes_memory_in_proportion_to_its_length_however_it_is_cut() {
    const LEN: usize = 64 * KIB;
    let lines: [(&[u8], &[u8]); 18] = [
        (b"data: ", b"x"),
        (b"data: ", b"\xff"),
        (b"data: ", "\u{4e2d}".as_bytes()),
        (b"event: ", b"x"),
        (b"id: ", b"x"),
        (b"id: ", b"\xff"),
        (b"id: ", b"\0"),
        (b"retry: ", b"1"),
        (b": ", b"x"),
        (b"unknown: ", b"x"),
        (b"unknown", b"x"),
        (b"", b"data: x\n"),
        (b"", b"data\n"),
        (b"", b"event: e\n"),
        (b"", b"id: 1\nid: 2\n"),
        (b"", b"retry: 1\n"),
        (b"", b": c\n"),
        (b"", b"\n"),
    ];
    for (start, repeated) in lines {
        // Followed by an event that has the last event ID.
        let stream = [start, &repeated.repeat(LEN / repeated.len()), b"\n\ndata\n\n"].concat();
        let whole = Bytes::from(stream.clone());
        for chunk_size in [1, 16, 1000, LEN] {
            let borrowed = measure(|| {
                read_borrowed(&mut Parser::new(), &stream, chunk_size);
            });
            let shared = measure(|| {
                let (mut parser, mut rest) = (Parser::new(), whole.clone());
                while !rest.is_empty() {
                    let chunk = rest.split_to(chunk_size.min(rest.len()));
                    parser.feed_bytes(&chunk).for_each(|event| drop(event.unwrap()));
                }
            });
            let owned = measure(|| {
                let mut parser = Parser::new();
                for chunk in stream.chunks(chunk_size) {
                    parser.feed(chunk).owned().for_each(|event| drop(event.unwrap()));
                }
            });
            let blocks = measure(|| {
                read_blocks(&mut Parser::new(), &stream, chunk_size);
            });
            let lines = measure(|| read_lines(&mut LineParser::new(), &stream, chunk_size));
            for (cost, times) in [(borrowed, 18), (shared, 18), (owned, 18), (lines, 18), (blocks, 24)] {
                // Text of three times the length, in buffers that double up to twice of that; an id is kept twice more.
                // The lines of a block are kept besides, and copied if they are ill-formed.
                let most = times * LEN + KIB;
                let shown = [start, repeated].concat().escape_ascii().to_string();
                assert!(cost.bytes_total <= most as u64, "{shown} in chunks of {chunk_size}: {cost:?}");
            }
        }
    }
}

#[test]
fn an_event_of_exactly_the_limit_is_accepted() {
    let block = "event: ab\nid: cd\ndata: efg\ndata: hi\n\n";
    // ab, cd, efg, LF, hi
    for (limit, expected) in [(10, true), (9, false)] {
        for chunk_size in 1..block.len() {
            let mut parser = Parser::new().with_max_event_size(limit);
            let mut events = 0;
            for chunk in block.as_bytes().chunks(chunk_size) {
                events += parser.feed(chunk).owned().flatten().count();
            }
            assert_eq!(events == 1, expected, "limit {limit}, chunks of {chunk_size}");
        }
    }
}

#[test]
fn encoding_allocates_once_for_many_small_batches_and_not_at_all_for_data_that_is_shared() {
    let mut encoder = Encoder::new();
    let event = Event::new("some data").with_name(EventName::from_static("name")).with_id(EventId::from_static("7"));
    let mut batch = || {
        encoder.push(event);
        drop(encoder.take());
    };
    batch();
    let cost = measure(|| (0..1000).for_each(|_| batch()));
    assert!(cost.count_total <= 1, "memory of dropped batches is used again: {cost:?}");

    let shared = OwnedEvent::new(Head::new(), "payload".repeat(1000));
    let cost = measure(|| drop(shared.clone().into_buf()));
    // The first clone of a `Bytes` that was made from a vector allocates its reference count.
    assert!(cost.count_total <= 1, "{cost:?}");
    assert_eq!(measure(|| drop(shared.clone().into_buf())).count_total, 0);
    assert_eq!(measure(|| drop(shared.as_event().as_buf())).count_total, 0);

    let mut out = Vec::with_capacity(KIB);
    let cost = measure(|| event.encode_into(&mut out));
    assert_eq!(cost.count_total, 0);
    assert_eq!(measure(|| assert_eq!(event.encoded_len(), out.len())).count_total, 0);
}

#[test]
fn encode_allocates_memory_of_the_exact_size_at_once() {
    fn check(len: usize, encode: impl FnOnce() -> Bytes) {
        let cost = measure(|| assert_eq!(encode().len(), len));
        // Bytes and reference count.
        assert!(cost.count_total <= 2 && cost.bytes_max <= len as u64 + 128, "{cost:?} for {len} bytes");
    }
    for len in [10, 20 * KIB] {
        let long = &*"x".repeat(len);
        let lines = &*"x\n".repeat(len);
        let (name, id) = (EventName::new(long).unwrap(), EventId::new(long).unwrap());
        for data in [long, lines] {
            let event = Event::new(data).with_name(name).with_id(id);
            check(event.encoded_len(), || event.encode());
            let owned = event.into_owned();
            check(event.encoded_len(), || owned.encode());
        }
        check(long.len() + 6, || Head::from(id).encode());
        let stream = format!(": {long}\n\n");
        let mut parser = Parser::new();
        let mut blocks = parser.feed(stream.as_bytes());
        let block = blocks.next_block().unwrap().unwrap();
        check(stream.len(), || block.encode());
    }
    // In a batch, memory may double on the way.
    let comment = "x".repeat(20 * KIB);
    let len = comment.len() + ": \n\n".len();
    let mut encoder = Encoder::new();
    let cost = measure(|| {
        encoder.push(Comment(&comment));
        drop(encoder.take());
    });
    assert!(cost.bytes_max <= 3 * len as u64 && cost.bytes_current == 0, "{cost:?}");
}

#[test]
fn the_keep_alive_is_a_comment_and_nothing_else() {
    let mut parser = Parser::new();
    assert_eq!(parser.feed(&KEEP_ALIVE.repeat(3)).next_event().unwrap(), None);
    assert_eq!(parser.position(), 3 * KEEP_ALIVE.len() as u64);
}

#[cfg(feature = "std")]
#[test]
fn a_blocking_reader_allocates_once_and_for_each_event() {
    // Blocks that end where a read ends, so that no event is joined.
    let stream = format!("data: {}\n\n", "x".repeat(1024 - 8)).repeat(1600);
    let mut events = sse_wire::io::Events::new(stream.as_bytes());
    let first = measure(|| assert!(events.next().is_some()));
    assert!(first.bytes_max < 17 * KIB as u64, "{first:?}");
    let mut seen = 1;
    let others = measure(|| seen += events.by_ref().map(Result::unwrap).count());
    assert_eq!((seen, others.count_total, others.count_current), (1600, 1599, 0));
    assert!(others.bytes_max <= KIB as u64, "one at a time: {others:?}");
}
