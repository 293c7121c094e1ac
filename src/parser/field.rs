//! Lines to fields: the only place that knows how a line is split.

use super::line::Line;
use crate::field::Field;

/// What a line is.
pub(super) fn split_line(line: &[u8]) -> Line<'_> {
    match memchr::memchr(b':', line) {
        None if line.is_empty() => Line::Blank,
        None => Line::Field { name: line, value: &[] },
        Some(0) => Line::Comment(&line[1..]),
        Some(colon) => Line::Field { name: &line[..colon], value: drop_space(&line[colon + 1..]) },
    }
}

/// The field and its value, if the line is a field that has a meaning. Looks at no more than the name.
#[inline(always)]
pub(super) fn known_field(line: &[u8]) -> Option<(Field, &[u8])> {
    let (field, rest) = match line.first()? {
        b'd' => (Field::Data, line.strip_prefix(b"data")?),
        b'e' => (Field::Event, line.strip_prefix(b"event")?),
        b'i' => (Field::Id, line.strip_prefix(b"id")?),
        b'r' => (Field::Retry, line.strip_prefix(b"retry")?),
        _ => return None,
    };
    match rest {
        [] => Some((field, rest)),
        [b':', value @ ..] => Some((field, drop_space(value))),
        _ => None,
    }
}

/// A value or a comment without the one space that may stand between it and the colon.
#[inline]
pub(super) fn drop_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// How many bytes of `expected`, which is short, `bytes` begins with.
pub(super) fn matching(expected: &[u8], bytes: &[u8]) -> u8 {
    expected.iter().zip(bytes).take_while(|(expected, byte)| expected == byte).fold(0, |count, _| count + 1)
}

/// How far a line has been read that comes in pieces: what of it must be known to read on, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartialLine {
    /// Nothing has been read.
    Empty,
    /// The line may be this field: the first `matched` bytes of its name have been read.
    Name { field: Field, matched: u8 },
    /// The colon after the field's name has been read; `begun`: and what follows it, which may be a space to drop.
    Value { field: Field, begun: bool },
    /// The colon that makes a comment has been read; `begun` as above.
    Comment { begun: bool },
    /// The line has no meaning.
    Ignored,
}

impl PartialLine {
    /// Reads on, and returns what of `piece` belongs to the value or the comment.
    pub(super) fn read<'i>(&mut self, mut piece: &'i [u8]) -> &'i [u8] {
        if let (PartialLine::Empty, Some((&first, rest))) = (*self, piece.split_first()) {
            let name = |field| PartialLine::Name { field, matched: 1 };
            piece = rest;
            *self = match first {
                b':' => PartialLine::Comment { begun: false },
                b'd' => name(Field::Data),
                b'e' => name(Field::Event),
                b'i' => name(Field::Id),
                b'r' => name(Field::Retry),
                _ => PartialLine::Ignored,
            };
        }
        if let PartialLine::Name { field, matched } = *self {
            let left = &field.name().as_bytes()[usize::from(matched)..];
            let more = matching(left, piece);
            let (read, rest) = piece.split_at(usize::from(more));
            *self = match rest.first() {
                None => PartialLine::Name { field, matched: matched + more },
                Some(b':') if read.len() == left.len() => PartialLine::Value { field, begun: false },
                Some(_) => PartialLine::Ignored,
            };
            piece = rest.get(1..).unwrap_or_default();
        }
        match self {
            PartialLine::Value { begun, .. } | PartialLine::Comment { begun } => {
                if !*begun && !piece.is_empty() {
                    *begun = true;
                    piece = drop_space(piece);
                }
                piece
            }
            _ => &[],
        }
    }

    /// The field that the line turns out to be if it ends here.
    pub(super) fn field(self) -> Option<Field> {
        match self {
            PartialLine::Value { field, .. } => Some(field),
            PartialLine::Name { field, matched } if usize::from(matched) == field.name().len() => Some(field),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const LINES: [&[u8]; 24] = [
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
        b"event:e",
        b"even:e",
        b"id: 1",
        b"i",
        b"idx:1",
        b"retry:5",
        b"retries:5",
        b":",
        b": c",
        b":c",
        b"unknown: x",
        b" data:x",
    ];

    #[test]
    fn a_line_reads_the_same_whole_and_in_pieces() {
        for line in LINES {
            for cut in 0..=line.len() {
                let mut partial = PartialLine::Empty;
                let mut value = Vec::new();
                for piece in [&line[..cut], &line[cut..]] {
                    value.extend_from_slice(partial.read(piece));
                }
                let whole = known_field(line);
                assert_eq!(partial.field(), whole.map(|(field, _)| field), "{line:?} cut at {cut}");
                match (whole, split_line(line)) {
                    (Some((field, expected)), Line::Field { name, value: split }) => {
                        assert_eq!((field.name().as_bytes(), expected), (name, split));
                        assert_eq!(value, expected);
                    }
                    (None, Line::Comment(comment)) => {
                        assert!(matches!(partial, PartialLine::Comment { .. }));
                        assert_eq!(value, drop_space(comment));
                    }
                    (None, Line::Field { name, .. }) => {
                        assert_eq!(Field::from_name(name), None);
                        assert!(value.is_empty());
                    }
                    unexpected => panic!("{unexpected:?}"),
                }
            }
        }
    }
}
