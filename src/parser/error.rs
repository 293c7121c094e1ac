//! The one thing about a stream that a caller must decide about: it holds more than the limit allows.

/// A block or a line is larger than the parser's limit.
///
/// It is returned once. What was too large is skipped, and the next call goes on with what comes after it, so that
/// the caller may stop or go on. Nothing else about a stream is an error: every byte sequence is an event stream.
///
/// Which blocks are refused, and what their errors say, does not depend on how the stream was cut into chunks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block at byte {position} of the event stream has {kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    position: u64,
}

/// What was too large, and the limit it passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The name, id and data of one event, with the value being read.
    #[error("an event of more than {limit} bytes")]
    EventTooLarge {
        /// The limit, in bytes: [`ParserBuilder::max_event_size`](crate::ParserBuilder::max_event_size).
        limit: usize,
    },
    /// A comment, with what the event around it holds; only where comments are asked for.
    #[error("a comment that makes it larger than {limit} bytes")]
    CommentTooLarge {
        /// The limit, in bytes: [`ParserBuilder::max_event_size`](crate::ParserBuilder::max_event_size).
        limit: usize,
    },
    /// A line; only a [`LineParser`](crate::LineParser) says so.
    #[error("a line of more than {limit} bytes")]
    LineTooLong {
        /// The limit, in bytes: [`LineParser::with_max_line_size`](crate::LineParser::with_max_line_size).
        limit: usize,
    },
}

impl ParseError {
    #[cold]
    pub(super) fn new(kind: ParseErrorKind, position: u64) -> Self {
        ParseError { kind, position }
    }

    /// What was too large, and the limit it passed.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Where it begins: the offset of the first byte of the block (for a [`LineParser`](crate::LineParser): of the
    /// line), counted from the start of the stream, a BOM included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}
