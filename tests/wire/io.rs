//! Blocking I/O: readers and writers that fail, block, and read or write a little at a time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::io::{Events, ReadError, WriteEvents};
use sse_wire::{BlockLine, Event, EventId, KEEP_ALIVE, Parser};

use crate::drive::{block_item, chunks, event_item, milliseconds, parser, plain_block};
use crate::oracle::{self, ItemKind, Outcome};
use crate::properties::{config, cuts, limits, streams};

/// Reads what it was given, and then the end; writes as much as it was told, and then everything.
#[derive(Debug, Default)]
struct ScriptedIo {
    reads: VecDeque<Result<Vec<u8>, ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    written: Vec<u8>,
    flushed: usize,
    /// How much had been written when it was flushed last.
    flushed_after: usize,
}

impl ScriptedIo {
    fn reading<const N: usize>(reads: [Result<&[u8], ErrorKind>; N]) -> Events<ScriptedIo> {
        Events::new(ScriptedIo { reads: reads.map(|read| read.map(<[u8]>::to_vec)).into(), ..ScriptedIo::default() })
    }

    fn writing<const N: usize>(writes: [Result<usize, ErrorKind>; N]) -> WriteEvents<ScriptedIo> {
        WriteEvents::new(ScriptedIo { writes: writes.into(), ..ScriptedIo::default() })
    }
}

impl Read for ScriptedIo {
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

impl Write for ScriptedIo {
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

/// Reads to the end, and on after each error of the reader. The lines of the unfinished block are kept only for blocks.
pub fn read_all(reads: VecDeque<Result<Vec<u8>, ErrorKind>>, parser: Parser, kind: ItemKind) -> Outcome {
    let mut events = Events::with_parser(ScriptedIo { reads, ..ScriptedIo::default() }, parser);
    let mut results = Vec::new();
    let mut push = |result: Result<_, ReadError>| match result {
        Err(ReadError::Io(_)) => {}
        Err(ReadError::Parse(error)) => results.extend(event_item(Err(error))),
        Ok(item) => results.push(item),
        Err(error) => panic!("{error}"),
    };
    match kind {
        ItemKind::Blocks => {
            while let Some(result) = events.next_block() {
                push(result.map(|block| block_item(Ok(Some(block.as_block()))).unwrap()));
            }
        }
        ItemKind::Events => {
            for result in events.by_ref() {
                push(result.map(|event| event_item(Ok(Some(event.as_event()))).unwrap()));
            }
        }
    }
    let (position, ignored_lines) = (events.parser().position(), events.parser().ignored_lines());
    let mut unfinished = events.finish().as_ref().map(plain_block);
    if let (Some(block), ItemKind::Events) = (&mut unfinished, kind) {
        block.lines.clear();
    }
    Outcome {
        results,
        unfinished,
        last_event_id: events.parser().last_event_id().to_owned(),
        reconnection_time: events.parser().reconnection_time().map(milliseconds),
        position,
        ignored_lines,
        ignored_lines_at_end: events.parser().ignored_lines(),
    }
}

/// The data of the next event, or the error.
fn next(events: &mut Events<ScriptedIo>) -> Option<Result<String, ErrorKind>> {
    events.next().map(|event| match event {
        Ok(event) => Ok(event.into_data().into()),
        Err(ReadError::Io(error)) => Err(error.kind()),
        Err(error) => panic!("not too large: {error}"),
    })
}

#[test]
fn a_broken_connection_is_reported_once_after_every_event_before_it() {
    let broken = Err(ErrorKind::ConnectionReset);
    let mut events = ScriptedIo::reading([Ok(b"data: 1\n\ndata: 2\n\ndata: 3"), broken, Ok(b"\n\n")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::ConnectionReset)));
    assert_eq!(next(&mut events), None);
    assert!(events.next_block().is_none());
    assert_eq!(events.get_ref().reads.len(), 1, "it is not read from again");
    assert_eq!(events.finish().unwrap().event().unwrap().data(), "3");
}

#[test]
fn a_reader_that_would_block_or_timed_out_is_tried_again_by_the_next_call() {
    let again = [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted];
    let [block, timeout, interrupted] = again.map(Err);
    let mut events =
        ScriptedIo::reading([Ok(b"data: 1"), block, interrupted, Ok(b"\n"), timeout, Ok(b"\n"), interrupted]);
    assert_eq!(next(&mut events), Some(Err(ErrorKind::WouldBlock)));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::TimedOut)));
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), None);
    assert_eq!(next(&mut events), None);
}

#[test]
fn there_is_no_unfinished_event_before_the_end() {
    let mut events =
        ScriptedIo::reading([Ok(b"data: 1\n\ndata: se"), Err(ErrorKind::WouldBlock), Ok(b"cond\n\ndata: 3")]);
    assert_eq!(next(&mut events), Some(Ok("1".to_owned())));
    assert_eq!(next(&mut events), Some(Err(ErrorKind::WouldBlock)));
    assert_eq!(events.finish(), None);
    assert_eq!(next(&mut events), Some(Ok("second".to_owned())));
    assert_eq!(next(&mut events), None);
    assert_eq!(events.finish().unwrap().event().unwrap().data(), "3");
    assert_eq!(events.finish(), None);
}

#[test]
fn nothing_is_read_while_there_is_an_event_to_yield() {
    let mut events = ScriptedIo::reading([Ok(b"data: 1\n\ndata: 2\n\nda"), Ok(b"ta: 3\n\n")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
    assert_eq!(events.get_ref().reads.len(), 1);
    let (mut reader, parser, rest) = events.into_parts();
    assert_eq!(&rest[..], b"da");
    let mut events = Events::with_parser(rest.chain(&mut reader), parser);
    assert_eq!(events.next().unwrap().unwrap(), Event::new("3"));
}

#[test]
fn events_and_blocks_may_be_read_in_turn() {
    let mut events = ScriptedIo::reading([Ok(b": hi\n\ndata: 1\n\n: skipped\n\nda"), Ok(b"ta: 2\n\nid: 7\n\n")]);
    let block = events.next_block().unwrap().unwrap();
    assert_eq!((block.event(), block.lines().next()), (None, Some(BlockLine::Comment("hi"))));
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
    let block = events.next_block().unwrap().unwrap();
    assert_eq!((block.event(), block.id()), (None, Some("7")));
    assert!(events.next_block().is_none());
    assert!(events.next().is_none());
}

#[test]
fn the_rest_can_be_read_by_another_reader_after_any_event() {
    let stream = b"\xef\xbb\xbfid: 1\r\ndata: 1\r\n\r\ndata: 2\r\r\ndata: 3\n\nretry: 4\ndata: cut";
    let expected = Events::new(&stream[..]).map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(expected.len(), 3);
    for taken in 0..=4 {
        let mut events = Events::new(&stream[..]);
        let mut seen: Vec<_> = events.by_ref().take(taken).map(Result::unwrap).collect();
        let (reader, parser, rest) = events.into_parts();
        let mut events = Events::with_parser(rest.chain(reader), parser);
        seen.extend(events.by_ref().map(Result::unwrap));
        assert_eq!(seen, expected);
        assert_eq!(events.parser().position(), stream.len() as u64);
        assert_eq!(events.finish().unwrap().event().unwrap().data(), "cut");
    }
}

#[test]
fn debug_shows_the_reader_and_the_rest_that_was_not_read() {
    let mut events = ScriptedIo::reading([Ok(b"data: 1\n\nrest")]);
    assert_eq!(next(&mut events), Some(Ok("1".into())));
    let shown = format!("{events:?}");
    for part in ["Events { reader: ScriptedIo {", "parser: Parser {", "rest: b\"rest\"", "ended: false", ".. }"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    // The reader can be changed between two events.
    events.get_mut().reads.push_back(Ok(b"\ndata: 2\n\n".to_vec()));
    assert_eq!(next(&mut events), Some(Ok("2".into())));
}

#[test]
fn an_event_is_one_write_and_no_flush() {
    let mut events = ScriptedIo::writing([Ok(1000), Ok(1000), Err(ErrorKind::Other)]);
    events.write(Event::new("one\ntwo").with_id(EventId::from_static("7"))).unwrap();
    events.write_blocks(KEEP_ALIVE).unwrap();
    assert_eq!((events.get_ref().writes.len(), events.get_ref().flushed), (1, 0));
    assert!(events.write(Event::new("")).is_err());
    events.flush().unwrap();
    assert_eq!(events.get_ref().flushed, 1);
    assert_eq!(events.get_ref().flushed_after, events.get_ref().written.len());
    assert_eq!(events.into_inner().written, b"id: 7\ndata: one\ndata: two\n\n:\n\ndata: \n\n");
}

#[test]
fn a_writer_that_fails_half_way_breaks_no_event() {
    let mut events =
        ScriptedIo::writing([Ok(3), Err(ErrorKind::WouldBlock), Ok(0), Err(ErrorKind::Interrupted), Ok(2)]);
    let error = events.write(Event::new("1")).unwrap_err();
    assert_eq!((error.kind(), events.unsent()), (ErrorKind::WouldBlock, 6));
    let error = events.write(Event::new("2")).unwrap_err();
    assert_eq!((error.kind(), events.unsent()), (ErrorKind::WriteZero, 15));
    events.flush().unwrap();
    assert_eq!(events.unsent(), 0);
    assert_eq!(events.into_inner().written, b"data: 1\n\ndata: 2\n\n");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_stream_from_any_reader_is_what_the_standard_says(
        stream in streams(), cuts in cuts(), limits in limits(), blocks in any::<bool>(),
        errors in vec(proptest::option::of(0..3_usize), 1..9),
    ) {
        let again = [ErrorKind::Interrupted, ErrorKind::WouldBlock, ErrorKind::TimedOut];
        let errors = errors.into_iter().cycle().map(|error| error.map(|kind| Err(again[kind])));
        let reads = chunks(&stream, &cuts).into_iter().filter(|chunk| !chunk.is_empty()).zip(errors);
        let reads = reads.flat_map(|(chunk, error)| error.into_iter().chain([Ok(chunk.to_vec())])).collect();
        let kind = if blocks { ItemKind::Blocks } else { ItemKind::Events };
        let mut expected = oracle::interpret(&stream, limits, kind);
        if !blocks {
            expected.unfinished.iter_mut().for_each(|block| block.lines.clear());
        }
        prop_assert_eq!(read_all(reads, parser(limits), kind), expected);
    }

    #[test]
    fn any_writer_gets_every_block_whole_and_in_order(
        texts in vec(("[a\n]{0,6}", any::<bool>()), 0..6),
        writes in vec(prop_oneof![
            (0..9_usize).prop_map(Ok),
            prop::sample::select(&[ErrorKind::Interrupted, ErrorKind::WouldBlock, ErrorKind::BrokenPipe][..]).prop_map(Err),
        ], 0..20),
    ) {
        let mut events = WriteEvents::new(ScriptedIo { writes: writes.into(), ..ScriptedIo::default() });
        let mut expected = Vec::new();
        for (text, as_event) in &texts {
            let event = Event::new(text);
            let _ = if *as_event { events.write(event) } else { events.write_blocks(&event.encode()) };
            event.encode_into(&mut expected);
            prop_assert_eq!(events.get_ref().written.len() + events.unsent(), expected.len());
        }
        while events.flush().is_err() {}
        prop_assert_eq!(events.into_inner().written, expected);
    }
}
