//! A server: a constant name, ids that count, JSON as data, and the same bytes for all subscribers.
//!
//! `cargo run --example server --features json`

use std::error::Error;
use std::sync::mpsc;

use bytes::Bytes;
use serde::Serialize;
use sse_wire::server::CountedIds;
use sse_wire::{Encoder, Event, EventName, Head, KEEP_ALIVE};

// Checked at compile time: a line break in it would be an error.
const PRICE: EventName<'static> = EventName::from_static("price");
const NOTE: EventName<'static> = EventName::from_static("note");

#[derive(Serialize)]
struct Price {
    cents: u64,
}

struct Server {
    ids: CountedIds,
    encoder: Encoder,
    subscribers: Vec<mpsc::Sender<Bytes>>,
}

impl Server {
    /// Many events in one piece of memory.
    fn publish_prices(&mut self, prices: &[Price]) -> serde_json::Result<()> {
        for price in prices {
            let head = Head::new().with_name(PRICE).with_id(self.ids.next_id());
            self.encoder.push_json(head, price)?;
        }
        let batch = self.encoder.take();
        self.send(&batch);
        Ok(())
    }

    /// One event. Text may hold anything, line breaks included.
    fn publish_note(&mut self, text: &str) {
        let event = Event::new(text).with_name(NOTE).with_id(self.ids.next_id()).encode();
        self.send(&event);
    }

    /// Called every 15 seconds or so, so that no client or proxy closes an idle connection.
    fn keep_alive(&mut self) {
        self.send(&Bytes::from_static(KEEP_ALIVE));
    }

    /// Each clone costs a reference count. Subscribers that have disconnected are removed.
    fn send(&mut self, bytes: &Bytes) {
        self.subscribers.retain(|subscriber| subscriber.send(bytes.clone()).is_ok());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // The epoch makes these ids differ from those of an earlier run: for example the time of the start.
    let mut server = Server { ids: CountedIds::new("run-1")?, encoder: Encoder::new(), subscribers: Vec::new() };
    let subscribe = |server: &mut Server| {
        let (sender, receiver) = mpsc::channel();
        server.subscribers.push(sender);
        receiver
    };
    let (first, second) = (subscribe(&mut server), subscribe(&mut server));
    drop(subscribe(&mut server));

    server.publish_prices(&[Price { cents: 4217 }, Price { cents: 4218 }])?;
    server.publish_note("two\nlines");
    server.keep_alive();
    assert_eq!(server.subscribers.len(), 2);

    drop(server);
    let [first, second] = [first, second].map(|receiver| receiver.iter().collect::<Vec<Bytes>>());
    let sent = String::from_utf8(first.concat())?;
    println!("{sent}");
    assert_eq!(
        sent,
        "event: price\nid: run-1-1\ndata: {\"cents\":4217}\n\n\
         event: price\nid: run-1-2\ndata: {\"cents\":4218}\n\n\
         event: note\nid: run-1-3\ndata: two\ndata: lines\n\n\
         :\n\n"
    );
    // Nothing was copied for the second subscriber.
    assert!(first.iter().zip(&second).all(|(first, second)| first.as_ptr() == second.as_ptr()));
    Ok(())
}
