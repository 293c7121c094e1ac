//! What a stream holds besides events.

use core::fmt;

use bytestring::ByteString;

use crate::event::Event;

/// An event, or a comment between or within events: see [`Parser::next_item`](crate::Parser::next_item).
#[derive(Clone, Copy)]
pub enum Item<S = ByteString> {
    /// An event was dispatched.
    Event(Event<S>),
    /// A comment line was read: the text after its colon, one leading space dropped.
    Comment(S),
}

impl Item<&str> {
    /// The same item with text of its own, which outlives the chunk and the parser: see [`Event::to_shared`].
    #[must_use]
    pub fn to_shared(&self) -> Item<ByteString> {
        match self {
            Item::Event(event) => Item::Event(event.to_shared()),
            Item::Comment(text) => Item::Comment(ByteString::from(*text)),
        }
    }
}

impl<S: AsRef<str>, T: AsRef<str>> PartialEq<Item<T>> for Item<S> {
    fn eq(&self, other: &Item<T>) -> bool {
        match (self, other) {
            (Item::Event(one), Item::Event(other)) => one == other,
            (Item::Comment(one), Item::Comment(other)) => one.as_ref() == other.as_ref(),
            _ => false,
        }
    }
}

impl<S: AsRef<str>> Eq for Item<S> {}

impl<S: AsRef<str>> fmt::Debug for Item<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Item::Comment(text) => f.debug_tuple("Comment").field(&text.as_ref()).finish(),
        }
    }
}
