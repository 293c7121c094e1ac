//! sse-wire 0.1, the commit that `with-0.1` extracts.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;

use crate::encoders::{Case, timed, timed_into};
use crate::parsers::{Adapter, Sink};

pub const BORROWED: &str = "0.1, borrowed";
pub const SHARED: &str = "0.1, shared";
pub const ENCODE: &str = "0.1, encode";
pub const ENCODE_INTO: &str = "0.1, encode_into";

pub struct Borrowed;

impl Adapter for Borrowed {
    type Chunk<'c> = &'c [u8];

    fn parse<'c>(chunks: impl Iterator<Item = &'c [u8]>, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = old::Parser::new();
        for mut chunk in chunks {
            while let Some(event) = parser.next_event(&mut chunk).map_err(|error| error.to_string())? {
                sink.event(event.name(), event.data(), event.last_event_id());
            }
        }
        Ok(())
    }
}

pub struct Shared;

impl Adapter for Shared {
    type Chunk<'c> = Bytes;

    fn parse<'c>(chunks: impl Iterator<Item = Self::Chunk<'c>>, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = old::Parser::new();
        for mut chunk in chunks {
            while let Some(event) = parser.next_event_shared(&mut chunk).map_err(|error| error.to_string())? {
                sink.event(event.name(), event.data(), event.last_event_id());
            }
        }
        Ok(())
    }
}

fn event(case: &Case) -> old::Event<&str> {
    let event = old::Event::new(&*case.data);
    let Some((name, id)) = case.event else {
        return event;
    };
    let event = event.with_name(name).expect("a name without line ends");
    event.with_id(id).expect("an id without line ends")
}

pub fn encode(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let mut encoder = old::Encoder::new();
    if let Some(written) = written {
        written.extend_from_slice(&encoder.encode(&event(case)));
    }
    timed(repetitions, || {
        black_box(encoder.encode(&event(black_box(case))));
    })
}

pub fn encode_into(case: &'static Case, repetitions: usize, written: Option<&mut Vec<u8>>) -> Duration {
    let encoder = old::Encoder::new();
    timed_into(case, repetitions, written, |memory| encoder.encode_into(&event(black_box(case)), memory))
}
