//! Line terminators (LF, CR, CRLF) and the scan for them: the one place that knows them, for both directions.

/// Up to this many bytes a plain loop is faster than the call.
pub(crate) const SHORT: usize = 16;

/// Where a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// The length of the line.
    pub(crate) at: usize,
    /// The length of its terminator: 2 for CRLF, otherwise 1.
    pub(crate) terminator: usize,
}

/// The end of the first line of `bytes`, if it has one.
///
/// A CR that is the last byte ends its line; whether it is half of a CRLF only the byte after it can tell.
#[inline]
pub(crate) fn find_line_end(bytes: &[u8]) -> Option<LineEnd> {
    let found = match bytes {
        // A blank line: not worth the call.
        [b'\n' | b'\r', ..] => Some(0),
        _ if bytes.len() < SHORT => bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')),
        _ => memchr::memchr2(b'\n', b'\r', bytes),
    };
    #[cfg(test)]
    looked_at::add(found.map_or(bytes.len(), |at| at + 1));
    let at = found?;
    let terminator = if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 };
    Some(LineEnd { at, terminator })
}

/// How far the search for the end of a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    ToDo,
    /// The line ends there.
    End(LineEnd),
    /// There is no line end in what was searched.
    NoEnd,
}

impl Search {
    /// What was found, or is found now in `bytes`, the first `known` of which are no line ends. The next search is to
    /// do.
    #[inline(always)]
    pub(crate) fn take(&mut self, bytes: &[u8], known: usize) -> Option<LineEnd> {
        match core::mem::replace(self, Search::ToDo) {
            Search::ToDo => find_line_end(&bytes[known..]).map(|end| LineEnd { at: known + end.at, ..end }),
            Search::End(end) => Some(end),
            Search::NoEnd => None,
        }
    }
}

/// The lines of a whole text, terminators dropped: one more than it has line ends.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    /// `None` after the last line.
    rest: Option<&'a [u8]>,
}

impl<'a> Lines<'a> {
    #[inline]
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Lines { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let end = find_line_end(text);
        self.rest = end.map(|end| &text[end.at + end.terminator..]);
        Some(end.map_or(text, |end| &text[..end.at]))
    }
}

/// Counts the bytes that the scan looks at.
#[cfg(test)]
pub(crate) mod looked_at {
    use core::cell::Cell;

    std::thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

    pub(super) fn add(bytes: usize) {
        COUNT.with(|count| count.set(count.get() + bytes));
    }

    /// Bytes looked at by this thread while `work` ran.
    pub(crate) fn during(work: impl FnOnce()) -> usize {
        let before = COUNT.with(Cell::get);
        work();
        COUNT.with(Cell::get) - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_terminator_ends_one_line() {
        let lines = |text: &'static str| Lines::new(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(lines(""), [b""]);
        assert_eq!(lines("a"), [b"a"]);
        assert_eq!(lines("a\nb\rc\r\nd"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(lines("\n\r\r\n"), [b"", b"", b"", b""]);
        assert_eq!(lines("a\r"), [&b"a"[..], b""]);
    }
}
