//! The exchanges, and what each client does.

/// One exchange.
#[derive(Clone)]
pub struct Exchange {
    /// What the server does.
    pub what: &'static str,
    pub answers: Vec<Answer>,
    pub shown: Shown,
    /// What `sse-wire-client` sends and yields.
    pub ours: &'static str,
    /// What `reqwest-eventsource` sends and yields.
    pub theirs: &'static str,
    /// Which section of the standard decides, its anchor, and what it says.
    pub standard: (&'static str, &'static str, &'static str),
}

/// What the server does with one request. There is one request more than answers, at most, and that gets no answer.
#[derive(Clone)]
pub struct Answer {
    /// The status and the headers.
    pub head: String,
    pub body: Vec<u8>,
    pub then: Then,
}

/// How the connection goes on.
#[derive(Clone, Copy)]
pub enum Then {
    Ends,
    Resets,
    Stays,
}

/// What is shown of the requests, beside the last event ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nothing; the first wait is set to 100 ms for both clients.
    Ids,
    /// All headers but the host.
    Headers,
    /// How long the client waited. Every setting is the default.
    Waits,
}

/// An event stream that ends.
fn stream(body: impl AsRef<[u8]>) -> Answer {
    Answer { head: "200 OK\r\ncontent-type: text/event-stream".into(), body: body.as_ref().into(), then: Then::Ends }
}

/// The same, but the connection stays.
fn stays(body: impl AsRef<[u8]>) -> Answer {
    Answer { then: Then::Stays, ..stream(body) }
}

fn answer(head: &str) -> Answer {
    Answer { head: head.into(), ..stream("") }
}

/// A section of the standard, and its anchor.
type Section = (&'static str, &'static str);

const INTERFACE: Section = ("9.2.2", "the-eventsource-interface");
const RECONNECTION_TIME: Section = ("9.2.2", "concept-event-stream-reconnection-time");
const PROCESSING: Section = ("9.2.3", "sse-processing-model");
const ID_HEADER: Section = ("9.2.4", "the-last-event-id-header");
const PARSING: Section = ("9.2.5", "parsing-an-event-stream");
const INTERPRETING: Section = ("9.2.6", "event-stream-interpretation");

impl Exchange {
    fn new(what: &'static str, answers: &[Answer], (section, anchor): Section, says: &'static str) -> Exchange {
        Exchange {
            what,
            answers: answers.into(),
            shown: Shown::Ids,
            ours: "",
            theirs: "",
            standard: (section, anchor, says),
        }
    }

    fn shows(self, shown: Shown) -> Exchange {
        Exchange { shown, ..self }
    }

    fn both(self, does: &'static str) -> Exchange {
        self.differ(does, does)
    }

    fn differ(self, ours: &'static str, theirs: &'static str) -> Exchange {
        Exchange { ours, theirs, ..self }
    }
}

pub fn exchanges() -> Vec<Exchange> {
    [open(), cut(), resume(), reject(), wait()].concat()
}

/// One connection.
fn open() -> Vec<Exchange> {
    vec![
        Exchange::new(
            "answers the first request",
            &[stays("")],
            INTERFACE,
            "`Accept` may be sent; the cache mode is `no-store`, for which Fetch sends `Cache-Control: no-cache`",
        )
        .shows(Shown::Headers)
        .differ(
            "request with `accept: text/event-stream` and `cache-control: no-cache`, open",
            "request with `accept: text/event-stream`, open",
        ),
        Exchange::new(
            "sends a BOM first",
            &[stays("\u{feff}data: a\n\ndata: b\n\n")],
            INTERPRETING,
            "one BOM at the start is dropped",
        )
        .differ("request, open, event `a`, event `b`", "request, open, panic"),
        Exchange::new(
            "sends ill-formed UTF-8, and then an event",
            &[stays(b"data: a\xff\n\ndata: b\n\n")],
            INTERPRETING,
            "what is ill-formed is decoded as U+FFFD",
        )
        .differ("request, open, event `a\u{fffd}`, event `b`", "request, open"),
        Exchange::new(
            "has the type `text/event-stream;`",
            &[Answer { head: "200 OK\r\ncontent-type: text/event-stream;".into(), ..stays("data: a\n\n") }],
            PROCESSING,
            "accepted: the essence of the type is `text/event-stream`",
        )
        .both("request, open, event `a`"),
        Exchange::new(
            "ends lines by CR, LF and CRLF",
            &[stays("data: a\r\rdata: b\n\ndata: c\r\n\r\n:\n")],
            PARSING,
            "all three end a line",
        )
        .both("request, open, event `a`, event `b`, event `c`"),
        Exchange::new(
            "sends a name, and two lines of data",
            &[stays("event: x\ndata: a\ndata:b\n\n")],
            INTERPRETING,
            "one event; its lines are joined by LF",
        )
        .both("request, open, event x `a\\nb`"),
    ]
}

/// The connection ends.
fn cut() -> Vec<Exchange> {
    let does = "request, open, event `a` (id `1`), lost, request with id `1`, open, event `c` (id `2`)";
    let broken = stream("id: 1\ndata: a\n\ndata: b");
    let next = stays("id: 2\ndata: c\n\n");
    vec![
        Exchange::new(
            "ends the stream in an event",
            &[broken.clone(), next.clone()],
            INTERPRETING,
            "what is pending is discarded",
        )
        .both(does),
        Exchange::new(
            "breaks the connection in an event",
            &[Answer { then: Then::Resets, ..broken }, next],
            PROCESSING,
            "connects again",
        )
        .both(does),
    ]
}

/// The last event ID.
fn resume() -> Vec<Exchange> {
    vec![
        Exchange::new(
            "never sends an id, and ends the stream",
            &[stream("data: a\n\n")],
            PROCESSING,
            "no `Last-Event-ID` if the last event ID is empty",
        )
        .differ("request, open, event `a`, lost, request", "request, open, event `a`, lost, request with an empty id"),
        Exchange::new(
            "sends an id, and ends the stream",
            &[stream("id: 1\ndata: a\n\n")],
            ID_HEADER,
            "`Last-Event-ID` has the last event ID",
        )
        .both("request, open, event `a` (id `1`), lost, request with id `1`"),
        Exchange::new(
            "sends an id that is not ASCII, and ends the stream",
            &[stream("id: é\ndata: a\n\n")],
            ID_HEADER,
            "`Last-Event-ID` has the last event ID, in UTF-8",
        )
        .both("request, open, event `a` (id `é`), lost, request with id `é`"),
        Exchange::new(
            "sends an event without an id after one that has it",
            &[stream("id: 1\ndata: a\n\ndata: b\n\n")],
            INTERPRETING,
            "the last event ID stays until it is set again",
        )
        .both("request, open, event `a` (id `1`), event `b` (id `1`), lost, request with id `1`"),
        Exchange::new(
            "sends an event without an id after the client has resumed",
            &[stream("id: 1\ndata: a\n\n"), stream("data: b\n\n")],
            INTERPRETING,
            "the last event ID stays until it is set again",
        )
        .differ(
            "request, open, event `a` (id `1`), lost, request with id `1`, open, event `b` (id `1`), lost, request with id `1`",
            "request, open, event `a` (id `1`), lost, request with id `1`, open, event `b`, lost, request with an empty id",
        ),
        Exchange::new(
            "sends an id without data, and ends the stream",
            &[stream("id: 1\n\n")],
            INTERPRETING,
            "it is the last event ID, although no event is dispatched",
        )
        .differ("request, open, lost, request with id `1`", "request, open, lost, request with an empty id"),
        Exchange::new(
            "sends an id, then an empty one, and ends the stream",
            &[stream("id: 1\ndata: a\n\nid\ndata: b\n\n")],
            PROCESSING,
            "no `Last-Event-ID` if the last event ID is empty",
        )
        .differ(
            "request, open, event `a` (id `1`), event `b`, lost, request",
            "request, open, event `a` (id `1`), event `b`, lost, request with an empty id",
        ),
    ]
}

/// The response is no event stream.
fn reject() -> Vec<Exchange> {
    let does = "request, closed";
    vec![
        Exchange::new("answers 204", &[answer("204 No Content")], PROCESSING, "closed").both(does),
        Exchange::new("answers 503", &[answer("503 Service Unavailable")], PROCESSING, "closed").both(does),
        Exchange::new(
            "answers with another type",
            &[answer("200 OK\r\ncontent-type: text/html")],
            PROCESSING,
            "closed",
        )
        .both(does),
    ]
}

/// The time until the next request.
fn wait() -> Vec<Exchange> {
    let two_seconds = "request, open, event `a` (id `1`), lost, request with id `1` after 2 s";
    vec![
        Exchange::new(
            "sets no time, and ends the stream",
            &[stream("id: 1\ndata: a\n\n")],
            RECONNECTION_TIME,
            "up to the client, \"probably in the region of a few seconds\"",
        )
        .shows(Shown::Waits)
        .differ(
            "request, open, event `a` (id `1`), lost, request with id `1` after 3 s",
            "request, open, event `a` (id `1`), lost, request with id `1` after 0.3 s",
        ),
        Exchange::new(
            "sets `retry: 500`, and ends the stream",
            &[stream("retry: 500\nid: 1\ndata: a\n\n")],
            PROCESSING,
            "this, and then, \"optionally, wait some more\"",
        )
        .shows(Shown::Waits)
        .differ(
            "request, open, event `a` (id `1`), lost, request with id `1` after 1 s",
            "request, open, event `a` (id `1`), lost, request with id `1` after 0.5 s",
        ),
        Exchange::new(
            "sets `retry: 2000` in an event, and ends the stream",
            &[stream("retry: 2000\nid: 1\ndata: a\n\n")],
            INTERPRETING,
            "this is the reconnection time",
        )
        .shows(Shown::Waits)
        .both(two_seconds),
        Exchange::new(
            "sets `retry: 2000` before an event, and ends the stream",
            &[stream("retry: 2000\n\nid: 1\ndata: a\n\n")],
            INTERPRETING,
            "this is the reconnection time, from when the field is read",
        )
        .shows(Shown::Waits)
        .differ(two_seconds, "request, open, event `a` (id `1`), lost, request with id `1` after 0.3 s"),
    ]
}
