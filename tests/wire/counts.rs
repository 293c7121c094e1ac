//! What things cost, counted: allocations, bytes held, and who keeps a chunk alive. Bytes looked at are counted by the
//! unit tests of `parser` and `encoder`, which see the scan.

use std::io::Write;
use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sse_wire::{Encoder, Event, Item, KEEP_ALIVE, LineParser, Parser};

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
    let mut events = 0;
    for mut chunk in stream.chunks(chunk_size) {
        while parser.next_event(&mut chunk).unwrap().is_some() {
            events += 1;
        }
    }
    events
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
    }
}

#[test]
fn shared_events_of_one_line_within_a_chunk_cost_no_allocation() {
    const STREAM: &[u8] = b"event: a\nid: 1\ndata: b\n\ndata: \xe4\xb8\xad\n\nretry: 5\nid: 2\ndata: c\n\n";
    let mut parser = Parser::new();
    let mut read = || {
        let mut chunk = Bytes::from_static(STREAM);
        let mut events = 0;
        while parser.next_event_shared(&mut chunk).unwrap().is_some() {
            events += 1;
        }
        assert_eq!(events, 3);
    };
    // The first time, the parser takes memory for the last event ID, and for the event that shows it later.
    read();
    let cost = measure(read);
    // The event without an id of its own shows the last event ID, which must be memory of its own: one for each id.
    assert!(cost.count_total <= 2, "{cost:?}");

    let mut chunk = Bytes::from_static(b"data: x\n\nid: 3\ndata: y\n\nevent: e\ndata: z\nid: 4\n\n");
    let mut parser = Parser::new();
    let first = measure(|| assert!(parser.next_event_shared(&mut chunk).unwrap().is_some()));
    let second = measure(|| assert!(parser.next_event_shared(&mut chunk).unwrap().is_some()));
    let third = measure(|| assert!(parser.next_event_shared(&mut chunk).unwrap().is_some()));
    // The second is the parser's copy of its first id.
    assert_eq!([first, second, third].map(|cost| cost.count_total), [0, 1, 0]);
}

#[test]
fn data_of_one_line_within_a_chunk_is_not_copied() {
    let stream: &[u8] = b"event: a\nid: 1\ndata: some text\nretry: 1\n\n";
    let mut input = stream;
    let mut parser = Parser::new();
    let event = parser.next_event(&mut input).unwrap().unwrap();
    for text in [event.name(), event.data(), event.last_event_id()] {
        assert!(stream.as_ptr_range().contains(&text.as_ptr()), "{text}");
    }
    let mut input = Bytes::from_static(stream);
    let event = Parser::new().next_event_shared(&mut input).unwrap().unwrap();
    for text in [event.name(), event.data(), event.last_event_id()] {
        assert!(stream.as_ptr_range().contains(&text.as_ptr()), "{text}");
    }
}

/// A chunk that tells whether anything still keeps it alive.
fn watched(bytes: &[u8]) -> (Bytes, impl Fn() -> bool) {
    let owner: Arc<[u8]> = bytes.into();
    let watch = Arc::downgrade(&owner);
    (Bytes::from_owner(owner), move || watch.strong_count() > 0)
}

#[test]
fn nothing_keeps_a_chunk_alive_but_the_events_in_the_callers_hands() {
    let mut parser = Parser::new();
    let (mut chunk, alive) =
        watched(b": c\nid: 1\nevent: e\ndata: x\n\nid: 2\n\nevent: cut off\nid: 3\ndata: y\ndata: z");
    let event = parser.next_item_shared(&mut chunk).unwrap();
    assert!(event.is_some());
    drop(event);
    let event = parser.next_event_shared(&mut chunk).unwrap().unwrap();
    assert_eq!(parser.next_event_shared(&mut chunk).unwrap(), None);
    assert!(alive(), "an event holds it");
    drop(event);
    assert!(!alive(), "neither the parser nor the input that was taken holds it");
    assert_eq!(parser.last_event_id(), "2");

    let (mut chunk, alive) = watched(b"\n\nid: 4\ndata: a\ndata: b\n\n");
    let kept = parser.next_event_shared(&mut chunk).unwrap().unwrap();
    let joined = parser.next_event_shared(&mut chunk).unwrap().unwrap();
    assert_eq!((kept.data(), kept.name(), kept.id()), ("y\nz", "cut off", Some("3")));
    assert_eq!((joined.data(), joined.id()), ("a\nb", Some("4")));
    assert_eq!(parser.next_event_shared(&mut chunk).unwrap(), None);
    drop(joined);
    assert!(!alive(), "an event that was put together does not hold the chunk");
    assert_eq!(parser.last_event_id(), "4");
}

#[test]
fn a_shared_copy_of_a_borrowed_event_outlives_everything() {
    let mut parser = Parser::new();
    let copy = {
        let stream = b"id: 1\nevent: e\ndata: x\n\n".to_vec();
        parser.next_event(&mut &stream[..]).unwrap().unwrap().to_shared()
    };
    drop(parser);
    assert_eq!((copy.name(), copy.data(), copy.id()), ("e", "x", Some("1")));
}

#[test]
fn memory_goes_back_after_a_huge_event() {
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
        let mut parser = Parser::builder().max_event_size(usize::MAX).build();
        let mut most = AllocationInfo::default();
        let held = held_after(|| {
            most = measure(|| {
                for mut chunk in stream.as_bytes().chunks(16 * KIB) {
                    while parser.next_item(&mut chunk).unwrap().is_some() {}
                }
            });
            read_borrowed(&mut parser, b"data: small\n\ndata: partial", 5);
        });
        assert!(most.bytes_max >= HUGE as u64, "the event was held: {most:?}");
        assert!(held <= 64 * KIB, "{held} bytes held");
    }

    // A name or an id that gives way to another within its block, also to an empty one.
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

    // An unfinished event is borrowed from the parser; with no event, or after a new connection, nothing is left.
    for (stream, reset) in [(format!("event: {long}\nid: {long}"), false), (format!("data: {long}"), true)] {
        let mut parser = Parser::new();
        let held = held_after(|| {
            read_borrowed(&mut parser, stream.as_bytes(), 16 * KIB);
            assert_eq!(parser.finish().is_some(), reset);
            if reset {
                parser.reset();
            }
        });
        assert!(held <= 64 * KIB, "{held} bytes held after the end of the stream");
    }

    let mut parser = Parser::new();
    let held = held_after(|| {
        read_borrowed(&mut parser, format!("id: {long}\n\n").as_bytes(), 16 * KIB);
        read_borrowed(&mut parser, b"id: small\n\n", 5);
        read_borrowed(&mut parser, format!("data: {}\n\n", "x".repeat(64 * KIB)).as_bytes(), 16 * KIB);
        for mut chunk in format!(": {}\n\n", "x".repeat(8 * KIB)).as_bytes().chunks(KIB) {
            while parser.next_item(&mut chunk).unwrap().is_some() {}
        }
        assert_eq!(parser.next_event(&mut &b"\n"[..]), Ok(None));
    });
    assert!(held <= 64 * KIB, "{held} bytes held after an id, an event and a comment");

    let mut lines = LineParser::with_max_line_size(HUGE / 2);
    let held = held_after(|| {
        let refused = format!("{long}\n");
        let errors = refused.as_bytes().chunks(16 * KIB).filter(|chunk| lines.next_line(&mut &**chunk).is_err());
        assert_eq!(errors.count(), 1);
    });
    assert!(held <= 64 * KIB, "{held} bytes held after a line that was refused");

    let mut lines = LineParser::new();
    let held = held_after(|| {
        let stream = format!("{long}\nx");
        for mut chunk in stream.as_bytes().chunks(16 * KIB) {
            while lines.next_line(&mut chunk).unwrap().is_some() {}
        }
    });
    assert!(held <= 64 * KIB, "{held} bytes held");
}

#[test]
fn a_large_event_does_not_make_those_after_it_dear() {
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
fn an_event_in_parts_is_read_into_the_same_memory_again_or_into_memory_taken_at_once() {
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
    assert!(large.count_total <= 1, "as much at once as the one before it came to: {large:?}");
}

#[test]
fn shared_text_holds_not_much_more_memory_than_its_bytes() {
    let junk = "0".repeat(4 * KIB);
    let stream = format!("data: {junk}\n\nretry: {junk}\nevent: e\ndata: x\n\n: {junk}\n: c\n\nid: i\ndata: y\n\n");
    let mut parser = Parser::new();
    let mut kept = Vec::with_capacity(16);
    let held = held_after(|| {
        for chunk in stream.as_bytes().chunks(3) {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(item) = parser.next_item_shared(&mut input).unwrap() {
                kept.push(item);
            }
        }
        kept.retain(|item| match item {
            Item::Event(event) => event.data().len() == 1,
            Item::Comment(text) => text.len() == 1,
        });
        parser = Parser::new();
    });
    assert_eq!(kept.len(), 3);
    assert!(held <= KIB, "{held} bytes held by {kept:?}");
}

#[test]
fn shared_text_that_fills_most_of_its_memory_is_handed_over_with_it() {
    let stream = Bytes::from(format!("data: {}\n\n", "x".repeat(3 * KIB)));
    let chunks: Vec<_> =
        (0..stream.len()).step_by(KIB).map(|at| stream.slice(at..stream.len().min(at + KIB))).collect();
    let mut parser = Parser::new();
    let cost = measure(|| {
        for mut chunk in chunks {
            parser.next_event_shared(&mut chunk).unwrap();
        }
    });
    // Of 1, 2 and 4 KiB; another of 3 would be a copy of all.
    assert!(cost.bytes_total < 8 * KIB as u64, "{cost:?}");
}

/// What is allocated in all, over the life of a buffer that doubles, is in proportion to what is in it. Copying beyond that
/// would need memory to copy to.
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
        // With an event that shows the last event ID.
        let stream = [start, &repeated.repeat(LEN / repeated.len()), b"\n\ndata\n\n"].concat();
        let whole = Bytes::from(stream.clone());
        for chunk_size in [1, 16, 1000, LEN] {
            let borrowed = measure(|| {
                read_borrowed(&mut Parser::new(), &stream, chunk_size);
            });
            let shared = measure(|| {
                let (mut parser, mut rest) = (Parser::new(), whole.clone());
                while !rest.is_empty() {
                    let mut chunk = rest.split_to(chunk_size.min(rest.len()));
                    while parser.next_item_shared(&mut chunk).unwrap().is_some() {}
                }
            });
            let lines = measure(|| {
                let mut parser = LineParser::new();
                for mut chunk in stream.chunks(chunk_size) {
                    while parser.next_line(&mut chunk).unwrap().is_some() {}
                }
            });
            for cost in [borrowed, shared, lines] {
                // Text of three times the length, in buffers that double up to twice of that; an id is kept twice more.
                let most = 18 * LEN + KIB;
                let shown = [start, repeated].concat().escape_ascii().to_string();
                assert!(cost.bytes_total <= most as u64, "{shown} in chunks of {chunk_size}: {cost:?}");
            }
        }
    }
}

#[test]
fn an_event_just_within_the_limit_is_let_through() {
    let block = "event: ab\nid: cd\ndata: efg\ndata: hi\n\n";
    // ab, cd, efg, LF, hi
    for (limit, expected) in [(10, true), (9, false)] {
        for chunk_size in 1..block.len() {
            let mut parser = Parser::builder().max_event_size(limit).build();
            let mut events = 0;
            for mut chunk in block.as_bytes().chunks(chunk_size) {
                events += usize::from(matches!(parser.next_event(&mut chunk), Ok(Some(_))));
            }
            assert_eq!(events == 1, expected, "limit {limit}, chunks of {chunk_size}");
        }
    }
}

#[test]
fn encoding_allocates_once_for_many_small_events_and_not_at_all_for_data_that_is_shared() {
    let mut encoder = Encoder::new();
    let event = Event::new("some data").with_name("name").unwrap().with_id("7").unwrap();
    drop(encoder.encode(&event));
    let cost = measure(|| (0..1000).for_each(|_| drop(encoder.encode(&event))));
    assert!(cost.count_total <= 1, "what nobody holds any more is used again: {cost:?}");

    let shared = Event::new("payload".repeat(1000)).as_borrowed().to_shared();
    let cost = measure(|| drop(shared.clone().into_buf()));
    // The first clone of a `Bytes` that was made from a vector allocates its reference count.
    assert!(cost.count_total <= 1, "{cost:?}");
    assert_eq!(measure(|| drop(shared.clone().into_buf())).count_total, 0);

    let mut out = Vec::with_capacity(KIB);
    let cost = measure(|| encoder.encode_into(&event, &mut out));
    assert_eq!(cost.count_total, 0);
}

#[test]
fn what_is_large_is_encoded_into_memory_of_its_own_size_taken_at_once() {
    fn check(len: usize, encode: impl FnOnce() -> Bytes) {
        let cost = measure(|| assert_eq!(encode().len(), len));
        // Bytes and reference count.
        assert!(cost.count_total <= 2 && cost.bytes_max <= len as u64 + 128, "{cost:?} for {len} bytes");
    }
    let long = &*"x".repeat(20 * KIB);
    let event = Event::new(long).with_name(long).unwrap().with_id(long).unwrap();
    let mut encoder = Encoder::new();
    check(encoder.encoded_len(&event), || encoder.encode(&event));
    check(long.len() + 4, || encoder.comment(long));
    check(long.len() + 6, || encoder.id(long).unwrap());
}

#[test]
fn the_keep_alive_is_a_comment_and_nothing_else() {
    let mut parser = Parser::new();
    assert_eq!(parser.next_event(&mut &KEEP_ALIVE.repeat(3)[..]).unwrap(), None);
    assert_eq!(parser.position(), 3 * KEEP_ALIVE.len() as u64);
}

#[cfg(feature = "std")]
#[test]
fn a_blocking_reader_takes_memory_once_if_no_event_is_kept() {
    // Blocks that fill the pieces that are read, so that no event must be copied.
    let stream = format!("data: {}\n\n", "x".repeat(1024 - 8)).repeat(1600);
    let mut events = sse_wire::io::Events::new(stream.as_bytes());
    let first = measure(|| assert!(events.next().is_some()));
    assert!(first.bytes_max < 17 * KIB as u64, "{first:?}");
    let mut seen = 1;
    let others = measure(|| seen += events.by_ref().map(Result::unwrap).count());
    assert_eq!((seen, others.count_total), (1600, 0));
}
