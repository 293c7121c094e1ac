//! Line terminators (LF, CR, CRLF) and the scan for them: the one place that knows them, for both directions.

/// Up to this many bytes a plain loop is faster than the call.
pub(crate) const SHORT: usize = 16;

/// Up to this many bytes it pays to ask first whether there is a line end at all.
pub(crate) const FEW: usize = 64;

/// How much of a long line is read and copied in turn, so that the copy finds it in the nearest cache. It is also less than
/// what a C library copies in one go by an instruction (`rep movsb`) that is several times slower on some processors.
pub(crate) const WINDOW: usize = 2 * 1024;

/// Where a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// The length of the line.
    pub(crate) at: usize,
    /// The length of its terminator: 2 for CRLF, otherwise 1.
    pub(crate) terminator: usize,
}

impl LineEnd {
    /// The end that `bytes` have at `at`.
    ///
    /// A CR that is the last byte ends its line; whether it is half of a CRLF only the byte after it can tell.
    #[inline(always)]
    fn at(at: usize, bytes: &[u8]) -> LineEnd {
        let terminator = if bytes[at] == b'\n' { 1 } else { len_of_cr(&bytes[at..]) };
        LineEnd { at, terminator }
    }

    /// The same where so many bytes come before those that were searched.
    #[inline(always)]
    pub(crate) fn after(self, before: usize) -> LineEnd {
        LineEnd { at: before + self.at, ..self }
    }
}

/// A call, and so a branch: the next line need not wait until the length of the terminator is known, it is foretold.
#[inline(never)]
fn len_of_cr(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

#[inline]
fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The end of the first line of `bytes`, if it has one.
#[inline]
pub(crate) fn find_line_end(bytes: &[u8]) -> Option<LineEnd> {
    let found = match bytes {
        // A blank line: not worth the call.
        [b'\n' | b'\r', ..] => Some(0),
        _ if bytes.len() < SHORT => bytes.iter().position(|&byte| is_end(byte)),
        _ => memchr::memchr2(b'\n', b'\r', bytes),
    };
    #[cfg(test)]
    crate::looked_at::for_line_ends(found.map_or(bytes.len(), |at| at + 1));
    found.map(|at| LineEnd::at(at, bytes))
}

/// The same, for a line that is probably short: a word at a time at first, which is done before a call would have begun.
#[inline(always)]
pub(crate) fn find_near_line_end(bytes: &[u8]) -> Option<LineEnd> {
    let mut clear = 0;
    for word in bytes.chunks_exact(WORD).take(3) {
        let ends = ends_in(word);
        if ends != 0 {
            clear += ends.trailing_zeros() as usize / 8;
            break;
        }
        clear += WORD;
        #[cfg(test)]
        crate::looked_at::for_line_ends(WORD);
    }
    find_line_end(&bytes[clear..]).map(|end| end.after(clear))
}

/// Whether there is a line end among `bytes`, which are few.
#[inline(always)]
pub(crate) fn has_line_end(bytes: &[u8]) -> bool {
    #[cfg(test)]
    crate::looked_at::for_line_ends(bytes.len());
    if let [byte] = bytes {
        return is_end(*byte);
    }
    let words = bytes.chunks_exact(WORD);
    let rest = words.remainder();
    words.fold(0, |ends, word| ends | ends_in(word)) != 0 || rest.iter().any(|&byte| is_end(byte))
}

const WORD: usize = size_of::<u64>();

/// The high bit of each byte of `word` that is a line end, and perhaps of some after the first.
#[inline(always)]
fn ends_in(word: &[u8]) -> u64 {
    const LOW_BITS: u64 = 0x0101_0101_0101_0101;
    let word = word.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    let matches = |byte: u8| {
        let word = word ^ (LOW_BITS * u64::from(byte));
        word.wrapping_sub(LOW_BITS) & !word & (LOW_BITS << 7)
    };
    matches(b'\n') | matches(b'\r')
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
    /// What a search in `bytes` finds.
    #[inline(always)]
    pub(crate) fn of(bytes: &[u8]) -> Search {
        find_line_end(bytes).map_or(Search::NoEnd, Search::End)
    }

    /// What was found, or is found now in `bytes`. The next search is to do.
    #[inline(always)]
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<LineEnd> {
        match core::mem::replace(self, Search::ToDo) {
            Search::ToDo => find_line_end(bytes),
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// What every scan is to say, in the plainest way.
    fn first_line_end(bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|byte| b"\n\r".contains(byte))
    }

    /// Every two places in as many bytes, with what could be taken for a line end in the others.
    fn samples(len: usize) -> impl Iterator<Item = Vec<u8>> {
        let others = [b'x', b'\n' - 1, b'\n' + 1, b'\r' - 1, b'\r' + 1, b'\n' | 0x80, b'\r' | 0x80, 0, 0xff];
        let ends = [[b'\n', b'\n'], [b'\r', b'\r'], [b'\n', b'\r'], [b'\r', b'\n']];
        others.into_iter().flat_map(move |other| {
            let plain = vec![other; len];
            let places = (0..len).flat_map(move |one| (one..len).map(move |two| (one, two)));
            let with_ends = places.flat_map(move |places| ends.map(|ends| (places, ends)));
            let marked = with_ends.map(move |((one, two), ends)| {
                let mut bytes = vec![other; len];
                (bytes[two], bytes[one]) = (ends[1], ends[0]);
                bytes
            });
            marked.chain([plain])
        })
    }

    #[test]
    fn the_first_line_end_of_a_word_is_its_lowest_bit() {
        for word in samples(WORD) {
            let ends = ends_in(&word);
            let first = (ends != 0).then(|| ends.trailing_zeros() as usize / 8);
            assert_eq!(first, first_line_end(&word), "{word:?}");
        }
    }

    #[test]
    fn every_scan_finds_the_same_line_end() {
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 33] {
            for bytes in samples(len) {
                let first = first_line_end(&bytes);
                assert_eq!(find_line_end(&bytes).map(|end| end.at), first, "{bytes:?}");
                assert_eq!(find_near_line_end(&bytes).map(|end| end.at), first, "{bytes:?}");
                if !bytes.is_empty() {
                    assert_eq!(has_line_end(&bytes), first.is_some(), "{bytes:?}");
                }
            }
        }
    }

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
