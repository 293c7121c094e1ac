//! Six applications that use `sse-wire`, with a page for each: see the README of this folder.
//!
//! [`apps`] has a file or folder for each. They share [`sse`], the response that all of them send, and nothing else.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub mod apps;
mod pages;
pub mod sse;
pub mod watch;

/// How long streams may take to end: a client that does not read would keep its connection open for ever.
const GRACE: Duration = Duration::from_secs(1);

/// The settings of the demos.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The length of a second for the applications. Tests use a shorter one.
    pub beat: Duration,
    /// The URL of an OpenAI-compatible server for the relay, without `/v1/chat/completions`. `None`: the built-in one.
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
/// If the listener has no address, or as [`router`].
pub async fn serve(listener: TcpListener, settings: Settings, shutdown: CancellationToken) -> io::Result<()> {
    let built_in = format!("http://{}/upstream", listener.local_addr()?);
    let router = router(&settings, &built_in, &shutdown)?;
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        result = served => result,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// The pages and all applications. `built_in` is the URL of the upstream that is part of this router, which is used
/// unless [`Settings::upstream`] is set. Must be called within a tokio runtime.
///
/// # Errors
///
/// If no temporary folder or HTTP client can be made, or if the system's clock is before 1970.
pub fn router(settings: &Settings, built_in: &str, shutdown: &CancellationToken) -> io::Result<Router> {
    let beat = settings.beat;
    let upstream = settings.upstream.as_deref().unwrap_or(built_in);
    Ok(pages::routes()
        .merge(apps::report::routes(beat, shutdown)?)
        .merge(apps::numbers::routes(beat, shutdown))
        .merge(apps::clock::routes(beat, shutdown))
        .merge(apps::chat::routes(beat, shutdown))
        .merge(apps::relay::routes(upstream, settings.key.as_deref(), shutdown)?)
        .merge(apps::upstream::routes(beat, shutdown))
        .merge(apps::feed::routes(beat, shutdown).map_err(io::Error::other)?))
}
