//! Event streams to measure with, for the benches and for `benches/compare`.
//!
//! Every stream is whole blocks in the order in which they were made, without any randomness: two runs measure the
//! same bytes. Where a stream is cut is decided before anything is timed.

#![allow(dead_code, reason = "each of the programs that include this file uses its own part of it")]

use std::ops::Range;

use bytes::Bytes;

/// About how long a stream is, unless its events are larger.
pub const STREAM_SIZE: usize = 1024 * 1024;

/// One event stream, and what is known about it.
pub struct Corpus {
    /// The name that tables show and that `--only` takes.
    pub name: &'static str,
    /// What it is an example of.
    pub about: &'static str,
    /// All of its bytes: whole blocks.
    pub stream: Vec<u8>,
    /// How many events a client sees.
    pub events: usize,
    /// Where the block of each event ends, with the comments before it.
    ends: Vec<usize>,
}

/// Where a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes, wherever that is.
    Bytes(usize),
    /// After each event.
    Event,
}

impl Cut {
    /// How tables show it.
    pub fn name(self) -> String {
        match self {
            Cut::Bytes(1) => "1 byte".into(),
            Cut::Bytes(size) if size % 1024 == 0 => format!("{} KiB", size / 1024),
            Cut::Bytes(size) => format!("{size} B"),
            Cut::Event => "one event".into(),
        }
    }
}

/// Writes the block of an event: its number, how long a line may be at most, and where to.
type WriteBlock = fn(usize, usize, &mut Vec<u8>);

/// Name, what it is an example of, its least length, and how its blocks are written.
const KINDS: [(&str, &str, usize, WriteBlock); 10] = [
    ("openai", "chunks of a chat completion, about 260 bytes", STREAM_SIZE, |n, _, out| write_openai(n, b"\n", out)),
    ("anthropic", "content block deltas: event and data", STREAM_SIZE, |n, _, out| write_anthropic(n, out)),
    ("tiny", "`data: x`", STREAM_SIZE, |_, _, out| out.extend_from_slice(b"data: x\n\n")),
    ("line-64k", "one line of 64 KiB", 2 * STREAM_SIZE, |_, longest, out| write_line(longest.min(64 * 1024), out)),
    ("lines-20", "20 data lines of 60 bytes", STREAM_SIZE, |n, _, out| write_lines(n, out)),
    ("crlf", "openai, with CRLF", STREAM_SIZE, |n, _, out| write_openai(n, b"\r\n", out)),
    ("all-fields", "id, event, retry and data", STREAM_SIZE, |n, _, out| write_all_fields(n, out)),
    ("comments", "20 keep-alive comments before each event", STREAM_SIZE, |n, _, out| write_comments(n, out)),
    ("cjk-emoji", "one line of mostly multi-byte characters", STREAM_SIZE, |n, _, out| write_multi_byte(n, out)),
    (LONGEST_LINE, "one line of 4 MiB", 1, |_, longest, out| write_line(longest.min(4 * STREAM_SIZE), out)),
];

const LONGEST_LINE: &str = "line-4m";

impl Corpus {
    /// All of them, each at its full size.
    pub fn all() -> Vec<Corpus> {
        Corpus::limited_to(usize::MAX)
    }

    /// All of them, none longer than `size` and its last event, with no line longer than that: for tests.
    pub fn limited_to(size: usize) -> Vec<Corpus> {
        let kinds = KINDS.iter();
        kinds.map(|&(name, about, full, write)| Corpus::new(name, about, full.min(size), size, write)).collect()
    }

    /// The one of this name, at its full size.
    pub fn named(name: &str) -> Option<Corpus> {
        Corpus::all().into_iter().find(|corpus| corpus.name == name)
    }

    fn new(name: &'static str, about: &'static str, size: usize, longest: usize, write: WriteBlock) -> Corpus {
        let mut stream = Vec::with_capacity(size + 1024);
        let mut ends = Vec::new();
        while stream.len() < size {
            write(ends.len(), longest, &mut stream);
            ends.push(stream.len());
        }
        Corpus { name, about, stream, events: ends.len(), ends }
    }

    /// The block of the first event, with the comments before it.
    pub fn first_block(&self) -> &[u8] {
        &self.stream[..self.ends[0]]
    }

    /// Where this stream is to be cut.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cuts = vec![Cut::Bytes(64 * 1024), Cut::Bytes(16 * 1024), Cut::Bytes(1400), Cut::Event];
        if self.name == LONGEST_LINE {
            cuts.push(Cut::Bytes(16));
        }
        cuts.push(Cut::Bytes(1));
        cuts
    }

    fn ranges(&self, cut: Cut) -> Vec<Range<usize>> {
        let ends: Vec<_> = match cut {
            Cut::Bytes(size) => (size..self.stream.len()).step_by(size).chain([self.stream.len()]).collect(),
            Cut::Event => self.ends.clone(),
        };
        let starts = [0].into_iter().chain(ends.iter().copied());
        starts.zip(ends.iter().copied()).map(|(start, end)| start..end).collect()
    }

    /// The stream in chunks that lie side by side.
    pub fn chunks(&self, cut: Cut) -> Vec<&[u8]> {
        self.ranges(cut).into_iter().map(|range| &self.stream[range]).collect()
    }

    /// The stream in chunks as libraries for HTTP yield them, each in its own memory.
    ///
    /// Chunks of a few bytes are parts of one piece of memory, so that a million allocations are not measured.
    pub fn shared_chunks(&self, cut: Cut) -> Vec<Bytes> {
        match cut {
            Cut::Bytes(..64) => {
                let all = Bytes::copy_from_slice(&self.stream);
                self.ranges(cut).into_iter().map(|range| all.slice(range)).collect()
            }
            _ => self.chunks(cut).into_iter().map(Bytes::copy_from_slice).collect(),
        }
    }
}

/// Tokens of a model's answer; some are not ASCII.
const TOKENS: [&str; 32] = [
    " The",
    " stream",
    " of",
    " events",
    ",",
    " as",
    " it",
    " arrives",
    ":",
    " café",
    " is",
    " parsed",
    " in",
    " one",
    " pass",
    ".",
    "\\n\\n",
    " No",
    " copy",
    " —",
    " and",
    " no",
    " allocation",
    "!",
    " \\\"quoted\\\"",
    " 日本",
    " text",
    " 42",
    " 🚀",
    " then",
    " the",
    " end",
];

fn write_openai(n: usize, line_end: &[u8], out: &mut Vec<u8>) {
    let token = TOKENS[n % TOKENS.len()];
    out.extend_from_slice(
        format!(
            "data: {{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\
             \"created\":1741569952,\"model\":\"gpt-4.1-2025-04-14\",\"system_fingerprint\":\"fp_44709d6fcb\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{token}\"}},\"logprobs\":null,\
             \"finish_reason\":null}}]}}"
        )
        .as_bytes(),
    );
    out.extend_from_slice(line_end);
    out.extend_from_slice(line_end);
}

fn write_anthropic(n: usize, out: &mut Vec<u8>) {
    let token = TOKENS[n % TOKENS.len()];
    out.extend_from_slice(
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{token}\"}}}}\n\n"
        )
        .as_bytes(),
    );
}

/// An event of one data line of `size` bytes.
fn write_line(size: usize, out: &mut Vec<u8>) {
    const TEXT: &[u8] = b"{\"index\":0,\"embedding\":[-0.0069292834,-0.0053368097,0.0145392031,-0.0240438730]},";
    let value = size.saturating_sub("data: ".len());
    out.extend_from_slice(b"data: ");
    out.extend(TEXT.iter().cycle().take(value));
    out.extend_from_slice(b"\n\n");
}

fn write_lines(n: usize, out: &mut Vec<u8>) {
    for line in 0..20 {
        // 60 bytes of data on each line.
        out.extend_from_slice(
            format!("data: {n:>9} {line:>2} fn main() {{ println!(\"one line of sixty\"); }} //\n").as_bytes(),
        );
    }
    out.push(b'\n');
}

fn write_all_fields(n: usize, out: &mut Vec<u8>) {
    let price = n % 997;
    out.extend_from_slice(
        format!(
            "id: {id}\nevent: price\nretry: 3000\n\
             data: {{\"symbol\":\"WIRE\",\"price\":{price}.25,\"volume\":12000,\"venue\":\"XNAS\"}}\n\n",
            id = 1_700_000_000 + n
        )
        .as_bytes(),
    );
}

fn write_comments(n: usize, out: &mut Vec<u8>) {
    for _ in 0..20 {
        out.extend_from_slice(b": keep-alive\n\n");
    }
    out.extend_from_slice(format!("data: {{\"tick\":{n}}}\n\n").as_bytes());
}

fn write_multi_byte(n: usize, out: &mut Vec<u8>) {
    const TEXT: [&str; 4] =
        ["服务器发送事件流，客户端逐行读取。", "サーバーから送られるイベント。", "🚀📦🎉👍🔥✨", "서버 전송 이벤트"];
    out.extend_from_slice(b"data: ");
    for part in 0..6 {
        out.extend_from_slice(TEXT[(n + part) % TEXT.len()].as_bytes());
    }
    out.extend_from_slice(b"\n\n");
}
