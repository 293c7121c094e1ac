//! Scripts: how a server answers one request after another, and which requests a client makes.

use sse_wire::http::is_event_stream;

use crate::view::escape::Quoted;

use super::{INTERFACE, INTERPRETING, LAST_EVENT_ID, PROCESSING, Section};

pub struct Script {
    pub name: &'static str,
    pub section: Section,
    /// What the case is about, in a sentence.
    pub rule: &'static str,
    /// The requests that a client makes, in their order, and their answers. It makes no other.
    pub steps: &'static [Step],
    /// As (data, last event ID). The type is `message`.
    pub events: &'static [(&'static str, &'static str)],
    /// The least time between two requests.
    pub pause_ms: u64,
}

pub struct Step {
    /// The header `Last-Event-ID`.
    pub last_event_id: Option<&'static str>,
    pub answer: Answer,
}

#[derive(Clone, Copy)]
pub enum Answer {
    Stream(&'static str),
    /// The same, and then the connection is reset.
    BrokenStream(&'static str),
    /// Any other response.
    Other {
        status: u16,
        content_type: &'static str,
        body: &'static str,
    },
    /// To the same URL with a query.
    Redirect(u16),
}

/// Tells the client to stop.
const STOP: Answer = Answer::Other { status: 204, content_type: "", body: "" };

const fn step(last_event_id: Option<&'static str>, answer: Answer) -> Step {
    Step { last_event_id, answer }
}

const fn stream(content_type: &'static str) -> Answer {
    Answer::Other { status: 200, content_type, body: "retry: 50\ndata: a\n\n" }
}

const fn refused(status: u16) -> Answer {
    Answer::Other { status, content_type: "text/event-stream", body: "data: not for you\n\n" }
}

/// The case that is about the header `Accept`.
pub const ACCEPT: &str = "connection-accept";

/// What a client breaks that stops too early.
pub const RECONNECTS: &str = "A client reconnects when the response ends, and sends no Last-Event-ID if it has none.";

impl Answer {
    /// What it is, for people.
    pub fn shown(self) -> String {
        let quoted = |text: &'static str| Quoted(text.as_bytes()).to_string();
        match self {
            Answer::Stream(text) => quoted(text),
            Answer::BrokenStream(text) => format!("{} and a reset", quoted(text)),
            Answer::Other { status, body: "", .. } | Answer::Redirect(status) => format!("status {status}"),
            Answer::Other { status, content_type, body } => {
                format!("status {status}, {content_type}, {}", quoted(body))
            }
        }
    }

    /// What it sends as an event stream.
    pub fn stream(self) -> Option<&'static str> {
        match self {
            Answer::Stream(text) | Answer::BrokenStream(text) => Some(text),
            Answer::Other { status: 200, content_type, body } if is_event_stream(content_type) => Some(body),
            Answer::Other { .. } | Answer::Redirect(_) => None,
        }
    }
}

pub const SCRIPTS: &[Script] = &[
    Script {
        name: ACCEPT,
        section: INTERFACE,
        rule: "A client names text/event-stream in Accept: it may leave it out, but many servers look for it.",
        steps: &[step(None, STOP)],
        events: &[],
        pause_ms: 0,
    },
    Script {
        name: "connection-reconnects",
        section: PROCESSING,
        rule: RECONNECTS,
        steps: &[
            step(None, Answer::Stream("retry: 50\ndata: a\n\n")),
            step(None, Answer::Stream("data: b\n\n")),
            step(None, STOP),
        ],
        events: &[("a", ""), ("b", "")],
        pause_ms: 0,
    },
    Script {
        name: "connection-last-event-id",
        section: LAST_EVENT_ID,
        rule: "A client that reconnects sends its last event ID.",
        steps: &[
            step(None, Answer::Stream("retry: 50\nid: 1\ndata: a\n\n")),
            step(Some("1"), Answer::Stream("id: 2\ndata: b\n\n")),
            step(Some("2"), STOP),
        ],
        events: &[("a", "1"), ("b", "2")],
        pause_ms: 0,
    },
    Script {
        name: "connection-last-event-id-utf-8",
        section: LAST_EVENT_ID,
        rule: "The last event ID is sent in UTF-8.",
        steps: &[step(None, Answer::Stream("retry: 50\nid: Ř…☕\ndata: a\n\n")), step(Some("Ř…☕"), STOP)],
        events: &[("a", "Ř…☕")],
        pause_ms: 0,
    },
    Script {
        name: "connection-id-without-data",
        section: INTERPRETING,
        rule: "A block without data still sets the last event ID.",
        steps: &[step(None, Answer::Stream("retry: 50\nid: 1\ndata: a\n\nid: 2\n\n")), step(Some("2"), STOP)],
        events: &[("a", "1")],
        pause_ms: 0,
    },
    Script {
        name: "connection-id-reset",
        section: LAST_EVENT_ID,
        rule: "An empty id resets the last event ID, and the header is then not sent.",
        steps: &[step(None, Answer::Stream("retry: 50\nid: 1\ndata: a\n\nid\ndata: b\n\n")), step(None, STOP)],
        events: &[("a", "1"), ("b", "")],
        pause_ms: 0,
    },
    Script {
        name: "connection-unfinished-block",
        section: INTERPRETING,
        rule: "The end of a response discards an unfinished block, with its id.",
        steps: &[
            step(None, Answer::Stream("retry: 50\nid: 1\ndata: a\n\nid: 2\ndata: half")),
            step(Some("1"), Answer::Stream("id: 3\ndata: b\n\n")),
            step(Some("3"), STOP),
        ],
        events: &[("a", "1"), ("b", "3")],
        pause_ms: 0,
    },
    Script {
        name: "connection-broken",
        section: PROCESSING,
        rule: "A client reconnects when the connection breaks.",
        steps: &[
            step(None, Answer::BrokenStream("retry: 50\nid: 1\ndata: a\n\nid: 2\ndata: ha")),
            step(Some("1"), Answer::Stream("id: 2\ndata: half\n\n")),
            step(Some("2"), STOP),
        ],
        events: &[("a", "1"), ("half", "2")],
        pause_ms: 0,
    },
    Script {
        name: "connection-bom",
        section: PROCESSING,
        rule: "Each response is a new stream, which may begin with a BOM.",
        steps: &[
            step(None, Answer::Stream("\u{feff}retry: 50\ndata: a\n\n")),
            step(None, Answer::Stream("\u{feff}data: b\n\n")),
            step(None, STOP),
        ],
        events: &[("a", ""), ("b", "")],
        pause_ms: 0,
    },
    Script {
        name: "connection-retry",
        section: PROCESSING,
        rule: "A client waits for the reconnection time before it reconnects.",
        steps: &[step(None, Answer::Stream("retry: 400\ndata: a\n\n")), step(None, STOP)],
        events: &[("a", "")],
        pause_ms: 400,
    },
    Script {
        name: "connection-204",
        section: PROCESSING,
        rule: "Status 204 tells a client to stop.",
        steps: &[step(None, STOP)],
        events: &[],
        pause_ms: 0,
    },
    Script {
        name: "connection-404",
        section: PROCESSING,
        rule: "A client reads no events from an error, and does not reconnect.",
        steps: &[step(None, refused(404))],
        events: &[],
        pause_ms: 0,
    },
    Script {
        name: "connection-500",
        section: PROCESSING,
        rule: "A client reads no events from an error, and does not reconnect.",
        steps: &[step(None, refused(500))],
        events: &[],
        pause_ms: 0,
    },
    Script {
        name: "connection-other-type",
        section: PROCESSING,
        rule: "A client reads no events from another content type, and does not reconnect.",
        steps: &[step(None, stream("text/plain"))],
        events: &[],
        pause_ms: 0,
    },
    Script {
        name: "connection-type-with-parameter",
        section: PROCESSING,
        rule: "The content type may have parameters, and capital letters.",
        steps: &[step(None, stream("Text/Event-Stream; charset=utf-8")), step(None, STOP)],
        events: &[("a", "")],
        pause_ms: 0,
    },
    Script {
        name: "connection-redirect-301",
        section: PROCESSING,
        rule: "A client follows redirects.",
        steps: &[
            step(None, Answer::Redirect(301)),
            step(None, Answer::Stream("retry: 50\nid: 7\ndata: a\n\n")),
            step(Some("7"), STOP),
        ],
        events: &[("a", "7")],
        pause_ms: 0,
    },
    Script {
        name: "connection-redirect-307",
        section: PROCESSING,
        rule: "A client follows redirects.",
        steps: &[
            step(None, Answer::Redirect(307)),
            step(None, Answer::Stream("retry: 50\nid: 7\ndata: a\n\n")),
            step(Some("7"), STOP),
        ],
        events: &[("a", "7")],
        pause_ms: 0,
    },
];
