//! One event: what a parser yields and what an encoder takes.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use bytestring::ByteString;

use crate::field::{Field, FieldError};
use text::Text;

/// The name of an event that was given none ([9.2.6]).
///
/// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
const DEFAULT_NAME: &str = "message";

/// One event of an event stream: its data, and perhaps a name, an id and a reconnection time.
///
/// The same type comes out of a [`Parser`](crate::Parser) and goes into an [`Encoder`](crate::Encoder). `S` is how it
/// holds its text:
///
/// - `Event<&str>` borrows from the chunk it was parsed from, or from what the caller built it of. It is `Copy`.
/// - `Event<ByteString>` shares reference-counted bytes: cheap to clone, and it goes to other threads and tasks.
/// - `String`, `Cow<str>`, `Box<str>`, `Rc<str>`, `Arc<str>`, and references to all of these, do as well.
///
/// An event that exists can be encoded: what a field cannot carry is refused by [`with_name`](Event::with_name) and
/// [`with_id`](Event::with_id), and the set of types for `S` is closed, so that no type can show one text when it is
/// checked and another when it is written.
///
/// Two events are equal if a client could not tell them apart: by name, data, id, last event ID and retry, whatever
/// they hold their text in.
///
/// ```
/// use sse_wire::Event;
///
/// let event = Event::new("line one\nline two").with_name("status")?.with_id("42")?;
/// assert_eq!(event.name(), "status");
/// assert_eq!(event.data(), "line one\nline two");
/// assert_eq!(event.id(), Some("42"));
/// # Ok::<(), sse_wire::FieldError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Event<S = ByteString> {
    // Invariant: no CR or LF. None or empty: the default name.
    name: Option<S>,
    data: S,
    // Invariant: no CR, LF or NUL where `has_id`. Otherwise the id of an earlier event, or what a parser was told to
    // start with; it is shown, but never written. None: empty.
    last_event_id: Option<S>,
    // Whether this very block has an id field; its value is then `last_event_id`.
    has_id: bool,
    retry: Option<Duration>,
}

// Only `new` asks for `Text`: without it there is no `Event<S>` that anything else could be called on.
impl<S: Text> Event<S> {
    /// An event with this data, no name, no id and no reconnection time.
    ///
    /// Data may hold anything, line breaks and the empty string included. On the wire CR and CRLF become LF, the only
    /// line break that the format can carry within data. Never fails.
    ///
    /// Name and id are of the same type as the data: give a `String` with `.into()`, or borrow all of them,
    /// `Event::new(&*data)`. Code that is generic over `S: AsRef<str>` can take an event of any text, but not build one.
    #[inline]
    pub fn new(data: S) -> Self {
        Event { name: None, data, last_event_id: None, has_id: false, retry: None }
    }
}

impl<S: AsRef<str>> Event<S> {
    /// An event of parts that were checked before. The caller vouches for the invariants of `name` and `last_event_id`.
    #[inline]
    pub(crate) fn from_block(
        name: Option<S>,
        data: S,
        last_event_id: Option<S>,
        has_id: bool,
        retry: Option<Duration>,
    ) -> Self {
        Event { name, data, last_event_id, has_id, retry }
    }

    /// The same event with a name (the standard: *event type*), by which clients choose a listener.
    ///
    /// An empty name means `message`, as if none were given.
    ///
    /// # Errors
    ///
    /// [`FieldError`] if the name holds CR or LF.
    pub fn with_name(self, name: S) -> Result<Self, FieldError> {
        Field::Event.check(name.as_ref())?;
        Ok(Event { name: Some(name), ..self })
    }

    /// The same event with an id, which a client sends back as `Last-Event-ID` when it reconnects.
    ///
    /// The empty string is an id too: it resets the client's last event ID.
    ///
    /// # Errors
    ///
    /// [`FieldError`] if the id holds CR, LF or NUL (a client ignores an id with NUL).
    pub fn with_id(self, id: S) -> Result<Self, FieldError> {
        Field::Id.check(id.as_ref())?;
        Ok(Event { last_event_id: Some(id), has_id: true, ..self })
    }

    /// The same event with a reconnection time: how long a client waits before it connects again.
    ///
    /// The wire carries whole milliseconds; parts of one are rounded up when the event is encoded.
    #[must_use]
    pub fn with_retry(self, time: Duration) -> Self {
        Event { retry: Some(time), ..self }
    }

    /// The name of the event; `message` where none, or an empty one, was given.
    #[inline]
    pub fn name(&self) -> &str {
        match &self.name {
            Some(name) if !name.as_ref().is_empty() => name.as_ref(),
            _ => DEFAULT_NAME,
        }
    }

    /// The data: its lines joined with LF, without a LF at the end that was not sent.
    #[inline]
    pub fn data(&self) -> &str {
        self.data.as_ref()
    }

    /// The data, as the type that holds it.
    #[inline]
    pub fn into_data(self) -> S {
        self.data
    }

    /// The id field of this very block, if it has a valid one.
    #[inline]
    pub fn id(&self) -> Option<&str> {
        self.has_id.then(|| self.last_event_id())
    }

    /// The last event ID of the stream when this event was dispatched: the standard's `MessageEvent.lastEventId`.
    ///
    /// It stays what it was for events without an id of their own; empty if there was none yet. For an event that was
    /// built and not parsed it is the event's own id.
    #[inline]
    pub fn last_event_id(&self) -> &str {
        self.last_event_id.as_ref().map_or("", AsRef::as_ref)
    }

    /// The reconnection time that this very block sets, if it has a valid retry field.
    #[inline]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The same event, borrowing its text from this one.
    pub fn as_borrowed(&self) -> Event<&str> {
        Event {
            name: self.name.as_ref().map(AsRef::as_ref),
            data: self.data.as_ref(),
            last_event_id: self.last_event_id.as_ref().map(AsRef::as_ref),
            has_id: self.has_id,
            retry: self.retry,
        }
    }

    /// The name to write on the wire; `None` where a client takes the default without being told.
    pub(crate) fn written_name(&self) -> Option<&str> {
        self.name.as_ref().map(AsRef::as_ref).filter(|name: &&str| !name.is_empty())
    }
}

impl Event<&str> {
    /// The same event with text of its own, which outlives the chunk and the parser.
    ///
    /// Copies the text; what comes back keeps neither the chunk nor the parser's memory alive.
    #[must_use]
    pub fn to_shared(&self) -> Event<ByteString> {
        Event {
            name: self.name.map(ByteString::from),
            data: ByteString::from(self.data),
            last_event_id: self.last_event_id.map(ByteString::from),
            has_id: self.has_id,
            retry: self.retry,
        }
    }
}

impl<S: AsRef<str>, T: AsRef<str>> PartialEq<Event<T>> for Event<S> {
    fn eq(&self, other: &Event<T>) -> bool {
        self.data() == other.data()
            && self.name() == other.name()
            && self.id() == other.id()
            && self.last_event_id() == other.last_event_id()
            && self.retry == other.retry
    }
}

impl<S: AsRef<str>> Eq for Event<S> {}

impl<S: AsRef<str>> Hash for Event<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name(), self.data(), self.id(), self.last_event_id(), self.retry).hash(state);
    }
}

#[expect(clippy::missing_fields_in_debug, reason = "what a client sees: `has_id` shows in `id`")]
impl<S: AsRef<str>> fmt::Debug for Event<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("data", &self.data())
            .field("id", &self.id())
            .field("last_event_id", &self.last_event_id())
            .field("retry", &self.retry)
            .finish()
    }
}

/// Types that always show the same text. Sealed: the module is private, so nobody else can name the trait.
mod text {
    use alloc::borrow::Cow;
    use alloc::boxed::Box;
    use alloc::rc::Rc;
    use alloc::string::String;
    use alloc::sync::Arc;

    use bytestring::ByteString;

    pub trait Text: AsRef<str> {}

    impl Text for str {}
    impl Text for String {}
    impl Text for ByteString {}
    impl Text for Cow<'_, str> {}
    impl Text for Box<str> {}
    impl Text for Rc<str> {}
    impl Text for Arc<str> {}
    impl<T: Text + ?Sized> Text for &T {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn an_event_without_a_name_is_a_message() {
        assert_eq!(Event::new("x").name(), "message");
        assert_eq!(Event::new("x").with_name("").unwrap().name(), "message");
        assert_eq!(Event::new("x"), Event::new("x").with_name("message").unwrap());
    }

    #[test]
    fn an_empty_id_is_an_id() {
        assert_eq!(Event::new("x").id(), None);
        assert_eq!(Event::new("x").with_id("").unwrap().id(), Some(""));
        assert_ne!(Event::new("x"), Event::new("x").with_id("").unwrap());
    }

    #[test]
    fn a_shared_copy_equals_its_original() {
        let event = Event::new("d").with_name("n").unwrap().with_id("i").unwrap();
        let shared = event.with_retry(Duration::from_millis(7)).to_shared();
        assert_eq!(shared, event.with_retry(Duration::from_millis(7)));
        assert_eq!(shared.as_borrowed(), shared);
        assert_ne!(shared, event);
    }

    #[test]
    fn every_kind_of_text_builds_the_same_event() {
        let string = String::from("x");
        assert_eq!(Event::new("x"), Event::new(string.clone()));
        assert_eq!(Event::new(&string), Event::new(ByteString::from("x")));
        assert_eq!(Event::new(alloc::borrow::Cow::Borrowed("x")), Event::new(alloc::sync::Arc::<str>::from("x")));
    }

    #[test]
    fn debug_shows_what_a_client_sees() {
        let shown = alloc::format!("{:?}", Event::new("x"));
        assert!(shown.starts_with("Event { name: \"message\", data: \"x\", id: None"), "{shown}");
    }
}
