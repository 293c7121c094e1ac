//! A stream, where it is cut, and what else there is to choose: six bytes, and then the stream as it is.

use arbitrary::{Arbitrary, Unstructured};

/// A stream in chunks.
#[derive(Clone, Copy, Debug)]
pub struct CutStream<'a> {
    /// Eight choices that are a target's own.
    pub choices: [bool; 8],
    /// A limit, small.
    pub limit: u8,
    /// The lengths of the chunks, over and over; all of them 0: one chunk.
    pub cuts: [u8; 4],
    /// What is cut.
    pub stream: &'a [u8],
}

impl CutStream<'_> {
    /// How many bytes come before the stream.
    const HEAD: usize = 6;

    /// The lengths of the chunks, but for that of the last.
    pub fn lengths(&self) -> Vec<usize> {
        if self.cuts == [0; 4] {
            return Vec::new();
        }
        let mut left = self.stream.len();
        let lengths = self.cuts.iter().cycle().map(|&cut| usize::from(cut));
        lengths.take_while(|&cut| left.checked_sub(cut).inspect(|&rest| left = rest).is_some()).collect()
    }

    /// The chunks.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        crate::drive::chunks(self.stream, &self.lengths()).into_iter()
    }

    /// The bytes that become this.
    pub fn seed(&self) -> Vec<u8> {
        let choices = self.choices.iter().rev().fold(0, |byte, &choice| byte << 1 | u8::from(choice));
        let [a, b, c, d] = self.cuts;
        [&[choices, self.limit, a, b, c, d], self.stream].concat()
    }
}

impl<'a> Arbitrary<'a> for CutStream<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let [choices, limit, a, b, c, d] = input.arbitrary()?;
        let choices = std::array::from_fn(|place| choices >> place & 1 == 1);
        let stream = input.bytes(input.len())?;
        Ok(CutStream { choices, limit, cuts: [a, b, c, d], stream })
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (Self::HEAD, None)
    }
}
