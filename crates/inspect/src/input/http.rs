//! The request that the flags of curl describe.

use std::fs::File;
use std::io::{self, Read as _};

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Url};
use serde::de::IgnoredAny;
use sse_wire::http::REQUEST_HEADERS;

use super::with_sources;
use crate::args::{Body, Data, Http};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The settings of the HTTP client.
pub fn client(http: &Http) -> ClientBuilder {
    let mut client = Client::builder()
        .danger_accept_invalid_certs(http.insecure)
        .gzip(http.compressed)
        .brotli(http.compressed)
        .zstd(http.compressed)
        .deflate(http.compressed);
    if http.http2 {
        client = client.http2_prior_knowledge();
    }
    client
}

/// The request, with `accept` and `cache-control` as a client of event streams sends them unless they are given. Fails if an
/// option is wrong.
pub fn request(client: &Client, url: &str, http: &Http) -> Result<RequestBuilder, BoxError> {
    let url = Url::parse(url).map_err(|error| format!("the URL is wrong: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("a URL begins with http:// or https://".into());
    }
    let body = body(&http.body)?;
    let method = match &http.method {
        Some(method) => method.parse().map_err(|_| format!("-X {method:?}: this is no method"))?,
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut request = client.request(method, url);
    let (headers, removed) = headers(&http.headers)?;
    let mut defaults = REQUEST_HEADERS.map(|(name, value)| (HeaderName::from_static(name), value)).to_vec();
    defaults.push((USER_AGENT, concat!("sse-inspect/", env!("CARGO_PKG_VERSION"))));
    if let Some(body) = body {
        if body.is_empty() {
            defaults.push((CONTENT_LENGTH, "0"));
        }
        let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        defaults.push((CONTENT_TYPE, if is_json { "application/json" } else { "application/x-www-form-urlencoded" }));
        request = request.body(body);
    }
    for (name, value) in defaults {
        if !headers.contains_key(&name) && !removed.contains(&name) {
            request = request.header(name, value);
        }
    }
    request = request.headers(headers);
    if let Some(user) = &http.user {
        let (name, password) = user.split_once(':').map_or((user.as_str(), None), |(n, p)| (n, Some(p)));
        request = request.basic_auth(name, password);
    }
    Ok(request)
}

/// The headers to send, and those to leave out, as the values of `-H` say.
fn headers(given: &[String]) -> Result<(HeaderMap, Vec<HeaderName>), BoxError> {
    let mut lines = Vec::new();
    for header in given {
        match header.strip_prefix('@') {
            Some(file) => {
                let text = String::from_utf8(read(file)?).map_err(|_| format!("-H @{file}: this is not UTF-8"))?;
                lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
            }
            None => lines.push(header.clone()),
        }
    }
    let (mut headers, mut removed) = (HeaderMap::new(), Vec::new());
    for line in lines {
        let wrong = |what: &str| format!("-H {line:?}: {what}");
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, Some(value.trim()).filter(|value| !value.is_empty())),
            None => (line.strip_suffix(';').ok_or_else(|| wrong("a header has a colon: `NAME: VALUE`"))?, Some("")),
        };
        let name: HeaderName = name.trim().parse().map_err(|_| wrong("this is no name of a header"))?;
        match value {
            Some(value) => {
                let value = HeaderValue::from_bytes(value.as_bytes());
                headers.append(name, value.map_err(|_| wrong("a header cannot have this value"))?);
            }
            None => removed.push(name),
        }
    }
    Ok((headers, removed))
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

fn body(body: &Body) -> Result<Option<Vec<u8>>, BoxError> {
    let mut parts = Vec::new();
    for data in &body.0 {
        parts.push(match data {
            Data::Data(data) if data.starts_with('@') => {
                let bytes = read(&data[1..])?;
                bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
            }
            Data::Data(data) | Data::Raw(data) => data.clone().into_bytes(),
        });
    }
    Ok((!parts.is_empty()).then(|| parts.join(&b'&')))
}

/// Reads a file, or standard input for `-`.
fn read(file: &str) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => io::stdin().read_to_end(&mut bytes),
        _ => File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("@{file}: {error}"))?;
    Ok(bytes)
}
