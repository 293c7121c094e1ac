//! Servers of our own, and the events that both sides tell each other.

use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use gallery::Settings;
use serde_json::{Value, json};
use sse_wire::Event;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The tests themselves wait for programs, and block.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Serves until the tests end, and says where.
pub fn serve(router: Router) -> String {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // What is written goes out at once, so that chunks are seen as chunks.
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    RUNTIME.spawn(async move { axum::serve(listener, router).await });
    url
}

/// The gallery on a port of its own, whose second is short.
pub fn gallery() -> String {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { beat: Duration::from_millis(100), ..Settings::default() };
    RUNTIME.spawn(gallery::serve(listener, settings, CancellationToken::new()));
    url
}

/// An event as every peer prints it.
pub fn told<S: AsRef<str>>(event: &Event<S>) -> Value {
    json!({ "name": event.name(), "data": event.data(), "id": event.last_event_id() })
}
