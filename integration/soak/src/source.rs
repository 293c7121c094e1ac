//! A client that is a source of `sse-wire-client`, which connects by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sse_wire_client::{Activity, Error, ErrorKind, Event, EventSource, Reconnect};

use crate::client::{Client, RECONNECTION_TIME};
use crate::connection::{SILENCE, is_cut};
use crate::failure::Failure;
use crate::habits::Reading;

impl Client {
    /// By a source, until a check fails.
    pub async fn follow_by_client(&mut self) -> Result<Infallible, Failure> {
        let mut source = self.source()?;
        let mut is_open = false;
        loop {
            if self.connector.habits.slow {
                self.connector.run.sleep(Duration::from_millis(self.chance.u64(..60))).await;
            }
            match source.next().await {
                Some(Ok(Event::Open)) => {
                    self.connector.counts.connections.add(1);
                    is_open = true;
                }
                Some(Ok(Event::Message(event))) => self.checker.event(event.as_event())?,
                Some(Ok(Event::Comment(text))) if text.is_empty() => self.connector.counts.comments.add(1),
                Some(Ok(other)) => return Err(Failure::new("a source", "an event", format!("{other:?}"))),
                Some(Err(error)) => {
                    let was_open = std::mem::take(&mut is_open);
                    self.lost(&error, was_open)?;
                    // A request without a response leaves what the connection before it has left.
                    let unfinished = source.unfinished().filter(|_| was_open).and_then(|block| block.event());
                    if let Some(unfinished) = unfinished {
                        self.checker.unfinished(unfinished)?;
                        self.connector.counts.unfinished.add(1);
                    }
                    // It has its own wait. This is the habit.
                    self.pause(Duration::ZERO).await;
                }
                None => return Err(Failure::new("a source", "to go on", "its end")),
            }
        }
    }

    fn source(&self) -> Result<EventSource, Failure> {
        let source = EventSource::new(self.connector.get()).map_err(|error| Failure::error("a source", &error))?;
        let reconnect = Reconnect::new().with_time(RECONNECTION_TIME).with_floor(RECONNECTION_TIME / 4);
        let counts = Arc::clone(&self.connector.counts);
        let source = source
            .with_reconnect(reconnect.with_backoff(Duration::from_secs(1)))
            .with_idle_timeout(SILENCE)
            .with_hook(move |activity| {
                if let Activity::Received { bytes } = activity {
                    counts.bytes.add(u64::try_from(*bytes).unwrap_or_default());
                }
            });
        let with_comments = self.connector.habits.reading == Reading::SourceWithComments;
        Ok(if with_comments { source.with_comments() } else { source })
    }

    /// The source must go on, and a cut must be the reason.
    fn lost(&self, error: &Error, was_open: bool) -> Result<(), Failure> {
        let place = format!("event {}", self.checker.next());
        match error.kind() {
            _ if error.retry_in().is_none() => Err(Failure::error(place, error)),
            ErrorKind::Ended if was_open => Ok(()),
            ErrorKind::Transport(error) if was_open && is_cut(error) => Ok(()),
            ErrorKind::Transport(error) if !was_open => self.connector.unanswered(error),
            _ => Err(Failure::error(place, error)),
        }
    }
}
