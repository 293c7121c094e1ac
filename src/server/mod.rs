//! The server's side of reconnection: which events a client has missed ([9.2.4]).
//!
//! A client whose connection broke connects again, and says in the header [`Last-Event-ID`](crate::http::LAST_EVENT_ID)
//! which event it saw last. [`ReplayBuffer`] holds the latest events, encoded, and finds those that came after it.
//! [`CountedIds`] makes ids.
//!
//! # From a replay to live events
//!
//! A client first gets the events that it missed, then new ones. None must be lost between the two, and none must be sent
//! twice. So one lock is held while an event is put into the buffer *and* sent to the subscribers, and the same lock while a
//! client's missed events are looked up *and* it subscribes:
//!
//! ```
//! use std::sync::{Mutex, PoisonError, mpsc};
//!
//! use bytes::Bytes;
//! use sse_wire::Event;
//! use sse_wire::server::{CountedIds, ReplayBuffer, UnknownId};
//!
//! struct Feed {
//!     replay: ReplayBuffer<CountedIds>,
//!     live: Vec<mpsc::Sender<Bytes>>,
//! }
//!
//! fn publish(feed: &Mutex<Feed>, event: Event<'_>) {
//!     let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
//!     let bytes = feed.replay.publish(event);
//!     feed.live.retain(|subscriber| subscriber.send(bytes.clone()).is_ok());
//! }
//!
//! /// What to send at once, and where the rest comes from.
//! fn subscribe(
//!     feed: &Mutex<Feed>,
//!     last_event_id: Option<&[u8]>,
//! ) -> Result<(Vec<Bytes>, mpsc::Receiver<Bytes>), UnknownId> {
//!     let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
//!     let missed = match last_event_id {
//!         Some(id) => feed.replay.since(id)?,
//!         None => feed.replay.all(),
//!     };
//!     let missed = missed.cloned().collect();
//!     let (sender, receiver) = mpsc::channel();
//!     feed.live.push(sender);
//!     Ok((missed, receiver))
//! }
//!
//! let started = 1_732_000_000; // the time, in a real server
//! let feed = Mutex::new(Feed { replay: ReplayBuffer::counted(started)?, live: Vec::new() });
//! publish(&feed, Event::new("one"));
//! publish(&feed, Event::new("two"));
//! let (missed, live) = subscribe(&feed, Some(b"1732000000-1"))?;
//! publish(&feed, Event::new("three"));
//! assert_eq!(missed, ["id: 1732000000-2\ndata: two\n\n"]);
//! assert_eq!(live.recv()?, "id: 1732000000-3\ndata: three\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `tokio::sync::broadcast` can take the place of the list, under the same `Mutex` of the standard library, since nothing is
//! awaited while it is locked. A receiver that *lagged* has a gap: end its connection, or send it what came
//! [since](ReplayBuffer::since) the last event that it was sent. [`last_event_id`](ReplayBuffer::last_event_id), read under
//! the lock right after an event was published or a client has subscribed, is the id to store for that.
//!
//! # Events that are not for every client
//!
//! If a client is not sent an event, send it a [`Head`](crate::Head) with the id of that event: a block that is no event, and
//! moves the last event ID on. Otherwise it would come back with an id that is no longer known. The id of the event that was
//! just published is [`last_event_id`](ReplayBuffer::last_event_id); in a replay, [`with_ids`](Replay::with_ids) yields the
//! ids. The server itself keeps, by id, which clients an event is for:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use bytes::Bytes;
//! use sse_wire::server::{Replay, ReplayBuffer};
//! use sse_wire::{Event, Head};
//!
//! /// What a client in the room `mine` is sent. Of events in a row that are not for it, only the last id counts.
//! fn filtered(missed: Replay<'_>, rooms: &HashMap<String, u32>, mine: u32) -> Vec<Bytes> {
//!     let mut sent = Vec::new();
//!     let mut moved_on = None;
//!     for (id, bytes) in missed.with_ids() {
//!         if rooms.get(id.as_str()) == Some(&mine) {
//!             sent.push(bytes.clone());
//!             moved_on = None;
//!         } else {
//!             moved_on = Some(Head::from(id).encode());
//!         }
//!     }
//!     sent.extend(moved_on);
//!     sent
//! }
//!
//! let mut replay = ReplayBuffer::counted("e")?;
//! // Remove what the buffer no longer holds from time to time.
//! let mut rooms = HashMap::new();
//! for (room, data) in [(7, "one"), (8, "two"), (7, "three"), (8, "four"), (8, "five")] {
//!     let for_the_room = replay.publish(Event::new(data));
//!     let id = replay.last_event_id();
//!     let for_the_others = Head::new().with_optional_id(id).encode();
//!     rooms.extend(id.map(|id| (id.to_string(), room)));
//!     // ... and send one of the two to each subscriber.
//! }
//! let missed = filtered(replay.since("e-1")?, &rooms, 7);
//! assert_eq!(missed, ["id: e-3\ndata: three\n\n", "id: e-5\n\n"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # An id that is not known
//!
//! The standard does not say what to do if the server does not know a client's last event ID, or no longer. The server may
//!
//! - send an event that tells the client to fetch the state anew,
//! - send the state itself, as an event with the id
//!   [`last_event_id`](ReplayBuffer::last_event_id), so that the client is up to date (read both under the same lock),
//! - send [all](ReplayBuffer::all) that it holds, if a gap does no harm,
//! - answer 204 (No Content), which tells the client not to connect again ([9.2.3]).
//!
//! A client without the header, or with an empty one, is new, and the server must decide the same for it.
//!
//! [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//! [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header

mod ids;
mod replay;

pub use ids::{CountedIds, OwnIds, ReplayError};
pub use replay::{Replay, ReplayBuffer, UnknownId};
