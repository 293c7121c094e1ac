//! What a run writes, and the checker reads. Nothing else passes between the two.
//!
//! | file | one line for |
//! |---|---|
//! | `topics` | each topic: its name, and how many events are kept of it |
//! | `log/TOPIC` | each event, once it is acknowledged: its number and its id |
//! | `breaks` | each loss: when, the topic, and the id of the last entry that survived |
//! | `driver` | each fault, each property that the driver has checked, and each that does not hold: when, which, and more |
//! | `clients/NUMBER` | what the client saw: the topic first, then the [`Line`]s |

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Milliseconds since 1970, as in the ids of Redis.
pub type Time = u64;

/// Now.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The id of an entry in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub time: Time,
    sequence: u64,
}

impl Id {
    /// The place before the first entry.
    pub const START: Id = Id::first_at(0);

    /// The first that an entry of this time can have.
    pub const fn first_at(time: Time) -> Id {
        Id { time, sequence: 0 }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.sequence)
    }
}

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Id, String> {
        let parse = || {
            let (time, sequence) = text.split_once('-')?;
            Some(Id { time: time.parse().ok()?, sequence: sequence.parse().ok()? })
        };
        parse().ok_or_else(|| format!("{text:?} is no id"))
    }
}

/// What a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It connects to this node with this last event ID.
    Began { time: Time, node: usize, id: Option<Id> },
    /// Its last event ID has changed without an event.
    At(Id),
    /// An event: its id, and the topic and the number that are its data.
    Event { id: Id, topic: String, number: u64 },
    /// The event `gone`.
    Gone { time: Time, id: Id },
    /// 503.
    Refused,
    /// There was no connection, or no response.
    Unreachable,
    /// The connection has ended, whoever ended it.
    Ended,
    /// What must never be.
    Wrong(String),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Began { time, node, id: Some(id) } => write!(f, "began {time} {node} {id}"),
            Line::Began { time, node, id: None } => write!(f, "began {time} {node} new"),
            Line::At(id) => write!(f, "at {id}"),
            Line::Event { id, topic, number } => write!(f, "event {id} {topic} {number}"),
            Line::Gone { time, id } => write!(f, "gone {time} {id}"),
            Line::Refused => write!(f, "refused"),
            Line::Unreachable => write!(f, "unreachable"),
            Line::Ended => write!(f, "ended"),
            Line::Wrong(what) => write!(f, "wrong {what}"),
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Line, String> {
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        let words: Vec<_> = rest.split(' ').collect();
        let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is no number"));
        Ok(match (kind, &words[..]) {
            ("began", [time, node, id]) => {
                let id = if *id == "new" { None } else { Some(id.parse()?) };
                let node = node.parse().map_err(|_| format!("{node:?} is no node"))?;
                Line::Began { time: number(time)?, node, id }
            }
            ("at", [id]) => Line::At(id.parse()?),
            ("event", [id, topic, of]) => Line::Event { id: id.parse()?, topic: (*topic).into(), number: number(of)? },
            ("gone", [time, id]) => Line::Gone { time: number(time)?, id: id.parse()? },
            ("refused", _) => Line::Refused,
            ("unreachable", _) => Line::Unreachable,
            ("ended", _) => Line::Ended,
            ("wrong", _) => Line::Wrong(rest.into()),
            _ => return Err(format!("{text:?} is no line of a history")),
        })
    }
}

/// The files of a run that is happening.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
    breaks: Arc<Mutex<File>>,
    driver: Arc<Mutex<File>>,
}

impl Files {
    /// In this folder, which is empty.
    pub fn new(folder: &Path) -> io::Result<Files> {
        std::fs::create_dir(folder.join("log"))?;
        std::fs::create_dir(folder.join("clients"))?;
        let file = |name| File::create(folder.join(name)).map(|file| Arc::new(Mutex::new(file)));
        Ok(Files { folder: folder.into(), breaks: file("breaks")?, driver: file("driver")? })
    }

    pub fn topics(&self, topics: impl IntoIterator<Item = (String, usize)>) -> io::Result<()> {
        let lines = topics.into_iter().map(|(name, kept)| format!("{name} {kept}\n"));
        std::fs::write(self.folder.join("topics"), lines.collect::<String>())
    }

    pub fn log(&self, topic: &str) -> io::Result<File> {
        File::create(self.folder.join("log").join(topic))
    }

    /// Every entry of the topic after this id that was written until now is lost.
    pub fn broken(&self, time: Time, topic: &str, last: Id) -> io::Result<()> {
        write(&self.breaks, &format!("{time} {topic} {last}\n"))
    }

    /// A fault, a property that holds (`holds`), or one that does not (`FAILED`).
    pub fn driver(&self, what: &str, more: &str) {
        eprintln!("  {what} {more}");
        if let Err(error) = write(&self.driver, &format!("{} {what} {more}\n", now())) {
            eprintln!("the log of the driver: {error}");
        }
    }

    pub fn history(&self, client: usize, topic: &str) -> History {
        History { path: self.folder.join("clients").join(format!("{client:04}")), pending: format!("{topic}\n") }
    }
}

fn write(file: &Mutex<File>, line: &str) -> io::Result<()> {
    file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
}

/// How many bytes of a history are collected before they are written, so that the file is open for a moment only.
const COLLECTED: usize = 64 * 1024;

/// What one client has seen so far.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    pending: String,
}

impl History {
    pub fn push(&mut self, line: &Line) {
        self.pending.push_str(&line.to_string());
        self.pending.push('\n');
        if self.pending.len() > COLLECTED {
            self.flush();
        }
    }

    /// # Panics
    ///
    /// If the file cannot be written: a history with a hole proves nothing.
    pub fn flush(&mut self) {
        let file = OpenOptions::new().append(true).create(true).open(&self.path);
        file.and_then(|mut file| file.write_all(self.pending.as_bytes())).expect("a history can be written");
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let id = Id { time: 17, sequence: 3 };
        for line in [
            Line::Began { time: 1, node: 2, id: Some(id) },
            Line::Began { time: 1, node: 2, id: None },
            Line::At(id),
            Line::Event { id, topic: "a".into(), number: 7 },
            Line::Gone { time: 9, id },
            Line::Refused,
            Line::Unreachable,
            Line::Ended,
            Line::Wrong("status 500".into()),
        ] {
            assert_eq!(line.to_string().parse(), Ok(line));
        }
        assert!("event 1-0 a".parse::<Line>().is_err());
        assert!("at 1".parse::<Line>().is_err());
    }
}
