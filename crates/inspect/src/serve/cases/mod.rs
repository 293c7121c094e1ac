//! The cases of the standard, for a client to be tested with.
//!
//! A case is a stream, with the events that a client reads in it ([`streams`]), or a script of several connections
//! ([`connections`]). The server serves them, takes what the client saw, judges it ([`judge`]), and says which rules were broken
//! ([`rules`]).

pub mod connections;
pub mod faulty;
pub mod judge;
pub mod rules;
pub mod server;
pub mod streams;

use serde::{Deserialize, Serialize};

/// An event, as clients name its parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    pub data: String,
    #[serde(rename = "lastEventId")]
    pub last_event_id: String,
}

/// A section of the standard.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Section {
    pub number: &'static str,
    pub title: &'static str,
    pub url: &'static str,
}

pub const INTERFACE: Section = Section {
    number: "9.2.2",
    title: "The EventSource interface",
    url: "https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface",
};

pub const PROCESSING: Section = Section {
    number: "9.2.3",
    title: "Processing model",
    url: "https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model",
};

pub const LAST_EVENT_ID: Section = Section {
    number: "9.2.4",
    title: "The Last-Event-ID header",
    url: "https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header",
};

pub const PARSING: Section = Section {
    number: "9.2.5",
    title: "Parsing an event stream",
    url: "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream",
};

pub const INTERPRETING: Section = Section {
    number: "9.2.6",
    title: "Interpreting an event stream",
    url: "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation",
};
