//! The pages and what they load. All of it is part of the program: the demos need no network and no files.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{MethodRouter, get};

/// A route to each page, for a router with any state.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", html(include_str!("../pages/index.html")))
        .route("/report", html(include_str!("../pages/report.html")))
        .route("/numbers", html(include_str!("../pages/numbers.html")))
        .route("/clock", html(include_str!("../pages/clock.html")))
        .route("/chat", html(include_str!("../pages/chat.html")))
        .route("/relay", html(include_str!("../pages/relay.html")))
        .route("/feed", html(include_str!("../pages/feed.html")))
        .route("/style.css", file("text/css", include_str!("../pages/style.css")))
        .route("/page.js", file("text/javascript", include_str!("../pages/page.js")))
        .route(
            "/vendor/eventsource-parser/index.js",
            vendored(include_str!("../pages/vendor/eventsource-parser/index.js")),
        )
        .route(
            "/vendor/eventsource-parser/stream.js",
            vendored(include_str!("../pages/vendor/eventsource-parser/stream.js")),
        )
}

fn html<S: Clone + Send + Sync + 'static>(text: &'static str) -> MethodRouter<S> {
    file("text/html; charset=utf-8", text)
}

fn vendored<S: Clone + Send + Sync + 'static>(text: &'static str) -> MethodRouter<S> {
    file("text/javascript", text)
}

fn file<S: Clone + Send + Sync + 'static>(content_type: &'static str, text: &'static str) -> MethodRouter<S> {
    get(move || async move { ([(CONTENT_TYPE, content_type)], text) })
}
