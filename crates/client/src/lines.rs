//! The chunk of a body, read event by event, or with comments between them.

use bytes::Bytes;
use sse_wire::client::{EventSource, ReceiveError};
use sse_wire::{Line, LineParser};

use crate::Event;

/// The limit for one line of comments, and for one block where comments are asked for: 32 MiB.
pub(crate) const MAX_BLOCK_SIZE: usize = 32 * 1024 * 1024;

/// The chunk of a body that is read.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    rest: Bytes,
    /// Finds comments, if they are asked for.
    ///
    /// A comment is yielded when its line ends, since a server may send nothing else for a long time. A block holds it only
    /// when the block ends. So the source is fed one line after the other.
    lines: Option<LineParser>,
}

impl Chunk {
    /// At the start of a body.
    pub(crate) fn new(with_comments: bool) -> Chunk {
        let lines = with_comments.then(|| LineParser::new().with_max_line_size(MAX_BLOCK_SIZE));
        Chunk { rest: Bytes::new(), lines }
    }

    /// Goes on with this chunk. The one before was read to its end.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        self.rest = chunk;
    }

    /// The next event, comment or error; `None` once all of the chunk was read.
    pub(crate) fn next(&mut self, source: &mut EventSource) -> Option<Result<Event, ReceiveError>> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(lines) = &mut self.lines else {
            let mut events = source.feed_bytes(&self.rest);
            let event = events.next();
            let rest = events.into_rest();
            self.rest = rest;
            return event.map(|event| event.map(Event::Message));
        };
        while !self.rest.is_empty() {
            let mut feed = lines.feed(&self.rest);
            let comment = match feed.next_line() {
                Ok(Some(Line::Comment(text))) => Some(Event::Comment(decode(text))),
                // A line that is too long is in a block that is too large: the source returns the error.
                Ok(_) | Err(_) => None,
            };
            let unread = feed.into_rest().len();
            let line = self.rest.split_to(self.rest.len() - unread);
            let mut events = source.feed_bytes(&line);
            let event = events.next();
            // One line completes one event at most, but an error can come before the end of the line.
            events.for_each(drop);
            let item = event.map(|event| event.map(Event::Message)).or(comment.map(Ok));
            if item.is_some() {
                return item;
            }
        }
        None
    }
}

/// The text of a comment, without the one space after the colon.
fn decode(comment: &[u8]) -> String {
    String::from_utf8_lossy(comment.strip_prefix(b" ").unwrap_or(comment)).into_owned()
}
