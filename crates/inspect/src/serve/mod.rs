//! A server that plays streams back.

mod blocks;
mod cases;
mod listener;
pub mod options;
mod playback;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::serve::Listener as _;
use tokio::runtime::Runtime;

use crate::record::{ReadError, Recording};
use crate::{FAILED, USAGE, args, complain};
use listener::{Loopback, Reset};
use playback::{Show, Start};

/// Serves until it is interrupted.
pub fn run(args: &args::Serve) -> ExitCode {
    let mut run = None;
    let mut router = match &args.file {
        None => {
            let (router, started) = cases::server::router();
            run = Some(started);
            router
        }
        Some(file) => {
            let recording = match Recording::read(file) {
                Ok(recording) => recording,
                Err(error) => {
                    let status = if matches!(error, ReadError::Io(_)) { FAILED } else { USAGE };
                    return fail(status, &format!("{}: {error}", file.display()));
                }
            };
            match Show::new(recording, args) {
                Ok(show) => play(show),
                Err(message) => return fail(USAGE, &message),
            }
        }
    };
    if let Some(origin) = args.cors.clone() {
        router = router.layer(axum::middleware::map_response(move |mut response: Response| {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            std::future::ready(response)
        }));
    }
    if let Err(error) = listen(args.port, router) {
        return fail(USAGE, &format!("port {}: {error}", args.port));
    }
    run.map_or(ExitCode::SUCCESS, |run| run.finish())
}

fn fail(status: u8, message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(status)
}

fn listen(port: u16, router: Router) -> io::Result<()> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let listener = Loopback::bind(port).await?;
        say(&format!("http://{}/", listener.local_addr()?));
        let served = axum::serve(listener, router.into_make_service_with_connect_info::<Reset>());
        tokio::select! {
            served = served => served,
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    })
}

/// A line for standard output, which may be closed.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The stream at every path and for every method, as clients of some servers need.
fn play(show: Show) -> Router {
    let show = Arc::new(show);
    Router::new().fallback(move |ConnectInfo(reset): ConnectInfo<Reset>, request: Request| {
        std::future::ready(respond(Arc::clone(&show), reset, &request))
    })
}

fn respond(show: Arc<Show>, reset: Reset, request: &Request) -> Response {
    let last_event_id = request.headers().get(sse_wire::http::LAST_EVENT_ID).map(HeaderValue::as_bytes);
    let start = show.start(last_event_id);
    // Debug output of text has no control characters.
    let from = match (last_event_id, start) {
        (None, _) => String::new(),
        (Some(id), start) => {
            let goes_on = match start {
                Start::At(byte) => format!("from byte {byte}"),
                Start::Nothing => "nothing is left".to_owned(),
            };
            format!("  last event ID {:?}, {goes_on}", String::from_utf8_lossy(id))
        }
    };
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    say(&format!("{} {path:?}{from}", request.method()));
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    let Start::At(start) = start else {
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    };
    *response.status_mut() = StatusCode::from_u16(show.head.status).unwrap_or_default();
    if let Some(value) = show.head.content_type.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    *response.body_mut() = Body::from_stream(show.body(start, reset));
    response
}
