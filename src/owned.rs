//! The event that owns its text.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use bytestring::ByteString;

use crate::event::{Event, Head};
use crate::names::{EventId, EventName};

/// From this length on, text is shared between clones, and moved or shared into an event instead of copied.
///
/// Below, a copy is cheaper: 260 bytes take 12 ns, allocation included, and a reference count 14.
pub(crate) const LARGE: usize = 2 * 1024;

/// An event that owns its text: `Send + 'static`, for other tasks and threads.
///
/// A clone costs one small allocation, or a reference count if there is much text. An event from a parser keeps at most
/// twice its own text of a chunk alive (of the chunk: `Bytes` does not tell how large the memory behind it is).
/// [`as_event`](OwnedEvent::as_event) has the methods that are not here.
///
/// ```
/// use sse_wire::{OwnedEvent, Parser};
///
/// let mut parser = Parser::new();
/// let events: Vec<OwnedEvent> = parser.feed(b"data: 1\n\ndata: 2\n\n").owned().collect::<Result<_, _>>()?;
/// std::thread::spawn(move || assert_eq!(events[1].data(), "2")).join().unwrap();
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone)]
pub struct OwnedEvent {
    /// Name, data and last event ID, one after the other, and where the first two end. Empty if the text is large.
    text: Box<str>,
    name_end: u16,
    data_end: u16,
    has_id: bool,
    retry: Option<Duration>,
    /// The text, if it is large. (Not an enum with the fields above, which the compiler would move through memory.)
    large: Shared,
}

/// Large text, if any.
///
/// It is dropped by a call that takes it by value. The drop of an `Arc` takes its address, for which the compiler would put
/// the whole event into memory, and move it there: 10 ns an event.
#[derive(Clone)]
struct Shared(Option<Arc<Large>>);

impl Drop for Shared {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(large) = self.0.take() {
            release(large);
        }
    }
}

#[cold]
#[inline(never)]
fn release(large: Arc<Large>) {
    drop(large);
}

#[derive(Clone)]
pub(crate) struct Large {
    name: Box<str>,
    pub(crate) data: ByteString,
    /// If it is large, shared by all events of a parser that have it.
    pub(crate) last_event_id: ByteString,
}

impl Large {
    /// The name of `event`, with this data and last event ID.
    // Returns a pointer. If it returned an `OwnedEvent`, the compiler would move all events through memory.
    #[cold]
    pub(crate) fn new(event: Event<'_>, data: ByteString, last_event_id: ByteString) -> Arc<Self> {
        let name = event.event_name().map_or("", EventName::as_str).into();
        Arc::new(Large { name, data, last_event_id })
    }
}

/// Whether an event has at least [`LARGE`] bytes of text.
#[inline(always)]
pub(crate) fn is_large(event: Event<'_>) -> bool {
    let name = event.event_name().map_or("", EventName::as_str);
    // Cannot overflow: all of it is in memory at once.
    name.len() + event.data().len() + event.last_event_id().len() >= LARGE
}

impl OwnedEvent {
    /// An event of a head and data that is owned already, such as a `String`, which is not copied if it is large.
    ///
    /// ```
    /// use sse_wire::{EventId, Head, OwnedEvent};
    ///
    /// let event = OwnedEvent::new(EventId::from_static("7"), String::from("x"));
    /// assert_eq!((event.id(), event.data()), (Some("7"), "x"));
    /// ```
    pub fn new<'a>(head: impl Into<Head<'a>>, data: impl Into<ByteString>) -> Self {
        OwnedEvent::of_parts(head.into().with_data(""), data.into())
    }

    /// `event` with this data instead.
    pub(crate) fn of_parts(event: Event<'_>, data: ByteString) -> Self {
        if is_large(event.with_data(&data)) {
            OwnedEvent::large(
                Large::new(event, data, event.last_event_id().into()),
                event.id().is_some(),
                event.retry(),
            )
        } else {
            OwnedEvent::small(event.with_data(&data))
        }
    }

    /// A copy without the last event ID, which is large and shared: [`set_last_event_id`](OwnedEvent::set_last_event_id)
    /// adds it.
    pub(crate) fn without_id(event: Event<'_>) -> Self {
        let large = Large::new(event, event.data().into(), ByteString::new());
        OwnedEvent::large(large, event.id().is_some(), event.retry())
    }

    pub(crate) fn set_last_event_id(&mut self, id: ByteString) {
        if let Some(large) = self.large.0.as_mut().and_then(Arc::get_mut) {
            large.last_event_id = id;
        }
    }

    /// A copy of less than [`LARGE`] bytes of text.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "it has less than `LARGE` bytes")]
    pub(crate) fn small(event: Event<'_>) -> Self {
        let name = event.event_name().map_or("", EventName::as_str);
        let (data, last_event_id) = (event.data(), event.last_event_id());
        let (name_end, data_end) = (name.len() as u16, (name.len() + data.len()) as u16);
        let text = if name.is_empty() && last_event_id.is_empty() {
            data.into()
        } else {
            let mut text = String::with_capacity(name.len() + data.len() + last_event_id.len());
            text.push_str(name);
            text.push_str(data);
            text.push_str(last_event_id);
            text.into_boxed_str()
        };
        OwnedEvent { text, name_end, data_end, has_id: event.id().is_some(), retry: event.retry(), large: Shared(None) }
    }

    #[inline(always)]
    pub(crate) fn large(large: Arc<Large>, has_id: bool, retry: Option<Duration>) -> Self {
        OwnedEvent { text: "".into(), name_end: 0, data_end: 0, has_id, retry, large: Shared(Some(large)) }
    }

    /// The event, borrowing its text from this one.
    #[inline]
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        let (name, data, last_event_id) = match &self.large.0 {
            None => {
                let (name_end, data_end) = (usize::from(self.name_end), usize::from(self.data_end));
                (&self.text[..name_end], &self.text[name_end..data_end], &self.text[data_end..])
            }
            Some(large) => (&*large.name, &*large.data, &*large.last_event_id),
        };
        Event::from_parts(name, data, last_event_id, self.has_id, self.retry)
    }

    /// As [`Event::name`].
    #[inline]
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_event().name()
    }

    /// As [`Event::data`].
    #[inline]
    #[must_use]
    pub fn data(&self) -> &str {
        self.as_event().data()
    }

    /// As [`Event::id`].
    #[inline]
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.as_event().id()
    }

    /// As [`Event::last_event_id`].
    #[inline]
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.as_event().last_event_id()
    }

    /// As [`Event::retry`].
    #[inline]
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// As [`Event::event_name`].
    #[must_use]
    pub fn event_name(&self) -> Option<EventName<'_>> {
        self.as_event().event_name()
    }

    /// As [`Event::event_id`].
    #[must_use]
    pub fn event_id(&self) -> Option<EventId<'_>> {
        self.as_event().event_id()
    }

    /// As [`Event::head`].
    #[must_use]
    pub fn head(&self) -> Head<'_> {
        self.as_event().head()
    }

    /// The data by value. Nothing is copied.
    #[must_use]
    pub fn into_data(self) -> ByteString {
        self.into_parts().data
    }

    /// All parts by value. Nothing is copied but the name of an event of 2 KiB and more that was cloned.
    ///
    /// ```
    /// use sse_wire::{Event, EventName};
    ///
    /// let parts = Event::new("x").with_name(EventName::from_static("n")).into_owned().into_parts();
    /// assert_eq!((parts.name.as_deref(), &*parts.data, parts.id), (Some("n"), "x", None));
    /// ```
    #[must_use]
    pub fn into_parts(mut self) -> EventParts {
        let (name, data, last_event_id) = match self.large.0.take() {
            None => {
                let (name, rest) = ByteString::from(self.text).split_at(usize::from(self.name_end));
                let (data, last_event_id) = rest.split_at(usize::from(self.data_end - self.name_end));
                (name, data, last_event_id)
            }
            Some(large) => {
                let Large { name, data, last_event_id } = Arc::unwrap_or_clone(large);
                (name.into(), data, last_event_id)
            }
        };
        EventParts {
            name: (!name.is_empty()).then_some(name),
            id: self.has_id.then(|| last_event_id.clone()),
            data,
            last_event_id,
            retry: self.retry,
        }
    }
}

/// The parts of an [`OwnedEvent`] by value: [`OwnedEvent::into_parts`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventParts {
    /// The name as it was given; `None` if there is none, which means `message` to clients.
    pub name: Option<ByteString>,
    /// The data.
    pub data: ByteString,
    /// The event's own id field.
    pub id: Option<ByteString>,
    /// The last event ID of the stream when this event was dispatched.
    pub last_event_id: ByteString,
    /// The reconnection time that this event sets.
    pub retry: Option<Duration>,
}

impl Event<'_> {
    /// The same event, owning its text. Copies the text.
    #[inline]
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        if is_large(self) { OwnedEvent::of_parts(self, self.data().into()) } else { OwnedEvent::small(self) }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        event.into_owned()
    }
}

impl<'a> From<&'a OwnedEvent> for Event<'a> {
    fn from(event: &'a OwnedEvent) -> Self {
        event.as_event()
    }
}

impl Default for OwnedEvent {
    /// As [`Event::default`]: no data.
    fn default() -> Self {
        Event::default().into_owned()
    }
}

impl PartialEq for OwnedEvent {
    fn eq(&self, other: &OwnedEvent) -> bool {
        self.as_event() == other.as_event()
    }
}

impl PartialEq<Event<'_>> for OwnedEvent {
    fn eq(&self, other: &Event<'_>) -> bool {
        self.as_event() == *other
    }
}

impl PartialEq<OwnedEvent> for Event<'_> {
    fn eq(&self, other: &OwnedEvent) -> bool {
        *self == other.as_event()
    }
}

impl Eq for OwnedEvent {}

impl Hash for OwnedEvent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_event().hash(state);
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn samples() -> impl Iterator<Item = (String, usize)> {
        [0, 1, 100, LARGE - 10, LARGE - 3, LARGE - 2, LARGE - 1, LARGE, 100_000]
            .map(|len| ("x".repeat(len), len))
            .into_iter()
    }

    #[test]
    fn an_owned_event_is_the_event_that_it_was_made_of() {
        for (data, len) in samples() {
            let event = Event::new(&data).with_name(EventName::from_static("n")).with_id(EventId::from_static("i"));
            for event in [event, event.with_optional_name(None).with_optional_id(None), event.with_retry(Duration::MAX)]
            {
                let owned = event.into_owned();
                assert_eq!(owned, event, "{len}");
                assert_eq!(owned.clone(), owned);
                assert_eq!(OwnedEvent::new(event.head(), data.clone()), event);
                let parts = owned.into_parts();
                assert_eq!(parts.name.as_deref(), event.event_name().map(EventName::as_str));
                assert_eq!((&*parts.data, parts.id.as_deref()), (event.data(), event.id()));
                assert_eq!((&*parts.last_event_id, parts.retry), (event.last_event_id(), event.retry()));
            }
        }
    }

    #[test]
    fn parts_are_not_copied() {
        for (data, _) in samples().skip(1) {
            let owned = Event::new(&data).with_id(EventId::from_static("i")).into_owned();
            let at = owned.data().as_ptr();
            assert_eq!(owned.into_data().as_ptr(), at);
        }
    }

    #[test]
    fn large_text_is_shared() {
        let data = "x".repeat(LARGE);
        let at = data.as_ptr();
        let owned = OwnedEvent::new(Head::new(), data);
        assert_eq!(owned.data().as_ptr(), at);
        assert_eq!(owned.clone().data().as_ptr(), at);
        let (one, other) = (owned.clone().into_parts(), owned.into_parts());
        assert_eq!((one.data.as_ptr(), other.data.as_ptr()), (at, at));
    }

    #[test]
    fn an_owned_event_has_48_bytes_at_most() {
        assert!(size_of::<OwnedEvent>() <= 48, "{}", size_of::<OwnedEvent>());
        assert!(format!("{:?}", OwnedEvent::default()).starts_with("Event { name: \"message\""));
    }
}
