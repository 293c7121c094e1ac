//! Owned events as values that serde writes and reads.

use alloc::string::String;
use core::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Event, EventId, EventName, FieldError, OwnedEvent};

/// All fields: for reading, and for writing binary formats, some of which need every field.
#[derive(Deserialize, Serialize)]
#[serde(rename = "OwnedEvent")]
struct AllFields<T> {
    name: Option<T>,
    data: T,
    id: Option<T>,
    last_event_id: Option<T>,
    retry: Option<u64>,
}

/// The fields that are present: for writing human-readable formats.
#[derive(Serialize)]
#[serde(rename = "OwnedEvent")]
struct PresentFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
}

/// A struct of these fields, all but `data` optional:
///
/// | field | type | |
/// |---|---|---|
/// | `name` | string | the name as it was given |
/// | `data` | string | |
/// | `id` | string | the event's own id |
/// | `last_event_id` | string | the last event ID of the stream, if the event has no id of its own |
/// | `retry` | `u64` | the reconnection time in milliseconds, rounded up as in an event stream |
///
/// A field that is absent is left out in human-readable formats, such as JSON ([`Serializer::is_human_readable`]).
///
/// ```
/// use sse_wire::{Event, EventName, OwnedEvent};
///
/// let event = Event::new("42.17").with_name(EventName::from_static("price")).into_owned();
/// let json = serde_json::to_string(&event)?;
/// assert_eq!(json, r#"{"name":"price","data":"42.17"}"#);
/// assert_eq!(serde_json::from_str::<OwnedEvent>(&json)?, event);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for OwnedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.as_event();
        let name = event.event_name().map(EventName::as_str);
        let (data, id) = (event.data(), event.id());
        let last_event_id = Some(event.last_event_id()).filter(|inherited| id.is_none() && !inherited.is_empty());
        let retry = event.retry().map(crate::encoder::milliseconds);
        if serializer.is_human_readable() {
            PresentFields { name, data, id, last_event_id, retry }.serialize(serializer)
        } else {
            AllFields { name, data, id, last_event_id, retry }.serialize(serializer)
        }
    }
}

/// Name and ids are checked, so that the event can be encoded. Unknown fields are ignored.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> Deserialize<'de> for OwnedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AllFields::deserialize(deserializer)?.into_event().map_err(D::Error::custom)
    }
}

impl AllFields<String> {
    fn into_event(self) -> Result<OwnedEvent, FieldError> {
        let name = EventName::new(self.name.as_deref().unwrap_or_default())?;
        let last_event_id = self.id.as_deref().or(self.last_event_id.as_deref()).unwrap_or_default();
        let last_event_id = EventId::new(last_event_id)?;
        let (has_id, retry) = (self.id.is_some(), self.retry.map(Duration::from_millis));
        let event = Event::from_parts(name.as_str(), "", last_event_id.as_str(), has_id, retry);
        Ok(OwnedEvent::of_parts(event, self.data.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Head, Parser};
    use alloc::string::ToString;
    use alloc::vec::Vec;

    /// Every combination of parts, with an id that is inherited among them.
    fn events() -> Vec<OwnedEvent> {
        let mut events = Vec::new();
        for data in ["", "x", "one\ntwo", &"large".repeat(1000)] {
            for name in [None, Some("n")] {
                for retry in [None, Some(Duration::ZERO), Some(Duration::from_millis(u64::MAX))] {
                    let event = Event::new(data).with_optional_retry(retry);
                    let event = event.with_optional_name(name.map(EventName::from_static));
                    for id in [None, Some(""), Some("7")] {
                        events.push(event.with_optional_id(id.map(EventId::from_static)).into_owned());
                    }
                    let mut parser = Parser::new().with_last_event_id("inherited");
                    events.extend(parser.feed(&event.encode()).owned().map(Result::unwrap));
                }
            }
        }
        events
    }

    #[test]
    fn an_event_is_the_same_after_writing_and_reading_in_any_format() {
        for event in events() {
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<OwnedEvent>(&json).unwrap(), event, "{json}");
            // A format without names, that needs every field.
            let bytes = postcard::to_allocvec(&event).unwrap();
            assert_eq!(postcard::from_bytes::<OwnedEvent>(&bytes).unwrap(), event);
        }
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let json = |event: OwnedEvent| serde_json::to_string(&event).unwrap();
        assert_eq!(json(OwnedEvent::default()), r#"{"data":""}"#);
        let head = Head::from(EventName::from_static("n")).with_id(EventId::from_static(""));
        let event = OwnedEvent::new(head.with_retry(Duration::from_secs(3)), "x");
        assert_eq!(json(event), r#"{"name":"n","data":"x","id":"","retry":3000}"#);
        let mut parser = Parser::new().with_last_event_id("7");
        let inherited = parser.feed(b"data: x\n\n").owned().next().unwrap().unwrap();
        assert_eq!(json(inherited), r#"{"data":"x","last_event_id":"7"}"#);
    }

    #[test]
    fn times_are_rounded_up_to_milliseconds_and_saturate() {
        for (time, milliseconds) in [(Duration::from_nanos(1), 1), (Duration::MAX, u64::MAX)] {
            let event = Event::new("").with_retry(time).into_owned();
            assert_eq!(serde_json::to_value(&event).unwrap()["retry"], milliseconds);
        }
    }

    #[test]
    fn what_a_field_cannot_carry_is_refused() {
        for (json, error) in [
            (r#"{"data":"x","name":"a\nb"}"#, "the event field cannot carry LF (byte 0x0a at index 1)"),
            (r#"{"data":"x","id":"a\u0000"}"#, "the id field cannot carry NUL (byte 0x00 at index 1)"),
            (r#"{"data":"x","last_event_id":"\r"}"#, "the id field cannot carry CR (byte 0x0d at index 0)"),
            (r#"{"name":"x"}"#, "missing field `data`"),
        ] {
            let refused = serde_json::from_str::<OwnedEvent>(json).unwrap_err().to_string();
            assert!(refused.starts_with(error), "{refused}");
        }
        // What the standard does not know may be added.
        let event: OwnedEvent = serde_json::from_str(r#"{"data":"x","sent_at":0,"id":null}"#).unwrap();
        assert_eq!(event, Event::new("x"));
    }
}
