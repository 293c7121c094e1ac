//! Server-Sent Events from end to end, with only this crate and the standard library.
//!
//! `cargo run --example quickstart` starts an HTTP server on a loopback port and reads from it. Half-way the connection
//! breaks, in the middle of an event; the client reconnects with `Last-Event-ID` and gets exactly the rest. An `EventSource`
//! decides when to reconnect, and a `ReplayBuffer` what the rest is. The exit status is 0 if every event came exactly once.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use sse_wire::client::{CloseReason, EventSource};
use sse_wire::server::ReplayBuffer;
use sse_wire::{BlockLine, Comment, Encoder, Event, EventId, EventName, Head, KEEP_ALIVE, OwnedEvent, http};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A read or write that takes this long is an error, so that the example never hangs.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let events = events()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("The server listens on http://{address}/ and has {} events.", events.len());
    let server = thread::spawn({
        let events = events.clone();
        move || serve(&listener, &events)
    });

    let received = receive(address);
    server.join().map_err(|_| "the server panicked")??;

    let complete = received == events;
    let verdict = if complete { "nothing was lost, nothing came twice" } else { "NOT what the server sent" };
    println!("Received {} events in order: {verdict}.", received.len());
    Ok(complete)
}

/// What the server sends.
fn events() -> Result<Vec<OwnedEvent>> {
    let sent = [
        ("greeting", "Hello!"),
        ("greeting", "Grüße, 你好, こんにちは 🚀"),
        ("message", "an event whose name is the default one"),
        ("json", r#"{"temperature": 21.5, "unit": "°C"}"#),
        ("empty", ""),
        ("poem", "Roses are red,\nviolets are blue,\n\n    an indented line."),
        ("text", " a leading space, and a last line break\n"),
        ("not-a-field", "data: x\nevent: y\n: all of this is data"),
        ("long", "0123456789"),
        ("end", "Goodbye."),
    ];
    let mut events = Vec::new();
    for (number, (name, data)) in (1..).zip(sent) {
        let data = if name == "long" { data.repeat(10_000) } else { data.to_owned() };
        let id = number.to_string();
        let event = Event::new(&data).with_name(EventName::new(name)?).with_id(EventId::new(&id)?);
        events.push(event.into_owned());
    }
    Ok(events)
}

// The server ----------------------------------------------------------------------------------------------------------

/// Answers two requests: the first answer breaks off, the second is complete.
fn serve(listener: &TcpListener, events: &[OwnedEvent]) -> Result<()> {
    let mut replay = ReplayBuffer::new();
    for event in events {
        // A server with live subscribers would also send them the bytes that this returns.
        replay.publish(event)?;
    }
    for breaks_off in [true, false] {
        let (connection, _) = listener.accept()?;
        connection.set_read_timeout(PATIENCE)?;
        connection.set_write_timeout(PATIENCE)?;
        answer(connection, &replay, breaks_off)?;
    }
    Ok(())
}

fn answer(mut connection: TcpStream, replay: &ReplayBuffer, breaks_off: bool) -> Result<()> {
    let missed = match read_request(&connection)? {
        Some(id) => replay.since(id)?,
        None => replay.all(),
    };
    println!("  server: a request, {} events to send", missed.len());

    write!(connection, "HTTP/1.1 200 OK\r\n")?;
    for (name, value) in http::RESPONSE_HEADERS {
        write!(connection, "{name}: {value}\r\n")?;
    }
    write!(connection, "transfer-encoding: chunked\r\n\r\n")?;
    let mut encoder = Encoder::new();
    encoder.push(Head::new().with_retry(Duration::from_millis(100)));
    encoder.push(Comment("comments may have\nseveral lines"));
    write_chunk(&mut connection, &encoder.take())?;
    let half = missed.len() / 2;
    for (index, bytes) in missed.enumerate() {
        if breaks_off && index == half {
            write_chunk(&mut connection, &bytes[..bytes.len() / 2])?;
            println!("  server: breaks off in the middle of event {}", index + 1);
            return Ok(());
        }
        if index % 3 == 0 {
            write_chunk(&mut connection, KEEP_ALIVE)?;
        }
        write_chunk(&mut connection, bytes)?;
    }
    connection.write_all(b"0\r\n\r\n")?;
    Ok(())
}

/// Reads a request and returns its `Last-Event-ID`.
fn read_request(connection: &TcpStream) -> Result<Option<String>> {
    let mut last_event_id = None;
    for line in BufReader::new(connection).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case(http::LAST_EVENT_ID)
        {
            last_event_id = Some(value.trim().to_owned());
        }
    }
    Ok(last_event_id)
}

fn write_chunk(connection: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    write!(connection, "{:x}\r\n", bytes.len())?;
    connection.write_all(bytes)?;
    connection.write_all(b"\r\n")
}

// The client ----------------------------------------------------------------------------------------------------------

/// Connects, and connects again, until the end event has come.
fn receive(address: SocketAddr) -> Vec<OwnedEvent> {
    let mut source = EventSource::new().with_end_name("end");
    let mut received = Vec::new();
    let clock = Instant::now();
    loop {
        if let Err(error) = read_events(address, &mut source, &mut received, clock) {
            println!("  client: the connection ended: {error}");
        }
        let unfinished = source.finish().and_then(|block| block.event()).map_or(0, |event| event.data().len());
        match source.disconnected(clock.elapsed()) {
            Ok(next) => {
                // A random number spreads the clients of a server that was restarted. Here there is only one.
                let wait = next.wait(0);
                let id = source.last_event_id();
                println!(
                    "  client: drops {unfinished} bytes of an unfinished event; reconnects in {wait:?} with id {id:?}"
                );
                thread::sleep(wait);
            }
            Err(CloseReason::EndEvent) => return received,
            Err(reason) => {
                println!("  client: gives up: {reason}");
                return received;
            }
        }
    }
}

/// One connection: everything that arrives goes through the event source.
fn read_events(
    address: SocketAddr,
    source: &mut EventSource,
    received: &mut Vec<OwnedEvent>,
    clock: Instant,
) -> Result<()> {
    let mut body = request(address, source, clock)?;
    let mut buffer = [0; 4096];
    loop {
        let read = body.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        let mut blocks = source.feed(&buffer[..read]);
        while let Some(block) = blocks.next_block()? {
            for line in block.lines() {
                if let BlockLine::Comment(text) = line {
                    println!("  client: a comment: {text:?}");
                }
            }
            if let Some(event) = block.event() {
                println!("  client: {} {}: {}", event.last_event_id(), event.name(), shown(event.data()));
                received.push(event.into_owned());
            }
        }
    }
}

fn shown(data: &str) -> String {
    if data.len() > 60 { format!("{:?}... {} bytes", &data[..20], data.len()) } else { format!("{data:?}") }
}

/// Sends the request, and passes the head of the response to the event source, which checks it.
fn request(address: SocketAddr, source: &mut EventSource, clock: Instant) -> Result<ChunkedBody> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(PATIENCE)?;
    write!(connection, "GET / HTTP/1.1\r\nhost: {address}\r\n")?;
    for (name, value) in source.request_headers() {
        connection.write_all(&[name.as_bytes(), b": ", value, b"\r\n"].concat())?;
    }
    connection.write_all(b"\r\n")?;

    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
    let mut content_type = String::new();
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-type")
        {
            value.trim().clone_into(&mut content_type);
        }
    }
    source.response(status, content_type, clock.elapsed())?;
    Ok(ChunkedBody { reader, left: 0 })
}

/// The body of a chunked answer. Events may begin and end anywhere in HTTP's chunks.
struct ChunkedBody {
    reader: BufReader<TcpStream>,
    /// What is left of the current chunk.
    left: u64,
}

impl Read for ChunkedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let mut size = String::new();
            self.reader.read_line(&mut size)?;
            let broken = |_| io::Error::new(io::ErrorKind::UnexpectedEof, "no more chunks");
            self.left = u64::from_str_radix(size.trim_end(), 16).map_err(broken)?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let read = self.reader.by_ref().take(self.left).read(buffer)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the chunk is incomplete"));
        }
        self.left -= read as u64;
        if self.left == 0 {
            self.reader.read_exact(&mut [0; 2])?;
        }
        Ok(read)
    }
}
