//! Progress of a report, with an end event.
//!
//! It shows how to keep three things apart: the job, the channel that it publishes to (`channel`), and HTTP, which is here.
//! Ids count from 1. A client that reconnects with its last event ID gets what it missed while the job ran; the end event
//! tells it not to reconnect. (All reports use the same ids; the feed has ids that differ between runs of the server.)
//! The client is in [`watch`](crate::watch).

mod channel;
mod job;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::Stream;
use sse_wire::http::LAST_EVENT_ID;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::sse::{Failure, event_stream};
use channel::Channel;

/// Tokens and their users. A real server has none in its source.
const USERS: [(&str, &str); 2] = [("demo-alice", "alice"), ("demo-bob", "bob")];

/// How long a finished report is kept for a client that missed its end.
const KEPT: Duration = Duration::from_secs(90);

struct Reports {
    step: Duration,
    /// Removed with its files when the server ends.
    folder: TempDir,
    /// The channel of each user in each room.
    channels: Mutex<HashMap<(&'static str, String), Channel>>,
    shutdown: CancellationToken,
}

/// `GET /rooms/{room}/report` and `GET /rooms/{room}/report.csv`.
///
/// # Errors
///
/// If there is no temporary folder.
pub fn routes(beat: Duration, shutdown: &CancellationToken) -> io::Result<Router> {
    let reports = Arc::new(Reports {
        step: beat / 4,
        folder: TempDir::with_prefix("demos-")?,
        channels: Mutex::default(),
        shutdown: shutdown.clone(),
    });
    Ok(Router::new()
        .route("/rooms/{room}/report", get(report))
        .route("/rooms/{room}/report.csv", get(spreadsheet))
        .with_state(reports))
}

async fn report(State(reports): State<Arc<Reports>>, Path(room): Path<String>, headers: HeaderMap) -> Response {
    let user = match user(&headers) {
        Ok(user) => user,
        Err(unauthorized) => return unauthorized,
    };
    let Some(file) = reports.file(user, &room) else { return StatusCode::NOT_FOUND.into_response() };
    let last_event_id = headers.get(LAST_EVENT_ID).map_or(&b""[..], |id| id.as_bytes());
    match reports.subscribe(user, room, file, last_event_id) {
        Ok(messages) => event_stream(messages, &reports.shutdown),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn spreadsheet(State(reports): State<Arc<Reports>>, Path(room): Path<String>, headers: HeaderMap) -> Response {
    let user = match user(&headers) {
        Ok(user) => user,
        Err(unauthorized) => return unauthorized,
    };
    let Some(file) = reports.file(user, &room) else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::fs::read(file).await {
        Ok(csv) => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The user whose token the request has, or the response to a request without a token or with a wrong one.
#[expect(clippy::result_large_err, reason = "it is the response")]
fn user(headers: &HeaderMap) -> Result<&'static str, Response> {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    // The scheme is in any case: RFC 9110, 11.1.
    let token = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    let found = USERS.iter().find(|(known, _)| Some(*known) == token);
    found.map(|(_, user)| *user).ok_or_else(|| {
        let challenge = if token.is_none() { "Bearer" } else { r#"Bearer error="invalid_token""# };
        (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], "a known bearer token is required").into_response()
    })
}

impl Reports {
    /// Where the spreadsheet of a room is written. `None` if no room can have this name.
    fn file(&self, user: &str, room: &str) -> Option<PathBuf> {
        let plain =
            (1..=32).contains(&room.len()) && room.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain.then(|| self.folder.path().join(format!("{user}-{room}.csv")))
    }

    /// The messages of the current report, of the finished one that the client was reading, or of a new one.
    fn subscribe(
        self: &Arc<Self>,
        user: &'static str,
        room: String,
        file: PathBuf,
        last_event_id: &[u8],
    ) -> Result<impl Stream<Item = Bytes> + Send + use<>, Failure> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let current = channels.get(&(user, room.clone())).and_then(|channel| channel.subscribe(last_event_id));
        if let Some(messages) = current {
            return Ok(messages);
        }
        channels.retain(|_, channel| !channel.closed_for(KEPT));
        let channel = Channel::default();
        let messages = channel.subscribe(b"").ok_or("a new channel is open")?;
        channels.insert((user, room.clone()), channel.clone());
        let step = self.step;
        tokio::spawn(self.shutdown.clone().run_until_cancelled_owned(async move {
            if let Err(error) = job::run(&room, &file, step, &channel).await {
                eprintln!("the report of {room} failed: {error}");
            }
            channel.close()
        }));
        Ok(messages)
    }
}
