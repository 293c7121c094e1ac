//! One node: two hubs on the same Redis, which keep different numbers of events, behind HTTP.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use axum::serve::ListenerExt;
use socket2::SockRef;
use sse_wire::Event;
use sse_wire_hub::http::Endpoint;
use sse_wire_hub::{EngineError, Hub, Limits};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// So that a silence is soon seen.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How many events the topics under `/few/` keep.
pub const FEW: usize = 100;

/// How many events the topics under `/topics/` keep.
pub const MANY: usize = 1024;

/// What the system holds for a connection, so that a slow client is soon seen.
const SEND_BUFFER: usize = 16 * 1024;

/// How long a node may take for its connections to end.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Serves until standard input is closed: then it shuts down, so that no node outlives its driver.
pub async fn serve(redis: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let (many, few) = (hub(redis, MANY).await?, hub(redis, FEW).await?);
    let app = Router::new().route("/topics/{topic}", topic(&many)).route("/few/{topic}", topic(&few));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    println!("{}", listener.local_addr()?.port());
    let listener = listener.tap_io(|stream| {
        // Without it, more is held for slow clients: no error.
        let _ = SockRef::from(&*stream).set_send_buffer_size(SEND_BUFFER);
    });

    let (ended, mut end) = oneshot::channel();
    let (closed, close) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let shutdown = async move {
        let _ = close.await;
        for hub in [many, few] {
            hub.shutdown(Duration::from_millis(500));
        }
        let _ = ended.send(());
    };
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(shutdown) => served?,
        () = async { let _ = (&mut end).await; sleep(SHUTDOWN).await } => {}
    }
    Ok(())
}

/// Redis may be out of reach while a node starts.
async fn hub(redis: &str, kept: usize) -> Result<Hub, EngineError> {
    let mut limits = Limits::default();
    limits.kept.events = kept;
    loop {
        match Hub::redis(redis, limits.clone()).await {
            Err(error) if !error.is_refusal() => sleep(Duration::from_millis(100)).await,
            hub => return hub,
        }
    }
}

/// `GET` subscribes, and `POST` with `?once=NAME` publishes the body.
fn topic(hub: &Hub) -> MethodRouter {
    let endpoint = Endpoint::new(hub.clone()).with_keep_alive(KEEP_ALIVE).with_retry_after(Duration::from_secs(1));
    let hub = hub.clone();
    get(endpoint).post(
        |Path(topic): Path<String>, Query(query): Query<HashMap<String, String>>, data: String| async move {
            let Some(once) = query.get("once") else { return (StatusCode::BAD_REQUEST, "once?".into()) };
            match hub.publish_once(&topic, Event::new(&data), once).await {
                Ok(id) => (StatusCode::OK, id.to_string()),
                Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            }
        },
    )
}
