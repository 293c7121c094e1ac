//! Six applications that use `sse-wire`, with a page for each: see the README of this folder.
//!
//! [`apps`] has a file or folder for each. They share [`sse`], the response that all of them send, and [`guard`], which
//! requests must pass, and nothing else.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub mod apps;
pub mod guard;
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
    /// How long a request may take to arrive: its head, and then its body.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { beat: Duration::from_secs(1), upstream: None, key: None, patience: Duration::from_secs(10) }
    }
}

/// Serves all applications until `shutdown`, then ends every stream and returns.
///
/// # Errors
///
/// If the listener has no address, or as [`router`].
pub async fn serve(mut listener: TcpListener, settings: Settings, shutdown: CancellationToken) -> io::Result<()> {
    let address = TcpListener::local_addr(&listener)?;
    let router = router(&settings, &format!("http://{address}/upstream"), &shutdown)?;
    let router = guard::guarded(router, address, settings.patience);
    // As `axum::serve` does, which has no limit for the time that the head of a request takes.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.patience);
    let connections = GracefulShutdown::new();
    while let Some((socket, _)) = shutdown.run_until_cancelled(Listener::accept(&mut listener)).await {
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(connections.watch(http.serve_connection(TokioIo::new(socket), service)));
    }
    drop(listener);
    // An error means that the time is over.
    let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    Ok(())
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
