//! Servers without a fault, and none at all.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::stream;
use sse_wire::KEEP_ALIVE;
use sse_wire::http::RESPONSE_HEADERS;

use crate::support::{answer, check, count_from, event, serve};

/// Numbered events with keep-alives, over HTTP/1 and HTTP/2.
async fn good(request: Request) -> impl IntoResponse {
    let last = request.headers().get("last-event-id").map_or(0, |id| id.to_str().unwrap().parse().unwrap());
    let events = stream::unfold(last, |last| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut bytes = event(last + 1).into_bytes();
        bytes.extend_from_slice(KEEP_ALIVE);
        let retry = if last == 0 { "retry: 3000\n\n" } else { "" };
        Some((Ok::<_, std::convert::Infallible>([retry.as_bytes(), &bytes].concat()), last + 1))
    });
    (RESPONSE_HEADERS, [("access-control-allow-origin", "*")], Body::from_stream(events))
}

fn serve_good() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().route("/", get(good))).await.unwrap();
        });
    });
    url
}

#[test]
fn a_good_server_passes_every_check() {
    let url = serve_good();
    let (verdict, http2) = thread::scope(|scope| {
        let http2 = scope.spawn(|| check(&url, &["--strict", "--http2"]));
        (check(&url, &["--strict"]), http2.join().unwrap())
    });
    assert_eq!((verdict.status, verdict.rows("fault"), verdict.rows("warning")), (0, String::new(), String::new()));
    // HTTP/1.1 cannot do it.
    let unchecked = verdict.rows("not-checked");
    assert!(unchecked.starts_with("\"resume-same-connection\"") && unchecked.lines().count() == 1, "{unchecked}");
    verdict.is("http-2", "ok", "works");
    verdict.is("resume", "ok", "are the same as at first");
    verdict.is("cors", "ok", "*");
    verdict.is("end", "ok", "still open");
    assert_eq!(verdict.json["url"], url.as_str());

    assert_eq!((http2.status, http2.rows("not-checked")), (0, String::new()), "{}", http2.rows("fault"));
    http2.is("resume-same-connection", "ok", "are the same as at first");
}

#[test]
fn the_text_says_what_was_seen_and_what_to_do() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let url = serve(move |request, stream| answer(request, stream, head, |stream| count_from(stream, 1)));
    let run = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-inspect"));
        command.args(["check", &url, "--for", "0.5"]).args(options).output().unwrap()
    };
    let output = run(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ok           content-type            text/event-stream\n"), "{text}");
    assert!(text.contains("\nwarning      cache-control           none\n             why: "), "{text}");
    assert!(text.contains("\n             do:  send cache-control: no-store, no-transform\n"), "{text}");
    // Without last-event-id, it starts again.
    assert!(text.contains("\nfault        resume "), "{text}");
    assert!(text.contains("\nfaults: 1, warnings: 3, not checked: "), "{text}");
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(1), &b""[..]));
    assert!(!text.contains('\x1b'));
}

#[test]
fn warnings_are_no_faults_unless_asked() {
    let url = serve(|_, stream| stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n"));
    for (options, status) in [(&[][..], 0), (&["--strict"], 1)] {
        let verdict = check(&url, options);
        assert_eq!(verdict.status, status);
        verdict.is("status", "warning", "204");
    }
}

#[test]
fn a_server_that_cannot_be_reached_or_asked_has_no_verdict() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let verdict = check(&format!("http://127.0.0.1:{port}/"), &[]);
    assert_eq!((verdict.status, &verdict.output[..]), (3, &b""[..]));
    assert!(verdict.error.contains("efused"), "{}", verdict.error);
    for options in [
        &["not a url"][..],
        &["ftp://localhost/"],
        &["http://localhost", "-H", "no colon"],
        &["http://x", "--connections", "0"],
    ] {
        assert_eq!(check(options[0], &options[1..]).status, 2, "{options:?}");
    }
}
