//! Events to bytes.

mod vectored;
mod writer;

use core::mem;
use core::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use crate::event::Event;
use crate::field::{Field, FieldError};
use crate::line::{Lines, WINDOW, find_line_end};

pub use vectored::EncodedEvent;
pub use writer::DataWriter;

/// A comment with no text: bytes to send now and then so that proxies and clients know the connection is alive.
///
/// Send it between events. The standard suggests one "every 15 seconds or so" ([9.2.7]).
///
/// [9.2.7]: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// How much memory the encoder takes at a time for small events.
const ARENA: usize = 8 * 1024;

/// Turns events into the bytes of an event stream ([9.2.5]).
///
/// Encoding an event cannot fail and cannot forge anything: what a field cannot carry could not be put into an
/// [`Event`]. Every encoder's output is a run of whole blocks, so outputs may be sent one after the other in any
/// order.
///
/// The fields are written in the order `event`, `id`, `retry`, `data`; each line of the data gets a `data:` line, and
/// one space follows each colon, so that a leading space of the value survives.
///
/// ```
/// use sse_wire::{Encoder, Event};
///
/// let mut encoder = Encoder::new();
/// let event = Event::new("one\ntwo").with_name("count")?.with_id("7")?;
/// let bytes = encoder.encode(&event);
/// assert_eq!(&bytes[..], b"event: count\nid: 7\ndata: one\ndata: two\n\n");
///
/// // A clone costs a reference count: send the same bytes to every subscriber.
/// let subscribers = vec![bytes.clone(); 1000];
/// # Ok::<(), sse_wire::FieldError>(())
/// ```
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#[derive(Debug, Default)]
pub struct Encoder {
    // Empty between two calls. What it was split into may share its memory.
    arena: BytesMut,
}

impl Encoder {
    /// An encoder. It takes no memory before it is used.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder::default()
    }

    /// The event as bytes of its own, cheap to clone.
    ///
    /// Small events share pieces of memory of a few KiB each, which live as long as an event in them; the encoder
    /// uses a piece again once nobody holds any of it.
    pub fn encode<S: AsRef<str>>(&mut self, event: &Event<S>) -> Bytes {
        let event = event.as_borrowed();
        // Exact for data of one line; a piece that turns out too small grows.
        let len = |text: Option<&str>| text.map_or(0, str::len);
        let estimate = event.data().len() + len(event.written_name()) + len(event.id()) + 64;
        self.build(estimate, |dst| write_event(&event, dst))
    }

    /// Appends the event to `dst`: the same bytes as [`encode`](Encoder::encode), in memory of the caller's.
    ///
    /// ```
    /// use sse_wire::{Encoder, Event};
    ///
    /// let mut out = Vec::new();
    /// let encoder = Encoder::new();
    /// encoder.encode_into(&Event::new("a"), &mut out);
    /// encoder.encode_into(&Event::new("b"), &mut out);
    /// assert_eq!(out, b"data: a\n\ndata: b\n\n");
    /// ```
    ///
    /// # Panics
    ///
    /// If `dst` cannot grow and has less room than [`encoded_len`](Encoder::encoded_len), as
    /// [`BufMut::put_slice`] does. `Vec<u8>` and `BytesMut` grow.
    pub fn encode_into<S: AsRef<str>>(&self, event: &Event<S>, dst: &mut impl BufMut) {
        write_event(&event.as_borrowed(), &mut Buffer(dst));
    }

    /// How many bytes the event takes when it is encoded. Exact.
    #[must_use]
    pub fn encoded_len<S: AsRef<str>>(&self, event: &Event<S>) -> usize {
        let mut len = 0;
        write_event(&event.as_borrowed(), &mut len);
        len
    }

    /// A comment, as a block without an event: every line of `text` becomes a comment line.
    ///
    /// Clients ignore it; [`Parser::next_item`](crate::Parser::next_item) shows it. `text` may hold anything. For a
    /// mere sign of life, [`KEEP_ALIVE`] needs no encoder.
    ///
    /// ```
    /// let mut encoder = sse_wire::Encoder::new();
    /// assert_eq!(&encoder.comment("two\nlines")[..], b": two\n: lines\n\n");
    /// ```
    pub fn comment(&mut self, text: &str) -> Bytes {
        self.build(text.len() + 64, |dst| {
            for line in Lines::new(text.as_bytes()) {
                write_field(b": ", line, dst);
            }
            dst.write(b"\n");
        })
    }

    /// A reconnection time, as a block without an event: how long clients wait before they connect again.
    ///
    /// In whole milliseconds, rounded up, and at most `u64::MAX` of them.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut encoder = sse_wire::Encoder::new();
    /// assert_eq!(&encoder.retry(Duration::from_secs(3))[..], b"retry: 3000\n\n");
    /// ```
    pub fn retry(&mut self, time: Duration) -> Bytes {
        self.build(64, |dst| {
            write_retry(time, dst);
            dst.write(b"\n");
        })
    }

    /// An id, as a block without an event: the client's last event ID from here on; the empty string resets it.
    ///
    /// ```
    /// let mut encoder = sse_wire::Encoder::new();
    /// assert_eq!(&encoder.id("42")?[..], b"id: 42\n\n");
    /// # Ok::<(), sse_wire::FieldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FieldError`] if the id holds CR, LF or NUL.
    pub fn id(&mut self, id: &str) -> Result<Bytes, FieldError> {
        Field::Id.check(id)?;
        Ok(self.build(id.len() + 64, |dst| {
            write_field(b"id: ", id.as_bytes(), dst);
            dst.write(b"\n");
        }))
    }

    /// What `write` writes, in memory with room for `estimate` bytes to begin with.
    fn build(&mut self, estimate: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        if estimate > ARENA {
            // Large: in memory that it shares with nothing.
            let mut own = BytesMut::with_capacity(estimate);
            write(&mut own);
            return own.freeze();
        }
        if self.arena.capacity() < estimate {
            self.arena.reserve(ARENA);
        }
        write(&mut self.arena);
        take_block(&mut self.arena)
    }
}

/// What was written to `arena`, which is empty after it.
#[inline]
fn take_block(arena: &mut BytesMut) -> Bytes {
    if arena.len() > ARENA {
        // Larger than it looked, with many lines: it has grown, and is not shared either.
        return mem::take(arena).freeze();
    }
    arena.split().freeze()
}

// What stands before the first line of the data, between two lines, and after the last.
const DATA: &[u8] = b"data: ";
const NEXT_DATA: &[u8] = b"\ndata: ";
const END: &[u8] = b"\n\n";

/// Where blocks are written to: memory, or nowhere, to be counted.
trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

struct Buffer<'a, B>(&'a mut B);

impl<B: BufMut> Sink for Buffer<'_, B> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

// `BytesMut::put_slice` is a call; this is not.
impl Sink for BytesMut {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for usize {
    fn write(&mut self, bytes: &[u8]) {
        *self += bytes.len();
    }
}

#[inline]
fn write_event(event: &Event<&str>, dst: &mut impl Sink) {
    write_head(event, dst);
    dst.write(DATA);
    write_lines(event.data().as_bytes(), dst);
    dst.write(END);
}

/// Data, or a piece of it, on from where a line of it is under way.
#[inline]
fn write_lines(mut data: &[u8], dst: &mut impl Sink) {
    loop {
        let window = &data[..data.len().min(WINDOW)];
        if let Some(end) = find_line_end(window) {
            dst.write(&data[..end.at]);
            dst.write(NEXT_DATA);
            data = &data[end.at + end.terminator..];
            if end.at + 1 == window.len() && window.ends_with(b"\r") && data.starts_with(b"\n") {
                // The CRLF lies across the end of the window.
                data = &data[1..];
            }
        } else {
            dst.write(window);
            data = &data[window.len()..];
            if data.is_empty() {
                break;
            }
        }
    }
}

/// All fields but data.
#[inline]
fn write_head(event: &Event<&str>, dst: &mut impl Sink) {
    if let Some(name) = event.written_name() {
        write_field(b"event: ", name.as_bytes(), dst);
    }
    if let Some(id) = event.id() {
        write_field(b"id: ", id.as_bytes(), dst);
    }
    if let Some(time) = event.retry() {
        write_retry(time, dst);
    }
}

#[inline]
fn write_field(prefix: &[u8], value: &[u8], dst: &mut impl Sink) {
    dst.write(prefix);
    dst.write(value);
    dst.write(b"\n");
}

fn write_retry(time: Duration, dst: &mut impl Sink) {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    let mut left = u64::try_from(milliseconds).unwrap_or(u64::MAX);
    // As many digits as u64::MAX has.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while left > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    write_field(b"retry: ", &digits[start..], dst);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn encoded(event: &Event<&str>) -> String {
        String::from_utf8(Encoder::new().encode(event).to_vec()).unwrap()
    }

    #[test]
    fn every_line_break_starts_a_data_line() {
        assert_eq!(encoded(&Event::new("")), "data: \n\n");
        assert_eq!(encoded(&Event::new("a\rb\r\nc\n\n")), "data: a\ndata: b\ndata: c\ndata: \ndata: \n\n");
    }

    #[test]
    fn a_long_line_is_written_whole_and_line_breaks_are_found_wherever_they_lie() {
        for len in WINDOW - 3..WINDOW + 3 {
            let line = "x".repeat(len);
            for line_break in ["\n", "\r", "\r\n"] {
                let data = [&*line, line_break, &*line, line_break].concat();
                assert_eq!(encoded(&Event::new(&data)), alloc::format!("data: {line}\ndata: {line}\ndata: \n\n"));
            }
        }
    }

    #[test]
    fn a_line_break_that_ends_the_window_does_not_swallow_the_next() {
        let line = "x".repeat(WINDOW - 1);
        for line_break in ["\n", "\r"] {
            let data = [&*line, line_break, "\n", "end"].concat();
            let empty = if line_break == "\n" { "data: \n" } else { "" };
            assert_eq!(encoded(&Event::new(&data)), alloc::format!("data: {line}\n{empty}data: end\n\n"));
        }
    }

    #[test]
    fn a_line_break_before_the_window_ends_does_not_swallow_the_next() {
        let line = "x".repeat(WINDOW - 4);
        assert_eq!(
            encoded(&Event::new(&alloc::format!("a\n\n{line}\r"))),
            alloc::format!("data: a\ndata: \ndata: {line}\ndata: \n\n")
        );
    }

    #[test]
    fn an_event_of_many_lines_leaves_nothing_in_the_encoder() {
        let mut encoder = Encoder::new();
        drop(encoder.encode(&Event::new(&*"\n".repeat(ARENA - 100))));
        assert_eq!(encoder.arena.capacity(), 0);
    }

    #[test]
    fn an_empty_name_is_not_written_and_an_empty_id_is() {
        let event = Event::new("x").with_name("").unwrap().with_id("").unwrap();
        assert_eq!(encoded(&event), "id: \ndata: x\n\n");
    }

    #[test]
    fn retry_is_rounded_up_to_milliseconds_and_saturates() {
        let retry = |time| encoded(&Event::new("").with_retry(time));
        assert_eq!(retry(Duration::ZERO), "retry: 0\ndata: \n\n");
        assert_eq!(retry(Duration::from_nanos(1)), "retry: 1\ndata: \n\n");
        assert_eq!(retry(Duration::from_micros(1500)), "retry: 2\ndata: \n\n");
        assert_eq!(retry(Duration::MAX), "retry: 18446744073709551615\ndata: \n\n");
    }

    #[test]
    fn small_events_share_memory_and_reuse_it() {
        let mut encoder = Encoder::new();
        let first = encoder.encode(&Event::new("a"));
        let second = encoder.encode(&Event::new("b"));
        assert_eq!(second.as_ptr(), first[first.len()..].as_ptr());
        let arena = first.as_ptr() as usize..first.as_ptr() as usize + ARENA;
        drop((first, second));
        for _ in 0..ARENA {
            let bytes = encoder.encode(&Event::new("nobody holds the ones before"));
            assert!(arena.contains(&(bytes.as_ptr() as usize)));
        }
    }

    #[test]
    fn a_large_event_leaves_nothing_in_the_encoder() {
        let mut encoder = Encoder::new();
        let large = encoder.encode(&Event::new(&*"x".repeat(ARENA)));
        assert!(large.is_unique());
        assert_eq!(encoder.arena.capacity(), 0);
    }

    #[test]
    fn a_full_buffer_of_exactly_the_encoded_length_is_enough() {
        let event = Event::new("a\nb").with_id("7").unwrap();
        let encoder = Encoder::new();
        let mut memory = [0; 64];
        let (mut room, _) = memory.split_at_mut(encoder.encoded_len(&event));
        encoder.encode_into(&event, &mut room);
        assert!(room.is_empty());
    }
}
