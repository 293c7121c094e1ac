//! Text that a field can carry: the names and ids of events.

use core::fmt;

use crate::field::Field;

/// A name, or an id, that its field cannot carry: it holds a line break, or an id holds NUL.
///
/// A line break in a name or an id would let its author add fields and events. Such text is refused before it becomes part
/// of an event, so that encoding never fails.
///
/// ```
/// use sse_wire::{EventName, Field};
///
/// let error = EventName::new("a\rdata: forged").unwrap_err();
/// assert_eq!((error.field(), error.byte(), error.index()), (Field::Event, b'\r', 1));
/// assert_eq!(error.to_string(), "the event field cannot carry CR (byte 0x0d at index 1)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the {field} field cannot carry {} (byte 0x{byte:02x} at index {index})", byte_name(*.byte))]
pub struct FieldError {
    field: Field,
    byte: u8,
    index: usize,
}

impl FieldError {
    /// The field that the text was meant for.
    #[must_use]
    pub fn field(&self) -> Field {
        self.field
    }

    /// The byte that it cannot carry: CR (`0x0d`), LF (`0x0a`), or NUL in an id.
    #[must_use]
    pub fn byte(&self) -> u8 {
        self.byte
    }

    /// Where that byte first is in the text, in bytes from its start.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

fn byte_name(byte: u8) -> &'static str {
    match byte {
        b'\n' => "LF",
        b'\r' => "CR",
        _ => "NUL",
    }
}

/// The name of an event (the standard: *event type*), by which clients choose a listener.
///
/// It holds no CR and no LF. The empty name means none: the event is a `message` to clients.
///
/// ```
/// use sse_wire::{Event, EventName};
///
/// // Known at compile time, and checked then.
/// const PRICE: EventName = EventName::from_static("price");
/// // Known at run time, and checked then.
/// let topic = String::from("news");
/// let name = EventName::new(&topic)?;
///
/// let event = Event::new("42.17").with_name(PRICE);
/// match event.event_name() {
///     Some(PRICE) => {}
///     other => panic!("{other:?}"),
/// }
/// assert_ne!(event.event_name(), Some(name));
/// # Ok::<(), sse_wire::FieldError>(())
/// ```
// Invariant: no CR, no LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName<'a>(&'a str);

/// The id of an event, which clients send back as `Last-Event-ID` when they reconnect.
///
/// It holds no CR, no LF and no NUL. The empty id is an id: it resets the client's last event ID.
///
/// ```
/// use sse_wire::{Event, EventId};
///
/// // If the id is refused, the event has none.
/// let from_elsewhere = "7\n8";
/// let event = Event::new("x").with_optional_id(EventId::new(from_elsewhere).ok());
/// assert_eq!(event.id(), None);
/// ```
// Invariant: no CR, no LF, no NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId<'a>(&'a str);

macro_rules! checked_text {
    ($type:ident, $field:expr, $find:expr, $refused:pat, $holds:literal) => {
        impl<'a> $type<'a> {
            /// This text.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`FieldError`] if it holds ", $holds, ".")]
            pub fn new(text: &'a str) -> Result<Self, FieldError> {
                match $find(text.as_bytes()) {
                    None => Ok(Self(text)),
                    Some(index) => Err(FieldError { field: $field, byte: text.as_bytes()[index], index }),
                }
            }

            /// This text, checked when compiling: for constants.
            ///
            /// # Panics
            ///
            #[doc = concat!("If it holds ", $holds, ". In a constant, that does not compile.")]
            #[must_use]
            #[track_caller]
            pub const fn from_static(text: &'static str) -> $type<'static> {
                let (bytes, mut index) = (text.as_bytes(), 0);
                while index < bytes.len() {
                    assert!(!matches!(bytes[index], $refused), concat!("it holds ", $holds));
                    index += 1;
                }
                $type(text)
            }

            /// Not checked: a value that was read from a line holds no line end, and an id was checked for NUL.
            #[inline(always)]
            pub(crate) const fn trusted(text: &'a str) -> Self {
                Self(text)
            }

            /// The text.
            #[inline]
            #[must_use]
            pub const fn as_str(self) -> &'a str {
                self.0
            }
        }

        impl<'a> TryFrom<&'a str> for $type<'a> {
            type Error = FieldError;

            fn try_from(text: &'a str) -> Result<Self, FieldError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.0)
            }
        }

        impl AsRef<str> for $type<'_> {
            fn as_ref(&self) -> &str {
                self.0
            }
        }

        impl PartialEq<str> for $type<'_> {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<$type<'_>> for str {
            fn eq(&self, other: &$type<'_>) -> bool {
                self == other.0
            }
        }

        impl PartialEq<$type<'_>> for &str {
            fn eq(&self, other: &$type<'_>) -> bool {
                *self == other.0
            }
        }

        /// Equality, order and hash are those of the text.
        impl core::borrow::Borrow<str> for $type<'_> {
            fn borrow(&self) -> &str {
                self.0
            }
        }

        impl PartialEq<&str> for $type<'_> {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

checked_text!(EventName, Field::Event, |bytes| memchr::memchr2(b'\n', b'\r', bytes), b'\n' | b'\r', "CR or LF");
checked_text!(
    EventId,
    Field::Id,
    // A client ignores an id with NUL.
    |bytes| memchr::memchr3(b'\n', b'\r', 0, bytes),
    b'\n' | b'\r' | 0,
    "CR, LF or NUL"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_nul_and_an_id_may_not() {
        assert_eq!(EventName::new("a\0b").unwrap(), "a\0b");
        let error = EventId::new("a\0b").unwrap_err();
        assert_eq!((error.field(), error.byte(), error.index()), (Field::Id, 0, 1));
    }

    #[test]
    fn only_cr_and_lf_break_lines() {
        for text in ["", "\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}", "\u{1c}"] {
            assert!(EventName::new(text).is_ok());
            assert!(EventId::new(text).is_ok());
        }
    }

    #[test]
    #[should_panic(expected = "it holds CR, LF or NUL")]
    fn a_constant_that_is_refused_panics_outside_of_constants() {
        let _ = EventId::from_static("a\0");
    }
}
