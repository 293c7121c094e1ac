//! HEAD, and other versions of HTTP.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::{HEAD, answer, check_all, count_from, serve};

#[test]
fn head_is_answered_as_get() {
    let refused = serve(|request, stream| {
        let head = if request.is_head() { "HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n" } else { HEAD };
        answer(request, stream, head, |stream| count_from(stream, 1))
    });
    let other = serve(|request, stream| {
        let head = if request.is_head() { &HEAD.replace("event-stream", "html") } else { HEAD };
        answer(request, stream, head, |stream| count_from(stream, 1))
    });
    let silent = serve(|request, stream| {
        if request.is_head() {
            thread::sleep(Duration::from_secs(3));
        }
        answer(request, stream, HEAD, |stream| count_from(stream, 1))
    });
    let with_body = serve(|_, stream| {
        stream.write_all(HEAD.as_bytes())?;
        count_from(stream, 1)
    });
    let verdicts = check_all(&[refused, other, silent, with_body]);
    verdicts[0].is("head", "warning", "405");
    verdicts[1].is("head", "warning", "content-type is \"text/html\"");
    verdicts[2].is("head", "fault", "no answer in 1.0 s");
    verdicts[3].is("head", "fault", "a body");
    verdicts[0].is("http-2", "ok", "not offered without TLS");
}

#[test]
fn http_1_0_has_no_chunks() {
    let chunked = serve(|request, stream| {
        let head = HEAD.replace("connection: close", "transfer-encoding: chunked");
        answer(request, stream, &head, |stream| {
            for _ in 0..100 {
                stream.write_all(b"9\r\ndata: 1\n\n\r\n")?;
                thread::sleep(Duration::from_millis(40));
            }
            Ok(())
        })
    });
    let refused = serve(|request, stream| {
        let head =
            if request.line.ends_with("HTTP/1.0") { "HTTP/1.1 505 No\r\ncontent-length: 0\r\n\r\n" } else { HEAD };
        answer(request, stream, head, |stream| count_from(stream, 1))
    });
    let silent = serve(|request, stream| {
        answer(request, stream, HEAD, |stream| {
            if request.line.ends_with("HTTP/1.0") {
                thread::sleep(Duration::from_secs(3));
            }
            count_from(stream, 1)
        })
    });
    let verdicts = check_all(&[chunked, refused, silent]);
    verdicts[0].is("http-1.0", "fault", "transfer-encoding: chunked");
    verdicts[1].is("http-1.0", "warning", "505");
    verdicts[2].is("http-1.0", "fault", "no event in 1.0 s");
}
