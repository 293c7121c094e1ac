//! Six applications that use `sse-wire`, with a page for each: see the README of this folder.

mod pages;
pub mod sse;

/// The pages. The applications follow.
pub fn router() -> axum::Router {
    pages::routes()
}
