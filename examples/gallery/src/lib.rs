//! Six applications that use `sse-wire`, with a page for each: see the README of this folder.
//!
//! [`apps`] has one file for each. They share [`sse`], the answer that all of them give, and nothing else.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub mod apps;
mod pages;
pub mod sse;
pub mod watch;

/// How long the streams may take to end. A client that does not read would keep its connection open for ever.
const GRACE: Duration = Duration::from_secs(1);

/// What the gallery is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A second, as the applications count it. Tests have shorter ones.
    pub beat: Duration,
    /// An OpenAI-compatible server for the relay, in place of the one inside: what comes before `/v1/chat/completions`.
    pub upstream: Option<String>,
    /// The key for the upstream.
    pub key: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { beat: Duration::from_secs(1), upstream: None, key: None }
    }
}

/// Serves all applications until `shutdown`, then ends every stream and returns.
///
/// # Errors
///
/// If there is no address, no temporary folder, or no HTTP client to be had.
pub async fn serve(listener: TcpListener, settings: Settings, shutdown: CancellationToken) -> io::Result<()> {
    let inside = format!("http://{}/upstream", listener.local_addr()?);
    let router = router(&settings, &inside, &shutdown)?;
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        result = served => result,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// The pages and all applications. `inside`: the URL of the upstream that is part of this router, for where
/// [`Settings::upstream`] names no other. Must be called within a tokio runtime.
///
/// # Errors
///
/// If there is no temporary folder, or no HTTP client to be had.
pub fn router(settings: &Settings, inside: &str, shutdown: &CancellationToken) -> io::Result<Router> {
    let beat = settings.beat;
    let upstream = settings.upstream.as_deref().unwrap_or(inside);
    Ok(pages::routes()
        .merge(apps::report::routes(beat, shutdown)?)
        .merge(apps::numbers::routes(beat, shutdown))
        .merge(apps::clock::routes(beat, shutdown))
        .merge(apps::chat::routes(beat, shutdown))
        .merge(apps::relay::routes(upstream, settings.key.as_deref(), shutdown)?)
        .merge(apps::upstream::routes(beat, shutdown))
        .merge(apps::feed::routes(beat, shutdown).map_err(io::Error::other)?))
}
