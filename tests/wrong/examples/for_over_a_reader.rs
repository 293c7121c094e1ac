// E0277

//! A reader lends one event at a time, which no iterator can. `owned` makes it one.

use sse_wire::{ParseError, Parser};

#[cfg(wrong)]
fn wrong(mut parser: Parser) {
    for event in parser.feed(b"data: 1\n\n") {
        println!("{event:?}");
    }
}

fn main() -> Result<(), ParseError> {
    let mut parser = Parser::new();
    for event in parser.feed(b"data: 1\n\n").owned() {
        println!("{:?}", event?);
    }
    Ok(())
}
