//! An event as a [`Buf`] whose data is never copied.

#[cfg(feature = "std")]
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use super::{DATA, END, NEXT_DATA, write_head};
use crate::event::Event;
use crate::line::{Lines, find_line_end};

/// An encoded event that still holds its data where it was: what [`Event::into_buf`] makes.
///
/// It is a [`Buf`] of the very bytes that [`Encoder::encode`](crate::Encoder::encode) writes. Its chunks are the
/// fields before the data, the lines of the data as they lie in the event, and what stands between them;
/// [`chunks_vectored`](Buf::chunks_vectored) (with the `std` feature) hands out as many of them as there is room for,
/// for a vectored write.
#[derive(Clone, Debug)]
pub struct EncodedEvent {
    /// What comes before the line under way: the other fields, or what stands between two lines, or the end.
    lead: Bytes,
    /// The data from the line under way on.
    data: Bytes,
    /// How much of that line is left.
    line: usize,
    remaining: usize,
}

impl Event<ByteString> {
    /// The encoded event as a [`Buf`] that shares the data instead of copying it.
    ///
    /// Looks at the data once, for line ends, and at data of several lines again when their turn comes, up to 16 KiB ahead
    /// at each [`chunks_vectored`](Buf::chunks_vectored). Copies
    /// and allocates only for the name, the id and the reconnection time, if there are any. Never fails.
    ///
    /// ```
    /// use bytes::Buf;
    /// use sse_wire::{ByteString, Event};
    ///
    /// let mut buf = Event::new(ByteString::from_static("payload")).into_buf();
    /// assert_eq!(buf.remaining(), 15);
    /// assert_eq!(&buf.copy_to_bytes(15)[..], b"data: payload\n\n");
    /// ```
    #[must_use]
    pub fn into_buf(self) -> EncodedEvent {
        let event = self.as_borrowed();
        let lead = if event.written_name().is_none() && event.id().is_none() && event.retry().is_none() {
            Bytes::from_static(DATA)
        } else {
            let mut lead = BytesMut::new();
            write_head(&event, &mut lead);
            lead.extend_from_slice(DATA);
            lead.freeze()
        };
        let mut lines = Lines::new(event.data().as_bytes());
        let line = lines.next().map_or(0, <[u8]>::len);
        let rest: usize = lines.map(|line| NEXT_DATA.len() + line.len()).sum();
        let remaining = lead.len() + line + rest + END.len();
        EncodedEvent { lead, data: self.into_data().into_bytes(), line, remaining }
    }
}

/// How much of the data [`Buf::chunks_vectored`] looks at beyond the line under way.
#[cfg(feature = "std")]
const AHEAD: usize = 16 * 1024;

impl EncodedEvent {
    /// Where the line under way and its lead have been taken, goes on to the next line or the end.
    fn settle(&mut self) {
        if !self.lead.is_empty() || self.line > 0 || self.remaining == 0 {
            return;
        }
        if let Some(end) = find_line_end(&self.data) {
            self.data.advance(end.terminator);
            self.line = find_line_end(&self.data).map_or(self.data.len(), |end| end.at);
            self.lead = Bytes::from_static(NEXT_DATA);
        } else {
            self.lead = Bytes::from_static(END);
        }
    }

    /// What is left, in order, or the first part of it; empty slices among it.
    #[cfg(feature = "std")]
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        // What lies ahead is searched for line ends at each call, and so no further than is soon written.
        let (line, rest) = self.data.split_at(self.line);
        let ahead = &rest[..rest.len().min(AHEAD)];
        let more_lines = Lines::new(ahead).skip(1).flat_map(|line| [NEXT_DATA, line]);
        let end = (ahead.len() == rest.len()).then_some(END);
        // `settle` has gone on to the end once nothing but the end is left.
        let at_end = self.remaining <= END.len();
        let rest = more_lines.chain(end).filter(move |_| !at_end);
        [&self.lead[..], line].into_iter().chain(rest)
    }
}

impl Buf for EncodedEvent {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        if self.lead.is_empty() { &self.data[..self.line] } else { &self.lead }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let slices = self.slices().filter(|slice| !slice.is_empty());
        let filled = dst.iter_mut().zip(slices).map(|(slot, slice)| *slot = IoSlice::new(slice));
        filled.count()
    }

    /// # Panics
    ///
    /// If `count` is more than [`remaining`](Buf::remaining).
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot advance past the end: {count} <= {}", self.remaining);
        while count > 0 {
            let step = count.min(self.chunk().len());
            if self.lead.is_empty() {
                self.data.advance(step);
                self.line -= step;
            } else {
                self.lead.advance(step);
            }
            self.remaining -= step;
            count -= step;
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const TEXTS: [&str; 8] = ["", "x", "one\ntwo", "\n", "a\r\n\rb\n", "\n\n\n", "end\n", "long enough to cut"];

    fn events() -> impl Iterator<Item = Event<ByteString>> {
        TEXTS.iter().flat_map(|data| {
            let bare = Event::new(*data).to_shared();
            let full = Event::new(*data).with_name("n").unwrap().with_id("i").unwrap().to_shared();
            [bare, full.with_retry(core::time::Duration::from_secs(1))]
        })
    }

    #[test]
    fn the_chunks_are_the_encoded_event_however_it_is_advanced() {
        for event in events() {
            let expected = super::super::Encoder::new().encode(&event);
            for step in 1..=expected.len() {
                let mut buf = event.clone().into_buf();
                let mut read = Vec::new();
                while buf.has_remaining() {
                    assert_eq!(buf.remaining(), expected.len() - read.len());
                    let step = step.min(buf.remaining());
                    #[cfg(feature = "std")]
                    assert_eq!(gathered(&buf), expected[read.len()..]);
                    assert!(!buf.chunk().is_empty());
                    read.extend_from_slice(&buf.copy_to_bytes(step));
                }
                assert_eq!(read, expected);
                assert!(buf.chunk().is_empty());
            }
        }
    }

    #[cfg(feature = "std")]
    fn gathered(buf: &EncodedEvent) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = buf.chunks_vectored(&mut slices);
        assert!(slices[..filled].iter().all(|slice| !slice.is_empty()));
        assert_eq!(buf.chunks_vectored(&mut slices[..1]), 1.min(filled));
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_vectored_write_looks_no_further_ahead_than_it_must() {
        let data = ["x".repeat(200_000), "y".repeat(1_000_000)].join("\n");
        let mut buf = Event::new(ByteString::from(data)).into_buf();
        let mut calls = 0;
        let looked_at = crate::looked_at::during(|| {
            while buf.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 16];
                let filled = buf.chunks_vectored(&mut slices);
                let len: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
                assert!(filled > 0 && len > 0);
                buf.advance(len.min(10_000));
                calls += 1;
            }
        });
        let most = 1_200_000 + calls * (AHEAD + 1);
        assert!(looked_at.for_line_ends <= most, "{looked_at:?} in {calls} calls");
    }

    #[cfg(feature = "std")]
    #[test]
    fn what_lies_ahead_may_end_anywhere() {
        for ending in ["\r\n", "\r", "\n", "\n\r\n"] {
            for len in AHEAD - 5..AHEAD + 5 {
                let data = ["first\n", &*"x".repeat(len), ending, "last"].concat();
                let event = Event::new(ByteString::from(data));
                let expected = crate::Encoder::new().encode(&event);
                let mut buf = event.into_buf();
                let mut seen = Vec::new();
                while buf.has_remaining() {
                    let part = gathered(&buf);
                    assert!(expected[seen.len()..].starts_with(&part), "{ending:?} after {len}");
                    seen.extend_from_slice(&part);
                    buf.advance(part.len());
                }
                assert_eq!(seen, expected);
            }
        }
    }

    #[test]
    fn the_data_is_looked_at_once_and_not_copied() {
        let data = ByteString::from("x".repeat(1000));
        let at = data.as_bytes().as_ptr();
        let mut buf = Event::new(data).into_buf();
        let looked_at = crate::looked_at::during(|| {
            buf.advance(super::super::DATA.len());
            #[cfg(feature = "std")]
            assert_eq!(buf.chunks_vectored(&mut [IoSlice::new(&[]); 4]), 2);
        });
        assert_eq!(looked_at.for_line_ends, 0);
        assert_eq!(buf.chunk().as_ptr(), at);
    }

    #[test]
    #[should_panic(expected = "cannot advance past the end")]
    fn advancing_past_the_end_panics() {
        let mut buf = Event::new(ByteString::new()).into_buf();
        buf.advance(buf.remaining() + 1);
    }
}
