//! What a parser may be told before it starts.

use alloc::string::String;

use super::Parser;
use super::block::Block;
use super::last_event_id::LastEventId;
use super::line::{DEFAULT_LIMIT, Scanner};
use super::machine::Phase;

/// Settings for a [`Parser`].
///
/// ```
/// use sse_wire::Parser;
///
/// let parser = Parser::builder().max_event_size(64 * 1024).last_event_id("42").build();
/// assert_eq!(parser.last_event_id(), "42");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ParserBuilder {
    max_event_size: usize,
    last_event_id: String,
}

impl ParserBuilder {
    pub(super) fn new() -> Self {
        ParserBuilder { max_event_size: DEFAULT_LIMIT, last_event_id: String::new() }
    }

    /// How large one event may be: its name, id and data as UTF-8 text, with the value being read, in bytes.
    ///
    /// 16 MiB unless set; `usize::MAX` means no limit.
    pub fn max_event_size(self, limit: usize) -> Self {
        ParserBuilder { max_event_size: limit, ..self }
    }

    /// The last event ID to start with, for a client that takes up where another left off. Empty unless set.
    ///
    /// It is taken as it is: it never becomes part of a stream. A parser's own ids hold no CR, LF or NUL; who writes one from
    /// elsewhere into a request by hand must see to that, as [`EventSource`](crate::client::EventSource) does.
    pub fn last_event_id(self, id: impl Into<String>) -> Self {
        ParserBuilder { last_event_id: id.into(), ..self }
    }

    /// The parser.
    #[must_use]
    pub fn build(self) -> Parser {
        Parser {
            scanner: Scanner::default(),
            phase: Phase::Between,
            block_start: 0,
            block: Block::new(self.max_event_size),
            last_event_id: LastEventId::new(self.last_event_id),
            reconnection_time: None,
        }
    }
}
