//! What a server decides around an event stream: what a client that comes back has missed ([9.2.4]).
//!
//! A client whose connection broke connects again, and says in the header [`Last-Event-ID`](crate::http::LAST_EVENT_ID)
//! which event it saw last. [`ReplayBuffer`] holds the latest events, encoded, and finds those that came after it.
//!
//! # Live events on from a replay
//!
//! To a client go first the events that it missed, then those to come. Between the two none must fall out, and none
//! come twice. For that, publishing holds one lock while it puts an event into the buffer *and* hands it to the
//! subscribers, and a client that comes holds the same lock while it asks for what it missed *and* subscribes:
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
//! fn publish(feed: &Mutex<Feed>, event: &Event<&str>) {
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
//! publish(&feed, &Event::new("one"));
//! publish(&feed, &Event::new("two"));
//! let (missed, live) = subscribe(&feed, Some(b"1732000000-1"))?;
//! publish(&feed, &Event::new("three"));
//! assert_eq!(missed, ["id: 1732000000-2\ndata: two\n\n"]);
//! assert_eq!(live.recv()?, "id: 1732000000-3\ndata: three\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With `tokio::sync::broadcast` it is the same, under a plain `Mutex`, since nothing is awaited while it is held:
//! `send` and `subscribe` take the place of the list. A receiver that *lagged* has a gap: end its connection, or let it
//! ask for what came since the last event that it sent on, as a client that comes back does.
//!
//! # An id that is not known
//!
//! The standard has no answer for a client whose last event ID the server does not know, or no longer; what to do is
//! the server's decision. It can
//!
//! - send an event that tells the client to fetch the state anew,
//! - send the state itself, as an event with the id
//!   [`last_event_id`](ReplayBuffer::last_event_id), so that the client is up to date with it (asked for under the same
//!   lock),
//! - send [all](ReplayBuffer::all) that is there, where a gap does no harm,
//! - answer 204 (No Content), which tells the client not to come back at all ([9.2.3]).
//!
//! A client without the header, or with an empty one, is a new one, and the same decision has to be made for it.
//!
//! [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//! [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header

mod ids;
mod replay;

pub use ids::{CountedIds, OwnIds};
pub use replay::{Replay, ReplayBuffer, ReplayError, UnknownId};
