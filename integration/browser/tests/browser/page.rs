//! A page in a headless Chromium, which runs one client, and a server that does what the test says.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use wasm_bindgen_cli_support::Bindgen;

/// How long the slowest machine may take for one step. Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// The folder with the client as WebAssembly and its JavaScript.
static CLIENT: LazyLock<PathBuf> = LazyLock::new(|| {
    const TARGET: &str = "wasm32-unknown-unknown";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target_dir = folder.parent().unwrap();
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--package", "browser", "--lib", "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        // Without debug information there is less for wasm-bindgen to read.
        .args(["--config", "profile.dev.debug=false"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the client is not built; its target comes by `rustup target add {TARGET}`");
    let folder = folder.join("browser");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(target_dir.join(TARGET).join("debug/browser.wasm"))
        .out_name("client")
        .typescript(false)
        .omit_default_module_path(false);
    bindgen.web(true).unwrap().generate(&folder).expect("wasm-bindgen reads what the compiler wrote");
    folder
});

/// The folder for the profiles of browsers. It is emptied first: a browser that was killed may write to its profile once more
/// after that was deleted.
static PROFILES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profiles");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
});

/// A page that runs a client. The browser ends when this is dropped.
pub struct Page {
    requests: mpsc::UnboundedReceiver<Request>,
    reports: mpsc::UnboundedReceiver<String>,
    browser: Child,
    _profile: TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

impl Page {
    /// A page whose client sends its requests to the server that the page is from.
    pub async fn open(client: &str) -> Page {
        Page::open_with(client, false).await
    }

    /// A page whose client sends its requests to a server of another origin.
    pub async fn open_across_origins(client: &str) -> Page {
        Page::open_with(client, true).await
    }

    async fn open_with(client: &str, across_origins: bool) -> Page {
        LazyLock::force(&CLIENT);
        let (requests_in, requests) = mpsc::unbounded_channel();
        let (reports_in, reports) = mpsc::unbounded_channel();
        let scripted = Router::new().fallback(receive).with_state(requests_in);
        let pages = Router::new()
            .route("/", get(Html(include_str!("page.html"))))
            .route("/client.js", get(async || file("client.js", "text/javascript")))
            .route("/client_bg.wasm", get(async || file("client_bg.wasm", "application/wasm")))
            .route("/report", post(async |State(reports), line| take_report(&reports, line)))
            .with_state(reports_in);
        let other = serve(scripted.clone()).await;
        let own = serve(pages.merge(scripted)).await;
        let client = client.replace(' ', "+");
        let of_events = if across_origins { other } else { own };
        let url = format!("http://{own}/?client={client}&url=http://{of_events}/events");

        let profile = TempDir::new_in(&*PROFILES).unwrap();
        let browser = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed");
        Page { requests, reports, browser, _profile: profile }
    }

    /// The next request of the client.
    pub async fn request(&mut self) -> Request {
        tokio::select! {
            request = self.requests.recv() => request.unwrap(),
            report = self.reports.recv() => panic!("reported, where a request was expected: {report:?}"),
            () = tokio::time::sleep(PATIENCE) => panic!("no request"),
        }
    }

    /// The next line that the client reports.
    pub async fn report(&mut self) -> String {
        patient(self.reports.recv()).await.unwrap()
    }

    /// The next line that the client reports must be this one.
    pub async fn reports(&mut self, line: &str) {
        assert_eq!(self.report().await, line);
    }

    /// The client neither sends a request nor reports a line for so long.
    pub async fn is_quiet(&mut self, time: Duration) {
        tokio::select! {
            _ = self.requests.recv() => panic!("a request"),
            report = self.reports.recv() => panic!("reported: {report:?}"),
            () = tokio::time::sleep(time) => {}
        }
    }

    /// The client has nothing more to report, and sends no further request.
    pub async fn ends(mut self) {
        self.reports("done").await;
        assert!(self.requests.try_recv().is_err(), "a request after the end");
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn file(name: &str, content_type: &'static str) -> Response {
    ([("content-type", content_type)], fs::read(CLIENT.join(name)).unwrap()).into_response()
}

fn take_report(reports: &mpsc::UnboundedSender<String>, line: String) {
    // The test may have ended.
    let _ = reports.send(line);
}

/// Waits for the test to answer.
async fn receive(State(requests): State<mpsc::UnboundedSender<Request>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let (answer, response) = oneshot::channel();
    let _ = requests.send(Request { method: parts.method, uri: parts.uri, headers: parts.headers, body, answer });
    response.await.unwrap_or_default()
}

async fn patient<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("nothing happens")
}

/// A request that waits for its response.
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    answer: oneshot::Sender<Response>,
}

impl Request {
    /// A header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Answers with this status, and this body or headers.
    pub fn answer(self, status: u16, rest: impl IntoResponse) {
        let mut response = rest.into_response();
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        self.answer.send(response).expect("the client waits");
    }

    /// Answers with an event stream.
    pub fn open(self) -> Events {
        self.open_with([])
    }

    /// Answers with an event stream, and these headers.
    pub fn open_with<const N: usize>(self, headers: [(&'static str, &str); N]) -> Events {
        let (chunks, body) = mpsc::channel(1);
        let body = Body::from_stream(stream::unfold(body, async |mut body| Some((body.recv().await?, body))));
        self.answer(200, (headers, [("content-type", "text/event-stream")], body));
        Events { chunks }
    }

    /// Waits until the client no longer waits for the response.
    pub async fn given_up(mut self) {
        patient(self.answer.closed()).await;
    }
}

/// The body of an event stream. It ends when this is dropped.
pub struct Events {
    chunks: mpsc::Sender<Result<Bytes, &'static str>>,
}

impl Events {
    /// Sends a chunk.
    pub async fn send(&self, chunk: &'static str) {
        self.chunks.send(Ok(Bytes::from_static(chunk.as_bytes()))).await.expect("the connection is open");
    }

    /// Breaks the connection, so that the body is not complete.
    pub async fn cut(self) {
        self.chunks.send(Err("cut")).await.expect("the connection is open");
    }

    /// Waits until the client has closed the connection.
    pub async fn closed_by_client(self) {
        patient(self.chunks.closed()).await;
    }
}
