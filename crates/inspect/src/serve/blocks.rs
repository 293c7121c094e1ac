//! Where the blocks of a stream end.

use sse_wire::Parser;

/// A block, or what is left at the end of the stream.
pub struct Block {
    /// The position after it.
    pub end: usize,
    pub has_event: bool,
    /// The id that it sets.
    pub id: Option<String>,
}

pub fn blocks(stream: &[u8]) -> Vec<Block> {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    let mut blocks = Vec::new();
    loop {
        let block = match feed.next_block() {
            Ok(Some(block)) => (block.event().is_some(), block.id().map(str::to_owned)),
            Ok(None) => break,
            // Too large for a client.
            Err(_) => (false, None),
        };
        let mut end = usize::try_from(feed.parser().position()).unwrap_or(stream.len());
        // The CR ends the block already.
        if stream[..end].ends_with(b"\r") && stream[end..].starts_with(b"\n") {
            end += 1;
        }
        blocks.push(Block { end, has_event: block.0, id: block.1 });
    }
    if blocks.last().is_none_or(|block| block.end < stream.len()) {
        blocks.push(Block { end: stream.len(), has_event: false, id: None });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_after_its_blank_line() {
        let stream = b"id: 1\ndata: a\n\n: hi\r\n\r\nid: 2\rdata: b\r\rdata: c";
        let found: Vec<_> = blocks(stream).into_iter().map(|block| (block.end, block.has_event, block.id)).collect();
        let id = |id: &str| Some(id.to_owned());
        assert_eq!(found, [(15, true, id("1")), (23, false, None), (38, true, id("2")), (45, false, None)]);
    }
}
