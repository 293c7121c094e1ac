//! The four fields that the standard gives a meaning to, and what may not stand in them.

use core::fmt;

/// A field that has a meaning in an event stream ([9.2.5], [9.2.6]).
///
/// Any other field name is allowed on the wire and ignored by clients.
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
/// [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `event`: the name (the standard: *event type*) of the event.
    Event,
    /// `data`: one line of the event's data.
    Data,
    /// `id`: the last event ID from this block on.
    Id,
    /// `retry`: the reconnection time, in milliseconds.
    Retry,
}

impl Field {
    /// The name on the wire: `event`, `data`, `id` or `retry`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Field::Event => "event",
            Field::Data => "data",
            Field::Id => "id",
            Field::Retry => "retry",
        }
    }

    /// The field of this name, or `None` where the standard ignores the line.
    ///
    /// Names are compared byte for byte: `Data` and `data ` (with a space) are names that nobody knows.
    ///
    /// ```
    /// use sse_wire::Field;
    ///
    /// assert_eq!(Field::from_name(b"data"), Some(Field::Data));
    /// assert_eq!(Field::from_name(b"Data"), None);
    /// ```
    #[must_use]
    pub const fn from_name(name: &[u8]) -> Option<Field> {
        match name {
            b"event" => Some(Field::Event),
            b"data" => Some(Field::Data),
            b"id" => Some(Field::Id),
            b"retry" => Some(Field::Retry),
            _ => None,
        }
    }

    /// `value`, if this field can carry it and a client will take it as it is.
    pub(crate) fn check(self, value: &str) -> Result<(), FieldError> {
        let bytes = value.as_bytes();
        let found = match self {
            // An id with NUL is ignored by clients.
            Field::Id => memchr::memchr3(b'\n', b'\r', 0, bytes),
            _ => memchr::memchr2(b'\n', b'\r', bytes),
        };
        match found {
            None => Ok(()),
            Some(index) => Err(FieldError { field: self, byte: bytes[index], index }),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value that its field cannot carry: a name or an id with a line break, or an id with NUL.
///
/// Whoever can put a line break into a field writes fields, and events, of their own. Such a value is refused when
/// the [`Event`](crate::Event) is built, so that nothing is left to go wrong when it is encoded.
///
/// ```
/// use sse_wire::{Event, Field};
///
/// let error = Event::new("x").with_name("a\rdata: forged").unwrap_err();
/// assert_eq!((error.field(), error.byte(), error.index()), (Field::Event, b'\r', 1));
/// assert_eq!(error.to_string(), "the event field cannot carry CR (byte 0x0d at index 1)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {field} field cannot carry {} (byte 0x{byte:02x} at index {index})", byte_name(*.byte))]
pub struct FieldError {
    field: Field,
    byte: u8,
    index: usize,
}

impl FieldError {
    /// The field that the value was meant for.
    #[must_use]
    pub fn field(&self) -> Field {
        self.field
    }

    /// The byte that cannot stand in it: CR (`0x0d`), LF (`0x0a`), or NUL in an id.
    #[must_use]
    pub fn byte(&self) -> u8 {
        self.byte
    }

    /// Where in the value that byte first stands, in bytes from its start.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_own_name_and_by_no_other() {
        for field in [Field::Event, Field::Data, Field::Id, Field::Retry] {
            let name = field.name().as_bytes();
            assert_eq!(Field::from_name(name), Some(field));
            assert_eq!(Field::from_name(&name[1..]), None);
            assert_eq!(Field::from_name(&name.to_ascii_uppercase()), None);
        }
    }

    #[test]
    fn a_name_may_hold_nul_and_an_id_may_not() {
        assert_eq!(Field::Event.check("a\0b"), Ok(()));
        let error = Field::Id.check("a\0b").unwrap_err();
        assert_eq!((error.field(), error.byte(), error.index()), (Field::Id, 0, 1));
    }

    #[test]
    fn only_cr_and_lf_break_lines() {
        for text in ["\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}", "\u{1c}"] {
            assert_eq!(Field::Event.check(text), Ok(()));
            assert_eq!(Field::Id.check(text), Ok(()));
        }
    }
}
