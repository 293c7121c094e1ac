//! A `ReplayBuffer` beside a `tokio::sync::broadcast`: every client gets every event once and in order, with concurrent
//! writers, broken connections and receivers that lag.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use sse_wire::server::{CountedIds, ReplayBuffer, ReplayError, UnknownId};
use sse_wire::{Event, Parser};
use tokio::sync::broadcast::{self, error::RecvError};

struct Feed(Mutex<(ReplayBuffer<CountedIds>, broadcast::Sender<Bytes>)>);

impl Feed {
    /// A feed whose receivers lag once they are more than `capacity` events behind.
    fn new(capacity: usize) -> Result<Feed, ReplayError> {
        Ok(Feed(Mutex::new((ReplayBuffer::counted("e")?, broadcast::Sender::new(capacity)))))
    }

    /// Never held across an `await`.
    fn lock(&self) -> MutexGuard<'_, (ReplayBuffer<CountedIds>, broadcast::Sender<Bytes>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, data: &str) {
        let (replay, live) = &mut *self.lock();
        // An error only means that there are no receivers.
        let _ = live.send(replay.publish(Event::new(data)));
    }

    fn subscribe(&self, last_event_id: &str) -> Result<(Vec<Bytes>, broadcast::Receiver<Bytes>), UnknownId> {
        let (replay, live) = &*self.lock();
        let missed = if last_event_id.is_empty() { replay.all() } else { replay.since(last_event_id)? };
        Ok((missed.cloned().collect(), live.subscribe()))
    }
}

/// A client whose connection breaks after every `patience` events, until it has got `total`. Returns how often it lagged.
async fn watch(feed: &Feed, patience: usize, total: usize) -> Result<usize, UnknownId> {
    let mut parser = Parser::new();
    let (mut seen, mut lagged) = (0, 0);
    while seen < total {
        let (missed, mut live) = feed.subscribe(parser.last_event_id())?;
        parser.reset();
        let mut missed = missed.into_iter();
        for _ in 0..patience.min(total - seen) {
            let bytes = match missed.next() {
                Some(bytes) => bytes,
                None => match live.recv().await {
                    Ok(bytes) => bytes,
                    Err(RecvError::Lagged(_)) => {
                        lagged += 1;
                        break;
                    }
                    Err(RecvError::Closed) => unreachable!("the feed holds a sender"),
                },
            };
            let mut events = parser.feed(&bytes);
            let event = events.next_event().expect("within the limit").expect("a whole event");
            seen += 1;
            assert_eq!(event.id(), Some(&*format!("e-{seen}")));
            assert_eq!(events.next_event(), Ok(None), "one event for each publication");
        }
    }
    Ok(lagged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_sees_every_event_once_and_in_order() -> Result<(), Box<dyn std::error::Error>> {
    const WRITERS: usize = 2;
    const EVENTS: usize = 20;
    let mut lagged = 0;
    for round in 0..2000 {
        let feed = Arc::new(Feed::new(4)?);
        let clients = [1 + round % 7, 5, WRITERS * EVENTS].map(|patience| {
            let feed = Arc::clone(&feed);
            tokio::spawn(async move { watch(&feed, patience, WRITERS * EVENTS).await })
        });
        let writers = [(); WRITERS].map(|()| {
            let feed = Arc::clone(&feed);
            tokio::spawn(async move {
                for number in 0..EVENTS {
                    feed.publish("x");
                    if number % 3 == round % 3 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        });
        try_join_all(writers).await?;
        let all = tokio::time::timeout(Duration::from_secs(30), try_join_all(clients));
        for client in all.await.expect("an event is missing")? {
            lagged += client?;
        }
    }
    assert!(lagged > 0, "no receiver ever lagged: choose a smaller capacity");
    Ok(())
}

#[tokio::test]
async fn the_id_of_a_client_that_missed_too_much_is_unknown() -> Result<(), Box<dyn std::error::Error>> {
    let feed = Feed::new(4)?;
    for _ in 0..1026 {
        feed.publish("x");
    }
    assert_eq!(feed.subscribe("e-1").map(|_| ()), Err(UnknownId));
    let (missed, mut live) = feed.subscribe("e-2")?;
    assert_eq!(missed.len(), 1024);
    assert!(live.try_recv().is_err());
    Ok(())
}
