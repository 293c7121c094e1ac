//! A body as a response.

use ::http::{HeaderName, HeaderValue, Response};

use super::EventBody;
use crate::http::RESPONSE_HEADERS;

impl<S, F, M> EventBody<S, F, M> {
    /// A response of status 200 with the [headers of an event stream](RESPONSE_HEADERS), for hyper, axum and all that take a
    /// response of the `http` crate.
    ///
    /// An axum handler can return it. Its `map` changes the body: `body.into_response().map(EventBody::vectored)`.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        for (name, value) in RESPONSE_HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}
