//! The head of the answer.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::{HEAD, answer, check, check_all, count_from, serve, serve_body};

#[test]
fn wrong_headers_are_faults() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=latin1\r\ncache-control: public, max-age=60\r\n\
                x-accel-buffering: yes\r\naccess-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\n\r\n";
    let url = serve(move |request, stream| answer(request, stream, head, |stream| count_from(stream, 1)));
    let verdict = check(&url, &[]);
    assert_eq!(verdict.status, 1);
    verdict.is("status", "ok", "200");
    verdict.is("content-type", "fault", "text/plain");
    verdict.is("charset", "fault", "latin1");
    verdict.is("cache-control", "fault", "public, max-age=60");
    verdict.is("no-transform", "warning", "");
    verdict.is("x-accel-buffering", "warning", "yes");
    verdict.is("cors", "fault", "browsers refuse");
}

#[test]
fn an_origin_that_is_sent_back_with_cookies_is_a_warning() {
    let url = serve(|request, stream| {
        let origin = request.headers.get("origin").map_or("https://example.org", String::as_str);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\naccess-control-allow-credentials: true\r\n\
             access-control-allow-origin: {origin}\r\n\r\n"
        );
        answer(request, stream, &head, |stream| count_from(stream, 1))
    });
    check(&url, &[]).is("cors", "warning", "any origin");
}

#[test]
fn without_a_good_answer_the_rest_is_not_checked() {
    let refused = serve(|_, stream| stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"));
    let silent = serve(|_, _| {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    let closed = serve(|_, _| Ok(()));
    let verdicts = check_all(&[refused, silent, closed]);
    for (verdict, seen) in verdicts.iter().zip(["500", "no answer in 1.0 s", ""]) {
        verdict.is("status", "fault", seen);
        assert_eq!((verdict.status, verdict.json["checks"].as_array().unwrap().len()), (1, 1));
    }
}

#[test]
fn without_permission_pages_of_other_origins_are_said_to_get_nothing() {
    let silent = serve_body(|_, stream| count_from(stream, 1));
    let refusing = serve(|request, stream| {
        let refused = "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n";
        let head = if request.headers.contains_key("origin") { refused } else { HEAD };
        answer(request, stream, head, |stream| count_from(stream, 1))
    });
    let verdicts = check_all(&[silent, refusing]);
    verdicts[0].is("cors", "info", "only pages of the same origin can read the stream");
    verdicts[1].is("cors", "info", "status 403 for pages of another origin");
}
