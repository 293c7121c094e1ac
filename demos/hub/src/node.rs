//! A node: a hub, and a server of its own for its subscribers.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use demos::guard;
use futures_util::{StreamExt, stream};
use sse_wire::{Event, EventName};
use sse_wire_hub::Hub;
use sse_wire_hub::http::Endpoint;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, serve};

/// The first event of each stream. Its data is the number of the node.
const NODE: EventName<'_> = EventName::from_static("node");

/// How long clients wait before they reconnect.
const RECONNECTION_TIME: Duration = Duration::from_millis(300);

/// A node that can be killed and started again.
#[derive(Debug)]
pub(crate) struct Node {
    number: usize,
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

/// A node that is alive.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) hub: Hub,
    /// Cancelled when the node is killed.
    pub(crate) killed: CancellationToken,
}

impl Node {
    pub(crate) fn new(number: usize, address: SocketAddr) -> Node {
        Node { number, address, running: Mutex::default() }
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while it is down.
    pub(crate) fn running(&self) -> Option<Running> {
        self.lock().clone()
    }

    /// Serves `/events/{topic}` until it is killed or `stop` is cancelled.
    pub(crate) fn run(&self, listener: TcpListener, hub: Hub, stop: &CancellationToken) {
        let killed = stop.child_token();
        let router = guard::guarded(routes(self.number, hub.clone()), self.address, PATIENCE);
        tokio::spawn(serve(listener, router, killed.clone()));
        *self.lock() = Some(Running { hub, killed });
    }

    /// Kills it: its connections break, and its port refuses others. `false` if it is down already.
    pub(crate) fn kill(&self) -> bool {
        self.lock().take().map(|running| running.killed.cancel()).is_some()
    }
}

fn routes(number: usize, hub: Hub) -> Router {
    let endpoint = Endpoint::new(hub);
    let head = Event::new(&number.to_string()).with_name(NODE).with_retry(RECONNECTION_TIME).encode();
    let answer = async move |Path(topic): Path<String>, request: Request| -> Response {
        let (request, _) = request.into_parts();
        let response = endpoint.respond(&topic, &request).await;
        if response.status() != StatusCode::OK {
            return response.map(Body::new);
        }
        let head = stream::once(async { Ok(head) });
        response.map(|events| Body::from_stream(head.chain(Body::new(events).into_data_stream())))
    };
    Router::new().route("/events/{topic}", get(answer))
}
