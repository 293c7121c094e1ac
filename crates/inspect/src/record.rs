//! Recordings of streams, with their timing: a text file of one JSON object a line.
//!
//! ```text
//! {"sse_recording":1}
//! {"status":200,"content_type":"text/event-stream"}
//! {"at_ms":12.5,"text":"data: one\n\n"}
//! {"at_ms":250,"base64":"ZGF0YTog/w=="}
//! {"at_ms":300,"end":"finished"}
//! ```
//!
//! The first line has the version of the format. The head of the response may be missing: it is then that of an event stream.
//! Each chunk is a line, in `base64` if it is not UTF-8. Times are in milliseconds since the request, and never decrease. The
//! last line says how the stream ended: `"finished"`, or `"broken"` with the reason in `why`. Without it, the recording was
//! stopped while the stream was open. Blank lines mean nothing.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// The status and the content type of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub content_type: Option<String>,
}

impl Default for Head {
    fn default() -> Head {
        Head { status: 200, content_type: Some(sse_wire::http::EVENT_STREAM.to_owned()) }
    }
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As the server meant it.
    Finished,
    /// The connection broke, for this reason.
    Broken(String),
}

/// What a transport delivered, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Since the request.
    pub at: Duration,
    pub bytes: Bytes,
}

/// A stream with its timing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub head: Head,
    pub chunks: Vec<Chunk>,
    /// Of the end, or of the last chunk.
    pub end_at: Duration,
    /// `None` if the recording was stopped before.
    pub end: Option<End>,
}

/// A line of the file. Which members it has says what it is.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    sse_recording: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Writes a recording. Each call writes one line, so that what was recorded is kept if the program is stopped.
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes the version.
    pub fn new(out: W) -> io::Result<Writer<W>> {
        let mut writer = Writer { out };
        writer.line(&Line { sse_recording: Some(VERSION), ..Line::default() })?;
        Ok(writer)
    }

    /// The head of the response; to be called before the first chunk, if there is a response.
    pub fn head(&mut self, status: u16, content_type: Option<&str>) -> io::Result<()> {
        let content_type = content_type.map(str::to_owned);
        self.line(&Line { status: Some(status), content_type, ..Line::default() })
    }

    /// A chunk, and the time since the request.
    pub fn chunk(&mut self, elapsed: Duration, bytes: &[u8]) -> io::Result<()> {
        let (text, base64) = match str::from_utf8(bytes) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(BASE64_STANDARD.encode(bytes))),
        };
        self.line(&Line { at_ms: Some(milliseconds(elapsed)), text, base64, ..Line::default() })
    }

    /// The end of the stream, unless it was the recording that ended.
    pub fn end(&mut self, elapsed: Duration, end: &End) -> io::Result<()> {
        let (end, why) = match end {
            End::Finished => ("finished", None),
            End::Broken(why) => ("broken", Some(why.clone())),
        };
        self.line(&Line { at_ms: Some(milliseconds(elapsed)), end: Some(end.to_owned()), why, ..Line::default() })
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut json = serde_json::to_vec(line)?;
        json.push(b'\n');
        self.out.write_all(&json)?;
        self.out.flush()
    }
}

/// With microseconds as fractions.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Why a file is not a recording.
#[derive(Debug)]
pub enum ReadError {
    Io(io::Error),
    /// The line, counted from 1, and what is wrong there.
    Line(usize, String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "{error}"),
            ReadError::Line(line, message) => write!(f, "line {line}: {message}"),
        }
    }
}

impl Recording {
    /// Reads a recording, or any other file as an event stream that comes at once.
    pub fn read(path: &Path) -> Result<Recording, ReadError> {
        let bytes = fs::read(path).map_err(ReadError::Io)?;
        if is_recording(&bytes) { Recording::parse(&bytes) } else { Ok(Recording::at_once(bytes.into())) }
    }

    fn at_once(bytes: Bytes) -> Recording {
        let chunks = vec![Chunk { at: Duration::ZERO, bytes }];
        Recording { head: Head::default(), chunks, end_at: Duration::ZERO, end: Some(End::Finished) }
    }

    fn parse(bytes: &[u8]) -> Result<Recording, ReadError> {
        let mut reader = Reader { found: Recording::at_once(Bytes::new()), has_version: false, has_head: false };
        reader.found.chunks.clear();
        reader.found.end = None;
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                reader.line(line).map_err(|message| ReadError::Line(index + 1, message))?;
            }
        }
        Ok(reader.found)
    }

    /// All bytes of the stream.
    pub fn stream(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| &chunk.bytes).copied().collect()
    }
}

/// Whether the first line says that this is a recording, if only by its start.
pub fn is_recording(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let after_brace = start.strip_prefix(b"{").unwrap_or_default().trim_ascii_start();
    after_brace.starts_with(b"\"sse_recording\"")
}

struct Reader {
    found: Recording,
    has_version: bool,
    has_head: bool,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            let message = text.split(" at line ").next().unwrap_or_default();
            format!("{message}, at column {}", error.column())
        })?;
        if self.found.end.is_some() {
            return Err("the recording goes on after its end".to_owned());
        }
        match line {
            Line { sse_recording: Some(version), status: None, content_type: None, at_ms: None, text: None, base64: None, end: None, why: None } => {
                self.version(version)
            }
            Line { sse_recording: None, status: Some(status), content_type, at_ms: None, text: None, base64: None, end: None, why: None } => {
                self.head(status, content_type)
            }
            Line { sse_recording: None, status: None, content_type: None, at_ms: Some(at), text, base64, end, why } => {
                self.at(at)?;
                match (text, base64, end, why) {
                    (Some(text), None, None, None) => self.chunk(text.into()),
                    (None, Some(base64), None, None) => {
                        let bytes = BASE64_STANDARD.decode(base64).map_err(|error| format!("base64: {error}"))?;
                        self.chunk(bytes.into());
                    }
                    (None, None, Some(end), why) => self.end(&end, why)?,
                    _ => return Err("there must be one of \"text\", \"base64\" and \"end\"".to_owned()),
                }
                Ok(())
            }
            _ => Err("there must be \"status\", with or without \"content_type\", or \"at_ms\" with \"text\", \"base64\" or \"end\"".to_owned()),
        }
    }

    fn version(&mut self, version: u32) -> Result<(), String> {
        if self.has_version {
            return Err("the version is here twice".to_owned());
        }
        self.has_version = true;
        if version == VERSION { Ok(()) } else { Err(format!("version {version} is not known, only {VERSION}")) }
    }

    fn head(&mut self, status: u16, content_type: Option<String>) -> Result<(), String> {
        if self.has_head || !self.found.chunks.is_empty() {
            return Err("the head must be here once, before the first chunk".to_owned());
        }
        if !(200..=599).contains(&status) {
            return Err(format!("status {status} is not one from 200 to 599"));
        }
        if content_type.as_ref().is_some_and(|value| axum::http::HeaderValue::from_str(value).is_err()) {
            return Err("the content type cannot be sent in a header".to_owned());
        }
        self.has_head = true;
        self.found.head = Head { status, content_type };
        Ok(())
    }

    /// The time of the line.
    fn at(&mut self, milliseconds: f64) -> Result<(), String> {
        let at = Duration::try_from_secs_f64(milliseconds / 1e3).map_err(|error| format!("at_ms: {error}"))?;
        if at < self.found.end_at {
            return Err("at_ms is less than on the line before".to_owned());
        }
        self.found.end_at = at;
        Ok(())
    }

    fn chunk(&mut self, bytes: Bytes) {
        self.found.chunks.push(Chunk { at: self.found.end_at, bytes });
    }

    fn end(&mut self, end: &str, why: Option<String>) -> Result<(), String> {
        self.found.end = Some(match (end, why) {
            ("finished", None) => End::Finished,
            ("finished", Some(_)) => return Err("\"why\" is only for \"broken\"".to_owned()),
            ("broken", why) => End::Broken(why.unwrap_or_default()),
            _ => return Err("\"end\" must be \"finished\" or \"broken\"".to_owned()),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(recording: &str) -> String {
        Recording::parse(recording.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file).unwrap();
        writer.head(500, Some("text/html")).unwrap();
        writer.chunk(Duration::from_micros(1_500), "data: é\n".as_bytes()).unwrap();
        writer.chunk(Duration::from_millis(3), b"\xff\n").unwrap();
        writer.end(Duration::from_secs(1), &End::Broken("reset".to_owned())).unwrap();
        let expected = "{\"sse_recording\":1}\n{\"status\":500,\"content_type\":\"text/html\"}\n\
             {\"at_ms\":1.5,\"text\":\"data: é\\n\"}\n{\"at_ms\":3.0,\"base64\":\"/wo=\"}\n\
             {\"at_ms\":1000.0,\"end\":\"broken\",\"why\":\"reset\"}\n";
        assert_eq!(String::from_utf8(file.clone()).unwrap(), expected);
        assert!(is_recording(&file));
        let chunk =
            |at, bytes: &'static [u8]| Chunk { at: Duration::from_micros(at), bytes: Bytes::from_static(bytes) };
        let recording = Recording {
            head: Head { status: 500, content_type: Some("text/html".to_owned()) },
            chunks: vec![chunk(1_500, "data: é\n".as_bytes()), chunk(3_000, b"\xff\n")],
            end_at: Duration::from_secs(1),
            end: Some(End::Broken("reset".to_owned())),
        };
        assert_eq!(Recording::parse(&file).unwrap(), recording);
    }

    #[test]
    fn the_example_of_the_readme_is_a_recording() {
        let (_, example) = include_str!("serve/README.md").split_once("```text\n{").unwrap();
        let example = format!("{{{}", example.split("```").next().unwrap());
        let found = Recording::parse(example.as_bytes()).unwrap();
        assert_eq!((found.stream(), found.end), (b"data: one\n\ndata: \xff\n\n".to_vec(), Some(End::Finished)));
    }

    #[test]
    fn a_recording_needs_no_head_and_no_end() {
        let found = Recording::parse(b"\n{ \"sse_recording\" : 1 }\r\n\r\n{\"at_ms\":5,\"text\":\"data\"}").unwrap();
        assert_eq!((&found.head, &found.end, found.end_at), (&Head::default(), &None, Duration::from_millis(5)));
        assert_eq!(found.stream(), b"data");
    }

    #[test]
    fn an_error_says_the_line_and_what_is_wrong_there() {
        let after = |line: &str| error(&format!("{{\"sse_recording\":1}}\n\n{line}\n"));
        assert_eq!(error("{\"sse_recording\":2}"), "line 1: version 2 is not known, only 1");
        assert_eq!(after("{\"at_ms\":1,"), "line 3: EOF while parsing a value, at column 11");
        assert!(after("{\"at\":1}").starts_with("line 3: unknown field `at`, expected one of"));
        assert_eq!(after("{\"at_ms\":1}"), "line 3: there must be one of \"text\", \"base64\" and \"end\"");
        assert_eq!(
            after("{\"at_ms\":1,\"text\":\"\",\"base64\":\"\"}"),
            "line 3: there must be one of \"text\", \"base64\" and \"end\""
        );
        assert!(after("{\"text\":\"data\"}").starts_with("line 3: there must be \"status\""));
        assert!(after("{\"at_ms\":-1,\"text\":\"\"}").starts_with("line 3: at_ms: "));
        assert!(after("{\"at_ms\":1e300,\"text\":\"\"}").starts_with("line 3: at_ms: "));
        assert!(after("{\"at_ms\":1,\"base64\":\"*\"}").starts_with("line 3: base64: "));
        assert_eq!(after("{\"at_ms\":1,\"end\":\"done\"}"), "line 3: \"end\" must be \"finished\" or \"broken\"");
        assert_eq!(after("{\"at_ms\":1,\"end\":\"finished\",\"why\":\"\"}"), "line 3: \"why\" is only for \"broken\"");
        assert_eq!(after("{\"status\":101}"), "line 3: status 101 is not one from 200 to 599");
        assert_eq!(
            after("{\"status\":200,\"content_type\":\"a\\nb\"}"),
            "line 3: the content type cannot be sent in a header"
        );
        assert_eq!(after("{\"sse_recording\":1}"), "line 3: the version is here twice");
        let chunk = "{\"at_ms\":2,\"text\":\"data\"}\n";
        assert_eq!(
            after(&format!("{chunk}{{\"at_ms\":1,\"text\":\"\"}}")),
            "line 4: at_ms is less than on the line before"
        );
        assert_eq!(
            after(&format!("{chunk}{{\"status\":200}}")),
            "line 4: the head must be here once, before the first chunk"
        );
        assert_eq!(
            after(&format!("{{\"at_ms\":1,\"end\":\"finished\"}}\n{chunk}")),
            "line 4: the recording goes on after its end"
        );
    }

    #[test]
    fn a_stream_that_is_json_is_no_recording() {
        assert!(!is_recording(b"{\"id\":1}\n{\"sse_recording\":1}\n"));
        assert!(!is_recording(b"data: {\"sse_recording\":1}\n\n"));
    }
}
