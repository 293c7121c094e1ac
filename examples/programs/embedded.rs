//! The loop of an embedded program, with fixed buffers: it compiles without the standard library.
//!
//! `cargo run --example embedded --no-default-features`

#![no_std]

use sse_wire::{Event, EventName, ParseError, Parser};

const SET: EventName<'static> = EventName::from_static("set");

/// What a UART or a socket of the device looks like.
trait Port {
    /// Waits for bytes. 0: there will be no more.
    fn read(&mut self, buffer: &mut [u8]) -> usize;
}

/// Reads commands until the port is closed. The parser takes memory only for an event that a read has cut, and no more than
/// the limit.
fn run(port: &mut impl Port, mut set: impl FnMut(&str)) -> Result<(), ParseError> {
    let mut parser = Parser::new().with_max_event_size(256);
    let mut buffer = [0; 32];
    loop {
        let count = port.read(&mut buffer);
        if count == 0 {
            return Ok(());
        }
        let mut events = parser.feed(&buffer[..count]);
        while let Some(event) = events.next_event()? {
            if event.event_name() == Some(SET) {
                set(event.data());
            }
        }
    }
}

/// And back, into a fixed buffer; `None` if there is no room.
fn report<'b>(buffer: &'b mut [u8], text: &str) -> Option<&'b [u8]> {
    let event = Event::new(text).with_name(SET);
    let encoded = buffer.get_mut(..event.encoded_len())?;
    event.encode_into(&mut &mut *encoded);
    Some(encoded)
}

/// From here on: a simulated device.
struct Script(&'static [u8]);

impl Port for Script {
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.0.len());
        let (read, rest) = self.0.split_at(count);
        buffer[..count].copy_from_slice(read);
        self.0 = rest;
        count
    }
}

fn main() {
    extern crate std;

    let mut values = std::vec::Vec::new();
    let mut port = Script(b": hello, this is longer than the buffer\n\nevent: set\ndata: 21.5\n\ndata: other\n\n");
    run(&mut port, |value| values.push(std::string::String::from(value))).unwrap();
    std::println!("set to {values:?}");
    assert_eq!(values, ["21.5"]);
    assert_eq!(report(&mut [0; 64], "on"), Some(&b"event: set\ndata: on\n\n"[..]));
    assert_eq!(report(&mut [0; 8], "on"), None);
}
