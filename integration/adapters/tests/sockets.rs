//! `Events` and `WriteEvents` over plain TCP.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use sse_wire::Event;
use sse_wire::io::{Events, ReadError, WriteEvents};

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn a_read_that_times_out_loses_nothing() {
    let (client, mut server) = connection();
    client.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut events = Events::new(client);
    for piece in ["da", "ta: lo", "ng\r", "\n"] {
        server.write_all(piece.as_bytes()).unwrap();
        // Nothing else was sent, so the read must time out.
        let Some(Err(ReadError::Io(error))) = events.next() else { panic!("an event too early") };
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    }
    server.write_all(b"\r\n").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    let events: Vec<_> = events.filter_map(Result::ok).collect();
    assert_eq!(events, [Event::new("long")]);
}

#[test]
fn a_socket_that_is_full_gets_the_rest_later() {
    let (client, server) = connection();
    server.set_nonblocking(true).unwrap();
    let large = "x".repeat(64 * 1024);
    let mut events = WriteEvents::new(server);
    let mut written = 0;
    // Until the buffers of the operating system are full.
    while events.write(Event::new(&large)).is_ok() {
        written += 1;
    }
    assert!(events.unsent() > 0);
    let watch = std::thread::spawn(move || Events::new(client).map(|event| event.unwrap().data().len()).collect());
    while events.flush().is_err() {
        std::thread::yield_now();
    }
    events.get_ref().set_nonblocking(false).unwrap();
    events.write_blocks(&Event::new("last").encode()).unwrap();
    drop(events.into_inner());
    let seen: Vec<usize> = watch.join().unwrap();
    assert_eq!(seen, [vec![large.len(); written + 1], vec![4]].concat());
}
