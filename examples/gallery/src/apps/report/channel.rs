//! The channel of a report: the publisher's side and the subscriber's. It knows nothing of the job, nor of HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::server::ReplayBuffer;
use sse_wire::{Encoder, Event};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::sse::Failure;

/// The name of each message.
const STATUS: &str = "EXCEL_STATUS";

/// The name of the last event.
const END: &str = "EXCEL_STATUS_END";

/// How many events a subscriber may be behind before its connection is ended. It may come back for them.
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
        self.state().publish(Event::new(text).with_name(STATUS)?)
    }

    /// Publishes the end, and ends the subscription.
    pub(super) fn close(&self) -> Result<(), Failure> {
        let mut state = self.state();
        state.publish(Event::new("").with_name(END)?)?;
        state.closed = Some(Instant::now());
        state.subscriber = None;
        Ok(())
    }

    /// The messages after this id, and those to come. Replaces the subscription before this one.
    ///
    /// `None`: the channel is closed, and this is not a client that comes back to it.
    pub(super) fn subscribe(
        &self,
        last_event_id: &[u8],
    ) -> Result<Option<impl Stream<Item = Result<Bytes, Failure>> + Send + use<>>, Failure> {
        let mut state = self.state();
        let missed = match state.replay.since(last_event_id) {
            Ok(missed) => missed,
            Err(_) if state.closed.is_some() => return Ok(None),
            Err(_) => state.replay.all(),
        };
        let missed: Vec<_> = missed.cloned().collect();
        let (sender, live) = mpsc::channel(BEHIND);
        // To a closed channel nothing more comes: its sender is dropped here.
        let replaced = if state.closed.is_some() { None } else { state.subscriber.replace(sender) };
        if let Some(replaced) = replaced {
            // Without this it would come back, and replace the one that replaced it. If it is gone, so much the better.
            let _ = replaced.try_send(Encoder::new().encode(&Event::new("").with_name(END)?));
        }
        Ok(Some(stream::iter(missed).chain(ReceiverStream::new(live)).map(Ok)))
    }

    /// Whether the end is so long ago that nobody will come back for it.
    pub(super) fn closed_for(&self, time: Duration) -> bool {
        self.state().closed.is_some_and(|closed| closed.elapsed() > time)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, event: Event<&str>) -> Result<(), Failure> {
        let id = (self.last_id + 1).to_string();
        let bytes = self.replay.publish(&event.with_id(&id)?)?;
        self.last_id += 1;
        // Who is gone, or too far behind, is no longer a subscriber.
        self.subscriber.take_if(|subscriber| subscriber.try_send(bytes).is_err());
        Ok(())
    }
}
