//! Topics over HTTP: `GET /topics/NAME` subscribes, and `POST /topics/NAME` publishes its body, for those who know the password.
//!
//! ```sh
//! cargo run -p sse-wire-hub --all-features --example server    # or, on many nodes: ... -- redis://127.0.0.1/
//! curl -N http://127.0.0.1:8080/topics/orders
//! curl -H 'authorization: Bearer secret' -d 'order 7 was paid' 'http://127.0.0.1:8080/topics/orders?once=7-paid'
//! ```

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde::Deserialize;
use sse_wire::Event;
use sse_wire_hub::http::Endpoint;
use sse_wire_hub::{Hub, Limits, PublishError};
use tokio_util::sync::CancellationToken;

#[derive(Deserialize)]
struct Publish {
    /// A name for the event, so that it can be published again after an error.
    once: Option<String>,
}

async fn publish(
    State(hub): State<Hub>,
    Path(topic): Path<String>,
    Query(Publish { once }): Query<Publish>,
    headers: HeaderMap,
    data: String,
) -> Result<String, (StatusCode, String)> {
    if headers.get("authorization").is_none_or(|authorization| authorization != "Bearer secret") {
        return Err((StatusCode::FORBIDDEN, String::from("who are you?")));
    }
    let event = Event::new(&data);
    let published = match once {
        Some(name) => hub.publish_once(&topic, event, &name).await,
        None => hub.publish(&topic, event).await,
    };
    match published {
        Ok(id) => Ok(id.to_string()),
        // The publisher tries again, with the same name.
        Err(error) if error.is_passing() => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
        Err(error @ PublishError::Engine(_)) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = match std::env::args().nth(1) {
        Some(url) => Hub::redis(&url, Limits::default()).await?,
        None => Hub::in_memory(Limits::default()),
    };
    let endpoint = Endpoint::new(hub.clone());
    let router = Router::new().route("/topics/{topic}", get(endpoint).post(publish)).with_state(hub.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/topics/orders", listener.local_addr()?);
    let stopped = CancellationToken::new();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped.clone().cancelled_owned());
    let shutdown = async {
        let _ = tokio::signal::ctrl_c().await;
        // All streams end; their clients come back within five seconds, to whichever node is there then.
        hub.shutdown(Duration::from_secs(5));
        stopped.cancel();
        // A client that does not read would keep its connection, and so this process.
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    tokio::select! {
        served = serving => served?,
        () = shutdown => {}
    }
    Ok(())
}
