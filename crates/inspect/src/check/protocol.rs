//! Other methods and versions of HTTP.

use std::time::Duration;

use reqwest::{Method, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Position;

use super::reading::{self, Failure, Reading, Target, Until, seconds};
use super::report::{Row, Topic};
use crate::args::Http;

pub const HEAD: Topic = Topic {
    name: "head",
    why: "HEAD is answered as GET, without the body, and at once: monitors and caches ask so (RFC 9110 9.1, 9.3.2)",
};
pub const HTTP_1_0: Topic = Topic {
    name: "http-1.0",
    why: "proxies ask in HTTP/1.0, as nginx does unless it is told otherwise; there, an answer must not be chunked (RFC 9112 6.1)",
};
pub const HTTP_2: Topic = Topic {
    name: "http-2",
    why: "browsers open at most 6 connections to a server in HTTP/1.1, for all tabs; HTTP/2 has room for 100 streams (HTML 9.2.7)",
};

/// How long to look for a body that does not belong there, and how much of the answer is read.
const BODY_SOON: Duration = Duration::from_secs(1);
const MAX_HEAD: u64 = 64 * 1024;

pub async fn head(target: &Target, main: &Reading, first: Until) -> Row {
    if *target.request().method() != Method::GET {
        return HEAD.not_checked("the method is not GET");
    }
    let todo = "answer HEAD with the headers of GET, and end there";
    let change = |request: &mut reqwest::Request| *request.method_mut() = Method::HEAD;
    let answer = match reading::read_alone(target, change, Until { events: 1, ..first }).await {
        Ok(answer) => answer,
        Err(failure) => return HEAD.fault(failure.to_string(), todo),
    };
    let status = answer.head.status;
    if status != 200 {
        return HEAD.warning(format!("status {status}"), todo);
    }
    for name in ["content-type", "cache-control", "x-accel-buffering"] {
        let (value, of_get) = (answer.head.value(name), main.head.value(name));
        if value != of_get {
            return HEAD.warning(format!("{name} is {value:?}, for GET it is {of_get:?}"), todo);
        }
    }
    if has_body(target, first.time).await {
        return HEAD.fault("the headers of GET, and then a body", todo);
    }
    HEAD.ok(format!("the headers of GET after {}", seconds(answer.head.after)))
}

/// Whether bytes follow the head of an answer to HEAD, soon after it. Only without TLS.
async fn has_body(target: &Target, time: Duration) -> bool {
    let request = target.request();
    let url = request.url();
    let (Some(host), Some(port), true) = (url.host_str(), url.port_or_known_default(), target.is_http()) else {
        return false;
    };
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let mut text = format!("HEAD {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n").into_bytes();
    for (name, value) in request.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    let mut answer = Vec::new();
    let read = async {
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        stream.write_all(&text).await?;
        stream.take(MAX_HEAD).read_to_end(&mut answer).await
    };
    // If the connection stays open, what came until then counts.
    let _ = tokio::time::timeout(time.min(BODY_SOON), read).await;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    end.is_some_and(|end| answer.len() > end + 4)
}

pub async fn http_1_0(target: &Target, first: Until) -> Row {
    let todo = "for HTTP/1.0, write the events as they are and end with the connection";
    // One that speaks no HTTP/2, even with TLS.
    let client = reading::builder(&Http { http2: false, ..target.http().clone() }).http1_only().build();
    let mut request = target.request();
    *request.version_mut() = Version::HTTP_10;
    let answer = match client {
        Ok(client) => reading::read(&client, request, first).await,
        Err(error) => Err(Failure::from(error)),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return HTTP_1_0.fault(failure.to_string(), todo),
    };
    let encoding = answer.head.value("transfer-encoding");
    if answer.head.status != 200 {
        HTTP_1_0.warning(format!("status {}", answer.head.status), todo)
    } else if !encoding.is_empty() {
        HTTP_1_0.fault(format!("transfer-encoding: {encoding}, which HTTP/1.0 does not have"), todo)
    } else if answer.events.len() < first.events {
        HTTP_1_0.fault(format!("no event in {}", seconds(answer.time)), todo)
    } else {
        HTTP_1_0.ok("answers, and streams")
    }
}

pub async fn http_2(target: &Target, main: &Reading, first: Until) -> Row {
    if main.head.version == Version::HTTP_2 {
        return HTTP_2.ok("works: the stream was read with it");
    }
    if !target.is_http() {
        let todo = "offer h2 in TLS (ALPN)";
        return HTTP_2.warning("not offered in TLS", todo);
    }
    let answer = match reading::builder(&Http { http2: true, ..target.http().clone() }).build() {
        Ok(client) => reading::read(&client, target.request(), first).await,
        Err(error) => Err(Failure::from(error)),
    };
    match answer {
        Ok(answer) if answer.head.status != main.head.status => {
            HTTP_2.fault(format!("status {}", answer.head.status), "answer as in HTTP/1.1")
        }
        Ok(answer) if answer.events.len() < first.events => {
            HTTP_2.fault(format!("no event in {}", seconds(answer.time)), "send each event at once, as in HTTP/1.1")
        }
        Ok(_) => HTTP_2.ok("works, without TLS (h2c)"),
        Err(_) => HTTP_2.ok("not offered without TLS, where no browser would use it"),
    }
}
