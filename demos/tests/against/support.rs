//! Our own servers, and events as JSON.

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use demos::Settings;
use serde_json::{Value, json};
use sse_wire::Event;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// For servers and clients: the tests themselves block while they wait for programs.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Serves until the tests end. Returns the URL.
pub fn serve(router: Router) -> String {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Each chunk is sent at once, so that clients receive it as a chunk.
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    RUNTIME.spawn(async move { axum::serve(listener, router).await });
    url
}

/// The demos, on a free port.
pub struct Demos {
    pub url: String,
    settings: Settings,
    shutdown: CancellationToken,
    served: JoinHandle<io::Result<()>>,
}

impl Demos {
    /// Starts it, with this length of a second.
    pub fn start(beat: Duration) -> Demos {
        Demos::on("127.0.0.1:0", Settings { beat, ..Settings::default() })
    }

    fn on(address: &str, settings: Settings) -> Demos {
        let listener = RUNTIME.block_on(TcpListener::bind(address)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let served = RUNTIME.spawn(demos::serve(listener, settings.clone(), shutdown.clone()));
        Demos { url, settings, shutdown, served }
    }

    /// Stops it, as Ctrl-C does.
    pub fn stop(self) {
        self.shutdown.cancel();
        RUNTIME.block_on(self.served).unwrap().unwrap();
    }

    /// Stops it, and starts another at the same address.
    pub fn restart(self) -> Demos {
        let (url, settings) = (self.url.clone(), self.settings.clone());
        self.stop();
        Demos::on(url.strip_prefix("http://").unwrap(), settings)
    }

    pub fn post(&self, path: &str) {
        let sent = reqwest::Client::new().post(format!("{}{path}", self.url)).send();
        RUNTIME.block_on(sent).unwrap().error_for_status().unwrap();
    }
}

/// An event as every program prints it.
pub fn printed(event: Event<'_>) -> Value {
    json!({ "name": event.name(), "data": event.data(), "id": event.last_event_id() })
}
