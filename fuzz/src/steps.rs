//! Steps of a client or a server, one after the other, until the bytes end.

use arbitrary::{Arbitrary, Unstructured};

use crate::turns::Turn;

/// What may happen to a client.
#[derive(Clone, Debug)]
pub enum ClientStep<'a> {
    Response {
        status: u16,
        right_type: bool,
    },
    RetryAfter {
        seconds: u8,
    },
    Bytes(&'a [u8]),
    Finish,
    Disconnected {
        open_for: u8,
        random: u32,
    },
    Close,
    /// From here on, chunks are read like this.
    ReadBy(Turn),
    /// Another parser, with this limit for a block.
    BlockLimit(u8),
    CloseOnTooLarge,
    Unrepeatable,
}

impl<'a> Arbitrary<'a> for ClientStep<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let step = match input.arbitrary::<u8>()? {
            b'O' => ClientStep::Response { status: 200, right_type: true },
            b'R' => ClientStep::Response { status: input.arbitrary()?, right_type: input.arbitrary()? },
            b'A' => ClientStep::RetryAfter { seconds: input.arbitrary()? },
            b'F' => ClientStep::Finish,
            b'D' => ClientStep::Disconnected { open_for: input.arbitrary()?, random: input.arbitrary()? },
            b'C' => ClientStep::Close,
            b'T' => ClientStep::ReadBy(input.arbitrary::<u8>()?.into()),
            b'L' => ClientStep::BlockLimit(input.arbitrary()?),
            b'S' => ClientStep::CloseOnTooLarge,
            b'U' => ClientStep::Unrepeatable,
            len => ClientStep::Bytes(input.bytes(input.len().min(len.into()))?),
        };
        Ok(step)
    }
}

/// What may happen to a replay buffer.
#[derive(Clone, Debug)]
pub enum ReplayStep<'a> {
    /// An event with this id, and as much data.
    Publish {
        id: &'a [u8],
        data: u8,
    },
    /// A client reconnects.
    Since(&'a [u8]),
    MaxEvents(u8),
    MaxBytes(u16),
    /// In seconds, as the time.
    MaxAge(u8),
    Advance(u8),
}

impl<'a> Arbitrary<'a> for ReplayStep<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let kind: u8 = input.arbitrary()?;
        let mut id = || {
            let len = usize::from(input.arbitrary::<u8>()? % 8);
            input.bytes(input.len().min(len))
        };
        let step = match kind {
            b'P' => ReplayStep::Publish { id: id()?, data: input.arbitrary()? },
            b'E' => ReplayStep::MaxEvents(input.arbitrary()?),
            b'B' => ReplayStep::MaxBytes(input.arbitrary()?),
            b'A' => ReplayStep::MaxAge(input.arbitrary()?),
            b'T' => ReplayStep::Advance(input.arbitrary()?),
            _ => ReplayStep::Since(id()?),
        };
        Ok(step)
    }
}

/// All steps that the input has.
#[derive(Clone, Debug)]
pub struct Steps<T>(pub Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Steps<T> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut steps = Vec::new();
        while !input.is_empty() {
            steps.push(input.arbitrary()?);
        }
        Ok(Steps(steps))
    }
}
