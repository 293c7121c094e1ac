//! A server that does as little as it can: it writes a response that was prepared.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::corpora::{Corpus, Cut};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\nconnection: close\r\n\r\n";

/// How events lie in chunks of the body. Each chunk is one write to the socket.
#[derive(Clone, Copy, Debug)]
pub struct Chunking {
    /// How tables show it.
    pub name: &'static str,
    cut: Cut,
    /// After each write. The client has then read all, and waits.
    pause: Duration,
    /// How often a response repeats the corpus, so that a connection costs little beside its events.
    repetitions: usize,
}

pub const CHUNKINGS: [Chunking; 3] = [
    Chunking { name: "one event, then a pause", cut: Cut::Event, pause: Duration::from_micros(50), repetitions: 1 },
    Chunking { name: "one event, without pauses", cut: Cut::Event, pause: Duration::ZERO, repetitions: 16 },
    Chunking { name: "16 KiB, about 62 events", cut: Cut::Bytes(16 * 1024), pause: Duration::ZERO, repetitions: 16 },
];

/// A response, and what a client must see in it.
#[derive(Debug)]
pub struct Prepared {
    writes: Vec<Vec<u8>>,
    pause: Duration,
    repetitions: usize,
    /// How many events it has.
    pub events: usize,
    /// How many bytes its body has, without the framing of HTTP.
    pub bytes: usize,
}

impl Prepared {
    /// The whole response.
    pub fn new(corpus: &Corpus, chunking: Chunking) -> Prepared {
        let framed = |chunk: &[u8]| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        let Chunking { cut, pause, repetitions, .. } = chunking;
        Prepared {
            writes: corpus.chunks(cut).into_iter().map(framed).collect(),
            pause,
            repetitions,
            events: corpus.events * repetitions,
            bytes: corpus.stream.len() * repetitions,
        }
    }

    fn write(&self, to: &mut TcpStream) -> io::Result<()> {
        to.write_all(HEAD)?;
        for _ in 0..self.repetitions {
            for write in &self.writes {
                to.write_all(write)?;
                if !self.pause.is_zero() {
                    thread::sleep(self.pause);
                }
            }
        }
        to.write_all(b"0\r\n\r\n")
    }
}

/// Serves this response to any request, on a thread of its own, until the process ends.
pub fn serve(response: Arc<Prepared>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        // A client that closes its connection early is found by what it has seen.
        while let Ok((client, _)) = listener.accept() {
            let _ = answer(client, &response);
        }
    });
    Ok(address)
}

fn answer(mut client: TcpStream, response: &Prepared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut lines = BufReader::new(client.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    response.write(&mut client)
}
