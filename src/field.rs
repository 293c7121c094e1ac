//! What a line is: a field, a comment, or blank ([9.2.6]). All field names and values are read here.
//!
//! [9.2.6]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use core::fmt;

/// A field that the standard gives a meaning to ([9.2.6]).
///
/// Other field names are allowed in an event stream; clients ignore them.
///
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
    const ALL: [Field; 4] = [Field::Event, Field::Data, Field::Id, Field::Retry];

    /// The name as it is written: `event`, `data`, `id` or `retry`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Field::Event => "event",
            Field::Data => "data",
            Field::Id => "id",
            Field::Retry => "retry",
        }
    }

    /// The name, a colon and a space.
    const fn usual_start(self) -> &'static [u8] {
        match self {
            Field::Event => b"event: ",
            Field::Data => b"data: ",
            Field::Id => b"id: ",
            Field::Retry => b"retry: ",
        }
    }

    fn by_first_byte(byte: u8) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name().as_bytes()[0] == byte)
    }

    /// The field of this name, or `None` if the standard ignores the line.
    ///
    /// Names are compared byte for byte: `Data` and `data ` (with a space) are unknown.
    ///
    /// ```
    /// use sse_wire::Field;
    ///
    /// assert_eq!(Field::from_name(b"data"), Some(Field::Data));
    /// assert_eq!(Field::from_name(b"Data"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name().as_bytes() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a line is, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is empty.
    Blank,
    /// It begins with a colon.
    Comment,
    /// A field with a meaning, whose value begins at this index. (A `u8`, so that a `Line` fits into a register.)
    Field(Field, u8),
    /// A field that the standard ignores.
    Unknown,
}

/// How nearly all lines of these fields begin.
pub(crate) const DATA: &[u8] = Field::Data.usual_start();
pub(crate) const EVENT: &[u8] = Field::Event.usual_start();

/// This many bytes of a line are always enough to tell what it is: `retry:` and the byte after it.
const LONGEST_START: usize = 7;

/// The first bytes of a line that do not tell yet what it is: at most the name of a field, and the colon after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    field: Field,
    len: u8,
}

impl Start {
    /// The start of a line for which [`Line::of`] returns `None`.
    #[expect(clippy::cast_possible_truncation, reason = "it is shorter than `LONGEST_START`")]
    pub(crate) fn of(bytes: &[u8]) -> Option<Start> {
        let field = Field::by_first_byte(*bytes.first()?)?;
        Some(Start { field, len: bytes.len() as u8 })
    }

    /// Adds one byte, if it is the usual next one; otherwise `None`. `Ok` if the field is known then.
    #[inline(always)]
    pub(crate) fn with(self, byte: u8) -> Option<Result<Field, Start>> {
        let (usual, len) = (self.field.usual_start(), usize::from(self.len));
        if usual[len] != byte {
            return None;
        }
        Some(if len + 1 == usual.len() { Ok(self.field) } else { Err(Start { len: self.len + 1, ..self }) })
    }

    /// What the line is if `more` comes next, or `Err` with its longer start if that does not tell yet. `more` may go on
    /// after the end of the line. The index of a value is one in `more`.
    #[expect(clippy::cast_possible_truncation, reason = "it is shorter than `LONGEST_START`")]
    pub(crate) fn and(self, more: &[u8]) -> Result<Line, Start> {
        let len = usize::from(self.len);
        let mut bytes = [0; LONGEST_START];
        bytes[..len].copy_from_slice(&self.field.usual_start()[..len]);
        let end = LONGEST_START.min(len + more.len());
        bytes[len..end].copy_from_slice(&more[..end - len]);
        match Line::of(&bytes[..end]) {
            // The value begins in `more`: if it had begun before, the line would have been known then.
            Some(Line::Field(field, value)) => Ok(Line::Field(field, value - self.len)),
            Some(line) => Ok(line),
            None => Err(Start { len: end as u8, ..self }),
        }
    }
}

impl Line {
    /// What the first line of `bytes` is. They may go on after its end.
    ///
    /// `None` if they are too few to tell: more of the line must come.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the longest start has seven bytes")]
    pub(crate) fn of(bytes: &[u8]) -> Option<Line> {
        // Nearly all lines: one comparison each, and no search for the colon.
        if bytes.starts_with(DATA) {
            return Some(Line::Field(Field::Data, DATA.len() as u8));
        }
        match bytes.first()? {
            b'\n' | b'\r' => Some(Line::Blank),
            b':' => Some(Line::Comment),
            b'e' if bytes.starts_with(b"event: ") => Some(Line::Field(Field::Event, 7)),
            b'i' if bytes.starts_with(b"id: ") => Some(Line::Field(Field::Id, 4)),
            b'r' if bytes.starts_with(b"retry: ") => Some(Line::Field(Field::Retry, 7)),
            b'd' | b'e' | b'i' | b'r' => Line::of_any_field(bytes),
            _ => Some(Line::Unknown),
        }
    }

    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "the longest name has five bytes")]
    fn of_any_field(bytes: &[u8]) -> Option<Line> {
        let field = Field::by_first_byte(bytes[0])?;
        let name = field.name().as_bytes();
        let Some((start, rest)) = bytes.split_at_checked(name.len()) else {
            return if name.starts_with(bytes) { None } else { Some(Line::Unknown) };
        };
        match rest {
            _ if start != name => Some(Line::Unknown),
            [] | [b':'] => None,
            [b':', b' ', ..] => Some(Line::Field(field, name.len() as u8 + 2)),
            [b':', ..] => Some(Line::Field(field, name.len() as u8 + 1)),
            [b'\n' | b'\r', ..] => Some(Line::Field(field, name.len() as u8)),
            _ => Some(Line::Unknown),
        }
    }
}

/// Name and value of a field line, known or not; the name of a comment is empty.
///
/// The value is all that comes after the first colon, without one leading space.
pub(crate) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr::memchr(b':', line);
    let (name, value) = colon.map_or((line, &[][..]), |at| (&line[..at], &line[at + 1..]));
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Whether the standard ignores a line that is not blank: a field of another name, an id with NUL, or a retry that is not all
/// digits. Comments are not among them.
pub(crate) fn is_ignored(line: &[u8]) -> bool {
    let (name, value) = split(line);
    match Field::from_name(name) {
        Some(Field::Event | Field::Data) => false,
        Some(Field::Id) => has_nul(value),
        Some(Field::Retry) => retry(value).is_none(),
        None => is_unknown(line),
    }
}

/// Whether a line that is not blank is a field of a name that the standard does not know.
pub(crate) fn is_unknown(line: &[u8]) -> bool {
    !line.starts_with(b":") && Field::from_name(split(line).0).is_none()
}

/// The standard ignores an id with NUL.
#[inline]
pub(crate) fn has_nul(id: &[u8]) -> bool {
    id.contains(&0)
}

/// The reconnection time of a `retry` value: ASCII digits only, at least one. More than `u64::MAX` milliseconds saturate.
pub(crate) fn retry(value: &[u8]) -> Option<core::time::Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append = |time: u64, digit: &u8| time.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(core::time::Duration::from_millis(value.iter().fold(0, append)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const LINES: [&[u8]; 25] = [
        b"data",
        b"data:",
        b"data: ",
        b"data: x",
        b"data:x",
        b"data:  x",
        b"data::",
        b"dat",
        b"datax",
        b"data :x",
        b"Data:x",
        b"event",
        b"event: e",
        b"event:e",
        b"even:e",
        b"id: 1",
        b"i",
        b"idx:1",
        b"retry: 5",
        b"retry:5",
        b"retries:5",
        b":",
        b": c",
        b"unknown: x",
        b" data:x",
    ];

    #[test]
    fn every_field_is_found_by_its_exact_name_only() {
        for field in Field::ALL {
            let name = field.name().as_bytes();
            assert_eq!(Field::from_name(name), Some(field));
            assert_eq!(Field::from_name(&name[1..]), None);
            assert_eq!(Field::from_name(&name.to_ascii_uppercase()), None);
        }
    }

    #[test]
    fn a_line_is_recognized_the_same_from_any_part_of_it_that_is_long_enough() {
        for line in LINES {
            let whole = [line, b"\n"].concat();
            let expected = Line::of(&whole);
            for len in 0..=whole.len() {
                let seen = Line::of(&whole[..len]);
                assert!(seen.is_none() || seen == expected, "{line:?} cut at {len}: {seen:?}");
                assert!(seen.is_some() || len < LONGEST_START, "{line:?} cut at {len}");
            }
            assert!(expected.is_some());
        }
    }

    #[test]
    fn a_line_is_split_as_it_is_read() {
        for line in LINES {
            let (name, value) = split(line);
            match Line::of(&[line, b"\n"].concat()).unwrap() {
                Line::Field(field, at) => {
                    assert_eq!((field.name().as_bytes(), &line[usize::from(at)..]), (name, value));
                }
                Line::Comment => assert!(name.is_empty()),
                Line::Unknown => assert_eq!(Field::from_name(name), None),
                Line::Blank => panic!("{line:?} is blank"),
            }
        }
    }

    #[test]
    fn a_retry_is_digits_and_saturates() {
        let milliseconds = |value: &[u8]| retry(value).map(|time| time.as_millis());
        assert_eq!(milliseconds(b"0012"), Some(12));
        assert_eq!(milliseconds(b"18446744073709551616"), Some(u128::from(u64::MAX)));
        let refused: Vec<&[u8]> = [&b""[..], b"+5", b"5 ", b"-1", b"1.5", "\u{661}".as_bytes()].into();
        assert!(refused.into_iter().all(|value| retry(value).is_none()));
    }
}
