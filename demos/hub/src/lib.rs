//! A demo of the hub: two nodes, a Redis with a replica, a front, and a page with buttons that break them.
//!
//! ```text
//! browser ── front ─┬─ node 1 ─┐
//!                   └─ node 2 ─┴─ proxy ── Redis (master) ── proxy ── Redis (replica)
//! ```
//!
//! [`Demo::start`] starts all of it, in one process but for Redis. `node.rs` is a server with the hub, and `publisher.rs` is what
//! publishes; the other files break them, and show what follows.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use demos::sse::Failure;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

mod board;
mod front;
mod node;
mod publisher;
mod redis_pair;
mod store;
mod system;

use store::Store;
use system::System;

/// How long a request may take to arrive: its head, and then its body.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running demo. It begins to end when this is dropped, and has ended, Redis too, when its tokio runtime is dropped.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    nodes: [SocketAddr; 2],
    engine: String,
    _stop: DropGuard,
}

impl Demo {
    /// Starts the demo. The page is at this port of 127.0.0.1; 0 is any free one. Redis is used if it is installed, unless
    /// `is_embedded` is set.
    ///
    /// # Errors
    ///
    /// If the port is not free, or if Redis is installed but does not work.
    pub async fn start(port: u16, is_embedded: bool) -> Result<Demo, Failure> {
        let listener = bind(port).await?;
        let address = TcpListener::local_addr(&listener)?;
        let store = if is_embedded { Store::embedded("it was asked for") } else { Store::best().await? };
        let engine = store.to_string();
        let stop = CancellationToken::new();
        let system = System::start(store, &stop).await?;
        let nodes = system.nodes.each_ref().map(node::Node::address);
        tokio::spawn(serve(listener, front::routes(system, address)?, stop.clone()));
        Ok(Demo { address, nodes, engine, _stop: stop.drop_guard() })
    }

    /// Where the page is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the nodes are.
    #[must_use]
    pub fn nodes(&self) -> [SocketAddr; 2] {
        self.nodes
    }

    /// Where the events are kept, and why there.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }
}

/// A listener at this port of 127.0.0.1.
async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until this is cancelled. Then all connections break at once, and the port refuses others.
async fn serve(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // It aborts its tasks when it is dropped.
    let mut connections = JoinSet::new();
    while let Some((socket, _)) = stop.run_until_cancelled(Listener::accept(&mut listener)).await {
        // Events are small, and sent at once. On an error they are only late.
        let _ = socket.set_nodelay(true);
        connections.spawn(http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(router.clone())));
        while connections.try_join_next().is_some() {}
    }
}
