//! Servers without a fault, and none at all.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::stream;
use sse_wire::KEEP_ALIVE;
use sse_wire::http::RESPONSE_HEADERS;

use crate::support::{HEAD, answer, check, count_from, event, serve};

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
    let unchecked = verdict.rows("not_checked");
    assert!(unchecked.starts_with("\"resume-same-connection\"") && unchecked.lines().count() == 1, "{unchecked}");
    verdict.is("http-2", "ok", "works");
    verdict.is("resume", "ok", "the same as at first");
    verdict.is("cors", "ok", "*");
    verdict.is("end", "ok", "still open");
    assert_eq!(verdict.json["url"], url.as_str());

    assert_eq!((http2.status, http2.rows("not_checked")), (0, String::new()), "{}", http2.rows("fault"));
    http2.is("resume-same-connection", "ok", "the same as at first");
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
    assert_eq!(verdict.status, 3);
    assert!(verdict.error.contains("efused"), "{}", verdict.error);
    assert!(verdict.json["error"].as_str().unwrap().contains("efused"), "{}", verdict.json);
    for options in [
        &["not a url"][..],
        &["ftp://localhost/"],
        &["http://localhost", "-H", "no colon"],
        &["http://x", "--connections", "0"],
    ] {
        assert_eq!(check(options[0], &options[1..]).status, 2, "{options:?}");
    }
    for no_url in ["stream.sse", "localhost:8080/events", "file:///stream.sse"] {
        let verdict = check(no_url, &[]);
        let message = "check needs a URL that begins with http:// or https://";
        assert!((verdict.status, &verdict.json["error"]) == (2, &message.into()), "{verdict:?}");
    }
}

#[test]
fn a_finite_answer_is_checked_strictly_without_what_it_need_not_have() {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let url = serve(move |request, stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        answer(request, stream, HEAD, |stream| {
            for piece in ["In", " the", " end"] {
                thread::sleep(Duration::from_millis(30));
                write!(stream, "data: {{\"text\":\"{piece}\"}}\n\n")?;
            }
            stream.write_all(b"data: [DONE]\n\n")
        })
    });
    let verdict = check(&url, &["--strict", "-d", "{}"]);
    assert_eq!((verdict.status, verdict.rows("warning").lines().count()), (1, 3), "{}", verdict.rows("warning"));

    let verdict = check(&url, &["--strict", "-d", "{}", "--ignore", "ids,retry", "--ignore", "end"]);
    assert_eq!((verdict.status, verdict.rows("warning")), (0, String::new()), "{}", verdict.rows("fault"));
    assert!(!verdict.has("ids") && verdict.has("ids-in-header"));

    // A check that is left out sends nothing.
    requests.store(0, Ordering::Relaxed);
    let own = "cors,compression,resume,resume-same-connection,end,head,http-1.0,http-2,slow-reader,connections";
    check(&url, &["--ignore", own]);
    assert_eq!(requests.load(Ordering::Relaxed), 1);

    let unknown = check(&url, &["--ignore", "id"]);
    assert_eq!(unknown.status, 2);
    for name in ["status", "ids", "resume-same-connection", "connections"] {
        assert!(unknown.error.contains(name), "{}", unknown.error);
    }
    assert!(
        verdict.json["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| unknown.error.contains(row["name"].as_str().unwrap()))
    );
}

#[test]
fn the_greatest_time_bounds_the_whole_check() {
    let url = serve(|request, stream| answer(request, stream, HEAD, |stream| count_from(stream, 1)));
    let began = Instant::now();
    let verdict = check(&url, &["-m", "1"]);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    verdict.is("buffering", "ok", "first event");
    verdict.is("connections", "not_checked", "the time was up");
    let not_checked = verdict.json["checks"].as_array().unwrap().iter().filter(|row| row["verdict"] == "not_checked");
    assert_eq!(verdict.json["not_checked"], not_checked.count());
}
