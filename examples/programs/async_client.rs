//! A client: chunks come from any async transport, and events go to the program.
//!
//! `cargo run --example async_client --features stream`

use std::error::Error;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sse_wire::stream::{EventStream, StreamError};
use sse_wire::{OwnedEvent, Parser, http};

type BoxError = Box<dyn Error + Send + Sync>;

/// What an HTTP library returns. With reqwest: `status()`, the header `content-type`, and `bytes_stream()`.
struct Response<S> {
    status: u16,
    content_type: &'static str,
    body: S,
}

/// Reads a response to its end, and returns the last event ID: what to send when connecting again.
async fn watch<S, E>(response: Response<S>, mut on_event: impl FnMut(OwnedEvent)) -> Result<String, BoxError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Error + Send + Sync + 'static,
{
    let Response { status, content_type, body } = response;
    if status != 200 || !http::is_event_stream(content_type) {
        return Err(format!("not an event stream: status {status}, {content_type}").into());
    }
    let parser = Parser::new().with_max_event_size(64);
    let mut events = EventStream::with_parser(body, parser);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => on_event(event),
            // One event was too large. The stream goes on after it.
            Err(StreamError::Parse(error)) => eprintln!("skipped: {error}"),
            // The connection broke.
            Err(error) => return Err(error.into_boxed()),
        }
    }
    if let Some(block) = events.finish() {
        // The standard says to ignore it.
        eprintln!("the stream was cut within {:?}", block.event());
    }
    Ok(events.last_event_id().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let too_large = format!("ent: log\ndata: {}\n\n", "x".repeat(100));
    let chunks = ["event: pri", "ce\nid: 7\ndata: 42.17\n", "\nev", &too_large, "data: bye\n\nid: 8\ndata: cu"];
    let chunks = chunks.map(|chunk| Bytes::copy_from_slice(chunk.as_bytes()));
    let body = || stream::iter(chunks.clone().map(Ok::<_, io::Error>));

    let mut received = Vec::new();
    let response = Response { status: 200, content_type: "text/event-stream", body: body() };
    let last_event_id = watch(response, |event| {
        println!("{} {:?}: {}", event.name(), event.id(), event.data());
        received.push(event.into_data());
    });
    assert_eq!(last_event_id.await?, "7");
    assert_eq!(received, ["42.17", "bye"]);

    // An error page is not an event stream.
    let response = Response { status: 200, content_type: "text/html", body: body() };
    let refused = watch(response, |event| panic!("{event:?}")).await.unwrap_err();
    assert_eq!(refused.to_string(), "not an event stream: status 200, text/html");

    // The error of the transport comes after all events before it.
    let broken = [Ok("data: 1\n\n".into()), Err(io::Error::from(io::ErrorKind::TimedOut))];
    let response = Response { status: 200, content_type: "text/event-stream", body: stream::iter(broken) };
    let mut count = 0;
    let error = watch(response, |_| count += 1).await.unwrap_err();
    assert_eq!((count, error.downcast_ref::<io::Error>().map(io::Error::kind)), (1, Some(io::ErrorKind::TimedOut)));
    Ok(())
}
