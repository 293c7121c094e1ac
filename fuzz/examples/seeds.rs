//! Writes the conformance cases as inputs for each target, into `corpus/`, for a start without a corpus.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;
use sse_wire_fuzz::cut::CutStream;
use sse_wire_fuzz::fields::Fields;

fn main() -> io::Result<()> {
    for (number, case) in cases("parser.jsonl")?.iter().enumerate() {
        let stream = input(case);
        let head = u8::try_from(number % 256).unwrap_or_default();
        let choices = std::array::from_fn(|place| head >> place & 1 == 1);
        for cuts in [[0; 4], [1; 4], cuts(case)] {
            // Readers of every kind.
            let turns = std::array::from_fn(|place| ((number * 4 + place) * 37 % 256) as u8);
            let seed = CutStream { choices, event_limit: 64, block_limit: 96, cuts, turns, stream: &stream }.seed();
            for target in ["parse", "limit", "lines", "writer"] {
                write(target, number, cuts[0], &seed)?;
            }
        }
        // Readers that stop after one event each, are dropped, and have an empty chunk between them.
        let turns = std::array::from_fn(|place| 0b1010_1000 | ((number + place) % 7) as u8);
        for end in ["", "\r"] {
            let stream = [&stream, end.as_bytes()].concat();
            let (event_limit, block_limit, cuts) = (64, 96, [0; 4]);
            let seed = CutStream { choices, event_limit, block_limit, cuts, turns, stream: &stream }.seed();
            for target in ["parse", "lines"] {
                write(target, 2000 + number, end.len() as u8, &seed)?;
            }
        }
        // A connection that opens, sends the stream, ends, and is made again.
        let bytes = stream.chunks(60).flat_map(|part| [&[part.len() as u8][..], part].concat());
        let turn = (number * 37 % 256) as u8;
        let steps: Vec<u8> = [b'T', turn, b'O'].into_iter().chain(bytes).chain(*b"FD\x01\0\0\0\0O").collect();
        write("client", number, 0, &steps)?;
    }
    for (number, case) in cases("encoder.jsonl")?.iter().enumerate() {
        let text = |name: &str| case[name].as_str().map(Cow::Borrowed);
        let seed = Fields {
            data: text("data").unwrap_or_default(),
            name: text("event"),
            id: text("id"),
            retry: case["retry"].as_u64().and_then(|time| time.checked_mul(1_000_000)),
            comment: text("comment"),
        };
        for target in ["encode", "others"] {
            write(target, number, 0, &seed.seed())?;
        }
    }
    // Longer than the windows, the pieces of memory and the look ahead of the crate.
    for (number, text) in ["x", "\u{e9}\u{4e2d}\u{1f680}", "line\r\n"].iter().enumerate() {
        let data = text.repeat(18_000 / text.len());
        let stream = format!("data: {data}\n\nid: {data}\n\n");
        for cuts in [[0; 4], [250, 255, 251, 253]] {
            let (choices, turns) = ([false, false, true, false, false, true, true, true], [0, 3, 4, 5]);
            let (event_limit, block_limit, stream) = (255, 255, stream.as_bytes());
            let seed = CutStream { choices, event_limit, block_limit, cuts, turns, stream }.seed();
            for target in ["parse", "limit", "lines", "writer"] {
                write(target, 1000 + number, cuts[0], &seed)?;
            }
        }
        let seed = Fields { data: data.into(), ..Fields::default() }.seed();
        for target in ["encode", "others"] {
            write(target, 1000 + number, 0, &seed)?;
        }
    }
    let histories: [&[u8]; 3] = [
        b"P\x01a\x01P\x01b\x02S\x01aS\x01bP\x01a\x03S\x01c",
        b"E\x02P\x01a\x01P\x01b\x01P\x01c\x01P\x01d\x01S\x01aS\x01bS\x01dE\0S\x01d",
        b"S\x03e-1P\x01a\x08S\x03e-1S\x03e-2P\x01b\xffB\x40\0S\x03e-1S\x03e-2",
    ];
    for (number, history) in histories.iter().enumerate() {
        write("replay", number, 0, history)?;
    }
    Ok(())
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases(name: &str) -> io::Result<Vec<Value>> {
    let text = fs::read_to_string(here().join("../tests/data").join(name))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

/// The bytes of a case.
fn input(case: &Value) -> Vec<u8> {
    let Some(digits) = case["input_hex"].as_str() else {
        return case["input"].as_str().unwrap_or_default().into();
    };
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// The first four cuts of a case.
fn cuts(case: &Value) -> [u8; 4] {
    let lengths = case["chunks"].as_array().map_or(&[][..], Vec::as_slice);
    std::array::from_fn(|place| lengths.get(place).and_then(Value::as_u64).map_or(7, |length| length.min(255) as u8))
}

fn write(target: &str, number: usize, cut: u8, seed: &[u8]) -> io::Result<()> {
    let folder: PathBuf = here().join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("case-{number}-{cut}")), seed)
}
