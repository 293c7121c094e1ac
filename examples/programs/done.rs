//! A client of a language model, which stops at `[DONE]` and leaves what comes after it unread.
//!
//! `cargo run --example done`

use std::error::Error;
use std::io::Read;

use sse_wire::{ParseError, Parser};

/// Appends the part of the answer in a chunk. At `[DONE]` it returns the rest of the chunk.
fn read<'c>(parser: &mut Parser, chunk: &'c [u8], answer: &mut String) -> Result<Option<&'c [u8]>, ParseError> {
    let mut events = parser.feed(chunk);
    while let Some(event) = events.next_event()? {
        if event.data() == "[DONE]" {
            return Ok(Some(events.into_rest()));
        }
        answer.push_str(event.data());
    }
    Ok(None)
}

/// Reads one answer. If the stream ends before `[DONE]`, the answer is incomplete: an error.
fn answer(mut connection: impl Read) -> Result<String, Box<dyn Error>> {
    let (mut parser, mut answer, mut buffer) = (Parser::new(), String::new(), [0; 32]);
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Err(format!("cut before [DONE], after {answer:?}").into());
        }
        if let Some(rest) = read(&mut parser, &buffer[..count], &mut answer)? {
            println!("{} bytes after [DONE] are left", rest.len());
            return Ok(answer);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let stream = "data: hel\n\ndata: lo\n\ndata: [DONE]\n\ndata: not read\n\n";
    assert_eq!(answer(stream.as_bytes())?, "hello");

    let cut = answer(&stream.as_bytes()[..25]).unwrap_err();
    assert_eq!(cut.to_string(), "cut before [DONE], after \"hello\"");

    // The parser can be used for the next answer on the same connection, which may begin within the same chunk.
    let (mut parser, mut text) = (Parser::new(), String::new());
    let rest = read(&mut parser, stream.as_bytes(), &mut text)?.expect("the answer is complete");
    assert_eq!(rest, b"data: not read\n\n");
    assert_eq!(read(&mut parser, rest, &mut text)?, None);
    assert_eq!(text, "hellonot read");
    Ok(())
}
