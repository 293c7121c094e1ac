//! A client of the Model Context Protocol: blocks may carry only an id or a reconnection time, and both the stream and its
//! errors are boxed.
//!
//! `cargo run --example mcp --features stream`

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use sse_wire::stream::{BlockStream, StreamError};
use sse_wire::{Block, EventName, ParseError, ParseErrorKind, Parser};

type BoxError = Box<dyn Error + Send + Sync>;

/// A block as the layer above expects it: every field is optional.
#[derive(Debug, Default, PartialEq)]
struct Message {
    event: Option<String>,
    data: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
}

impl From<Block<'_>> for Message {
    fn from(block: Block<'_>) -> Self {
        let event = block.event();
        Message {
            event: event.and_then(|event| event.event_name()).map(EventName::as_str).map(Into::into),
            data: event.map(|event| event.data().into()),
            id: block.id().map(Into::into),
            retry: block.retry(),
        }
    }
}

/// The messages of a response, whatever the transport is. The first block that is too large ends them.
fn messages(chunks: BoxStream<'static, Result<Bytes, BoxError>>) -> BoxStream<'static, Result<Message, BoxError>> {
    let parser = Parser::new().with_max_block_size(64);
    BlockStream::with_parser(chunks, parser)
        .end_on_refusal()
        .map_ok(|block| Message::from(block.as_block()))
        // Blocks of comments are dropped.
        .try_filter(|message| std::future::ready(*message != Message::default()))
        // The error of the transport itself, with its sources.
        .map_err(StreamError::into_boxed)
        .boxed()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let chunks = [
        Ok("id: 1\nretry: 5\n\n: ping\n\nevent: mess".into()),
        Ok("age\ndata: {\"id\":7}\n\nid: 2\n\n".into()),
        Err("reset by peer".into()),
    ];
    let mut received = messages(stream::iter(chunks).boxed());
    let message = Message { id: Some("1".into()), retry: Some(Duration::from_millis(5)), ..Message::default() };
    assert_eq!(received.try_next().await?, Some(message));
    let message = Message { event: Some("message".into()), data: Some(r#"{"id":7}"#.into()), ..Message::default() };
    assert_eq!(received.try_next().await?, Some(message));
    assert_eq!(received.try_next().await?, Some(Message { id: Some("2".into()), ..Message::default() }));
    let error = received.try_next().await.unwrap_err();
    assert_eq!(error.to_string(), "reset by peer");
    assert_eq!(received.try_next().await?, None);

    // Comments count for the limit of a block.
    let chunks = [Ok(format!("data: a\n\n:{}\ndata: b\n\ndata: c\n\n", "x".repeat(64)).into())];
    let received: Vec<_> = messages(stream::iter(chunks).boxed()).collect().await;
    let [Ok(first), Err(refused)] = &received[..] else { panic!("{received:?}") };
    println!("{first:?}, and then: {refused}");
    let refused = refused.downcast_ref::<ParseError>().map(ParseError::kind);
    assert_eq!((first.data.as_deref(), refused), (Some("a"), Some(ParseErrorKind::BlockTooLarge)));
    Ok(())
}
