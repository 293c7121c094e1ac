//! Errors: what a caller must decide about.

/// A block that was refused, or a mistake of the caller. Nothing else about a stream is an error: every byte sequence is an
/// event stream.
///
/// It is returned once. Stop, or go on with the next call: the rest of a block that was refused is skipped. Which blocks are
/// refused, and what their errors say, does not depend on how the stream was cut into chunks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind} (at byte {position} of the event stream{})", Limit(*.limit))]
pub struct ParseError {
    kind: ParseErrorKind,
    limit: Option<usize>,
    position: u64,
}

/// What a [`ParseError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// An event is larger than [`Parser::with_max_event_size`](crate::Parser::with_max_event_size) allows.
    #[error("an event is too large")]
    EventTooLarge,
    /// A block is longer than [`Parser::with_max_block_size`](crate::Parser::with_max_block_size) allows.
    #[error("a block is too large")]
    BlockTooLarge,
    /// A line is longer than [`LineParser::with_max_line_size`](crate::LineParser::with_max_line_size) allows.
    #[error("a line is too long")]
    LineTooLong,
    /// A mistake of the caller: the reader of the previous chunk was dropped before it had read all of it. See
    /// [`Parser::feed`](crate::Parser::feed).
    #[error("the chunk before was not read to its end")]
    Unread,
}

impl ParseError {
    #[cold]
    pub(crate) fn too_large(kind: ParseErrorKind, limit: usize, position: u64) -> Self {
        ParseError { kind, limit: Some(limit), position }
    }

    #[cold]
    pub(crate) fn unread(position: u64) -> Self {
        ParseError { kind: ParseErrorKind::Unread, limit: None, position }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// The limit that was exceeded, in bytes; `None` if it is not about a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Where the block or the line begins, in bytes from the start of the stream, a BOM included; for
    /// [`Unread`](ParseErrorKind::Unread), where the first byte is that was not read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

struct Limit(Option<usize>);

impl core::fmt::Display for Limit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |limit| write!(f, ", the limit is {limit} bytes"))
    }
}
