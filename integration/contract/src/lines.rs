//! The chunks of a body, read line by line.
//!
//! A comment must be reported when its line ends: a server may send nothing else for a long time. A
//! [`Block`](sse_wire::Block) holds it only when the block ends. So a [`LineParser`] cuts each chunk into lines and finds
//! the comments, and the [`EventSource`] is fed one line after the other.

use bytes::Bytes;
use sse_wire::client::{EventSource, ReceiveError};
use sse_wire::{Line, LineParser, OwnedEvent};

/// The limit for one line, and for one block, in bytes: 32 MiB.
///
/// Set it as the block limit of the [`EventSource`]'s parser too. Then a comment that is too long is an error.
pub const MAX_BLOCK_SIZE: usize = 32 * 1024 * 1024;

/// What is reported of a stream.
#[derive(Debug)]
pub enum Item {
    Event(OwnedEvent),
    Comment(String),
}

/// The chunk of a body that is read.
pub struct Lines {
    parser: LineParser,
    chunk: Bytes,
}

impl Lines {
    /// At the start of a body.
    pub fn new() -> Lines {
        Lines { parser: LineParser::new().with_max_line_size(MAX_BLOCK_SIZE), chunk: Bytes::new() }
    }

    /// Goes on with this chunk. The one before was read to its end.
    pub fn feed(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next event, comment or error; `None` once all of the chunk was read.
    pub fn next(&mut self, source: &mut EventSource) -> Option<Result<Item, ReceiveError>> {
        while !self.chunk.is_empty() {
            let mut lines = self.parser.feed(&self.chunk);
            let comment = match lines.next_line() {
                Ok(Some(Line::Comment(text))) => Some(Item::Comment(decode(text))),
                // A line that is too long is in a block that is too large: the source returns the error.
                Ok(_) | Err(_) => None,
            };
            let unread = lines.into_rest().len();
            let line = self.chunk.split_to(self.chunk.len() - unread);
            let mut events = source.feed_bytes(&line);
            let event = events.next();
            // One line completes one event at most, but an error can come before the end of the line.
            events.for_each(drop);
            let item = event.map(|event| event.map(Item::Event)).or(comment.map(Ok));
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

#[cfg(test)]
mod tests {
    use super::*;
    use sse_wire::Parser;

    /// What is reported of `stream` in chunks of this size, as text.
    fn read(stream: &[u8], size: usize) -> Vec<String> {
        let mut source = EventSource::new().with_parser(Parser::new().with_max_event_size(4)).with_end_data("end");
        source.response(200, "text/event-stream", std::time::Duration::ZERO).unwrap();
        let (mut lines, mut seen) = (Lines::new(), Vec::new());
        for chunk in stream.chunks(size) {
            lines.feed(Bytes::copy_from_slice(chunk));
            while let Some(item) = lines.next(&mut source) {
                seen.push(match item {
                    Ok(Item::Event(event)) => event.data().to_owned(),
                    Ok(Item::Comment(text)) => format!(":{text}"),
                    Err(ReceiveError::Closed(reason)) => return [seen, vec![reason.to_string()]].concat(),
                    Err(error) => error.to_string(),
                });
            }
        }
        seen
    }

    #[test]
    fn everything_after_an_error_within_a_line_is_reported() {
        let error = "an event is too large (at byte 0 of the event stream, the limit is 4 bytes)";
        for size in 1..60 {
            let seen = read(b": 1\ndata: too large\n:  2\r\n\r\ndata: 3\n\n:4\r:", size);
            assert_eq!(seen, [":1", error, ": 2", "3", ":4"], "chunks of {size}");
        }
    }

    #[test]
    fn nothing_is_read_after_the_end_event() {
        for size in 1..30 {
            let seen = read(b"data: 1\n\ndata: end\n\ndata: 2\n\n", size);
            assert_eq!(seen, ["1", "end", "the end event came"], "chunks of {size}");
        }
    }
}
