//! The built-in upstream: a server with the interface of `OpenAI`'s, for a relay that has no other.
//!
//! It sends everything that a real one may send: a first chunk without content, comments as keep-alives, several choices,
//! and a last chunk with the usage. The model of the request chooses a way to fail.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_wire::{Comment, Encoder, Event};
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

const DONE: Event<'_> = Event::new("[DONE]");

/// Half a chunk of a completion.
const HALF: &str = "data: {\"choices\":[{\"ind";

#[derive(Deserialize)]
struct Request {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// `POST /upstream/v1/chat/completions`.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Router {
    let shutdown = shutdown.clone();
    let answer = async move |Json(request): Json<Request>| match request.model.as_str() {
        "demo-unauthorized" => refusal(StatusCode::UNAUTHORIZED, "Incorrect API key provided"),
        "demo-overloaded" => refusal(StatusCode::SERVICE_UNAVAILABLE, "The engine is overloaded"),
        _ if !request.stream => refusal(StatusCode::BAD_REQUEST, "Only streams are served here"),
        _ => {
            let pieces = stream::iter(completion(&request)).then(move |piece| async move {
                tokio::time::sleep(beat / 20).await;
                piece
            });
            event_stream(pieces, &shutdown)
        }
    };
    Router::new().route("/upstream/v1/chat/completions", post(answer))
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": "gallery_error", "param": null, "code": null } });
    (status, Json(body)).into_response()
}

/// The answer, piece by piece.
fn completion(request: &Request) -> Box<dyn Iterator<Item = Result<Bytes, Failure>> + Send> {
    let model = request.model.clone();
    let chunk = move |choices: Value, usage: Value| {
        let object = json!({
            "id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 1_732_000_000, "model": model,
            "choices": choices, "usage": usage,
        });
        Event::new(&object.to_string()).encode()
    };
    let choice = |index: u32, delta: Value, finish: Option<&str>| json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish });
    let content = {
        let chunk = chunk.clone();
        move |text: &str| chunk(json!([choice(0, json!({ "content": text }), None)]), Value::Null)
    };

    let mut start = Encoder::new();
    start.push(chunk(json!([choice(0, json!({ "role": "assistant", "content": null }), None)]), Value::Null));
    start.push(Comment("keep-alive"));
    let start = [start.take()].into_iter();
    let asked = request.messages.last().map_or("", |message| message.content.as_str());
    let text = format!("You asked: {asked}\n\nA stream tells you at once; ポーリングは待つ。 🚀\n");
    let words: Vec<_> = text.split_inclusive(' ').map(&content).collect();
    match request.model.as_str() {
        "demo-endless" => Box::new(start.chain((1_u64..).map(move |n| content(&format!("{n} ")))).map(Ok)),
        "demo-broken" => {
            let half = [Ok(HALF.into()), Err("broken in the middle".into())];
            Box::new(start.chain(words.into_iter().take(3)).map(Ok).chain(half))
        }
        "demo-malformed" => {
            let malformed = Bytes::from(format!("{HALF}\n\n"));
            Box::new(start.chain(words.into_iter().take(3)).chain([malformed]).map(Ok))
        }
        _ => {
            let second = json!([
                choice(1, json!({ "content": "(a second choice)" }), None),
                choice(0, json!({ "content": "The end." }), None),
            ]);
            let usage = json!({ "prompt_tokens": 7, "completion_tokens": 42, "total_tokens": 49 });
            let end = [
                chunk(second, Value::Null),
                chunk(json!([choice(0, json!({}), Some("stop"))]), Value::Null),
                chunk(json!([]), usage),
                DONE.encode(),
            ];
            Box::new(start.chain(words).chain(end).map(Ok))
        }
    }
}
