//! The channel of a report: the publisher's side and the subscriber's. It is independent of the job and of HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::server::ReplayBuffer;
use sse_wire::{Event, EventId, EventName};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::sse::Failure;

/// The name of each message.
const STATUS: EventName<'_> = EventName::from_static("EXCEL_STATUS");

/// The last event.
const END: Event<'_> = Event::new("").with_name(EventName::from_static("EXCEL_STATUS_END"));

/// How many events a subscriber may be behind before its connection is ended. It may reconnect for them.
const BEHIND: usize = 32;

/// Messages to one subscriber at a time, with ids that count from 1.
#[derive(Clone, Default)]
pub(super) struct Channel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    replay: ReplayBuffer,
    last_id: u64,
    closed: Option<Instant>,
    subscriber: Option<mpsc::Sender<Bytes>>,
}

impl Channel {
    /// Publishes a message.
    pub(super) fn emit(&self, text: &str) -> Result<(), Failure> {
        self.state().publish(Event::new(text).with_name(STATUS))
    }

    /// Publishes the end, and ends the subscription.
    pub(super) fn close(&self) -> Result<(), Failure> {
        let mut state = self.state();
        state.publish(END)?;
        state.closed = Some(Instant::now());
        state.subscriber = None;
        Ok(())
    }

    /// The messages after this id, and then new ones. Replaces the current subscription.
    ///
    /// `None` if the channel is closed and the id is not one of its own: the client is new.
    pub(super) fn subscribe(&self, last_event_id: &[u8]) -> Option<impl Stream<Item = Bytes> + Send + use<>> {
        let mut state = self.state();
        let missed = match state.replay.since(last_event_id) {
            Ok(missed) => missed,
            Err(_) if state.closed.is_some() => return None,
            Err(_) => state.replay.all(),
        };
        let missed: Vec<_> = missed.cloned().collect();
        let (sender, live) = mpsc::channel(BEHIND);
        // A closed channel sends nothing more: the sender is dropped here.
        let replaced = if state.closed.is_some() { None } else { state.subscriber.replace(sender) };
        if let Some(replaced) = replaced {
            // Without this event its client would reconnect, and replace the new subscription. An error means that the
            // client has disconnected.
            let _ = replaced.try_send(END.encode());
        }
        Some(stream::iter(missed).chain(ReceiverStream::new(live)))
    }

    /// Whether the channel was closed longer ago than this.
    pub(super) fn closed_for(&self, time: Duration) -> bool {
        self.state().closed.is_some_and(|closed| closed.elapsed() > time)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, event: Event<'_>) -> Result<(), Failure> {
        let id = (self.last_id + 1).to_string();
        let bytes = self.replay.publish(event.with_id(EventId::new(&id)?))?;
        self.last_id += 1;
        // A client that has disconnected, or is too far behind, is no longer a subscriber.
        self.subscriber.take_if(|subscriber| subscriber.try_send(bytes).is_err());
        Ok(())
    }
}
