//! Where a stream comes from.

use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use reqwest::Response;
use tokio::sync::mpsc;

pub mod http;

const CHUNK: usize = 64 * 1024;

/// How many chunks may wait to be shown.
const WAITING: usize = 4;

/// Where chunks come from.
pub enum Input {
    /// A file or standard input, which a thread reads.
    File(mpsc::Receiver<io::Result<Chunk>>),
    Response(Box<Response>),
}

/// A chunk, and when it came.
pub type Chunk = (Instant, Bytes);

impl Input {
    /// Standard input if there is no path. Also whether times mean something: not if it is a file on a disk.
    pub fn open(path: Option<&str>) -> io::Result<(Input, bool)> {
        let (read, is_live): (Box<dyn Read + Send>, bool) = match path {
            Some(path) => {
                let file = File::open(path)?;
                let is_live = !file.metadata()?.is_file();
                (Box::new(file), is_live)
            }
            None => (Box::new(io::stdin()), !is_stdin_a_file()),
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        thread::Builder::new().spawn(move || read_all(read, &sender))?;
        Ok((Input::File(receiver), is_live))
    }

    /// The next chunk, or `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Chunk>, String> {
        match self {
            Input::File(chunks) => chunks.recv().await.transpose().map_err(|error| error.to_string()),
            Input::Response(response) => match response.chunk().await {
                Ok(chunk) => Ok(chunk.map(|chunk| (Instant::now(), chunk))),
                Err(error) => Err(format!("the response broke off: {}", cause(&error))),
            },
        }
    }
}

fn read_all(mut input: Box<dyn Read + Send>, chunks: &mpsc::Sender<io::Result<Chunk>>) {
    loop {
        let mut buffer = vec![0; CHUNK];
        let chunk = match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => {
                // A small chunk does not keep a large buffer.
                let bytes = if len < CHUNK / 2 {
                    Bytes::copy_from_slice(&buffer[..len])
                } else {
                    Bytes::from(buffer).slice(..len)
                };
                Ok((Instant::now(), bytes))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = chunk.is_err();
        if chunks.blocking_send(chunk).is_err() || is_last {
            return;
        }
    }
}

#[cfg(unix)]
fn is_stdin_a_file() -> bool {
    use std::os::fd::AsFd as _;
    let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(not(unix))]
fn is_stdin_a_file() -> bool {
    false
}

/// The last cause of an error. What wraps it says only where it came through.
fn cause(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// An error with its causes.
pub fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}
