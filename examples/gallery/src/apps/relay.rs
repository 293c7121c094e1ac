//! A relay for a language model.
//!
//! It teaches to parse a stream as it arrives and to send on what matters, piece by piece: one piece is made when the
//! client is ready for one, and nothing lies between. When the client goes away, the request to the upstream is dropped.
//!
//! No failure is silent: a refusal, a connection that breaks, an end before `[DONE]`, and a chunk that cannot be read
//! each reach the client as an `error` event.

use std::error::Error;
use std::io;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_wire::http::is_event_stream;
use sse_wire::stream::{EncodeExt, TransportExt};
use sse_wire::{Event, Item};
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};

/// What ends a completion.
const DONE: &str = "[DONE]";

#[derive(Deserialize)]
struct Question {
    message: String,
    #[serde(default = "default_model")]
    model: String,
}

fn default_model() -> String {
    String::from("gallery")
}

/// A `chat.completion.chunk`, or the error that comes in its place.
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

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: ErrorObject,
}

/// What the client is told, one event each.
#[derive(Debug, PartialEq)]
enum Told {
    Text(String),
    Done,
    Problem(Problem),
}

/// What went wrong, as the data of an `error` event.
#[derive(Debug, PartialEq, Serialize)]
struct Problem {
    /// `unreachable`, `status`, `content type`, `broken`, `malformed`, or `upstream` for what it says itself.
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

/// `POST /relay/ask` and `POST /v1/chat/completions`. `upstream`: what comes before `/v1/chat/completions` there.
///
/// # Errors
///
/// If there is no HTTP client to be had.
pub fn routes(upstream: &str, key: Option<&str>, shutdown: &CancellationToken) -> io::Result<Router> {
    let client = reqwest::Client::builder().build().map_err(io::Error::other)?;
    let url = format!("{}/v1/chat/completions", upstream.trim_end_matches('/'));
    let asked = Upstream { client, url, key: key.map(String::from) };
    let passed = asked.clone();
    let (shutdown, shutdown_too) = (shutdown.clone(), shutdown.clone());
    let answer = async move |Json(question): Json<Question>| event_stream(asked.answer(question), &shutdown);
    let pass = async move |headers: HeaderMap, body: Bytes| passed.pass(&headers, body, &shutdown_too).await;
    Ok(Router::new().route("/relay/ask", post(answer)).route("/v1/chat/completions", post(pass)))
}

impl Upstream {
    /// The text of the answer as events, then `done` or `error`.
    fn answer(self, question: Question) -> impl Stream<Item = Result<Bytes, Failure>> {
        let told = async move {
            match self.ask(question).await {
                Ok(response) => told(response.bytes_stream()).left_stream(),
                Err(problem) => stream::iter([Told::Problem(problem)]).right_stream(),
            }
        };
        stream::once(told).flatten().map(event).encoded()
    }

    /// A response that is an event stream.
    async fn ask(&self, question: Question) -> Result<reqwest::Response, Problem> {
        let request = json!({
            "model": question.model,
            "messages": [{ "role": "user", "content": question.message }],
            "stream": true,
        });
        let mut request = self.client.post(&self.url).json(&request);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| Problem::new("unreachable", in_full(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            let message = serde_json::from_str(&body).map_or(body, |refusal: Refusal| refusal.error.message);
            return Err(Problem { kind: "status", status: Some(status.as_u16()), message });
        }
        let content_type = content_type(&response);
        if is_event_stream(&content_type) {
            Ok(response)
        } else {
            Err(Problem::new("content type", String::from_utf8_lossy(content_type.as_bytes())))
        }
    }

    /// Passes a request on as it is, and an event stream that answers it as it comes, comments included.
    async fn pass(&self, headers: &HeaderMap, body: Bytes, shutdown: &CancellationToken) -> Response {
        let mut request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        } else if let Some(authorization) = headers.get(AUTHORIZATION) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (StatusCode::BAD_GATEWAY, Json(error_object(&error))).into_response(),
        };
        let status = response.status();
        let content_type = content_type(&response);
        if !is_event_stream(&content_type) {
            return (status, [(CONTENT_TYPE, content_type)], Body::from_stream(response.bytes_stream()))
                .into_response();
        }
        let items = response.bytes_stream().items().map(|item| match item {
            Ok(item) => Ok(item),
            // OpenAI's own clients know an event of this name, and raise what it says.
            Err(error) => Ok(Item::Event(Event::json(&error_object(&error))?.with_name("error".into())?)),
        });
        event_stream(items.encoded(), shutdown)
    }
}

/// What an upstream's stream says to the client. Ends with [`Told::Done`] or [`Told::Problem`].
fn told<E: Error>(chunks: impl Stream<Item = Result<Bytes, E>>) -> impl Stream<Item = Told> {
    // Nothing is held but the rest of the chunk under way, and nothing is read before the client asks for more.
    stream::unfold(Some(Box::pin(chunks).events()), |events| async {
        let mut events = events?;
        loop {
            let last = match events.next().await {
                Some(Ok(event)) if event.data() == DONE => Told::Done,
                Some(Ok(event)) => match text(&event) {
                    Ok(Some(text)) => return Some((Told::Text(text), Some(events))),
                    Ok(None) => continue,
                    Err(problem) => Told::Problem(problem),
                },
                Some(Err(error)) => Told::Problem(Problem::new("broken", in_full(&error))),
                None => Told::Problem(Problem::new("broken", "the upstream ended before it was done")),
            };
            return Some((last, None));
        }
    })
}

/// The text of a chunk, if it has any.
fn text(event: &Event) -> Result<Option<String>, Problem> {
    match event.parse_json().map_err(|error| Problem::new("malformed", error.to_string()))? {
        Chunk::Error { error } => Err(Problem::new("upstream", error.message)),
        Chunk::Completion { choices } => {
            let first = choices.into_iter().find(|choice| choice.index == 0);
            Ok(first.and_then(|choice| choice.delta.content).filter(|content| !content.is_empty()))
        }
    }
}

fn event(told: Told) -> Result<Event, Failure> {
    Ok(match told {
        Told::Text(text) => Event::new(text.into()),
        Told::Done => Event::new("".into()).with_name("done".into())?,
        Told::Problem(problem) => Event::json(&problem)?.with_name("error".into())?,
    })
}

fn content_type(response: &reqwest::Response) -> HeaderValue {
    response.headers().get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(""))
}

/// An error as the clients of `OpenAI` expect it.
fn error_object(error: &dyn Error) -> Value {
    json!({ "error": { "message": in_full(error), "type": "relay_error", "param": null, "code": null } })
}

/// An error with its sources: reqwest says there what happened.
fn in_full(error: &dyn Error) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |message, source| format!("{message}: {source}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// What the client is told of this stream, sent whole and byte by byte.
    async fn told_of(upstream: &str) -> Vec<Told> {
        let whole = stream::iter([Ok::<_, io::Error>(Bytes::copy_from_slice(upstream.as_bytes()))]);
        let bytes = stream::iter(upstream.bytes().map(|byte| Ok::<_, io::Error>(Bytes::from(vec![byte]))));
        let whole = told(whole).collect::<Vec<_>>().await;
        assert_eq!(told(bytes).collect::<Vec<_>>().await, whole);
        whole
    }

    fn problem(told: &[Told]) -> &Problem {
        let Some(Told::Problem(problem)) = told.last() else { panic!("{told:?}") };
        problem
    }

    #[tokio::test]
    async fn only_the_text_of_the_first_choice_is_sent_on() {
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
        assert_eq!(told_of(upstream).await, [Told::Text("a\n".into()), Told::Text("b".into()), Told::Done]);
    }

    #[tokio::test]
    async fn an_end_before_it_was_done_is_a_problem() {
        let told = told_of("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n").await;
        assert_eq!(told[0], Told::Text("a".into()));
        assert_eq!(problem(&told[1..]).kind, "broken");
    }

    #[tokio::test]
    async fn a_chunk_that_is_no_chunk_is_a_problem() {
        for malformed in ["{\"choices\":[{", "{}", "[]", "{\"choices\":[{\"delta\":{\"content\":1}}]}", ""] {
            let told = told_of(&format!("data: {malformed}\n\ndata: [DONE]\n\n")).await;
            assert_eq!((told.len(), problem(&told).kind), (1, "malformed"), "{malformed}");
        }
    }

    #[tokio::test]
    async fn an_error_in_place_of_a_chunk_is_told() {
        let told = told_of("data: {\"error\":{\"message\":\"The server had an error\"}}\n\n").await;
        assert_eq!(told, [Told::Problem(Problem::new("upstream", "The server had an error"))]);
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_a_problem_after_what_came_before() {
        let text = Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\nda");
        let told: Vec<_> = told(stream::iter([Ok(text), Err(io::Error::other("reset"))])).collect().await;
        assert_eq!(told, [Told::Text("a".into()), Told::Problem(Problem::new("broken", "reset"))]);
    }
}
