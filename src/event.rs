//! The event that borrows its text, and its head: everything but the data.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use crate::names::{EventId, EventName};

/// The name of an event that was given none ([9.2.6]).
///
/// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
const DEFAULT_NAME: &str = "message";

/// An event: its data, and perhaps a name, an id and a reconnection time. All of its text is borrowed.
///
/// A [`Feed`](crate::Feed) yields it, and [`encode`](Event::encode) writes it. It is `Copy`. What its methods return lives
/// as long as the text, which may be longer than this value. [`OwnedEvent`](crate::OwnedEvent) owns its text.
///
/// Every event can be encoded: [`EventName`] and [`EventId`] hold only what their fields can carry, and data may hold
/// anything. Two events are equal if a client could not tell them apart.
///
/// ```
/// use sse_wire::{Event, EventId, EventName};
///
/// const COUNT: EventName = EventName::from_static("count");
///
/// let event = Event::new("one\ntwo").with_name(COUNT).with_id(EventId::new("42")?);
/// assert_eq!(event.encode(), "event: count\nid: 42\ndata: one\ndata: two\n\n");
/// # Ok::<(), sse_wire::FieldError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Event<'a> {
    // Invariant: never empty.
    name: Option<EventName<'a>>,
    data: &'a str,
    // Invariant: an `EventId` where `has_id`. Otherwise the id of an earlier event, or the one that a parser started with,
    // which is never encoded.
    last_event_id: &'a str,
    has_id: bool,
    retry: Option<Duration>,
}

impl<'a> Event<'a> {
    /// An event with this data, no name, no id and no reconnection time.
    ///
    /// Data may hold anything, line breaks and the empty string included. In the stream CR and CRLF become LF, the only
    /// line break that data can hold there.
    #[inline]
    #[must_use]
    pub const fn new(data: &'a str) -> Self {
        Event { name: None, data, last_event_id: "", has_id: false, retry: None }
    }

    /// What a parser found. An empty name means none.
    #[inline(always)]
    pub(crate) fn from_parts(
        name: &'a str,
        data: &'a str,
        last_event_id: &'a str,
        has_id: bool,
        retry: Option<Duration>,
    ) -> Self {
        let name = if name.is_empty() { None } else { Some(EventName::trusted(name)) };
        Event { name, data, last_event_id, has_id, retry }
    }

    /// The same event with this name.
    #[must_use]
    pub const fn with_name(self, name: EventName<'a>) -> Self {
        self.with_optional_name(Some(name))
    }

    /// The same event with this name, or without one.
    #[must_use]
    pub const fn with_optional_name(self, name: Option<EventName<'a>>) -> Self {
        Event { name: not_empty(name), ..self }
    }

    /// The same event with this id.
    #[must_use]
    pub const fn with_id(self, id: EventId<'a>) -> Self {
        self.with_optional_id(Some(id))
    }

    /// The same event with this id, or without one.
    #[must_use]
    pub const fn with_optional_id(self, id: Option<EventId<'a>>) -> Self {
        match id {
            Some(id) => Event { last_event_id: id.as_str(), has_id: true, ..self },
            None => Event { last_event_id: "", has_id: false, ..self },
        }
    }

    /// The same event with this reconnection time: how long clients wait before they connect again.
    ///
    /// An event stream has whole milliseconds; parts of one are rounded up when the event is encoded.
    #[must_use]
    pub const fn with_retry(self, time: Duration) -> Self {
        self.with_optional_retry(Some(time))
    }

    /// The same event with this reconnection time, or without one.
    #[must_use]
    pub const fn with_optional_retry(self, time: Option<Duration>) -> Self {
        Event { retry: time, ..self }
    }

    /// The same event with other data: for relays that change the data and keep the rest.
    #[must_use]
    pub const fn with_data(self, data: &'a str) -> Self {
        Event { data, ..self }
    }

    /// The name; `message` if there is none.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name.map_or(DEFAULT_NAME, EventName::as_str)
    }

    /// The data: its lines joined by LF.
    #[inline]
    #[must_use]
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// The event's own id field.
    #[inline]
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.has_id.then_some(self.last_event_id)
    }

    /// The last event ID of the stream when this event was dispatched: the standard's `MessageEvent.lastEventId`.
    ///
    /// It stays what it was for events without an id of their own. For an event that was built and not parsed, it is the
    /// event's own id, or empty.
    #[inline]
    #[must_use]
    pub const fn last_event_id(&self) -> &'a str {
        self.last_event_id
    }

    /// The reconnection time that this event sets.
    #[inline]
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The name as it was given: `None` if there is none, where [`name`](Event::name) returns `message`.
    ///
    /// An [`EventName`] can go into another event.
    #[inline]
    #[must_use]
    pub const fn event_name(&self) -> Option<EventName<'a>> {
        self.name
    }

    /// The event's own id field, as an [`EventId`], which can go into another event.
    #[inline]
    #[must_use]
    pub fn event_id(&self) -> Option<EventId<'a>> {
        self.id().map(EventId::trusted)
    }

    /// Everything but the data.
    #[inline]
    #[must_use]
    pub fn head(&self) -> Head<'a> {
        Head { name: self.name, id: self.event_id(), retry: self.retry }
    }

    /// What a client sees.
    fn seen(&self) -> (&'a str, &'a str, Option<&'a str>, &'a str, Option<Duration>) {
        (self.name(), self.data, self.id(), self.last_event_id, self.retry)
    }
}

impl<'a> From<&Event<'a>> for Event<'a> {
    fn from(event: &Event<'a>) -> Self {
        *event
    }
}

impl PartialEq<Event<'_>> for Event<'_> {
    fn eq(&self, other: &Event<'_>) -> bool {
        self.seen() == other.seen()
    }
}

impl Eq for Event<'_> {}

impl Hash for Event<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.seen().hash(state);
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("data", &self.data)
            .field("id", &self.id())
            .field("last_event_id", &self.last_event_id)
            .field("retry", &self.retry)
            .finish()
    }
}

/// All of an event but its data: name, id and reconnection time.
///
/// For data that is not a `&str`: [`Encoder::writer`](crate::Encoder::writer), JSON, and
/// [`OwnedEvent::new`](crate::OwnedEvent::new). Encoded by itself it is a block without an event, which sets the client's
/// last event ID or reconnection time; without an event, a name has no effect, and is not written.
///
/// ```
/// use sse_wire::{EventId, Head};
///
/// assert_eq!(Head::new().with_id(EventId::from_static("42")).encode(), "id: 42\n\n");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    // Invariant: never empty.
    pub(crate) name: Option<EventName<'a>>,
    pub(crate) id: Option<EventId<'a>>,
    pub(crate) retry: Option<Duration>,
}

impl<'a> Head<'a> {
    /// No name, no id, no reconnection time.
    #[must_use]
    pub const fn new() -> Self {
        Head { name: None, id: None, retry: None }
    }

    /// The same head with this name.
    #[must_use]
    pub const fn with_name(self, name: EventName<'a>) -> Self {
        self.with_optional_name(Some(name))
    }

    /// The same head with this name, or without one.
    #[must_use]
    pub const fn with_optional_name(self, name: Option<EventName<'a>>) -> Self {
        Head { name: not_empty(name), ..self }
    }

    /// The same head with this id.
    #[must_use]
    pub const fn with_id(self, id: EventId<'a>) -> Self {
        self.with_optional_id(Some(id))
    }

    /// The same head with this id, or without one.
    #[must_use]
    pub const fn with_optional_id(self, id: Option<EventId<'a>>) -> Self {
        Head { id, ..self }
    }

    /// The same head with this reconnection time: see [`Event::with_retry`].
    #[must_use]
    pub const fn with_retry(self, time: Duration) -> Self {
        self.with_optional_retry(Some(time))
    }

    /// The same head with this reconnection time, or without one.
    #[must_use]
    pub const fn with_optional_retry(self, time: Option<Duration>) -> Self {
        Head { retry: time, ..self }
    }

    /// An event with this head.
    #[inline]
    #[must_use]
    pub const fn with_data(self, data: &'a str) -> Event<'a> {
        let Head { name, id, retry } = self;
        Event { name, retry, ..Event::new(data).with_optional_id(id) }
    }

    /// The name, if there is one.
    #[must_use]
    pub const fn name(&self) -> Option<EventName<'a>> {
        self.name
    }

    /// The id, if there is one.
    #[must_use]
    pub const fn id(&self) -> Option<EventId<'a>> {
        self.id
    }

    /// The reconnection time, if there is one.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }
}

/// Equal if a client could not tell the two apart.
impl PartialEq<Head<'_>> for Head<'_> {
    fn eq(&self, other: &Head<'_>) -> bool {
        self.with_data("") == other.with_data("")
    }
}

impl Eq for Head<'_> {}

impl Hash for Head<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.with_data("").hash(state);
    }
}

impl<'a> From<Event<'a>> for Head<'a> {
    fn from(event: Event<'a>) -> Self {
        event.head()
    }
}

impl<'a> From<EventName<'a>> for Head<'a> {
    fn from(name: EventName<'a>) -> Self {
        Head::new().with_name(name)
    }
}

impl<'a> From<EventId<'a>> for Head<'a> {
    fn from(id: EventId<'a>) -> Self {
        Head::new().with_id(id)
    }
}

/// An empty name means none.
const fn not_empty(name: Option<EventName<'_>>) -> Option<EventName<'_>> {
    match name {
        Some(name) if !name.as_str().is_empty() => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_is_an_id() {
        let empty = EventId::from_static("");
        assert_eq!(Event::new("x").id(), None);
        assert_eq!(Event::new("x").with_id(empty).id(), Some(""));
        assert_ne!(Event::new("x"), Event::new("x").with_id(empty));
    }

    #[test]
    fn an_empty_name_is_none() {
        let empty = EventName::from_static("");
        assert_eq!(Event::new("x").with_name(empty).event_name(), None);
        assert_eq!(Head::from(empty), Head::new());
        assert_eq!(Event::new("x").name(), "message");
    }

    #[test]
    fn an_event_is_its_head_and_its_data() {
        let event = Event::new("d").with_name(EventName::from_static("n")).with_id(EventId::from_static("i"));
        let event = event.with_retry(Duration::from_millis(7));
        assert_eq!(event.head().with_data("d"), event);
        assert_eq!(event.with_data("e"), event.head().with_data("e"));
        assert_eq!(event.with_optional_name(None).with_optional_id(None).with_optional_retry(None), Event::new("d"));
    }

    #[test]
    fn debug_shows_what_a_client_sees() {
        let shown = alloc::format!("{:?}", Event::new("x"));
        assert!(shown.starts_with("Event { name: \"message\", data: \"x\", id: None"), "{shown}");
    }
}
