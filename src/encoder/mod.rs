//! Events to bytes.

mod vectored;
mod writer;

use core::mem;
use core::time::Duration;

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::block::{Block, BlockLine, OwnedBlock};
use crate::event::{Event, Head};
use crate::lines::{self, LineEnds, Lines};
use crate::owned::OwnedEvent;
use sealed::Sink;

pub use vectored::EncodedEvent;
pub use writer::DataWriter;

/// A comment with no text: sent now and then, so that clients and proxies do not close an idle connection.
///
/// Send it between blocks. The standard suggests one "every 15 seconds or so" ([9.2.7]).
///
/// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// How much memory an encoder allocates at a time for small batches.
const ARENA: usize = 8 * 1024;

/// How much of long data is searched and copied at a time, so that the copy finds it in the nearest cache.
const WINDOW: usize = 4 * 1024;

// Written before the first line of the data, between two lines, and after the last.
const DATA: &[u8] = b"data: ";
const NEXT_DATA: &[u8] = b"\ndata: ";
const END: &[u8] = b"\n\n";

/// A comment, which clients ignore: every line of the text becomes a comment line. The text may hold anything.
///
/// ```
/// use sse_wire::{Comment, Encoder};
///
/// let mut encoder = Encoder::new();
/// encoder.push(Comment("two\nlines"));
/// assert_eq!(encoder.take(), ": two\n: lines\n\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comment<'a>(pub &'a str);

/// What an event stream is made of: [`Event`], [`OwnedEvent`], [`Head`], [`Block`], [`OwnedBlock`], [`Comment`], and
/// [`Bytes`] of whole blocks that were encoded before.
///
/// Each means the same first in a stream and later, with one exception: `Bytes` are written as they are, and if they begin with
/// U+FEFF, that is a BOM where they come first. What this crate encodes never begins with U+FEFF.
///
/// Sealed, so that only whole blocks can be written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that an event stream is made of",
    label = "not an event, a head, a block, a comment, or encoded `Bytes`",
    note = "for text, build an event: `Event::new(&text)`; for a comment: `Comment(&text)`",
    note = "for a keep-alive: `Bytes::from_static(KEEP_ALIVE)`"
)]
pub trait Encode: sealed::Part {}

mod sealed {
    use super::{Bytes, BytesMut, Vec};

    /// Where blocks are written to.
    pub trait Sink {
        fn write(&mut self, bytes: &[u8]);
    }

    pub trait Part {
        fn write_to(&self, out: &mut impl Sink);

        /// In one allocation of the exact size.
        fn to_bytes(&self) -> Bytes {
            let mut len = 0;
            self.write_to(&mut len);
            let mut out = Vec::with_capacity(len);
            self.write_to(&mut out);
            out.into()
        }
    }

    /// Writes nothing, and counts.
    impl Sink for usize {
        #[inline]
        fn write(&mut self, bytes: &[u8]) {
            *self += bytes.len();
        }
    }

    impl Sink for Vec<u8> {
        #[inline]
        fn write(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }
    }

    impl Sink for BytesMut {
        // This is inlined; `put_slice` would be a call.
        #[inline]
        fn write(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }
    }
}

struct Buffer<'a, B>(&'a mut B);

impl<B: BufMut> Sink for Buffer<'_, B> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

impl sealed::Part for Event<'_> {
    #[inline]
    fn write_to(&self, out: &mut impl Sink) {
        write_event(self.head(), self.data().as_bytes(), out);
    }

    #[inline]
    fn to_bytes(&self) -> Bytes {
        let data = self.data().as_bytes();
        let is_one_line = lines::find(data).is_none();
        let lines_len = if is_one_line { DATA.len() + data.len() } else { lines_len(data) };
        let is_bare = is_bare(self.head());
        let head_len = if is_bare { 0 } else { head_len(self.head()) };
        let mut out = Vec::with_capacity(head_len + lines_len + END.len());
        if !is_bare {
            write_head(self.head(), &mut out);
        }
        out.extend_from_slice(DATA);
        if is_one_line {
            out.extend_from_slice(data);
        } else {
            write_lines(data, &mut out);
        }
        out.extend_from_slice(END);
        out.into()
    }
}

impl sealed::Part for OwnedEvent {
    #[inline]
    fn write_to(&self, out: &mut impl Sink) {
        self.as_event().write_to(out);
    }

    fn to_bytes(&self) -> Bytes {
        self.as_event().to_bytes()
    }
}

impl sealed::Part for Head<'_> {
    fn write_to(&self, out: &mut impl Sink) {
        // Without an event, a name has no effect.
        write_head(Head { name: None, ..*self }, out);
        out.write(b"\n");
    }
}

impl sealed::Part for Block<'_> {
    fn write_to(&self, out: &mut impl Sink) {
        if self.text.starts_with('\u{feff}') {
            // At the start of a stream that would be a BOM, and a line that clients ignore would become a field.
            out.write(b":\n");
        }
        for line in self.lines() {
            let (name, value) = match line {
                BlockLine::Comment(text) => ("", text),
                BlockLine::Field { name, value } => (name, value),
            };
            out.write(name.as_bytes());
            write_field(b": ", value.as_bytes(), out);
        }
        out.write(b"\n");
    }
}

impl sealed::Part for OwnedBlock {
    fn write_to(&self, out: &mut impl Sink) {
        self.as_block().write_to(out);
    }
}

impl sealed::Part for Comment<'_> {
    fn write_to(&self, out: &mut impl Sink) {
        for line in Lines::new(self.0.as_bytes()) {
            write_field(b": ", line, out);
        }
        out.write(b"\n");
    }
}

/// Written as they are.
impl sealed::Part for Bytes {
    fn write_to(&self, out: &mut impl Sink) {
        out.write(self);
    }

    fn to_bytes(&self) -> Bytes {
        self.clone()
    }
}

impl<T: sealed::Part + ?Sized> sealed::Part for &T {
    #[inline]
    fn write_to(&self, out: &mut impl Sink) {
        (**self).write_to(out);
    }

    fn to_bytes(&self) -> Bytes {
        (**self).to_bytes()
    }
}

impl Encode for Event<'_> {}
impl Encode for OwnedEvent {}
impl Encode for Head<'_> {}
impl Encode for Block<'_> {}
impl Encode for OwnedBlock {}
impl Encode for Comment<'_> {}
impl Encode for Bytes {}

#[diagnostic::do_not_recommend]
impl<T: Encode + ?Sized> Encode for &T {}

/// The bytes of a part, for adapters.
#[cfg(feature = "stream")]
pub(crate) fn to_bytes(part: &impl Encode) -> Bytes {
    sealed::Part::to_bytes(part)
}

/// Appends a part.
#[cfg(feature = "std")]
pub(crate) fn append(part: &impl Encode, out: &mut impl Sink) {
    sealed::Part::write_to(part, out);
}

macro_rules! encode {
    ($($type:ty),*) => {$(
        impl $type {
            /// As the bytes of an event stream, in one allocation of the exact size. A clone of them costs a reference count.
            ///
            /// Never fails.
            #[inline]
            #[must_use = "encoding sends nothing by itself"]
            pub fn encode(&self) -> Bytes {
                sealed::Part::to_bytes(self)
            }

            /// Appends the same bytes to `out`.
            ///
            /// # Panics
            ///
            /// If `out` cannot grow and has less room than [`encoded_len`](Self::encoded_len), as
            /// [`BufMut::put_slice`] does. `Vec<u8>` and `BytesMut` grow.
            #[inline]
            pub fn encode_into(&self, out: &mut impl BufMut) {
                sealed::Part::write_to(self, &mut Buffer(out));
            }

            /// The exact length of the same bytes.
            #[must_use]
            pub fn encoded_len(&self) -> usize {
                let mut len = 0;
                sealed::Part::write_to(self, &mut len);
                len
            }
        }
    )*};
}

encode!(Event<'_>, OwnedEvent, Head<'_>, Block<'_>, OwnedBlock, Comment<'_>);

/// Encodes many parts of an event stream into one piece of memory. For one event, [`Event::encode`] does.
///
/// The fields of an event are written in the order `event`, `id`, `retry`, `data`; each line of the data gets a `data:`
/// line, and one space follows each colon. No text can forge a field or an event: an [`Event`] holds only what its fields
/// can carry. [`take`](Encoder::take) always returns whole blocks.
///
/// ```
/// use sse_wire::{Comment, Encoder, Event, EventId, Head};
///
/// let mut encoder = Encoder::new();
/// encoder.push(Event::new("a"));
/// encoder.push(Head::from(EventId::from_static("7")));
/// encoder.push(Comment("hi"));
/// assert_eq!(encoder.take(), "data: a\n\nid: 7\n\n: hi\n\n");
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    out: BytesMut,
    /// How much of `out` is whole blocks. What comes after it was begun by a `DataWriter` and not finished.
    done: usize,
    /// How long the last batch was.
    last: usize,
}

impl Encoder {
    /// An encoder. It takes no memory before it is used.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder::default()
    }

    /// Appends an event, a head, a block, a comment, or bytes that were encoded before. Never fails.
    #[inline]
    pub fn push(&mut self, part: impl Encode) {
        part.write_to(self.whole_blocks());
        self.done = self.out.len();
    }

    /// What was appended, as one piece; the encoder is empty after it.
    ///
    /// Small batches share pieces of memory of 8 KiB, which live as long as a batch in them; the encoder uses a piece again
    /// once all batches in it are dropped.
    #[must_use = "what was taken is gone from the encoder"]
    pub fn take(&mut self) -> Bytes {
        self.out.truncate(self.done);
        self.last = mem::take(&mut self.done);
        if self.out.len() > ARENA {
            // A large batch does not share its memory.
            mem::take(&mut self.out).freeze()
        } else {
            self.out.split().freeze()
        }
    }

    /// How many bytes [`take`](Encoder::take) would return.
    #[must_use]
    pub fn len(&self) -> usize {
        self.done
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.done == 0
    }

    /// The whole blocks, to append to.
    #[inline(always)]
    fn whole_blocks(&mut self) -> &mut BytesMut {
        self.out.truncate(self.done);
        if self.done == 0 && self.out.capacity() <= self.last.min(ARENA - 1) {
            // Room for a batch as long as the last, so that it is not moved while it grows.
            self.out.reserve(ARENA);
        }
        &mut self.out
    }
}

#[inline]
fn write_event(head: Head<'_>, data: &[u8], out: &mut impl Sink) {
    write_head(head, out);
    out.write(DATA);
    write_lines(data, out);
    out.write(END);
}

/// Data, or a piece of it, whose first line was begun already.
#[inline]
fn write_lines(mut data: &[u8], out: &mut impl Sink) {
    loop {
        let window = &data[..data.len().min(WINDOW)];
        if let Some(end) = lines::find(window) {
            data = write_short_lines(data, end, out);
            continue;
        }
        out.write(window);
        data = &data[window.len()..];
        if data.is_empty() {
            break;
        }
    }
}

/// Writes lines up to a long one, or the last one. Returns the data from there on. `end`: where the first line ends.
#[inline(never)]
fn write_short_lines<'a>(data: &'a [u8], mut end: usize, out: &mut impl Sink) -> &'a [u8] {
    let (mut ends, mut pos) = (LineEnds::NEW, 0);
    loop {
        out.write(&data[pos..end]);
        out.write(NEXT_DATA);
        pos = lines::after(data, end);
        match ends.find_near(data, pos) {
            Ok(next) => end = next,
            Err(_) => return &data[pos..],
        }
    }
}

/// The encoded length of the lines of data.
#[inline(never)]
fn lines_len(data: &[u8]) -> usize {
    let of_lines = |count: usize| DATA.len() + count * NEXT_DATA.len();
    if memchr::memchr(b'\r', data).is_none() {
        let line_feeds = memchr::memchr_iter(b'\n', data).count();
        return of_lines(line_feeds) + data.len() - line_feeds;
    }
    Lines::new(data).map(|line| NEXT_DATA.len() + line.len()).sum::<usize>() - 1
}

#[inline]
fn is_bare(head: Head<'_>) -> bool {
    head.name.is_none() && head.id.is_none() && head.retry.is_none()
}

#[inline(never)]
fn head_len(head: Head<'_>) -> usize {
    let mut len = 0;
    write_head(head, &mut len);
    len
}

/// All fields but data.
#[inline]
fn write_head(head: Head<'_>, out: &mut impl Sink) {
    if let Some(name) = head.name {
        write_field(b"event: ", name.as_str().as_bytes(), out);
    }
    if let Some(id) = head.id {
        write_field(b"id: ", id.as_str().as_bytes(), out);
    }
    if let Some(time) = head.retry {
        write_retry(time, out);
    }
}

#[inline]
fn write_field(prefix: &[u8], value: &[u8], out: &mut impl Sink) {
    out.write(prefix);
    out.write(value);
    out.write(b"\n");
}

/// In whole milliseconds, rounded up, and at most `u64::MAX` of them.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn write_retry(time: Duration, out: &mut impl Sink) {
    let mut left = milliseconds(time);
    // As many digits as u64::MAX has.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while left > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    write_field(b"retry: ", &digits[start..], out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{EventId, EventName};
    use alloc::string::String;

    fn encoded(event: Event<'_>) -> String {
        let bytes = event.encode();
        assert_eq!(event.encoded_len(), bytes.len());
        let mut appended = Vec::new();
        event.encode_into(&mut appended);
        assert_eq!(appended, bytes);
        let mut encoder = Encoder::new();
        encoder.push(event);
        assert_eq!(encoder.len(), bytes.len());
        assert_eq!(encoder.take(), bytes);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn every_line_break_starts_a_data_line() {
        assert_eq!(encoded(Event::new("")), "data: \n\n");
        assert_eq!(encoded(Event::new("a\rb\r\nc\n\n")), "data: a\ndata: b\ndata: c\ndata: \ndata: \n\n");
    }

    #[test]
    fn a_long_line_is_written_whole_and_line_breaks_are_found_wherever_they_lie() {
        for len in WINDOW - 3..WINDOW + 3 {
            let line = "x".repeat(len);
            for line_break in ["\n", "\r", "\r\n"] {
                let data = [&*line, line_break, &*line, line_break].concat();
                assert_eq!(encoded(Event::new(&data)), alloc::format!("data: {line}\ndata: {line}\ndata: \n\n"));
            }
        }
    }

    #[test]
    fn a_line_break_that_ends_the_window_does_not_swallow_the_next() {
        let line = "x".repeat(WINDOW - 1);
        for line_break in ["\n", "\r"] {
            let data = [&*line, line_break, "\n", "end"].concat();
            let empty = if line_break == "\n" { "data: \n" } else { "" };
            assert_eq!(encoded(Event::new(&data)), alloc::format!("data: {line}\n{empty}data: end\n\n"));
        }
    }

    #[test]
    fn an_empty_name_is_not_written_and_an_empty_id_is() {
        let event = Event::new("x").with_name(EventName::from_static("")).with_id(EventId::from_static(""));
        assert_eq!(encoded(event), "id: \ndata: x\n\n");
    }

    #[test]
    fn a_head_by_itself_is_a_block_without_an_event() {
        let head = Head::from(EventName::from_static("n")).with_id(EventId::from_static("7"));
        assert_eq!(head.encode(), "id: 7\n\n");
        assert_eq!(head.with_retry(Duration::from_secs(3)).encode(), "id: 7\nretry: 3000\n\n");
        assert_eq!(Head::new().encode(), "\n");
    }

    #[test]
    fn retry_is_rounded_up_to_milliseconds_and_saturates() {
        let retry = |time| encoded(Event::new("").with_retry(time));
        assert_eq!(retry(Duration::ZERO), "retry: 0\ndata: \n\n");
        assert_eq!(retry(Duration::from_nanos(1)), "retry: 1\ndata: \n\n");
        assert_eq!(retry(Duration::from_micros(1500)), "retry: 2\ndata: \n\n");
        assert_eq!(retry(Duration::MAX), "retry: 18446744073709551615\ndata: \n\n");
    }

    #[test]
    fn small_batches_share_memory_and_use_it_again() {
        let mut encoder = Encoder::new();
        let mut batch = |data| {
            encoder.push(Event::new(data));
            encoder.take()
        };
        let (first, second) = (batch("a"), batch("b"));
        assert_eq!(second.as_ptr(), first[first.len()..].as_ptr());
        let arena = first.as_ptr() as usize..first.as_ptr() as usize + ARENA;
        drop((first, second));
        for _ in 0..ARENA {
            assert!(arena.contains(&(batch("all before were dropped").as_ptr() as usize)));
        }
    }

    #[test]
    fn a_large_batch_leaves_nothing_in_the_encoder() {
        for data in ["x".repeat(ARENA), "\n".repeat(ARENA / 6)] {
            let mut encoder = Encoder::new();
            encoder.push(Event::new(&data));
            assert!(encoder.take().is_unique());
            assert_eq!(encoder.out.capacity(), 0);
        }
    }

    #[test]
    fn an_encoded_event_is_alone_in_memory_of_the_exact_size() {
        for data in ["", "x", "a\nb\r\nc", &"x\n".repeat(ARENA)] {
            let bytes = Event::new(data).with_id(EventId::from_static("7")).encode();
            let (len, vec) = (bytes.len(), Vec::from(bytes));
            assert_eq!((vec.len(), vec.capacity()), (len, len));
        }
    }

    #[test]
    fn a_buffer_of_exactly_the_encoded_length_is_enough() {
        let event = Event::new("a\nb").with_id(EventId::from_static("7"));
        let mut memory = [0; 64];
        let (mut room, _) = memory.split_at_mut(event.encoded_len());
        event.encode_into(&mut room);
        assert!(room.is_empty());
    }
}
