//! A slow reader, and many at once.

use std::io::{ErrorKind, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{HEAD, answer, check, check_all, count_from, serve, serve_body};

#[test]
fn a_slow_reader_that_loses_events_is_a_fault() {
    // Drops each event that finds the connection full.
    let lossy = serve_body(|_, stream| {
        stream.set_nonblocking(true)?;
        let mut left = Vec::new();
        for id in 1..300 {
            if left.is_empty() {
                left = format!("id: {id}\ndata: {}\n\n", "x".repeat(1 << 18)).into_bytes();
            }
            for _ in 0..10 {
                match stream.write(&left) {
                    Ok(written) => drop(left.drain(..written)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
                    Err(error) => return Err(error),
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    });
    let different = serve_body(|_, stream| {
        static LAST: AtomicU32 = AtomicU32::new(0);
        count_from(stream, u64::from(LAST.fetch_add(1000, Ordering::Relaxed)))
    });
    let verdicts = check_all(&[lossy, different]);
    verdicts[0].is("slow-reader", "fault", "events are missing");
    verdicts[1].is("slow-reader", "not_checked", "different events");
}

#[test]
fn many_readers_at_once_are_counted() {
    let limited = |is_silent: bool| {
        let readers = AtomicU32::new(0);
        serve(move |request, stream| {
            let is_full = readers.fetch_add(1, Ordering::Relaxed) >= 3;
            let result = if is_full && is_silent {
                answer(request, stream, HEAD, |_| {
                    thread::sleep(Duration::from_secs(3));
                    Ok(())
                })
            } else {
                let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let head = if is_full { busy } else { HEAD };
                answer(request, stream, head, |stream| if is_full { Ok(()) } else { count_from(stream, 1) })
            };
            readers.fetch_sub(1, Ordering::Relaxed);
            result
        })
    };
    let verdicts = check_all(&[limited(false), limited(true)]);
    verdicts[0].is("connections", "warning", "of 8 at once got status 503");
    verdicts[1].is("connections", "fault", "of 8 at once got no event in 1.0 s");
    let verdict = check(&serve_body(|_, stream| count_from(stream, 1)), &["--connections", "20"]);
    verdict.is("connections", "ok", "20 at once");
}

#[test]
fn a_server_that_answers_one_client_at_a_time_is_at_fault_for_that_alone() {
    let busy = Mutex::new(());
    let url = serve(move |request, stream| {
        let _one = busy.lock();
        answer(request, stream, HEAD, |stream| count_from(stream, request.last().map_or(1, |last| last + 1)))
    });
    let verdict = check(&url, &[]);
    verdict.is("compression", "ok", "none, also when asked for gzip");
    verdict.is("connections", "fault", "at once");
    verdict.is("slow-reader", "fault", "with two readers at once");
    assert_eq!(verdict.rows("fault").lines().count(), 2, "{}", verdict.rows("fault"));
}

#[test]
fn a_compressor_that_never_answers_is_still_a_fault() {
    let url = serve(|request, stream| {
        if request.wants_gzip() {
            thread::sleep(Duration::from_secs(5));
        }
        answer(request, stream, HEAD, |stream| count_from(stream, 1))
    });
    check(&url, &[]).is("compression", "fault", "with accept-encoding: gzip: no answer in 1.0 s");
}
