//! The attacks that encoders of other projects were open to, each by its number, against every way out of this crate.
//!
//! They all put a line terminator where it ends a field, so that what follows it becomes a field or an event of its own.

use std::time::Duration;

use bytes::Buf;
use sse_wire::server::ReplayBuffer;
use sse_wire::{
    Comment, EncodedEvent, Encoder, Event, EventId, EventName, Field, FieldError, Head, OwnedEvent, Parser,
};

use crate::oracle::arriving;

/// Line terminators, and what an attacker would have follow them.
const TERMINATORS: [&str; 3] = ["\n", "\r", "\r\n"];
const FORGED: [&str; 4] = ["data: forged", "event: admin", "id: 666", "retry: 1"];

/// `harmless`, then what the attacker wants to be read as lines, then an end of the event.
fn payloads() -> impl Iterator<Item = String> {
    let cases = TERMINATORS.into_iter().flat_map(|end| FORGED.map(|forged| (end, forged)));
    cases.flat_map(|(end, forged)| {
        [
            format!("harmless{end}{forged}"),
            format!("harmless{end}{end}{forged}{end}{end}"),
            format!("{end}{forged}"),
            format!("harmless{end}"),
            format!("harmless\n{end}{forged}\r"),
        ]
    })
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
    [&[event.encode().to_vec(), into, batch, written, published], &bufs[..], &by_adapters(event)].concat()
}

#[cfg(not(feature = "std"))]
fn by_adapters(_: Event<'_>) -> Vec<Vec<u8>> {
    Vec::new()
}

#[cfg(feature = "std")]
fn by_adapters(event: Event<'_>) -> Vec<Vec<u8>> {
    let mut ways = Vec::new();
    let mut writer = sse_wire::io::WriteEvents::new(Vec::new());
    writer.write(event).unwrap();
    ways.push(writer.into_inner());
    #[cfg(feature = "codec")]
    {
        use tokio_util::codec::Encoder as _;

        let mut sent = bytes::BytesMut::new();
        sse_wire::codec::EventCodec::new().encode(event, &mut sent).unwrap();
        ways.push(sent.to_vec());
    }
    #[cfg(feature = "stream")]
    {
        use sse_wire::stream::EncodeExt;

        let mut encoded = crate::script::Script::ready([event.into_owned()]).encoded();
        ways.push(crate::script::drain(&mut encoded).into_iter().flat_map(Result::unwrap).collect());
    }
    #[cfg(feature = "http-body")]
    {
        use sse_wire::body::{DataStream, EventBody};

        let mut data = DataStream::new(EventBody::new(crate::script::Script::ready([event.into_owned()])));
        ways.push(crate::script::drain(&mut data).into_iter().flat_map(Result::unwrap).collect());
    }
    ways
}

/// The events, and the state at the end.
fn seen(stream: &[u8]) -> (Vec<(String, String, String)>, String, Option<Duration>) {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    let mut feed = parser.feed(stream);
    while let Some(event) = feed.next_event().unwrap() {
        events.push((event.name().to_owned(), event.data().to_owned(), event.last_event_id().to_owned()));
    }
    assert_eq!(parser.finish(), None, "something is left over: {}", stream.escape_ascii());
    (events, parser.last_event_id().to_owned(), parser.reconnection_time())
}

fn data_arrives_as_data_and_as_nothing_else() {
    for payload in payloads() {
        let event = Event::new(&payload).with_id(EventId::from_static("7"));
        let expected = arriving(&payload);
        for stream in every_way(event) {
            let (events, id, retry) = seen(&stream);
            assert_eq!(events, [("message".to_owned(), expected.clone(), "7".to_owned())], "{payload:?}");
            assert_eq!((id.as_str(), retry), ("7", None), "{payload:?}");
        }
    }
}

fn refused<T>(result: Result<T, FieldError>, field: Field, payload: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{field:?} took {payload:?}"));
    assert_eq!(error.field(), field);
    assert!(["\n", "\r"].contains(&&payload[error.index()..=error.index()]));
}

fn names_and_ids_are_refused() {
    for payload in payloads() {
        refused(EventName::new(&payload), Field::Event, &payload);
        refused(EventId::new(&payload), Field::Id, &payload);
        refused(EventName::try_from(&*payload), Field::Event, &payload);
        refused(EventId::try_from(&*payload), Field::Id, &payload);
    }
}

fn comments_stay_comments() {
    for payload in payloads() {
        let mut encoder = Encoder::new();
        encoder.push(Comment(&payload));
        let (events, id, retry) = seen(&encoder.take());
        assert_eq!((events.len(), id.as_str(), retry), (0, "", None), "{payload:?}");
    }
}

/// h3: `event` and `id` were written as they came.
#[test]
fn cve_2026_33128() {
    names_and_ids_are_refused();
}

/// h3 again, by a CR in data and comments, after the first was mended; its number is GHSA-4hxc-9384-m385.
#[test]
fn ghsa_4hxc_9384_m385() {
    data_arrives_as_data_and_as_nothing_else();
    comments_stay_comments();
}

/// Hono: `event`, `id` and `retry`. Here `retry` is a duration: there is no text to put into it.
#[test]
fn cve_2026_29085() {
    names_and_ids_are_refused();
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let (events, id, retry) = seen(&Head::new().with_retry(time).encode());
        assert_eq!((events.len(), id.as_str()), (0, ""));
        assert!(retry.is_some_and(|retry| retry >= time.min(Duration::from_millis(u64::MAX))));
    }
}

/// `NestJS`: the type and the id of a message.
#[test]
fn cve_2026_35515() {
    names_and_ids_are_refused();
}

/// Spring: plain text as data, with line terminators of another kind than those it was split at.
#[test]
fn cve_2026_22735() {
    data_arrives_as_data_and_as_nothing_else();
    names_and_ids_are_refused();
}

/// cowlib: a bare CR in every field, and in data and comments.
#[test]
fn cve_2026_43968() {
    data_arrives_as_data_and_as_nothing_else();
    names_and_ids_are_refused();
    comments_stay_comments();
}

/// eventsource-encoder: `event` and `id`.
#[test]
fn cve_2026_44214() {
    names_and_ids_are_refused();
}

/// sse-channel: `event`, `id` and `retry`.
#[test]
fn cve_2026_44217() {
    names_and_ids_are_refused();
}

/// A text that changes between the check and the writing: no type of the caller's is taken, so it does not compile; what
/// is shared after the check cannot be changed.
#[test]
fn what_was_checked_is_what_is_written() {
    let mut name = String::from("harmless");
    let encoded = Event::new("x").with_name(EventName::new(&name).unwrap()).encode();
    name.push_str("\ndata: forged");
    assert_eq!(encoded, "event: harmless\ndata: x\n\n");
}

/// An id with NUL would be ignored by every client, which would then come back with another.
#[test]
fn an_id_with_nul_is_refused() {
    assert_eq!(EventId::new("a\0b").unwrap_err().index(), 1);
}

/// A line that clients ignore, since it begins with U+FEFF, must not lose it where a relay passes it on as the first.
#[test]
fn a_block_that_is_passed_on_forges_nothing() {
    for forged in FORGED {
        let stream = format!("data: x\n\n\u{feff}{forged}\n\n\u{feff}{forged}\ndata: y\n\n");
        let mut parser = Parser::new();
        for (number, block) in parser.feed(stream.as_bytes()).owned_blocks().map(Result::unwrap).enumerate() {
            let (events, id, retry) = seen(&block.encode());
            let data: Vec<_> = events.iter().map(|(name, data, _)| (&**name, &**data)).collect();
            let expected: [&[_]; 3] = [&[("message", "x")], &[], &[("message", "y")]];
            assert_eq!((&data[..], &*id, retry), (expected[number], "", None), "{stream:?}");
        }
    }
}
