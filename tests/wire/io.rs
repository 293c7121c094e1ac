//! Blocking I/O: readers and writers that fail, block, and take or give little at a time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::io::{Events, ReadError, WriteEvents};
use sse_wire::{Encoder, Event, Item, KEEP_ALIVE, Parser};

use crate::drive::{chunks, milliseconds, seen, seen_event};
use crate::oracle::{self, Outcome};
use crate::properties::{config, cuts, limits, streams};

/// Reads as it is told, and then the end; writes as much as it is told, and then everything.
#[derive(Debug, Default)]
struct Moody {
    reads: VecDeque<Result<Vec<u8>, ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    written: Vec<u8>,
    flushed: usize,
    /// How much had been written when it was flushed last.
    flushed_after: usize,
}

impl Moody {
    fn reading<const N: usize>(reads: [Result<&[u8], ErrorKind>; N]) -> Events<Moody> {
        Events::new(Moody { reads: reads.map(|read| read.map(<[u8]>::to_vec)).into(), ..Moody::default() })
    }

    fn writing<const N: usize>(writes: [Result<usize, ErrorKind>; N]) -> WriteEvents<Moody> {
        WriteEvents::new(Moody { writes: writes.into(), ..Moody::default() })
    }
}

impl Read for Moody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(read) = self.reads.pop_front() else {
            return Ok(0);
        };
        let mut bytes = &read?[..];
        let len = bytes.read(buffer)?;
        if !bytes.is_empty() {
            self.reads.push_front(Ok(bytes.to_vec()));
        }
        Ok(len)
    }
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.writes.pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
        self.written.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed += 1;
        self.flushed_after = self.written.len();
        Ok(())
    }
}

/// The data of the next event, or what is said instead.
fn next(events: &mut Events<Moody>) -> Option<Result<String, ErrorKind>> {
    events.next().map(|event| match event {
        Ok(event) => Ok(event.into_data().into()),
        Err(ReadError::Io(error)) => Err(error.kind()),
        Err(ReadError::Parse(error)) => panic!("not too large: {error}"),
    })
}

#[test]
fn a_broken_connection_is_reported_once_after_every_event_before_it() {
    let broken = Err(ErrorKind::ConnectionReset);
    let mut events = Moody::reading([Ok(b"data: 1\n\ndata: 2\n\ndata: 3"), broken, Ok(b"\n\n")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::ConnectionReset)));
    assert_eq!(next(&mut events), None);
    assert!(events.next_item().is_none());
    assert_eq!(events.reader().reads.len(), 1, "it is not read from again");
    assert_eq!(events.finish().map(Event::into_data), Some("3"));
}

#[test]
fn a_reader_that_would_block_or_timed_out_is_tried_again_by_the_next_call() {
    let again = [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted];
    let [block, timeout, interrupted] = again.map(Err);
    let mut events = Moody::reading([Ok(b"data: 1"), block, interrupted, Ok(b"\n"), timeout, Ok(b"\n"), interrupted]);
    assert_eq!(next(&mut events), Some(Err(ErrorKind::WouldBlock)));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::TimedOut)));
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), None);
    assert_eq!(next(&mut events), None);
}

#[test]
fn there_is_no_unfinished_event_before_the_end() {
    let mut events = Moody::reading([Ok(b"data: 1\n\ndata: se"), Err(ErrorKind::WouldBlock), Ok(b"cond\n\ndata: 3")]);
    assert_eq!(next(&mut events), Some(Ok("1".to_owned())));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::WouldBlock)));
    assert_eq!(events.finish(), None);
    assert_eq!(next(&mut events), Some(Ok("second".to_owned())));
    assert_eq!(next(&mut events), None);
    assert_eq!(events.finish().unwrap().data(), "3");
}

#[test]
fn nothing_is_read_while_there_is_an_event_to_give() {
    let mut events = Moody::reading([Ok(b"data: 1\n\ndata: 2\n\nda"), Ok(b"ta: 3\n\n")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
    assert_eq!(events.reader().reads.len(), 1);
    let (mut reader, parser, rest) = events.into_parts();
    assert_eq!(&rest[..], b"da");
    let mut events = Events::with_parser(rest.chain(&mut reader), parser);
    assert_eq!(events.next().unwrap().unwrap(), Event::new("3"));
}

#[test]
fn small_reads_share_memory_and_events_point_into_it() {
    let stream = b"data: 12345\n\n";
    let mut events = Moody::reading([Ok(stream), Ok(stream), Ok(stream)]);
    let kept: Vec<_> = events.by_ref().map(Result::unwrap).collect();
    let distances = kept.windows(2).map(|pair| pair[1].data().as_ptr() as usize - pair[0].data().as_ptr() as usize);
    assert_eq!(distances.collect::<Vec<_>>(), [stream.len(); 2]);
}

#[test]
fn events_show_where_they_come_from_and_how_far_they_are() {
    let mut events = Moody::reading([Ok(b"data: 1\n\nrest")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    let shown = format!("{events:?}");
    for part in ["Events { reader: Moody {", "parser: Parser {", "chunk: b\"rest\"", "ended: false", ".. }"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    // The reader may be looked at and set while it is read from.
    events.reader_mut().reads.push_back(Ok(b"\ndata: 2\n\n".to_vec()));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
}

#[test]
fn an_event_that_the_writer_takes_is_one_write_and_no_flush() {
    let mut events = Moody::writing([Ok(1000), Ok(1000), Err(ErrorKind::Other)]);
    events.write(&Event::new("one\ntwo").with_id("7").unwrap()).unwrap();
    events.write_blocks(KEEP_ALIVE).unwrap();
    assert_eq!((events.writer().writes.len(), events.writer().flushed), (1, 0));
    assert!(events.write(&Event::new("")).is_err());
    events.flush().unwrap();
    assert_eq!(events.writer().flushed, 1);
    assert_eq!(events.writer().flushed_after, events.writer().written.len());
    assert_eq!(events.into_inner().written, b"id: 7\ndata: one\ndata: two\n\n:\n\ndata: \n\n");
}

#[test]
fn a_writer_that_fails_half_way_breaks_no_event() {
    let mut events = Moody::writing([Ok(3), Err(ErrorKind::WouldBlock), Ok(0), Err(ErrorKind::Interrupted), Ok(2)]);
    let error = events.write(&Event::new("1")).unwrap_err();
    assert_eq!((error.kind(), events.unsent()), (ErrorKind::WouldBlock, 6));
    let error = events.write(&Event::new("2")).unwrap_err();
    assert_eq!((error.kind(), events.unsent()), (ErrorKind::WriteZero, 15));
    events.flush().unwrap();
    assert_eq!(events.unsent(), 0);
    assert_eq!(events.into_inner().written, b"data: 1\n\ndata: 2\n\n");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_from_any_reader_is_what_the_standard_says(
        stream in streams(), cuts in cuts(), limit in limits(), comments in any::<bool>(),
        moods in vec(proptest::option::of(0..3_usize), 1..9),
    ) {
        let again = [ErrorKind::Interrupted, ErrorKind::WouldBlock, ErrorKind::TimedOut];
        let moods = moods.into_iter().cycle().map(|mood| mood.map(|kind| Err(again[kind])));
        let reads = chunks(&stream, &cuts).into_iter().filter(|chunk| !chunk.is_empty()).zip(moods);
        let reads = reads.flat_map(|(chunk, mood)| mood.into_iter().chain([Ok(chunk.to_vec())])).collect();
        let parser = Parser::builder().max_event_size(limit).build();
        let mut events = Events::with_parser(Moody { reads, ..Moody::default() }, parser);
        let mut results = Vec::new();
        while let Some(result) =
            if comments { events.next_item() } else { events.next().map(|event| event.map(Item::Event)) }
        {
            results.extend(match result {
                Ok(item) => seen(Ok(Some(item))),
                Err(ReadError::Parse(error)) => seen::<String>(Err(error)),
                Err(ReadError::Io(_)) => None,
            });
        }
        let outcome = Outcome {
            results,
            position: events.parser().position(),
            unfinished: events.finish().as_ref().map(seen_event),
            last_event_id: events.parser().last_event_id().to_owned(),
            reconnection_time: events.parser().reconnection_time().map(milliseconds),
        };
        prop_assert_eq!(outcome, oracle::interpret(&stream, limit, comments));
    }

    #[test]
    fn any_writer_gets_every_block_whole_and_in_order(
        texts in vec("[a\n]{0,6}", 0..6),
        writes in vec(prop_oneof![
            (0..9_usize).prop_map(Ok),
            prop::sample::select(&[ErrorKind::Interrupted, ErrorKind::WouldBlock, ErrorKind::BrokenPipe][..]).prop_map(Err),
        ], 0..20),
    ) {
        let mut events = WriteEvents::new(Moody { writes: writes.into(), ..Moody::default() });
        let mut expected = Vec::new();
        for text in &texts {
            let event = Event::new(text);
            let _ = events.write(&event);
            Encoder::new().encode_into(&event, &mut expected);
            prop_assert_eq!(events.writer().written.len() + events.unsent(), expected.len());
        }
        while events.flush().is_err() {}
        prop_assert_eq!(events.into_inner().written, expected);
    }
}
