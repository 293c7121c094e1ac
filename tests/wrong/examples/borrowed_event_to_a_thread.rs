// E0597

//! An event that leaves the thread is owned.

use std::sync::mpsc;
use std::thread;

use sse_wire::{ParseError, Parser};

#[cfg(wrong)]
fn wrong() -> Result<(), ParseError> {
    let (to, from) = mpsc::channel();
    thread::spawn(move || println!("{:?}", from.recv()));
    let chunk = b"data: 1\n\n".to_vec();
    let mut parser = Parser::new();
    let mut events = parser.feed(&chunk);
    while let Some(event) = events.next_event()? {
        to.send(event).unwrap();
    }
    Ok(())
}

fn main() -> Result<(), ParseError> {
    let (to, from) = mpsc::channel();
    let thread = thread::spawn(move || println!("{:?}", from.recv()));
    let chunk = b"data: 1\n\n".to_vec();
    let mut parser = Parser::new();
    let mut events = parser.feed(&chunk);
    while let Some(event) = events.next_event()? {
        to.send(event.into_owned()).unwrap();
    }
    thread.join().unwrap();
    Ok(())
}
