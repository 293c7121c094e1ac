//! `Events` over `ureq`: a real client against a small server whose connections break.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use sse_wire::io::{Events, ReadError, WriteEvents};
use sse_wire::{Event, EventId, Parser, http};
use ureq::http::{HeaderName, HeaderValue};
use ureq::{Agent, BodyReader};

/// Serves so many connections, one after the other. `answer` gets the request.
fn serve(connections: usize, answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..connections {
            let mut stream = listener.accept().unwrap().0;
            stream.set_nodelay(true).unwrap();
            let request = BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
            let request = request.collect::<Vec<_>>().join("\n");
            answer(&request, &mut stream);
        }
    });
    (url, server)
}

/// The head of a response whose body is chunked.
fn write_head(stream: &mut TcpStream) {
    write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n").unwrap();
    for (name, value) in http::RESPONSE_HEADERS {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    write!(stream, "\r\n").unwrap();
}

fn write_chunk(stream: &mut TcpStream, chunk: &[u8]) {
    write!(stream, "{:x}\r\n", chunk.len()).unwrap();
    stream.write_all(chunk).unwrap();
    stream.write_all(b"\r\n").unwrap();
}

/// Connects as an event source does.
fn connect(url: &str, mut parser: Parser) -> Events<BodyReader<'static>> {
    let agent: Agent = Agent::config_builder().proxy(None).build().into();
    let mut request = agent.get(url);
    for (name, value) in http::REQUEST_HEADERS {
        request = request.header(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !parser.last_event_id().is_empty() {
        request = request.header(http::LAST_EVENT_ID, parser.last_event_id());
    }
    let response = request.call().unwrap();
    assert!(http::is_event_stream(&response.headers()["content-type"]));
    parser.reset();
    Events::with_parser(response.into_body().into_reader(), parser)
}

#[test]
fn events_arrive_from_chunks_that_are_cut_anywhere() {
    let stream = "\u{feff}id: 1\r\nevent: price\r\ndata: \u{1f680}\r\n\r\n: c\ndata: two\ndata: lines\n\ndata: lost";
    for size in [1, 2, 7, 1000] {
        let (url, server) = serve(1, move |request, connection| {
            assert!(request.to_lowercase().contains("accept: text/event-stream"));
            write_head(connection);
            for chunk in stream.as_bytes().chunks(size) {
                write_chunk(connection, chunk);
            }
            write_chunk(connection, b"");
        });
        let mut events = connect(&url, Parser::new());
        let first = events.next().unwrap().unwrap();
        assert_eq!((first.name(), first.data(), first.id()), ("price", "\u{1f680}", Some("1")));
        assert_eq!(events.next().unwrap().unwrap().data(), "two\nlines");
        assert!(events.next().is_none());
        let unfinished = events.finish().unwrap();
        assert_eq!(unfinished.event().map(|event| event.data()), Some("lost"));
        assert_eq!(unfinished.id(), None);
        server.join().unwrap();
    }
}

#[test]
fn a_broken_connection_is_an_error_and_the_next_one_goes_on_from_the_last_event() {
    let (url, server) = serve(2, |request, connection| {
        let again = request.to_lowercase().contains("last-event-id: 7");
        write_head(connection);
        if again {
            write_chunk(connection, b"id: 8\ndata: second\n\n");
            write_chunk(connection, b"");
        } else {
            write_chunk(connection, b"id: 7\ndata: first\n\nid: 8\ndata: hal");
        }
    });
    let mut events = connect(&url, Parser::new());
    assert_eq!(events.next().unwrap().unwrap().data(), "first");
    assert!(matches!(events.next(), Some(Err(ReadError::Io(_)))));
    assert!(events.next().is_none());
    let (_, parser, _) = events.into_parts();

    let mut events = connect(&url, parser);
    let event = events.next().unwrap().unwrap();
    assert_eq!((event.data(), event.id()), ("second", Some("8")));
    assert!(events.next().is_none());
    server.join().unwrap();
}

#[test]
fn an_event_is_yielded_before_the_next_one_is_sent() {
    let (tell, told) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let (url, server) = serve(1, move |_, connection| {
        write_head(connection);
        for data in ["1", "2", "3"] {
            write_chunk(connection, &Event::new(data).encode());
            told.lock().unwrap().recv().unwrap();
        }
        write_chunk(connection, b"");
    });
    let mut seen = String::new();
    for event in connect(&url, Parser::new()) {
        seen += event.unwrap().data();
        tell.send(()).unwrap();
    }
    assert_eq!(seen, "123");
    server.join().unwrap();
}

#[test]
fn events_are_written_to_a_socket_as_they_come() {
    let (url, server) = serve(1, |_, connection| {
        // Without a length the body ends with the connection.
        write!(connection, "HTTP/1.1 200 OK\r\ncontent-type: {}\r\n\r\n", http::EVENT_STREAM).unwrap();
        let mut events = WriteEvents::new(connection);
        for number in 0..100 {
            let id = number.to_string();
            events.write(Event::new(&id).with_id(EventId::new(&id).unwrap())).unwrap();
        }
        events.flush().unwrap();
    });
    let seen: Vec<_> = connect(&url, Parser::new()).map(|event| event.unwrap()).collect();
    assert_eq!(seen.len(), 100);
    assert!((0..100).all(|number| seen[number].id() == Some(&number.to_string())));
    server.join().unwrap();
}
