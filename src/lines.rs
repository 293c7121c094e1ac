//! Line ends: LF, CR and CRLF ([9.2.5]). Parser and encoder search for them here.
//!
//! [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use memchr::memchr2;

#[cfg(test)]
use crate::looked_at;

/// How many bytes are searched at once.
pub(crate) const BLOCK: usize = 64;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Finds line ends in one chunk.
///
/// The ends among 64 bytes are found at once and kept as a bit mask, so that a short line costs a few instructions and not a
/// call. A long line goes to `memchr2`, which is several times faster there; the line after a long line is expected to be
/// long as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds {
    /// Where the 64 bytes of the mask begin.
    at: usize,
    /// A bit for each line end among them, the lowest for the first byte.
    mask: u64,
}

impl LineEnds {
    /// Before the first search: no index lies in the 64 bytes of this mask.
    pub(crate) const NEW: LineEnds = LineEnds { at: 0_usize.wrapping_sub(BLOCK), mask: 0 };

    /// The first line end at or after `from`. `long`: whether the line before was long; it is set to whether this one is.
    #[inline(always)]
    pub(crate) fn find(&mut self, bytes: &[u8], from: usize, long: &mut bool) -> Option<usize> {
        if *long || bytes.len() < BLOCK {
            let rest = bytes.get(from..)?;
            // A call of `memchr2` costs as much as comparing 16 bytes.
            let at = if rest.len() < 16 { find_by_byte(rest)? } else { find(rest)? };
            *long = at > BLOCK;
            return Some(from + at);
        }
        match self.find_near(bytes, from) {
            Ok(end) => Some(end),
            Err(to) if to >= bytes.len() => None,
            Err(to) => {
                *long = true;
                find(&bytes[to..]).map(|at| to + at)
            }
        }
    }

    /// The first line end at or after `from`, if it is among the next 64 bytes or so; otherwise the index up to which there
    /// is none.
    #[inline(always)]
    pub(crate) fn find_near(&mut self, bytes: &[u8], mut from: usize) -> Result<usize, usize> {
        let shift = from.wrapping_sub(self.at);
        if shift < BLOCK {
            let left = self.mask >> shift;
            if left != 0 {
                return Ok(from + left.trailing_zeros() as usize);
            }
            from = self.at + BLOCK;
        }
        let Some(block) = bytes.get(from..).and_then(|rest| rest.first_chunk()) else {
            return self.find_in_last_block(bytes, from);
        };
        #[cfg(test)]
        looked_at::for_line_ends(BLOCK);
        self.mask = mask(block);
        self.at = from;
        if self.mask == 0 { Err(from + BLOCK) } else { Ok(from + self.mask.trailing_zeros() as usize) }
    }

    /// Fewer than 64 bytes are left: the mask is that of the last 64 bytes.
    #[inline(never)]
    fn find_in_last_block(&mut self, bytes: &[u8], from: usize) -> Result<usize, usize> {
        let (Some(left @ 1..), Some(block)) = (bytes.len().checked_sub(from), bytes.last_chunk()) else {
            // Nothing is left; or they are fewer than 64 in all, and there is no such mask.
            return find(bytes.get(from..).unwrap_or_default()).map(|at| from + at).ok_or(bytes.len());
        };
        #[cfg(test)]
        looked_at::for_line_ends(left);
        self.mask = mask(block) >> (BLOCK - left);
        self.at = from;
        if self.mask == 0 { Err(bytes.len()) } else { Ok(from + self.mask.trailing_zeros() as usize) }
    }
}

/// The first line end of `bytes`: for a line that is probably long.
#[inline]
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    let found = memchr2(b'\n', b'\r', bytes);
    #[cfg(test)]
    looked_at::for_line_ends(found.map_or(bytes.len(), |at| at + 1));
    found
}

/// Whether a byte ends its line.
#[inline(always)]
pub(crate) fn is_end(byte: u8) -> bool {
    #[cfg(test)]
    looked_at::for_line_ends(1);
    matches!(byte, b'\n' | b'\r')
}

/// The first line end of `bytes`: for a line that is probably short.
#[inline(always)]
pub(crate) fn find_by_byte(bytes: &[u8]) -> Option<usize> {
    let found = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    #[cfg(test)]
    looked_at::for_line_ends(found.map_or(bytes.len(), |at| at + 1));
    found
}

/// Whether there may be a line end among a few bytes: whether one of them is less than 16. Eight at a time.
#[inline(always)]
pub(crate) fn few_may_have_end(bytes: &[u8]) -> bool {
    #[cfg(test)]
    looked_at::for_line_ends(bytes.len());
    let (words, rest) = bytes.as_chunks::<8>();
    let less = |word: u64| word.wrapping_sub(u64::from_le_bytes([16; 8])) & !word & u64::from_le_bytes([0x80; 8]);
    words.iter().fold(0, |any, word| any | less(u64::from_le_bytes(*word))) != 0 || rest.iter().any(|byte| *byte < 16)
}

/// Where the line begins that comes after the line end at `at`.
///
/// A CR ends its line at once; a LF right after it belongs to it.
#[inline(always)]
pub(crate) fn after(bytes: &[u8], at: usize) -> usize {
    if bytes[at] == b'\n' { at + 1 } else { after_cr(bytes, at) }
}

// A separate call makes the compiler emit a branch, which the CPU predicts: the next line need not wait for the length of
// this line end.
#[inline(never)]
fn after_cr(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 }
}

/// The lines of a whole text, without their ends: one more than it has line ends.
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
        let end = find(text);
        self.rest = end.map(|at| &text[after(text, at)..]);
        Some(end.map_or(text, |at| &text[..at]))
    }
}

/// What the first bytes of a chunk may continue: a BOM, or a CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seam {
    /// At the start of the stream, after this many bytes of a BOM.
    Bom(u8),
    /// Right after a CR.
    Cr,
    /// Anywhere else.
    Plain,
}

impl Seam {
    /// Drops the rest of a BOM, or the LF of a CRLF, from the front of a chunk.
    ///
    /// Returns the content: bytes of earlier chunks that looked like a BOM and are none, and the rest of this chunk.
    #[cold]
    #[expect(clippy::cast_possible_truncation, reason = "a BOM has three bytes")]
    pub(crate) fn skip<'c>(&mut self, chunk: &'c [u8]) -> (&'static [u8], &'c [u8]) {
        if chunk.is_empty() {
            return (&[], chunk);
        }
        let seam = core::mem::replace(self, Seam::Plain);
        let seen = match seam {
            Seam::Plain => return (&[], chunk),
            Seam::Cr => return (&[], chunk.strip_prefix(b"\n").unwrap_or(chunk)),
            Seam::Bom(seen) => usize::from(seen),
        };
        let more = BOM[seen..].iter().zip(chunk).take_while(|(one, other)| one == other).count();
        let (seen, rest) = (seen + more, &chunk[more..]);
        if seen == BOM.len() {
            (&[], rest)
        } else if rest.is_empty() {
            *self = Seam::Bom(seen as u8);
            (&[], rest)
        } else {
            (&BOM[..seen], rest)
        }
    }

    /// The end of the stream: returns the start of a BOM that is content after all. What comes next is another stream.
    pub(crate) fn finish(&mut self) -> &'static [u8] {
        match core::mem::take(self) {
            Seam::Bom(seen) => &BOM[..usize::from(seen)],
            Seam::Cr | Seam::Plain => &[],
        }
    }
}

impl Default for Seam {
    fn default() -> Self {
        Seam::Bom(0)
    }
}

/// A bit for each line end in `block`, the lowest for its first byte.
///
/// On one core of an AMD EPYC: 2.5 ns with `wide`, 5 ns without.
#[cfg(feature = "simd")]
#[inline(always)]
fn mask(block: &[u8; BLOCK]) -> u64 {
    use wide::u8x16;

    let mut mask = 0;
    for (index, part) in block.as_chunks::<16>().0.iter().enumerate() {
        let part = u8x16::from(*part);
        let ends = part.simd_eq(u8x16::splat(b'\n')) | part.simd_eq(u8x16::splat(b'\r'));
        mask |= u64::from(ends.to_bitmask()) << (16 * index);
    }
    mask
}

#[cfg(not(feature = "simd"))]
#[inline(always)]
fn mask(block: &[u8; BLOCK]) -> u64 {
    // The compiler turns the comparison into vector instructions; a multiplication gathers eight bytes into eight bits.
    let is_end: [u8; BLOCK] = block.map(|byte| u8::from(byte == b'\n') | u8::from(byte == b'\r'));
    let gather = |part: &[u8; 8]| u64::from_le_bytes(*part).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    is_end.as_chunks().0.iter().rev().fold(0, |mask, part| mask << 8 | gather(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// Bytes that are easily mistaken for a line end, and some others.
    const OTHERS: [u8; 9] = [b'x', b'\n' - 1, b'\n' + 1, b'\r' - 1, b'\r' + 1, b'\n' | 0x80, b'\r' | 0x80, 0, 0xff];

    /// What every search must return, in the plainest way.
    fn first_line_end(bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|byte| b"\n\r".contains(byte))
    }

    /// Every two of these places in as many bytes, with each of these bytes in the others.
    fn samples(len: usize, places: &[usize], others: &[u8]) -> Vec<Vec<u8>> {
        let ends = [[b'\n', b'\n'], [b'\r', b'\r'], [b'\n', b'\r'], [b'\r', b'\n']];
        let mut samples = Vec::new();
        for &other in others {
            samples.push(vec![other; len]);
            for &one in places {
                for &two in places.iter().filter(|&&two| one <= two) {
                    for ends in ends {
                        let mut bytes = vec![other; len];
                        (bytes[two], bytes[one]) = (ends[1], ends[0]);
                        samples.push(bytes);
                    }
                }
            }
        }
        samples
    }

    #[test]
    fn a_mask_has_a_bit_for_every_line_end_and_for_nothing_else() {
        let places: Vec<_> = (0..BLOCK).collect();
        for bytes in samples(BLOCK, &places, &OTHERS) {
            let bits = bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(b"\n\r".contains(byte)));
            assert_eq!(mask(bytes.first_chunk().unwrap()), bits, "{bytes:?}");
        }
        assert_eq!(mask(&[b'\r'; BLOCK]), u64::MAX);
    }

    #[test]
    fn every_search_finds_the_same_line_end() {
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 33] {
            let places: Vec<_> = (0..len).collect();
            for bytes in samples(len, &places, &OTHERS) {
                let first = first_line_end(&bytes);
                assert_eq!(find(&bytes), first, "{bytes:?}");
                for long in [false, true] {
                    let mut ends = LineEnds::NEW;
                    assert_eq!(ends.find(&bytes, 0, &mut { long }), first, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn one_search_after_the_other_finds_all_line_ends_of_a_chunk() {
        let places = [0, 1, 31, 62, 63, 64, 65, 66, 126, 127, 128, 129, 130, 191, 192, 193];
        for len in [1, 2, 63, 64, 65, 66, 127, 128, 129, 130, 192, 194] {
            let places: Vec<_> = places.into_iter().filter(|&place| place < len).collect();
            for bytes in samples(len, &places, &[b'x', b'\r' | 0x80]) {
                // With long and short lines before them, and a few bytes of each line, which are known, not searched.
                for (mut long, known) in [(false, 0), (true, 0), (false, 5), (true, 5), (false, 70)] {
                    let (mut ends, mut from) = (LineEnds::NEW, 0);
                    while from <= len {
                        let start = (from + known).min(len);
                        let start = first_line_end(&bytes[from..start]).map_or(start, |_| from);
                        let expected = first_line_end(&bytes[start..]).map(|at| start + at);
                        assert_eq!(ends.find(&bytes, start, &mut long), expected, "{bytes:?} from {start}");
                        let Some(end) = expected else { break };
                        from = end + 1;
                    }
                }
            }
        }
    }

    #[test]
    fn a_search_may_begin_after_the_end() {
        for long in [false, true] {
            for len in [0, 10, BLOCK, BLOCK + 1] {
                let bytes = vec![b'x'; len];
                for from in len..len + 8 {
                    let mut ends = LineEnds::NEW;
                    assert_eq!(ends.find(&bytes, from, &mut { long }), None);
                }
            }
        }
    }

    #[test]
    fn the_search_sets_whether_a_line_was_long() {
        let stream = [&b"x".repeat(100)[..], b"\n", &b"y".repeat(100), b"\nz\nz\n", &b"x".repeat(100)].concat();
        let (mut ends, mut long) = (LineEnds::NEW, false);
        let mut seen = Vec::new();
        let mut from = 0;
        while let Some(end) = ends.find(&stream, from, &mut long) {
            seen.push(long);
            from = end + 1;
        }
        assert_eq!(seen, [true, true, false, false]);
    }

    #[test]
    fn every_line_end_ends_one_line() {
        let lines = |text: &'static str| Lines::new(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(lines(""), [b""]);
        assert_eq!(lines("a"), [b"a"]);
        assert_eq!(lines("a\nb\rc\r\nd"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(lines("\n\r\r\n"), [b"", b"", b"", b""]);
        assert_eq!(lines("a\r"), [&b"a"[..], b""]);
    }

    #[test]
    fn only_a_whole_bom_at_the_start_is_dropped_wherever_it_is_cut() {
        let streams: [(&[u8], &[u8]); 6] = [
            (b"\xef\xbb\xbfx", b"x"),
            (b"\xef\xbb\xbf\xef\xbb\xbfx", b"\xef\xbb\xbfx"),
            (b"\xef\xbbx", b"\xef\xbbx"),
            (b"\xefx", b"\xefx"),
            (b"\xef\xef\xbb\xbf", b"\xef\xef\xbb\xbf"),
            (b"x\xef\xbb\xbf", b"x\xef\xbb\xbf"),
        ];
        for (stream, expected) in streams {
            for one in 0..=stream.len() {
                for other in one..=stream.len() {
                    let (mut seam, mut seen) = (Seam::default(), Vec::new());
                    for chunk in [&stream[..one], &stream[one..other], &stream[other..]] {
                        let (content, rest) = seam.skip(chunk);
                        seen.extend_from_slice(content);
                        seen.extend_from_slice(rest);
                    }
                    seen.extend_from_slice(seam.finish());
                    assert_eq!(seen, expected, "{stream:?} cut at {one} and {other}");
                }
            }
        }
        for (stream, content) in [(&b"\xef\xbb"[..], &b"\xef\xbb"[..]), (b"\xef", b"\xef"), (b"\xef\xbb\xbf", b"")] {
            let mut seam = Seam::default();
            assert_eq!(seam.skip(stream), (&b""[..], &b""[..]));
            assert_eq!(seam.finish(), content);
            assert_eq!(seam, Seam::default(), "what comes next is another stream");
        }
    }

    #[test]
    fn one_lf_after_a_cr_is_dropped() {
        const NONE: &[u8] = b"";
        for (chunk, rest) in
            [(&b"\nx"[..], &b"x"[..]), (b"\n\nx", b"\nx"), (b"x\n", b"x\n"), (b"\rx", b"\rx"), (b"\n", b"")]
        {
            let mut seam = Seam::Cr;
            assert_eq!(seam.skip(b""), (NONE, NONE), "an empty chunk changes nothing");
            assert_eq!(seam.skip(chunk), (NONE, rest));
            assert_eq!(seam.skip(b"\n"), (NONE, &b"\n"[..]));
        }
    }
}
