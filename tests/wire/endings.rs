//! What is left at the end of a stream, by every way to read one: the event that a server did not end with a blank line, and
//! whether the stream ended inside a block.

#[cfg(feature = "std")]
use std::io::Read;

use bytes::Bytes;
use sse_wire::{Block, OwnedBlock, OwnedEvent, Parser};

use crate::drive::chunks;

/// What a reader sees of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The data of the events, the one of the unfinished block not among them.
    events: Vec<String>,
    /// The block that the stream ended in.
    unfinished: Option<Unfinished>,
    last_event_id: String,
    /// How many lines were ignored, when all was read and after the end.
    ignored_lines: [u64; 2],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Unfinished {
    data: Option<String>,
    id: Option<String>,
    /// Joined by LF. A reader of events does not keep them.
    ignored: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Events,
    Blocks,
}

fn unfinished(block: &Block<'_>) -> Unfinished {
    Unfinished {
        data: block.event().map(|event| event.data().to_owned()),
        id: block.id().map(str::to_owned),
        ignored: block.ignored_lines().collect::<Vec<_>>().join("\n"),
    }
}

fn event_data(event: OwnedEvent) -> String {
    event.into_data().into()
}

fn block_data(block: OwnedBlock) -> Option<String> {
    block.into_event().map(event_data)
}

/// What `$reader` has at the end of the stream, and then once more: nothing.
macro_rules! seen {
    ($events:expr, $reader:ident, $parser:expr) => {{
        let before = $parser.ignored_lines();
        let unfinished = $reader.finish().as_ref().map(unfinished);
        assert_eq!($reader.finish(), None);
        let last_event_id = $parser.last_event_id().to_owned();
        Seen { events: $events, unfinished, last_event_id, ignored_lines: [before, $parser.ignored_lines()] }
    }};
}

fn by_parser(pieces: &[&[u8]], read: impl Fn(&mut Parser, &[u8], &mut Vec<String>)) -> Seen {
    let (mut parser, mut events) = (Parser::new(), Vec::new());
    for piece in pieces {
        read(&mut parser, piece, &mut events);
    }
    seen!(events, parser, parser)
}

#[cfg(feature = "stream")]
fn transport(pieces: &[&[u8]]) -> crate::script::Script<Result<Bytes, std::convert::Infallible>> {
    crate::script::Script::ready(pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))))
}

#[cfg(feature = "stream")]
macro_rules! by_stream {
    ($pieces:expr, $stream:ident, $data:expr) => {{
        use std::task::Poll;
        let mut stream = sse_wire::stream::$stream::new(transport($pieces));
        let mut events = Vec::new();
        loop {
            // Before the end there is nothing.
            assert_eq!(stream.finish(), None);
            match crate::script::poll(&mut stream) {
                Poll::Ready(Some(item)) => events.extend($data(item.unwrap())),
                Poll::Ready(None) => break seen!(events, stream, stream),
                Poll::Pending => {}
            }
        }
    }};
}

#[cfg(feature = "codec")]
macro_rules! by_codec {
    ($pieces:expr, $codec:ident, $data:expr) => {{
        use tokio_util::codec::Decoder;
        let (mut codec, mut src) = (sse_wire::codec::$codec::new(), bytes::BytesMut::new());
        let mut events = Vec::new();
        for piece in $pieces {
            src.extend_from_slice(piece);
            while let Some(item) = codec.decode(&mut src).unwrap() {
                events.extend($data(item.unwrap()));
            }
        }
        assert!(codec.decode_eof(&mut src).unwrap().is_none());
        seen!(events, codec, codec.parser())
    }};
}

/// Every way to read a stream, by its name.
fn every_way(pieces: &[&[u8]]) -> Vec<(&'static str, Kind, Seen)> {
    #[allow(unused_mut, reason = "there are no adapters without features")]
    let mut ways = vec![
        (
            "next_event",
            Kind::Events,
            by_parser(pieces, |parser, piece, events| {
                let mut feed = parser.feed(piece);
                while let Some(event) = feed.next_event().unwrap() {
                    events.push(event.data().to_owned());
                }
            }),
        ),
        (
            "owned",
            Kind::Events,
            by_parser(pieces, |parser, piece, events| {
                events.extend(parser.feed(piece).owned().map(|event| event_data(event.unwrap())));
            }),
        ),
        (
            "feed_bytes",
            Kind::Events,
            by_parser(pieces, |parser, piece, events| {
                let piece = Bytes::copy_from_slice(piece);
                events.extend(parser.feed_bytes(&piece).map(|event| event_data(event.unwrap())));
            }),
        ),
        (
            "next_block",
            Kind::Blocks,
            by_parser(pieces, |parser, piece, events| {
                let mut feed = parser.feed(piece);
                while let Some(block) = feed.next_block().unwrap() {
                    events.extend(block.event().map(|event| event.data().to_owned()));
                }
            }),
        ),
        (
            "owned_blocks",
            Kind::Blocks,
            by_parser(pieces, |parser, piece, events| {
                events.extend(parser.feed(piece).owned_blocks().filter_map(|block| block_data(block.unwrap())));
            }),
        ),
    ];
    #[cfg(feature = "std")]
    {
        let reader = || {
            let [one, other] = pieces else { panic!("two pieces") };
            one.chain(*other)
        };
        let mut events = sse_wire::io::Events::new(reader());
        assert_eq!(events.finish(), None);
        let data = events.by_ref().map(|event| event_data(event.unwrap())).collect();
        ways.push(("io events", Kind::Events, seen!(data, events, events.parser())));
        let (mut blocks, mut data) = (sse_wire::io::Events::new(reader()), Vec::new());
        while let Some(block) = blocks.next_block() {
            data.extend(block_data(block.unwrap()));
        }
        ways.push(("io blocks", Kind::Blocks, seen!(data, blocks, blocks.parser())));
    }
    #[cfg(feature = "stream")]
    ways.extend([
        ("event stream", Kind::Events, by_stream!(pieces, EventStream, |event| [event_data(event)])),
        ("block stream", Kind::Blocks, by_stream!(pieces, BlockStream, block_data)),
    ]);
    #[cfg(feature = "codec")]
    ways.extend([
        ("event codec", Kind::Events, by_codec!(pieces, EventCodec, |event| [event_data(event)])),
        ("block codec", Kind::Blocks, by_codec!(pieces, BlockCodec, block_data)),
    ]);
    ways
}

#[test]
fn every_way_to_read_a_stream_offers_what_is_left_at_its_end() {
    let inside = |data: Option<&str>, id: Option<&str>, ignored: &str| {
        Some(Unfinished { data: data.map(str::to_owned), id: id.map(str::to_owned), ignored: ignored.to_owned() })
    };
    let done = || inside(Some("[DONE]"), None, "");
    let error = r#"{"error":{"message":"overloaded"}}"#;
    let pretty = "{\n  \"error\": {\n    \"message\": \"overloaded\"\n  }\n}";
    // The end of the stream; the block that it ended in; the lines that are ignored, those that have an end and all.
    let endings = [
        ("", None, [0, 0]),
        ("data: [DONE]\n\n", None, [0, 0]),
        ("data: [DONE]", done(), [0, 0]),
        ("data: [DONE]\n", done(), [0, 0]),
        ("data: [DONE]\r", done(), [0, 0]),
        ("data: [DONE]\r\n", done(), [0, 0]),
        ("error: x\ndata: [DONE]\n", inside(Some("[DONE]"), None, "error: x"), [1, 1]),
        (error, inside(None, None, error), [0, 1]),
        (&format!("{error}\n"), inside(None, None, error), [1, 1]),
        (&format!("{error}\r\n"), inside(None, None, error), [1, 1]),
        (pretty, inside(None, None, pretty), [4, 5]),
        (&format!("{pretty}\n"), inside(None, None, pretty), [5, 5]),
        (&format!("{pretty}\n\n"), None, [5, 5]),
        ("id: 7", inside(None, Some("7"), ""), [0, 0]),
        ("id: 7\n", inside(None, Some("7"), ""), [0, 0]),
        ("retry: soon", inside(None, None, "retry: soon"), [0, 1]),
        (": c", None, [0, 0]),
        (": c\n", None, [0, 0]),
    ];
    for (ending, unfinished, ignored_lines) in endings {
        for before in ["", "data: 1\n\n"] {
            let stream = format!("{before}{ending}");
            let mut events = vec!["1".to_owned(); usize::from(!before.is_empty())];
            events.extend(ending.ends_with("[DONE]\n\n").then(|| "[DONE]".to_owned()));
            for cut in 0..=stream.len() {
                for (way, kind, mut seen) in every_way(&chunks(stream.as_bytes(), &[cut])) {
                    if let (Some(seen), Some(expected), Kind::Events) = (&mut seen.unfinished, &unfinished, kind) {
                        seen.ignored.clone_from(&expected.ignored);
                    }
                    let (events, unfinished) = (events.clone(), unfinished.clone());
                    let expected = Seen { events, unfinished, last_event_id: String::new(), ignored_lines };
                    assert_eq!(seen, expected, "{stream:?} cut at {cut}, by {way}");
                }
            }
        }
    }
}
