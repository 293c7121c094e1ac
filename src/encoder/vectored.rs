//! An event as a [`Buf`] whose data is never copied.

#[cfg(feature = "std")]
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use super::{DATA, END, NEXT_DATA, is_bare, write_head};
use crate::event::{Event, Head};
use crate::lines::{self, Lines};
use crate::owned::OwnedEvent;

/// An encoded event that does not copy its data: a [`Buf`] of the same bytes as [`Event::encode`].
///
/// `D` is [`Bytes`] ([`EncodedEvent::new`], [`OwnedEvent::into_buf`]) or `&[u8]` ([`Event::as_buf`]). Its chunks are the
/// fields before the data, the lines of the data as they lie there, and the bytes between them;
/// [`chunks_vectored`](Buf::chunks_vectored) (with the `std` feature) returns as many of them as there is room for, for a
/// vectored write.
///
/// The data is searched for line ends once. If it has several lines, they are searched for again when they are written, up
/// to 16 KiB ahead at each [`chunks_vectored`](Buf::chunks_vectored). Only name, id and reconnection time are copied.
///
/// ```
/// use bytes::Buf;
/// use sse_wire::{EncodedEvent, Head};
///
/// let mut buf = EncodedEvent::new(Head::new(), String::from("payload"));
/// assert_eq!(buf.remaining(), 15);
/// assert_eq!(&buf.copy_to_bytes(15)[..], b"data: payload\n\n");
/// ```
#[derive(Clone, Debug)]
pub struct EncodedEvent<D = Bytes> {
    /// The bytes before the rest of the current line: the other fields, or those between two lines, or the end.
    lead: Bytes,
    data: D,
    /// Where the rest of the current line of the data begins and ends.
    line: usize,
    line_end: usize,
    remaining: usize,
}

impl EncodedEvent {
    /// An event of a head, and data that is owned or shared already. Never fails.
    pub fn new<'a>(head: impl Into<Head<'a>>, data: impl Into<ByteString>) -> Self {
        EncodedEvent::of(head.into(), data.into().into_bytes())
    }
}

impl OwnedEvent {
    /// The event as a [`Buf`] that shares its data. Never fails.
    #[must_use = "encoding sends nothing by itself"]
    pub fn into_buf(self) -> EncodedEvent {
        let lead = lead(self.head());
        EncodedEvent::with_lead(lead, self.into_data().into_bytes())
    }
}

impl<'a> Event<'a> {
    /// The event as a [`Buf`] that borrows its data, for a socket's `write_vectored`. Never fails.
    #[must_use = "encoding sends nothing by itself"]
    pub fn as_buf(&self) -> EncodedEvent<&'a [u8]> {
        EncodedEvent::of(self.head(), self.data().as_bytes())
    }
}

fn lead(head: Head<'_>) -> Bytes {
    if is_bare(head) {
        return Bytes::from_static(DATA);
    }
    let mut lead = BytesMut::new();
    write_head(head, &mut lead);
    lead.extend_from_slice(DATA);
    lead.freeze()
}

/// How much of the data [`Buf::chunks_vectored`] searches beyond the current line.
#[cfg(feature = "std")]
const AHEAD: usize = 16 * 1024;

impl<D: AsRef<[u8]>> EncodedEvent<D> {
    fn of(head: Head<'_>, data: D) -> Self {
        EncodedEvent::with_lead(lead(head), data)
    }

    fn with_lead(lead: Bytes, data: D) -> Self {
        let mut lines = Lines::new(data.as_ref());
        let line_end = lines.next().map_or(0, <[u8]>::len);
        let rest: usize = lines.map(|line| NEXT_DATA.len() + line.len()).sum();
        let remaining = lead.len() + line_end + rest + END.len();
        EncodedEvent { lead, data, line: 0, line_end, remaining }
    }

    /// If the current line and its lead were written, goes on to the next line or the end.
    fn settle(&mut self) {
        if !self.lead.is_empty() || self.line < self.line_end || self.remaining == 0 {
            return;
        }
        let data = self.data.as_ref();
        if self.line_end < data.len() {
            self.line = lines::after(data, self.line_end);
            self.line_end = lines::find(&data[self.line..]).map_or(data.len(), |len| self.line + len);
            self.lead = Bytes::from_static(NEXT_DATA);
        } else {
            self.lead = Bytes::from_static(END);
        }
    }

    /// What is left, or the first part of it, in order. Some slices are empty.
    #[cfg(feature = "std")]
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let data = self.data.as_ref();
        let line = &data[self.line..self.line_end];
        // The lines ahead are searched for at each call, so only a little ahead.
        let rest = &data[self.line_end..];
        let ahead = &rest[..rest.len().min(AHEAD)];
        let more_lines = Lines::new(ahead).skip(1).flat_map(|line| [NEXT_DATA, line]);
        let end = (ahead.len() == rest.len()).then_some(END);
        // `settle` has gone on to the end once nothing but the end is left.
        let at_end = self.remaining <= END.len();
        let rest = more_lines.chain(end).filter(move |_| !at_end);
        [&self.lead[..], line].into_iter().chain(rest)
    }
}

impl<D: AsRef<[u8]>> Buf for EncodedEvent<D> {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        if self.lead.is_empty() { &self.data.as_ref()[self.line..self.line_end] } else { &self.lead }
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
                self.line += step;
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
    use crate::names::{EventId, EventName};
    use alloc::string::String;
    use alloc::vec::Vec;

    const TEXTS: [&str; 8] = ["", "x", "one\ntwo", "\n", "a\r\n\rb\n", "\n\n\n", "end\n", "long enough to cut"];

    fn events() -> impl Iterator<Item = Event<'static>> {
        TEXTS.iter().flat_map(|data| {
            let bare = Event::new(data);
            let full = bare.with_name(EventName::from_static("n")).with_id(EventId::from_static("i"));
            [bare, full.with_retry(core::time::Duration::from_secs(1))]
        })
    }

    #[test]
    fn the_chunks_are_the_encoded_event_however_it_is_advanced() {
        fn read(mut buf: EncodedEvent<impl AsRef<[u8]>>, step: usize, expected: &[u8]) {
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
        for event in events() {
            let expected = event.encode();
            for step in 1..=expected.len() {
                read(event.as_buf(), step, &expected);
                read(event.into_owned().into_buf(), step, &expected);
                read(EncodedEvent::new(event.head(), event.data()), step, &expected);
            }
        }
    }

    #[cfg(feature = "std")]
    fn gathered(buf: &EncodedEvent<impl AsRef<[u8]>>) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = buf.chunks_vectored(&mut slices);
        assert!(slices[..filled].iter().all(|slice| !slice.is_empty()));
        assert_eq!(buf.chunks_vectored(&mut slices[..1]), 1.min(filled));
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_vectored_write_searches_a_bounded_part_ahead() {
        let data = ["x".repeat(200_000), "y".repeat(1_000_000)].join("\n");
        let mut buf = EncodedEvent::new(Head::new(), data);
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
    fn the_part_that_is_searched_ahead_may_end_anywhere() {
        for ending in ["\r\n", "\r", "\n", "\n\r\n"] {
            for len in AHEAD - 5..AHEAD + 5 {
                let data = ["first\n", &*"x".repeat(len), ending, "last"].concat();
                let event = Event::new(&data);
                let (expected, mut buf) = (event.encode(), event.as_buf());
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
    fn the_data_is_searched_once_and_not_copied() {
        let data = ByteString::from("x".repeat(1000));
        let at = data.as_bytes().as_ptr();
        let mut buf = EncodedEvent::new(Head::new(), data);
        let looked_at = crate::looked_at::during(|| {
            buf.advance(DATA.len());
            #[cfg(feature = "std")]
            assert_eq!(buf.chunks_vectored(&mut [IoSlice::new(&[]); 4]), 2);
        });
        assert_eq!(looked_at.for_line_ends, 0);
        assert_eq!(buf.chunk().as_ptr(), at);
    }

    #[test]
    #[should_panic(expected = "cannot advance past the end")]
    fn advancing_past_the_end_panics() {
        let mut buf = EncodedEvent::new(Head::new(), String::new());
        buf.advance(buf.remaining() + 1);
    }
}
