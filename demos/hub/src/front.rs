//! The one address for browsers: the page, the buttons, and a proxy to a node that is alive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use demos::guard;
use demos::sse::{Failure, event_stream};
use futures_util::StreamExt;
use sse_wire::Event;
use sse_wire::http::LAST_EVENT_ID;

use crate::PATIENCE;
use crate::system::{RedisAction, System};

#[derive(Clone)]
struct Front {
    system: Arc<System>,
    client: reqwest::Client,
    /// How many requests were passed on.
    turn: Arc<AtomicU64>,
}

/// The front at this address, behind the guards of the demos.
pub(crate) fn routes(system: Arc<System>, address: SocketAddr) -> reqwest::Result<Router> {
    // A proxy that the environment names must not stand before a node.
    let client = reqwest::Client::builder().no_proxy().build()?;
    let page = async || ([(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("../pages/index.html"));
    let style = async || ([(CONTENT_TYPE, "text/css")], include_str!("../../pages/style.css"));
    let routes = Router::new()
        .route("/", get(page))
        .route("/style.css", get(style))
        .route("/board", get(board))
        .route("/events/{topic}", get(pass_on))
        .route("/nodes/{number}/kill", post(kill))
        .route("/redis/cut", post(async |front| act(front, RedisAction::Cut)))
        .route("/redis/promote", post(async |front| act(front, RedisAction::Promote)))
        .route("/redis/lose", post(async |front| act(front, RedisAction::Lose)))
        .with_state(Front { system, client, turn: Arc::default() });
    Ok(guard::guarded(routes, address, PATIENCE))
}

async fn board(State(front): State<Front>) -> Response {
    let changes = front.system.board.changes();
    let events = changes.map(|json| json.map(|json| Event::new(&json).encode()).map_err(Failure::from));
    event_stream(events, &front.system.stop)
}

async fn kill(State(front): State<Front>, Path(number): Path<usize>) -> Response {
    answer(front.system.kill(number))
}

fn act(State(front): State<Front>, action: RedisAction) -> Response {
    answer(front.system.begin(action))
}

/// 204, or 409 with what is in the way.
fn answer(done: Result<(), &'static str>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => (StatusCode::CONFLICT, reason).into_response(),
    }
}

/// Passes a request for events on to a node that is alive. If the stream of the node breaks, so does this one.
async fn pass_on(State(Front { system, client, turn }): State<Front>, request: Request) -> Response {
    for node in system.in_turn(turn.fetch_add(1, Relaxed)) {
        let mut to_node = client.get(format!("http://{}{}", node.address(), request.uri()));
        if let Some(id) = request.headers().get(LAST_EVENT_ID) {
            to_node = to_node.header(LAST_EVENT_ID, id);
        }
        if let Ok(answer) = to_node.send().await {
            let (status, mut headers) = (answer.status(), answer.headers().clone());
            // It is about the connection to the node.
            headers.remove(TRANSFER_ENCODING);
            return (status, headers, Body::from_stream(answer.bytes_stream())).into_response();
        }
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response()
}
