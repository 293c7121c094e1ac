//! A stream, where it is cut, and how it is read: a head of eleven bytes, and then the stream as it is.

use arbitrary::{Arbitrary, Unstructured};

use crate::oracle::Limits;
use crate::turns::Turn;

/// A stream in chunks.
#[derive(Clone, Copy, Debug)]
pub struct CutStream<'a> {
    /// Eight choices, which each target uses in its own way.
    pub choices: [bool; 8],
    /// A limit for an event, or for a line.
    pub event_limit: u8,
    /// A limit for a block.
    pub block_limit: u8,
    /// The lengths of the chunks, repeated [1000 times](CutStream::CUTS) at most; all of them 0: one chunk.
    pub cuts: [u8; 4],
    /// The readers of the chunks, repeated to the end of the stream: see [`Turn::from`].
    pub turns: [u8; 4],
    /// What is cut.
    pub stream: &'a [u8],
}

impl CutStream<'_> {
    /// How many bytes come before the stream.
    pub const HEAD: usize = 11;

    /// How often a stream is cut at most: every chunk costs a microsecond in each of many passes.
    pub const CUTS: usize = 1000;

    /// The lengths of the chunks, but for that of the last.
    pub fn lengths(&self) -> Vec<usize> {
        if self.cuts == [0; 4] {
            return Vec::new();
        }
        let mut left = self.stream.len();
        let lengths = self.cuts.iter().cycle().take(Self::CUTS).map(|&cut| usize::from(cut));
        lengths.take_while(|&cut| left.checked_sub(cut).inspect(|&rest| left = rest).is_some()).collect()
    }

    /// The chunks.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        crate::drive::chunks(self.stream, &self.lengths()).into_iter()
    }

    /// The limits that are set.
    pub fn limits(&self, event: bool, block: bool) -> Limits {
        let limit = |is_set: bool, limit: u8| if is_set { limit.into() } else { usize::MAX };
        Limits { event: limit(event, self.event_limit), block: limit(block, self.block_limit) }
    }

    /// The readers.
    pub fn turns(&self) -> [Turn; 4] {
        self.turns.map(Turn::from)
    }

    /// The input that is read as this value.
    pub fn seed(&self) -> Vec<u8> {
        let choices = self.choices.iter().rev().fold(0, |byte, &choice| byte << 1 | u8::from(choice));
        let limits = [self.event_limit, self.block_limit];
        [&[choices][..], &limits, &self.cuts, &self.turns, self.stream].concat()
    }
}

impl<'a> Arbitrary<'a> for CutStream<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let [choices, event_limit, block_limit] = input.arbitrary()?;
        let choices = std::array::from_fn(|place| choices >> place & 1 == 1);
        let (cuts, turns) = (input.arbitrary()?, input.arbitrary()?);
        let stream = input.bytes(input.len())?;
        Ok(CutStream { choices, event_limit, block_limit, cuts, turns, stream })
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (Self::HEAD, None)
    }
}
