//! The request that the flags of curl describe.

use std::fs;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Url};

use super::with_sources;
use crate::args::Http;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The settings of the HTTP client.
pub fn client(http: &Http) -> ClientBuilder {
    let mut client = Client::builder()
        .danger_accept_invalid_certs(http.insecure)
        .gzip(http.compressed)
        .brotli(http.compressed)
        .zstd(http.compressed)
        .deflate(http.compressed)
        .user_agent(concat!("sse-inspect/", env!("CARGO_PKG_VERSION")));
    if http.http2 {
        client = client.http2_prior_knowledge();
    }
    client
}

/// The request, with `accept` and `cache-control` as a client of event streams sends them unless they are given.
pub fn request(client: &Client, url: &str, http: &Http) -> Result<RequestBuilder, BoxError> {
    let url = Url::parse(url).map_err(|error| format!("the URL is wrong: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("a URL begins with http:// or https://".into());
    }
    let body = body(http)?;
    let method = match &http.method {
        Some(method) => method.parse()?,
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut headers = HeaderMap::new();
    for header in &http.headers {
        let (name, value) = header.split_once(':').ok_or_else(|| format!("a header without a colon: {header:?}"))?;
        headers.append(name.trim().parse::<HeaderName>()?, HeaderValue::from_bytes(value.trim().as_bytes())?);
    }
    for (name, value) in sse_wire::http::REQUEST_HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    let mut request = client.request(method, url).headers(headers);
    if let Some(user) = &http.user {
        let (name, password) = user.split_once(':').map_or((user.as_str(), None), |(n, p)| (n, Some(p)));
        request = request.basic_auth(name, password);
    }
    if let Some(body) = body {
        if !http.headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:")) {
            let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
            let form = "application/x-www-form-urlencoded";
            request = request.header("content-type", if is_json { "application/json" } else { form });
        }
        request = request.body(body);
    }
    Ok(request)
}

/// Why a request failed, and for mistakes that are easily made, what to do.
pub fn reason(error: reqwest::Error) -> String {
    let is_connect = error.is_connect();
    let text = with_sources(&error.without_url());
    let advice = if text.contains("peer certificate") {
        ". With -k the certificate is not checked"
    } else if text.contains("InvalidContentType") {
        ". The server does not speak TLS there: try http://"
    } else if text.contains("NoApplicationProtocol") {
        ". The server does not offer HTTP/2: leave --http2 out"
    } else if text.contains("http2 error: connection error detected: frame with invalid size") {
        // The answer is text.
        ". The server does not speak HTTP/2 there: leave --http2 out"
    } else {
        ""
    };
    let text = text.strip_prefix("error sending request: ").unwrap_or(&text);
    let text = text.strip_prefix("client error (Connect): ").unwrap_or(text);
    format!("{}{text}{advice}", if is_connect { "cannot connect: " } else { "" })
}

fn body(http: &Http) -> Result<Option<Vec<u8>>, BoxError> {
    let mut parts = Vec::new();
    for data in &http.data {
        parts.push(match data.strip_prefix('@') {
            Some(file) => {
                let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
                bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
            }
            None => data.clone().into_bytes(),
        });
    }
    parts.extend(http.data_raw.iter().map(|data| data.clone().into_bytes()));
    Ok((!parts.is_empty()).then(|| parts.join(&b'&')))
}
