//! Where blocks end in bytes that are passed on.

use bytes::Bytes;

use crate::EventName;

/// A comment line for each kind of line end. The one after a CR ends in a CR, so that a LF that follows still is a part of
/// the line end before it.
const COMMENT_AFTER_LF: &[u8] = b":\n";
const COMMENT_AFTER_CR: &[u8] = b":\r";

/// The last bytes of an event stream, which tell whether it ends with a block: for relays that pass on chunks of another
/// server as they come.
///
/// An event or a keep-alive may be put between two chunks only where a block ends.
///
/// ```
/// use sse_wire::{EventName, body::Tail};
///
/// let mut tail = Tail::new();
/// let mut sent = Vec::new();
/// for chunk in ["data: 1\n\nda", "ta: [2,"] {
///     sent.extend_from_slice(chunk.as_bytes());
///     tail.push(chunk.as_bytes());
/// }
/// // Nothing more comes.
/// if !tail.is_block_boundary() {
///     sent.extend_from_slice(&tail.end_block(EventName::from_static("cut")));
/// }
/// assert_eq!(sent, b"data: 1\n\ndata: [2,\0\nevent: cut\n\n");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tail([u8; 3]);

impl Tail {
    /// Before the first byte, where a block may begin.
    #[must_use]
    pub const fn new() -> Self {
        Tail(*b"\n\n\n")
    }

    /// Goes on with the next chunk. Only its last bytes are looked at.
    pub fn push(&mut self, chunk: &[u8]) {
        let last = &chunk[chunk.len().saturating_sub(self.0.len())..];
        self.0.rotate_left(last.len());
        let kept = self.0.len() - last.len();
        self.0[kept..].copy_from_slice(last);
    }

    /// Whether the last line is blank, or there is none: what comes next begins a block.
    ///
    /// After a CR it is true even if a LF may follow: by itself, that LF is one more blank line.
    #[must_use]
    pub const fn is_block_boundary(&self) -> bool {
        match self.0 {
            [before, b'\r', b'\n'] | [_, before, b'\r' | b'\n'] => matches!(before, b'\r' | b'\n'),
            _ => false,
        }
    }

    /// What can be sent here to keep the connection open: `item`, which is whole blocks, or within a block a comment line.
    /// None within a line, where anything would become a part of it.
    pub(super) fn keep_alive(self, item: &Bytes) -> Option<Bytes> {
        match self.0[2] {
            b'\r' | b'\n' if self.is_block_boundary() => Some(item.clone()),
            b'\r' => Some(Bytes::from_static(COMMENT_AFTER_CR)),
            b'\n' => Some(Bytes::from_static(COMMENT_AFTER_LF)),
            _ => None,
        }
    }

    /// The bytes that end an unfinished block with the least harm: [what clients see](super#a-block-that-was-cut). If data
    /// was sent, it becomes an event of this name.
    ///
    /// Where a block has just ended, these bytes change nothing.
    #[must_use]
    pub fn end_block(&self, name: EventName<'_>) -> Bytes {
        let line_end: &[u8] = if matches!(self.0[2], b'\r' | b'\n') { b"" } else { b"\0\n" };
        [line_end, b"event: ", name.as_str().as_bytes(), b"\n\n"].concat().into()
    }
}

impl Default for Tail {
    /// As [`Tail::new`].
    fn default() -> Self {
        Tail::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_boundary_is_known_from_the_tail_however_it_was_cut() {
        const BYTES: [u8; 3] = [b'\n', b'\r', b'x'];
        for number in 0..3_usize.pow(7) {
            let stream: Vec<u8> = (0..7).map(|place| BYTES[number / 3_usize.pow(place) % 3]).collect();
            for len in 0..=stream.len() {
                let sent = &stream[..len];
                // The last line is blank (or there is none), with CRLF and CR read as LF.
                let text = String::from_utf8_lossy(sent).replace("\r\n", "\n").replace('\r', "\n");
                let boundary = text.is_empty() || text == "\n" || text.ends_with("\n\n");
                for cut in 0..=len {
                    let mut tail = Tail::new();
                    tail.push(&sent[..cut]);
                    tail.push(&sent[cut..]);
                    assert_eq!(tail.is_block_boundary(), boundary, "{sent:?} cut at {cut}");
                }
            }
        }
    }
}
