//! The attacks that other projects were open to, each by its number: those on encoders against every way to encode an event.
//!
//! Those on encoders put a line end into a text, so that what follows it becomes a field, or an event, of the attacker's choice.
//! Each test attacks the same fields with the same line ends as the advisory that it is named for.

use std::time::Duration;

use bytes::Buf;
use sse_wire::server::ReplayBuffer;
use sse_wire::{
    Block, Comment, EncodedEvent, Encoder, Event, EventId, EventName, Field, FieldError, Head, OwnedEvent, Parser,
};

use crate::oracle::arriving;

const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

/// What an attacker puts after a line end.
const FORGED: [&str; 4] = ["data: forged", "event: admin", "id: 666", "retry: 1"];

/// Where an attacker's text goes.
#[derive(Clone, Copy, Debug)]
enum Place {
    Name,
    Id,
    Data,
    Comment,
}

/// Harmless text, then a line end and what the attacker wants to be read as a line, or as an event.
fn payloads(line_ends: &[&str]) -> Vec<String> {
    let cases = line_ends.iter().flat_map(|end| FORGED.map(|forged| (end, forged)));
    let payloads = cases.flat_map(|(end, forged)| {
        [
            format!("harmless{end}{forged}"),
            format!("harmless{end}{end}{forged}{end}{end}"),
            format!("{end}{forged}"),
            format!("harmless{end}"),
            format!("harmless{end}{end}{end}{forged}{end}"),
        ]
    });
    payloads.collect()
}

/// In none of these places does any payload with one of these line ends forge anything.
fn nothing_is_forged(places: &[Place], line_ends: &[&str]) {
    for payload in payloads(line_ends) {
        for place in places {
            match place {
                Place::Name => name_is_refused(&payload),
                Place::Id => id_is_refused(&payload),
                Place::Data => data_stays_data(&payload),
                Place::Comment => comment_stays_a_comment(&payload),
            }
        }
    }
}

/// The bytes that each adapter sends for an owned event, or block. (Not a function: the adapters have traits of their own.)
macro_rules! by_adapters {
    ($part:expr) => {{
        #[allow(unused_mut, reason = "there are no adapters without features")]
        let mut ways: Vec<Vec<u8>> = Vec::new();
        #[cfg(feature = "std")]
        {
            let mut writer = sse_wire::io::WriteEvents::new(Vec::new());
            writer.write(&$part).unwrap();
            ways.push(writer.into_inner());
        }
        #[cfg(feature = "codec")]
        {
            use tokio_util::codec::Encoder as _;

            let mut sent = bytes::BytesMut::new();
            sse_wire::codec::EventCodec::new().encode(&$part, &mut sent).unwrap();
            ways.push(sent.split().to_vec());
            sse_wire::codec::BlockCodec::new().encode(&$part, &mut sent).unwrap();
            ways.push(sent.to_vec());
        }
        #[cfg(feature = "stream")]
        {
            use sse_wire::stream::EncodeExt;

            let mut encoded = crate::script::Script::ready([$part.clone()]).encoded();
            ways.push(crate::script::drain(&mut encoded).into_iter().flat_map(Result::unwrap).collect());
        }
        #[cfg(feature = "http-body")]
        {
            use sse_wire::body::{DataStream, EventBody};

            let mut data = DataStream::new(EventBody::new(crate::script::Script::ready([$part.clone()])));
            ways.push(crate::script::drain(&mut data).into_iter().flat_map(Result::unwrap).collect());
        }
        ways
    }};
}

/// The bytes that are sent, by each of the ways to encode the event and by each adapter.
fn every_way(event: Event<'_>) -> Vec<Vec<u8>> {
    fn read(mut buf: EncodedEvent<impl AsRef<[u8]>>) -> Vec<u8> {
        buf.copy_to_bytes(buf.remaining()).to_vec()
    }
    let mut encoder = Encoder::new();
    let mut into = Vec::new();
    event.encode_into(&mut into);
    encoder.push(event);
    let batch = encoder.take().to_vec();
    let mut writer = encoder.writer(event.head());
    for byte in event.data().as_bytes() {
        writer.push_bytes(&[*byte]);
    }
    writer.finish();
    let written = encoder.take().to_vec();
    let bufs = [
        read(event.as_buf()),
        read(event.into_owned().into_buf()),
        read(EncodedEvent::new(event.head(), event.data())),
        read(OwnedEvent::new(event.head(), event.data()).into_buf()),
    ];
    let published = ReplayBuffer::new().publish(event).unwrap().to_vec();
    [&[event.encode().to_vec(), into, batch, written, published], &bufs[..], &by_adapters!(event.into_owned())[..]]
        .concat()
}

/// The bytes that are sent, by each of the ways to encode the block and by each adapter.
fn every_way_of_a_block(block: &Block<'_>) -> Vec<Vec<u8>> {
    let owned = block.into_owned();
    let mut encoder = Encoder::new();
    let mut ways = vec![block.encode().to_vec(), owned.encode().to_vec(), Vec::new(), Vec::new()];
    block.encode_into(&mut ways[2]);
    owned.encode_into(&mut ways[3]);
    for encoded in &ways {
        assert_eq!((encoded.len(), encoded.len()), (block.encoded_len(), owned.encoded_len()));
    }
    encoder.push(block);
    ways.push(encoder.take().to_vec());
    encoder.push(&owned);
    ways.push(encoder.take().to_vec());
    ways.extend(by_adapters!(owned));
    ways
}

/// What a client reads: the events, and the state at the end.
fn received(stream: &[u8]) -> (Vec<(String, String, String)>, String, Option<Duration>) {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    let mut feed = parser.feed(stream);
    while let Some(event) = feed.next_event().unwrap() {
        events.push((event.name().to_owned(), event.data().to_owned(), event.last_event_id().to_owned()));
    }
    assert_eq!(parser.finish(), None, "something is left over: {}", stream.escape_ascii());
    (events, parser.last_event_id().to_owned(), parser.reconnection_time())
}

fn data_stays_data(payload: &str) {
    let event = Event::new(payload).with_id(EventId::from_static("7"));
    let expected = arriving(payload);
    for stream in every_way(event) {
        let (events, id, retry) = received(&stream);
        assert_eq!(events, [("message".to_owned(), expected.clone(), "7".to_owned())], "{payload:?}");
        assert_eq!((id.as_str(), retry), ("7", None), "{payload:?}");
    }
}

fn comment_stays_a_comment(payload: &str) {
    let mut encoder = Encoder::new();
    encoder.push(Comment(payload));
    let (events, id, retry) = received(&encoder.take());
    assert_eq!((events.len(), id.as_str(), retry), (0, "", None), "{payload:?}");
}

fn name_is_refused(payload: &str) {
    refused(EventName::new(payload), Field::Event, payload);
    refused(EventName::try_from(payload), Field::Event, payload);
}

fn id_is_refused(payload: &str) {
    refused(EventId::new(payload), Field::Id, payload);
    refused(EventId::try_from(payload), Field::Id, payload);
}

fn refused<T>(result: Result<T, FieldError>, field: Field, payload: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{field:?} holds {payload:?}"));
    assert_eq!(error.field(), field);
    assert!(["\n", "\r"].contains(&&payload[error.index()..=error.index()]));
}

/// h3: LF in `id`, `event`, data and comments.
#[test]
fn cve_2026_33128() {
    nothing_is_forged(&[Place::Id, Place::Name, Place::Data, Place::Comment], &["\n"]);
}

/// h3 again, after LF was fixed: CR in data and comments.
#[test]
fn ghsa_4hxc_9384_m385() {
    nothing_is_forged(&[Place::Data, Place::Comment], &["\r"]);
}

/// Hono, and sse-channel: any line end in `event`, `id` and `retry`. Here `retry` is a duration: no text can be put into it.
#[test]
fn cve_2026_29085_and_cve_2026_44217() {
    nothing_is_forged(&[Place::Name, Place::Id], &LINE_ENDS);
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let (events, id, retry) = received(&Head::new().with_retry(time).encode());
        assert_eq!((events.len(), id.as_str()), (0, ""));
        assert!(retry.is_some_and(|retry| retry >= time.min(Duration::from_millis(u64::MAX))));
    }
}

/// `NestJS`: any line end in the type and the id of a message that comes from elsewhere, as an object.
#[cfg(feature = "serde")]
#[test]
fn cve_2026_35515() {
    for payload in payloads(&LINE_ENDS) {
        for (field, message) in [
            ("event", serde_json::json!({"data": "x", "name": payload})),
            ("id", serde_json::json!({"data": "x", "id": payload})),
            ("id", serde_json::json!({"data": "x", "last_event_id": payload})),
        ] {
            let error = serde_json::from_value::<OwnedEvent>(message).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the {field} field cannot carry ")), "{error}");
        }
    }
}

/// Spring: plain text as data, whose lines end in other line ends than those at which it was split.
#[test]
fn cve_2026_22735() {
    nothing_is_forged(&[Place::Data], &LINE_ENDS);
    for (one, other) in LINE_ENDS.iter().flat_map(|one| LINE_ENDS.map(|other| (one, other))) {
        for forged in FORGED {
            data_stays_data(&format!("one{one}two{other}{forged}{other}{other}{forged}{one}{one}three"));
        }
    }
}

/// cowlib: a bare CR in `id`, `event`, data and comments.
#[test]
fn cve_2026_43968() {
    nothing_is_forged(&[Place::Id, Place::Name, Place::Data, Place::Comment], &["\r"]);
}

/// eventsource-encoder: any line end in `event` and `id`.
#[test]
fn cve_2026_44214() {
    nothing_is_forged(&[Place::Name, Place::Id], &LINE_ENDS);
}

/// `FrontMCP`: one store of events for all sessions, from which an id of one session replays the events of another. Here each
/// session has a buffer of its own, which knows no id of the others, also where the name of one begins with that of another.
#[test]
fn ghsa_84j6_jc92_77jm() {
    let mut sessions = ["alice", "alice-1", "mallory", "1", ""].map(|name| ReplayBuffer::counted(name).unwrap());
    let ids: Vec<Vec<_>> = sessions
        .iter_mut()
        .map(|session| {
            let publish = |_| {
                session.publish(Event::new("secret"));
                session.last_event_id().unwrap().to_string()
            };
            (0..12).map(publish).collect()
        })
        .collect();
    for (victim, session) in sessions.iter().enumerate() {
        for (attacker, ids) in ids.iter().enumerate() {
            for id in ids {
                assert_eq!(session.since(id).is_ok(), victim == attacker, "{id} in {:?}", session.last_event_id());
            }
        }
    }
}

/// A text that changes after it was checked does not compile; what was encoded before cannot change.
#[test]
fn a_name_that_changes_after_the_check_changes_nothing_that_was_encoded() {
    let mut name = String::from("harmless");
    let encoded = Event::new("x").with_name(EventName::new(&name).unwrap()).encode();
    name.push_str("\ndata: forged");
    assert_eq!(encoded, "event: harmless\ndata: x\n\n");
}

/// Every client would ignore an id with NUL, and reconnect with an earlier one.
#[test]
fn an_id_with_nul_is_refused() {
    assert_eq!(EventId::new("a\0b").unwrap_err().index(), 1);
}

/// Clients ignore a line that begins with U+FEFF. If a relay sends it first, U+FEFF must not be dropped as a BOM; nor may that
/// change the block where it is not the first.
#[test]
fn a_block_that_begins_with_a_bom_forges_nothing_by_any_way_to_send_it() {
    for (forged, after) in
        FORGED.iter().flat_map(|forged| ["", "\ndata: y", "\r\nid: 5\r\ndata: y", ": c"].map(|after| (forged, after)))
    {
        for boms in ["\u{feff}", "\u{feff}\u{feff}"] {
            let (first, block) = ("data: x\n\n", format!("{boms}{forged}{after}\n\n"));
            let expected = received(format!("{first}{block}").as_bytes());
            let mut parser = Parser::new();
            assert_eq!(parser.feed(first.as_bytes()).owned_blocks().count(), 1);
            let whole = parser.feed(block.as_bytes()).next_block().unwrap().unwrap().into_owned();
            // A block that the end of the stream cuts, too.
            assert_eq!(parser.feed(block.trim_end().as_bytes()).next_block(), Ok(None));
            let unfinished = parser.finish().unwrap();
            for block in [&whole.as_block(), &unfinished] {
                for sent in every_way_of_a_block(block) {
                    let (mut events, id, retry) = received(&sent);
                    events.insert(0, expected.0[0].clone());
                    assert_eq!((events, id, retry), expected, "{block:?} first");
                    assert_eq!(received(&[first.as_bytes(), &sent].concat()), expected, "{block:?} not first");
                    // A second relay sends it as its first block.
                    let mut relay = Parser::new();
                    let again = relay.feed(&sent).next_block().unwrap().unwrap().encode();
                    assert_eq!(received(&again), received(&sent));
                }
            }
        }
    }
}

/// What a server writes begins with a field's name or a colon, whatever the text.
#[test]
fn no_text_that_begins_with_a_bom_becomes_the_bom_of_the_stream() {
    for payload in FORGED.map(|forged| format!("\u{feff}{forged}")) {
        let event = Event::new(&payload).with_id(EventId::new(&payload).unwrap());
        for event in [event, event.with_name(EventName::new(&payload).unwrap())] {
            let expected = (event.name().to_owned(), payload.clone(), payload.clone());
            for stream in every_way(event) {
                assert_eq!(received(&stream).0, std::slice::from_ref(&expected), "{payload:?}");
            }
        }
        comment_stays_a_comment(&payload);
    }
}
