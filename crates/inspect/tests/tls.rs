//! Servers with TLS: `-k`, and the version of HTTP that is agreed on.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Version};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::Listener;
use futures_util::stream;
use serde_json::Value;
use sse_wire::http::RESPONSE_HEADERS;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// Accepts TLS with a certificate that nobody has signed.
struct Tls {
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // It fails where the client does not trust the certificate.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Numbered events: endless, and at `/two` the first two. The data is the version of HTTP.
fn events(version: Version, headers: &HeaderMap, two: bool) -> impl IntoResponse + use<> {
    let last: u64 = headers.get("last-event-id").map_or(0, |id| id.to_str().unwrap().parse().unwrap());
    let events = stream::unfold(last + 1, move |id| async move {
        if two && id > 2 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        Some((Ok::<_, Infallible>(format!("id: {id}\ndata: {version:?} {id}\n\n")), id + 1))
    });
    (RESPONSE_HEADERS, Body::from_stream(events))
}

/// Serves with TLS that offers these protocols. Returns the URL.
fn serve(protocols: &[&str]) -> String {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([String::from("127.0.0.1")]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/two", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let routes = Router::new()
        .route("/two", get(async |version: Version, headers: HeaderMap| events(version, &headers, true)))
        .route("/", get(async |version: Version, headers: HeaderMap| events(version, &headers, false)));
    thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(Tls { listener, acceptor }, routes).await.unwrap();
        });
    });
    url
}

/// Standard output, standard error, and the exit status.
fn run(arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
    let output = command.args(arguments).env("NO_PROXY", "127.0.0.1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn a_certificate_that_nobody_signed_is_refused_and_the_message_says_what_to_do() {
    let url = serve(&["h2", "http/1.1"]);
    for arguments in [&[&*url][..], &["--http2", &url], &["check", &url]] {
        let (shown, error, status) = run(arguments);
        assert_eq!((shown.as_str(), status), ("", 3), "{arguments:?}");
        for part in ["certificate", "UnknownIssuer", "-k"] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        assert_eq!((error.lines().count(), error.matches(&url).count()), (1, 1), "{error}");
    }
}

#[test]
fn without_the_check_of_the_certificate_the_version_is_the_best_that_both_know() {
    for (protocols, options, version) in [
        (&["h2", "http/1.1"][..], &["-k"][..], "HTTP/2.0"),
        (&["http/1.1"], &["-k"], "HTTP/1.1"),
        (&[], &["-k"], "HTTP/1.1"),
        (&["h2"], &["--insecure", "--http2"], "HTTP/2.0"),
        (&["h2", "http/1.1"], &["-k", "--http2"], "HTTP/2.0"),
        // Without ALPN nothing is agreed on, and it is spoken all the same.
        (&[], &["-k", "--http2"], "HTTP/2.0"),
    ] {
        let url = serve(protocols);
        let (shown, error, status) = run(&[options, &[&url]].concat());
        assert_eq!((error.as_str(), status), ("", 0), "{protocols:?} {options:?}: {shown}");
        for part in [&format!("* {version} 200 OK, text/event-stream\n"), &format!("  {version} 2\n"), "no findings\n"]
        {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}

#[test]
fn a_version_that_the_server_refuses_is_an_error() {
    let url = serve(&["http/1.1"]);
    let (shown, error, status) = run(&["-k", "--http2", &url]);
    assert_eq!((shown.as_str(), status), ("", 3));
    assert!(error.contains("NoApplicationProtocol") && error.contains("--http2"), "{error}");
}

#[test]
fn a_server_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        // They stay open: closing one with unread bytes would reset it.
        let mut open = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = io::Write::write_all(&mut &stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            open.push(stream);
        }
    });
    for arguments in [&[&*url][..], &["-k", &url], &["check", "-k", &url]] {
        let (_, error, status) = run(arguments);
        assert!(status == 3 && error.contains("http://"), "{arguments:?}: {status} {error}");
    }
}

#[test]
fn a_server_with_tls_is_checked() {
    let check = |url: &str, options: &[&str]| {
        let url = url.strip_suffix("two").unwrap();
        let (shown, error, status) = run(&[&["check", url, "--json", "--for", "1"], options].concat());
        assert!(error.is_empty() && status == 0, "{options:?}: {error} {shown}");
        let verdict: Value = serde_json::from_str(&shown).unwrap();
        let rows = verdict["checks"].as_array().unwrap().clone();
        move |name: &str| {
            let row = rows.iter().find(|row| row["name"] == name).unwrap();
            format!("{}: {}", row["verdict"].as_str().unwrap(), row["seen"].as_str().unwrap())
        }
    };
    let (both, one) = (serve(&["h2", "http/1.1"]), serve(&["http/1.1"]));
    thread::scope(|scope| {
        scope.spawn(|| {
            for options in [&["-k"][..], &["-k", "--http2"]] {
                let seen = check(&both, options);
                assert!(seen("status").contains("HTTP/2.0"), "{}", seen("status"));
                assert_eq!(seen("http-2"), "ok: works: the stream was read with it");
                assert_eq!(seen("http-1.0"), "ok: answers, and streams");
                assert!(seen("resume-same-connection").starts_with("ok"), "{}", seen("resume-same-connection"));
                assert!(seen("head").starts_with("ok") && seen("connections").starts_with("ok"));
            }
        });
        let seen = check(&one, &["-k"]);
        assert!(seen("status").contains("HTTP/1.1"), "{}", seen("status"));
        assert_eq!(seen("http-2"), "warning: not offered in TLS");
    });
}
