//! Chat over POST.
//!
//! It shows that an event stream can answer any request, and that an abort stops the work at once: the answer is a stream
//! that makes each piece when it is polled, and the server drops it as soon as the client disconnects.
//!
//! The data is the text itself. Line breaks, emoji and CJK need no escaping: each line of the text becomes a `data` line,
//! and the client joins them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use sse_wire::{Event, EventName};
use tokio_util::sync::CancellationToken;

use crate::sse::event_stream;

/// How long a request may be: its message is held, once, until the answer is complete.
const MAX_REQUEST: usize = 128 * 1024;

/// How many characters a piece has, like the tokens of a model.
const PIECE: usize = 4;

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
    let answer = post(answer).layer(DefaultBodyLimit::max(MAX_REQUEST));
    Router::new().route("/chat", answer).route("/chat/running", get(running))
}

/// An answer that is being written, and counted as such until it is dropped.
struct Answer {
    text: String,
    /// How much of the text was sent.
    sent: usize,
    counters: Arc<Counters>,
}

impl Answer {
    fn to(message: &str, counters: Arc<Counters>) -> Answer {
        counters.running.fetch_add(1, Relaxed);
        Answer { text: answer(message), sent: 0, counters }
    }

    /// The pieces as events, and `done` after the last.
    fn pieces(self, pause: Duration) -> impl Stream<Item = Bytes> {
        stream::unfold(Some(self), move |answer| async move {
            let mut answer = answer?;
            tokio::time::sleep(pause).await;
            let Some(piece) = answer.next_piece() else { return Some((DONE.encode(), None)) };
            Some((piece, Some(answer)))
        })
    }

    /// The next piece as an event. `None` after the last.
    fn next_piece(&mut self) -> Option<Bytes> {
        let rest = &self.text[self.sent..];
        let end = rest.char_indices().nth(PIECE).map_or(rest.len(), |(end, _)| end);
        if end == 0 {
            return None;
        }
        self.sent += end;
        self.counters.pieces.fetch_add(1, Relaxed);
        Some(Event::new(&rest[..end]).encode())
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
