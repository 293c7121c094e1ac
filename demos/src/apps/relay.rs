//! A relay for a language model.
//!
//! It shows how to parse a stream as it arrives and pass on the text, piece by piece: each piece is made when the client is
//! ready for it, and no queue is in between. When the client disconnects, the request to the upstream is dropped.
//!
//! No failure is silent. A refusal has the status of the upstream, and its `Retry-After`. Once the answer has begun, a
//! connection that breaks, an end before `[DONE]`, a chunk that cannot be read, and an error of the upstream each reach
//! the client as an `error` event.
//!
//! The key is the operator's, so that only the pages of this server may ask: see [`guard`]. And what the upstream sends may
//! not become one of them: what is neither an event stream nor JSON is passed on as plain text.
//!
//! The pass-through sends whole blocks, so that an `error` event can follow any of them. The bytes as they come
//! ([`Piece::Raw`](sse_wire::body::Piece::Raw)) would also do: the body ends a block that was cut before the `error` event.
//! But then clients see half a chunk as an event of the name `cut`, and `OpenAI`'s clients ignore names.

use std::error::Error;
use std::{io, iter};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_wire::http::is_event_stream;
use sse_wire::stream::TransportExt;
use sse_wire::{BlockLine, Event, EventName, Head, OwnedBlock, OwnedEvent};
use tokio_util::sync::CancellationToken;

use crate::guard;
use crate::sse::{Failure, event_stream};

/// The data that ends a completion.
const UPSTREAM_DONE: &str = "[DONE]";

/// The last event of an answer.
const DONE: Event<'_> = Event::new("").with_name(EventName::from_static("done"));

const ERROR: EventName<'_> = EventName::from_static("error");

#[derive(Deserialize)]
struct Question {
    message: String,
    #[serde(default = "default_model")]
    model: String,
}

fn default_model() -> String {
    String::from("demo")
}

/// A `chat.completion.chunk`, or an error in place of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Chunk {
    Error { error: ErrorObject },
    Completion { choices: Vec<Choice> },
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Delta,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ErrorObject {
    message: String,
}

/// An error of the upstream that is no chunk: the body of a refusal, or the value of an `error` field.
#[derive(Deserialize)]
#[serde(untagged)]
enum Refusal {
    Wrapped { error: ErrorObject },
    Bare(ErrorObject),
}

/// What the client is sent, each as an event.
#[derive(Debug, PartialEq)]
enum Output {
    Text(String),
    Done,
    Problem(Problem),
}

/// A failure, as the data of an `error` event, or as the body of a refusal.
#[derive(Debug, PartialEq, Serialize)]
struct Problem {
    /// `unreachable`, `status`, `content type`, `broken`, `malformed`, or `upstream` for an error that the upstream sent.
    kind: &'static str,
    status: Option<u16>,
    message: String,
}

impl Problem {
    fn new(kind: &'static str, message: impl Into<String>) -> Problem {
        Problem { kind, status: None, message: message.into() }
    }
}

#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    url: String,
    key: Option<String>,
}

/// `POST /relay/ask` and `POST /v1/chat/completions`. `upstream` is its URL, without `/v1/chat/completions`.
///
/// # Errors
///
/// If no HTTP client can be made.
pub fn routes(upstream: &str, key: Option<&str>, shutdown: &CancellationToken) -> io::Result<Router> {
    let client = reqwest::Client::builder().build().map_err(io::Error::other)?;
    let url = format!("{}/v1/chat/completions", upstream.trim_end_matches('/'));
    let asked = Upstream { client, url, key: key.map(String::from) };
    let passed = asked.clone();
    let (shutdown, shutdown_too) = (shutdown.clone(), shutdown.clone());
    let answer = async move |Json(question): Json<Question>| asked.answer(question, &shutdown).await;
    let pass = async move |headers: HeaderMap, body: Bytes| passed.pass(&headers, body, &shutdown_too).await;
    let router = Router::new().route("/relay/ask", post(answer)).route("/v1/chat/completions", post(pass));
    Ok(guard::json_only(router))
}

impl Upstream {
    /// Asks the question. Sends the text of the answer as events, then `done` or `error`.
    async fn answer(&self, question: Question, shutdown: &CancellationToken) -> Response {
        let request = json!({
            "model": question.model,
            "messages": [{ "role": "user", "content": question.message }],
            "stream": true,
        });
        let mut request = self.client.post(&self.url).json(&request);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                return (StatusCode::BAD_GATEWAY, Json(Problem::new("unreachable", in_full(&error)))).into_response();
            }
        };
        let status = response.status();
        if !status.is_success() {
            let retry_after = retry_after(&response);
            let message = message(response.text().await.unwrap_or_default());
            let problem = Problem { kind: "status", status: Some(status.as_u16()), message };
            return (status, retry_after, Json(problem)).into_response();
        }
        let content_type = content_type(&response);
        if !is_event_stream(&content_type) {
            let problem = Problem::new("content type", String::from_utf8_lossy(content_type.as_bytes()));
            return (StatusCode::BAD_GATEWAY, Json(problem)).into_response();
        }
        event_stream(outputs(response.bytes_stream()).map(event), shutdown)
    }

    /// Passes on a request unchanged, and all blocks of the response as they come, comments included.
    async fn pass(&self, headers: &HeaderMap, body: Bytes, shutdown: &CancellationToken) -> Response {
        let mut request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        } else if let Some(authorization) = headers.get(AUTHORIZATION) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (StatusCode::BAD_GATEWAY, Json(error_object(&in_full(&error)))).into_response(),
        };
        let status = response.status();
        let content_type = content_type(&response);
        if !is_event_stream(&content_type) {
            let is_json = guard::is_json(content_type.as_bytes());
            let content_type = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
            let headers = [(CONTENT_TYPE, content_type), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
            let retry_after = retry_after(&response);
            return (status, headers, retry_after, Body::from_stream(response.bytes_stream())).into_response();
        }
        let blocks = blocks(response.bytes_stream()).map(|block| match block {
            Ok(block) => block.encode(),
            // OpenAI's own clients raise events of this name as errors.
            Err(problem) => Event::new(&error_object(&problem.message).to_string()).with_name(ERROR).encode(),
        });
        (status, event_stream(blocks, shutdown)).into_response()
    }
}

/// The blocks of an upstream's stream. A problem is the last item.
///
/// It keeps no more than the rest of the current chunk, and reads on only when the client is ready for more.
fn blocks<E: Into<Failure>>(
    chunks: impl Stream<Item = Result<Bytes, E>>,
) -> impl Stream<Item = Result<OwnedBlock, Problem>> {
    // Without a block that was too large, the answer would have a gap.
    stream::unfold(Some(Box::pin(chunks).blocks().end_on_refusal()), |blocks| async {
        let mut blocks = blocks?;
        let (block, is_last) = match blocks.next().await {
            Some(Ok(block)) => (block, false),
            Some(Err(error)) => return Some((Err(Problem::new("broken", in_full(&*error.into_boxed()))), None)),
            // Some servers leave out the last blank line.
            None => (blocks.finish()?.into_owned(), true),
        };
        if let Some(problem) = stray_error(&block) {
            return Some((Err(problem), None));
        }
        if is_last && !is_done(&block) {
            return Some((Err(Problem::new("broken", "the upstream ended within a block")), None));
        }
        Some((Ok(block), (!is_last).then_some(blocks)))
    })
}

/// An error in a block that no client would see: in an `error` field, or as bare JSON, whose lines are unknown fields.
fn stray_error(block: &OwnedBlock) -> Option<Problem> {
    let mut fields = block.lines().filter_map(|line| match line {
        BlockLine::Field { name, value } => Some((name, value)),
        _ => None,
    });
    let (name, value) = fields.find(|(name, _)| *name == "error" || name.starts_with('{'))?;
    let error = if name == "error" {
        value.to_owned()
    } else {
        let line = |(name, value)| if str::is_empty(value) { String::from(name) } else { format!("{name}:{value}") };
        iter::once((name, value)).chain(fields).map(line).collect()
    };
    Some(Problem::new("upstream", message(error)))
}

fn is_done(block: &OwnedBlock) -> bool {
    block.event().is_some_and(|event| event.data() == UPSTREAM_DONE)
}

/// What the client is sent of an upstream's stream. Ends with [`Output::Done`] or [`Output::Problem`].
fn outputs<E: Into<Failure>>(chunks: impl Stream<Item = Result<Bytes, E>>) -> impl Stream<Item = Output> {
    stream::unfold(Some(Box::pin(blocks(chunks))), |blocks| async {
        let mut blocks = blocks?;
        loop {
            let last = match blocks.next().await {
                Some(Ok(block)) if is_done(&block) => Output::Done,
                Some(Ok(block)) => match block.event().map_or(Ok(None), text) {
                    Ok(Some(text)) => return Some((Output::Text(text), Some(blocks))),
                    Ok(None) => continue,
                    Err(problem) => Output::Problem(problem),
                },
                Some(Err(problem)) => Output::Problem(problem),
                None => Output::Problem(Problem::new("broken", "the upstream ended before it was done")),
            };
            return Some((last, None));
        }
    })
}

/// The text of a chunk, if it has any.
fn text(event: Event<'_>) -> Result<Option<String>, Problem> {
    match event.parse_json().map_err(|error| Problem::new("malformed", error.to_string()))? {
        Chunk::Error { error } => Err(Problem::new("upstream", error.message)),
        Chunk::Completion { choices } => {
            let first = choices.into_iter().find(|choice| choice.index == 0);
            Ok(first.and_then(|choice| choice.delta.content).filter(|content| !content.is_empty()))
        }
    }
}

fn event(output: Output) -> Result<OwnedEvent, Failure> {
    Ok(match output {
        Output::Text(text) => OwnedEvent::new(Head::new(), text),
        Output::Done => DONE.into_owned(),
        Output::Problem(problem) => OwnedEvent::json(ERROR, &problem)?,
    })
}

fn content_type(response: &reqwest::Response) -> HeaderValue {
    response.headers().get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(""))
}

/// How long to wait after a refusal.
fn retry_after(response: &reqwest::Response) -> Option<[(HeaderName, HeaderValue); 1]> {
    response.headers().get(RETRY_AFTER).map(|time| [(RETRY_AFTER, time.clone())])
}

/// The message of an error of the upstream, or all of it if it has another form.
fn message(error: String) -> String {
    match serde_json::from_str(&error) {
        Ok(Refusal::Wrapped { error } | Refusal::Bare(error)) => error.message,
        Err(_) => error,
    }
}

/// An error in the form that `OpenAI`'s clients expect.
fn error_object(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "relay_error", "param": null, "code": null } })
}

/// An error with its sources, which hold the reason in errors of reqwest.
fn in_full(error: &dyn Error) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |message, source| format!("{message}: {source}"))
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    /// What the client is sent of this stream, which comes whole and byte by byte.
    async fn outputs_of(upstream: &str) -> Vec<Output> {
        let whole = stream::iter([Ok::<_, io::Error>(Bytes::copy_from_slice(upstream.as_bytes()))]);
        let bytes = stream::iter(upstream.bytes().map(|byte| Ok::<_, io::Error>(Bytes::from(vec![byte]))));
        let whole = outputs(whole).collect::<Vec<_>>().await;
        assert_eq!(outputs(bytes).collect::<Vec<_>>().await, whole);
        whole
    }

    fn problem(outputs: &[Output]) -> &Problem {
        let Some(Output::Problem(problem)) = outputs.last() else { panic!("{outputs:?}") };
        problem
    }

    #[tokio::test]
    async fn only_the_text_of_the_first_choice_is_passed_on() {
        let upstream = concat!(
            ": OPENROUTER PROCESSING\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},{\"index\":0,\"delta\":{\"content\":\"a\\n\"}}]}\r\n\r\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]}\n\n",
            ":\n\ndata:{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null}}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n",
            "data: [DONE]\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"no\"}}]}\n\n",
        );
        assert_eq!(outputs_of(upstream).await, [Output::Text("a\n".into()), Output::Text("b".into()), Output::Done]);
    }

    #[tokio::test]
    async fn an_end_before_done_is_a_problem() {
        let outputs =
            outputs_of("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE\n").await;
        assert_eq!(outputs[0], Output::Text("a".into()));
        assert_eq!(problem(&outputs[1..]).kind, "broken");
    }

    #[tokio::test]
    async fn a_malformed_chunk_is_a_problem() {
        for malformed in ["{\"choices\":[{", "{}", "[]", "{\"choices\":[{\"delta\":{\"content\":1}}]}", ""] {
            let outputs = outputs_of(&format!("data: {malformed}\n\ndata: [DONE]\n\n")).await;
            assert_eq!((outputs.len(), problem(&outputs).kind), (1, "malformed"), "{malformed}");
        }
    }

    #[tokio::test]
    async fn an_error_in_place_of_a_chunk_is_passed_on() {
        let outputs = outputs_of("data: {\"error\":{\"message\":\"The server had an error\"}}\n\n").await;
        assert_eq!(outputs, [Output::Problem(Problem::new("upstream", "The server had an error"))]);
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_a_problem_after_what_came_before() {
        let text = Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\nda");
        let outputs: Vec<_> = outputs(stream::iter([Ok(text), Err(io::Error::other("reset"))])).collect().await;
        assert_eq!(outputs, [Output::Text("a".into()), Output::Problem(Problem::new("broken", "reset"))]);
    }

    /// An error whose reason is its source, as those of reqwest.
    #[derive(Debug)]
    struct Reading(io::Error);

    impl fmt::Display for Reading {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot read")
        }
    }

    impl Error for Reading {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[tokio::test]
    async fn a_problem_holds_the_sources_of_the_error() {
        let broken = stream::iter([Err::<Bytes, _>(Reading(io::Error::other("reset")))]);
        let outputs: Vec<_> = outputs(broken).collect().await;
        assert_eq!(outputs, [Output::Problem(Problem::new("broken", "cannot read: reset"))]);
    }
}
