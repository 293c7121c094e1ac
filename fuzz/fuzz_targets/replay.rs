//! Any history of events, bounds and clients that reconnect with any id: the same as a plain list of all events.
#![no_main]

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sse_wire::server::{CountedIds, ReplayBuffer, ReplayError};
use sse_wire::{Event, EventId};
use sse_wire_fuzz::steps::{ReplayStep as Step, Steps};

/// All events, how many of them are no longer held, and the bytes that count of the others.
#[derive(Default)]
struct Model {
    published: Vec<(String, Bytes)>,
    /// When each was published.
    times: Vec<u8>,
    now: u8,
    gone: usize,
    max_events: usize,
    max_bytes: usize,
    max_age: u8,
    ids_count: bool,
}

impl Model {
    fn publish(&mut self, id: String, bytes: Bytes) {
        self.published.push((id, bytes));
        self.times.push(self.now);
        self.push_out();
    }

    fn push_out(&mut self) {
        let size = |(id, bytes): &(String, Bytes)| bytes.len() + if self.ids_count { id.len() } else { 0 };
        while self.published.len() - self.gone > self.max_events
            || self.published[self.gone..].iter().map(size).sum::<usize>() > self.max_bytes
            || self.times.get(self.gone).is_some_and(|time| self.now - time > self.max_age)
        {
            self.gone += 1;
        }
    }

    fn held(&self) -> impl Iterator<Item = &Bytes> {
        self.published[self.gone..].iter().map(|(_, bytes)| bytes)
    }

    fn last_event_id(&self) -> Option<&str> {
        let before_the_first = if self.ids_count { None } else { Some("e-0") };
        self.published.last().map_or(before_the_first, |(id, _)| Some(id))
    }

    fn since(&self, id: &[u8]) -> Option<Vec<&Bytes>> {
        if !self.ids_count && id == b"e-0" && self.gone == 0 {
            return Some(self.held().collect());
        }
        let known = self.gone.saturating_sub(1);
        let place = self.published[known..].iter().position(|(published, _)| published.as_bytes() == id)?;
        Some(self.published[known + place + 1..].iter().map(|(_, bytes)| bytes).collect())
    }
}

fuzz_target!(|steps: Steps<Step<'_>>| {
    let model =
        |ids_count| Model { max_events: 1024, max_bytes: 1 << 20, max_age: u8::MAX, ids_count, ..Model::default() };
    let (mut own, mut own_model) = (ReplayBuffer::new(), model(true));
    let (mut counted, mut counted_model) = (ReplayBuffer::counted("e").expect("it is an id"), model(false));
    let mut ids = CountedIds::new("e").expect("it is an id");
    for step in steps.0 {
        match step {
            Step::Publish { id, data } => {
                let (id, data): (Cow<'_, str>, _) = (String::from_utf8_lossy(id), "x".repeat(data.into()));
                let Ok(event_id) = EventId::new(&id) else { continue };
                let event = Event::new(&data).with_id(event_id);
                let expected = match own_model.since(id.as_bytes()) {
                    _ if id.is_empty() => Err(ReplayError::MissingId),
                    _ if id.trim_matches([' ', '\t']) != id => Err(ReplayError::UnfitId),
                    _ if id.contains(|c: char| c.is_ascii_control() && c != '\t') => Err(ReplayError::UnfitId),
                    Some(_) => Err(ReplayError::DuplicateId),
                    None => Ok(()),
                };
                let published = own.publish(event);
                assert_eq!(published.as_ref().map(|_| ()), expected.as_ref().copied());
                if let Ok(bytes) = published {
                    assert_eq!(bytes, event.encode());
                    own_model.publish(id.to_string(), bytes);
                }

                let bytes = counted.publish(event);
                let id = format!("e-{}", counted_model.published.len() + 1);
                assert_eq!(ids.next_id(), &*id);
                assert_eq!(bytes, format!("id: {id}\ndata: {data}\n\n"));
                counted_model.publish(id, bytes);
            }
            Step::Since(id) => {
                assert_eq!(own.since(id).ok().map(Iterator::collect), own_model.since(id));
                assert_eq!(counted.since(id).ok().map(Iterator::collect), counted_model.since(id));
            }
            Step::MaxEvents(most) => {
                own.set_max_events(most.into());
                counted.set_max_events(most.into());
                for model in [&mut own_model, &mut counted_model] {
                    model.max_events = most.into();
                    model.push_out();
                }
            }
            Step::MaxBytes(most) => {
                own.set_max_bytes(most.into());
                counted.set_max_bytes(most.into());
                for model in [&mut own_model, &mut counted_model] {
                    model.max_bytes = most.into();
                    model.push_out();
                }
            }
            Step::MaxAge(most) => {
                own.set_max_age(Duration::from_secs(most.into()));
                counted.set_max_age(Duration::from_secs(most.into()));
                for model in [&mut own_model, &mut counted_model] {
                    model.max_age = most;
                    model.push_out();
                }
            }
            Step::Advance(now) => {
                own.advance(Duration::from_secs(now.into()));
                counted.advance(Duration::from_secs(now.into()));
                for model in [&mut own_model, &mut counted_model] {
                    model.now = model.now.max(now);
                    model.push_out();
                }
            }
        }
        assert!(own.all().eq(own_model.held()));
        assert!(counted.all().eq(counted_model.held()));
        assert_eq!(own.last_event_id().map(EventId::as_str), own_model.last_event_id());
        assert_eq!(counted.last_event_id().map(EventId::as_str), counted_model.last_event_id());
    }
});
