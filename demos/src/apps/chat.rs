//! Chat over POST.
//!
//! It shows that an event stream can answer any request, and that an abort stops the work at once: the answer is a stream
//! that makes each piece when it is polled, and the server drops it as soon as the client disconnects.
//!
//! The data is the text itself. Line breaks, emoji and CJK need no escaping: each line of the text becomes a `data` line,
//! and the client joins them again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use sse_wire::{Event, EventName};
use tokio_util::sync::CancellationToken;

use crate::sse::event_stream;

/// The last event.
const DONE: Event<'_> = Event::new("").with_name(EventName::from_static("done"));

#[derive(Deserialize)]
struct Question {
    message: String,
}

#[derive(Default)]
struct Counters {
    running: AtomicUsize,
    pieces: AtomicUsize,
}

#[derive(Serialize)]
struct Counted {
    /// How many answers are being written.
    running: usize,
    /// How many pieces were written, of all answers.
    pieces: usize,
}

/// `POST /chat` and `GET /chat/running`.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> Router {
    let counters = Arc::new(Counters::default());
    let asked = Arc::clone(&counters);
    let shutdown = shutdown.clone();
    let answer = async move |Json(question): Json<Question>| {
        event_stream(Answer::to(&question.message, asked).pieces(beat / 20), &shutdown)
    };
    let running = async move || {
        let Counters { running, pieces } = &*counters;
        Json(Counted { running: running.load(Relaxed), pieces: pieces.load(Relaxed) })
    };
    Router::new().route("/chat", post(answer)).route("/chat/running", get(running))
}

/// An answer that is being written, and counted as such until it is dropped.
struct Answer {
    pieces: VecDeque<String>,
    counters: Arc<Counters>,
}

impl Answer {
    fn to(message: &str, counters: Arc<Counters>) -> Answer {
        counters.running.fetch_add(1, Relaxed);
        Answer { pieces: pieces(&answer(message)), counters }
    }

    /// The pieces as events, and `done` after the last.
    fn pieces(self, pause: Duration) -> impl Stream<Item = Bytes> {
        stream::unfold(Some(self), move |answer| async move {
            let mut answer = answer?;
            tokio::time::sleep(pause).await;
            let Some(piece) = answer.pieces.pop_front() else { return Some((DONE.encode(), None)) };
            answer.counters.pieces.fetch_add(1, Relaxed);
            Some((Event::new(&piece).encode(), Some(answer)))
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.counters.running.fetch_sub(1, Relaxed);
    }
}

/// What a model might say.
fn answer(message: &str) -> String {
    format!(
        "You asked:\n\n  {message}\n\nAn event stream carries text, and any text at all:\n\
         - line breaks, such as these\n\
         - emoji: 👋🏽 👩‍🚀 🎉\n\
         - 中文、日本語、한국어\n\
         - \"quotes\", : colons, and data: lines\n\n  (and spaces at the start)\n\nThat is all. ✅\n"
    )
}

/// The text in pieces of a few characters, like the tokens of a model.
fn pieces(text: &str) -> VecDeque<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(String::from_iter).collect()
}
