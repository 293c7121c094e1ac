//! What is in the stream, when it comes, and what follows when it is cut.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{HEAD, answer, check, check_all, check_all_with, count_from, event, serve, serve_body};

fn pause(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}

#[test]
fn events_that_are_held_back_are_a_fault() {
    let with_times = serve_body(|_, stream| {
        for burst in 0..8_u64 {
            pause(400);
            let time = |at: u64| 1_700_000_000_000 + burst * 400 + at * 100;
            let events = [0, 1, 2, 3].map(|at| format!("data: {{\"at\": {}}}\n\n", time(at)));
            stream.write_all(events.concat().as_bytes())?;
        }
        Ok(())
    });
    let full_buffer = serve_body(|_, stream| {
        for _ in 0..8 {
            stream.write_all(b"data: 1\n\ndata:")?;
            pause(300);
            stream.write_all(b" 2\n\n")?;
        }
        Ok(())
    });
    let without_times = serve_body(|_, stream| {
        for _ in 0..8 {
            pause(300);
            stream.write_all("data: x\n\n".repeat(5).as_bytes())?;
        }
        Ok(())
    });
    let nothing = serve_body(|_, _| {
        pause(3000);
        Ok(())
    });
    let verdicts = check_all(&[with_times, full_buffer, without_times, nothing]);
    verdicts[0].is("buffering", "fault", "4 events at once after a silence of 0.");
    verdicts[1].is("buffering", "fault", "silent in the middle of a line, ");
    verdicts[2].is("buffering", "warning", "bursts");
    verdicts[3].is("buffering", "warning", "not a byte");
    verdicts[2].is("ids", "warning", "events with an id: 0 of ");
    verdicts[2].is("resume", "not_checked", "no event has an id");
}

#[test]
fn compression_is_a_fault_where_it_holds_events_back() {
    let head = HEAD.replace("connection", "content-encoding: gzip\r\nconnection");
    let serve_gzip = |flush: bool| {
        let head = head.clone();
        serve(move |request, stream| {
            if !request.wants_gzip() {
                return answer(request, stream, HEAD, |stream| count_from(stream, 1));
            }
            answer(request, stream, &head, |stream| {
                let mut gzip = GzEncoder::new(stream, Compression::fast());
                if flush {
                    return count_from(&mut gzip, 1);
                }
                for id in 1..100 {
                    gzip.write_all(event(id).as_bytes())?;
                    pause(40);
                }
                Ok(())
            })
        })
    };
    let (flushed, held_back) = (serve_gzip(true), serve_gzip(false));
    let always = serve(move |request, stream| answer(request, stream, &head, |_| Ok(())));
    let verdicts = check_all(&[flushed, held_back, always]);
    verdicts[0].is("compression", "ok", "gzip when asked for");
    verdicts[1].is("compression", "fault", "no event in 1.0 s with gzip");
    verdicts[2].is("compression", "fault", "without being asked");
}

#[test]
fn what_is_wrong_in_the_stream_is_named() {
    let streams: [&[u8]; 5] = [
        b": \x1b[31m\n{\"error\": \"\x1b[31m\"}\n\nDATA: x\n\n",
        b"id: 1\ndata: a\n\nid: 1\ndata: b\n\nevent: x\n\nretry: 1\n\ndata: cut\n",
        b"id: a\x1bb\ndata: \xff\n\nextra: 1\n\n",
        "id: \u{e9}\ndata: 1\nretry: 900000\n\n".as_bytes(),
        b"",
    ];
    let verdicts = check_all(&streams.map(|bytes| serve_body(move |_, stream| stream.write_all(bytes))));
    verdicts[0].is("well-formed", "fault", "json_outside_data, once, first in line 2: JSON on a line");
    verdicts[0].is("well-formed", "fault", "0 events; upper_case_field (\"DATA\"), once, first in line 4");
    verdicts[0].is("end", "warning", "a stream without events");
    verdicts[0].is("retry", "warning", "none");
    verdicts[1].is("well-formed", "fault", "2 events; block_without_data, once, first in line 7");
    verdicts[1].is("well-formed", "fault", "unfinished, once, first in line 11");
    verdicts[1].is("ids", "fault", "two events have the id \"1\"");
    verdicts[1].is("retry", "warning", "1 ms");
    verdicts[2].is("well-formed", "fault", "ill_formed_utf8");
    verdicts[2].is("ids-in-header", "fault", "a\\u{1b}b");
    verdicts[2].is("resume", "not_checked", "HTTP does not carry");
    verdicts[3].is("ids-in-header", "warning", "not ASCII");
    verdicts[3].is("retry", "warning", "900.0 s");
    verdicts[3].is("end", "warning", "reads the same again");
    verdicts[4].is("buffering", "not_checked", "empty");
    verdicts[4].is("well-formed", "fault", "without an event");
    for verdict in verdicts {
        assert!(!verdict.output.contains(&b'\x1b'));
    }
}

#[test]
fn a_resumption_is_compared_with_what_came_at_first() {
    // The events of a connection with last-event-id, from the id on.
    let resume = |first: fn(u64) -> u64| {
        serve_body(move |request, stream| {
            let last = request.last();
            stream.write_all((1..=9).map(event).filter(|_| last.is_none()).collect::<String>().as_bytes())?;
            count_from(stream, last.map_or(10, first))
        })
    };
    let refused = serve(|request, stream| match request.last() {
        Some(_) => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        None => answer(request, stream, HEAD, |stream| count_from(stream, 1)),
    });
    let silent = serve_body(|request, stream| {
        if request.last().is_some() {
            pause(4000);
        }
        count_from(stream, 1)
    });
    let other_data = serve_body(|request, stream| {
        let last = request.last();
        for id in last.map_or(1, |last| last + 1)..400 {
            stream.write_all(format!("id: {id}\ndata: {}\n\n", last.is_some()).as_bytes())?;
            pause(40);
        }
        Ok(())
    });
    let urls = [
        resume(|last| last + 1),
        resume(|last| last),
        resume(|_| 1),
        resume(|last| last + 3),
        resume(|_| 1000),
        refused,
        silent,
        other_data,
    ];
    let verdicts = check_all(&urls);
    verdicts[0].is("resume", "ok", "the same as at first");
    verdicts[1].is("resume", "fault", "an event comes again");
    verdicts[2].is("resume", "fault", "starts again");
    verdicts[3].is("resume", "fault", ", 2 events are missing");
    verdicts[4].is("resume", "fault", "events are missing");
    verdicts[5].is("resume", "fault", "status 404");
    verdicts[6].is("resume", "fault", "nothing came");
    verdicts[7].is("resume", "warning", "the data is not the same");
    // The example of the README, with other ids.
    let (_, example) = include_str!("../../src/check/README.md").split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let without_ids = |json: &str| json.replace(|char: char| char.is_ascii_digit(), "");
    let row = serde_json::to_string_pretty(verdicts[2].row("resume")).unwrap();
    assert_eq!(without_ids(&sorted(example)), without_ids(&row));
}

/// The JSON object with its members in the order of their names.
fn sorted(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
}

#[test]
fn how_a_stream_ends_is_told_apart() {
    let complete = serve(|request, stream| match request.last() {
        Some(3) => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n"),
        last => answer(request, stream, HEAD, |stream| {
            stream.write_all((last.map_or(1, |last| last + 1)..=3).map(event).collect::<String>().as_bytes())
        }),
    });
    let error = serve(|request, stream| match request.last() {
        Some(_) => stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"),
        None => answer(request, stream, HEAD, |stream| stream.write_all(event(1).as_bytes())),
    });
    let broken = serve(|request, stream| {
        let head = HEAD.replace("connection: close", "transfer-encoding: chunked");
        answer(request, stream, &head, |stream| stream.write_all(b"9\r\ndata: 1\n\n\r\n9\r\ndata:"))
    });
    let verdicts = check_all(&[complete, error, broken]);
    verdicts[0].is("end", "ok", "then 204");
    verdicts[0].is("resume", "ok", "the same as at first");
    verdicts[1].is("end", "warning", "then status 500");
    verdicts[2].is("end", "fault", "broken");
}

#[test]
fn a_body_is_sent_again_with_each_request() {
    let url = serve(|request, stream| {
        let is_post = request.line.starts_with("POST ") && request.headers["content-length"] == "4";
        let head = if is_post { HEAD } else { "HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n" };
        answer(request, stream, head, |stream| count_from(stream, request.last().map_or(1, |last| last + 1)))
    });
    let verdict = check(&url, &["-d", "ping"]);
    assert_eq!((verdict.status, verdict.rows("fault")), (0, String::new()));
    verdict.is("head", "not_checked", "the method is not GET");
}

/// Writes the pieces again and again, each after a pause.
fn again(stream: &mut impl Write, milliseconds: u64, pieces: &[&str]) -> std::io::Result<()> {
    for piece in pieces.iter().cycle().take(20) {
        stream.write_all(piece.as_bytes())?;
        pause(milliseconds);
    }
    Ok(())
}

#[test]
fn where_no_event_ends_the_stream_is_at_fault_and_no_buffer() {
    let no_blank_line = serve_body(|_, stream| again(stream, 250, &["data: {\"i\":1}\n"]));
    let literal = serve_body(|_, stream| again(stream, 250, &["data: {\"i\":1}\\n\\n"]));
    let half_a_line = serve_body(|_, stream| again(stream, 250, &["data: ", "x", "y"]));
    let by_lines = serve_body(|_, stream| again(stream, 250, &["event: a\n", "data: x\n", "\n"]));
    let once = serve_body(|_, stream| {
        stream.write_all(b"data: a\n\ndata: ha")?;
        pause(500);
        stream.write_all(b"lf\n\n")?;
        count_from(stream, 1)
    });
    let comments = serve_body(|_, stream| again(stream, 250, &[": hi\n\n"]));
    // Long enough for the view to take data without a blank line for a finding.
    let urls = [no_blank_line, literal, half_a_line, by_lines, once, comments];
    let verdicts = check_all_with(&urls, &["--for", "2"]);
    for (verdict, finding) in verdicts.iter().zip(["merged_events", "literal_newlines", "never_dispatched"]) {
        verdict.is("well-formed", "fault", finding);
        verdict.is("well-formed", "fault", "never_dispatched");
        verdict.is("buffering", "not_checked", "no event in ");
    }
    // Both findings of the first have the same advice.
    assert_eq!(verdicts[0].todo("well-formed").matches("Write a blank line").count(), 1);
    verdicts[3].is("buffering", "ok", "first event");
    verdicts[4].is("buffering", "warning", "silent in the middle of a line, once, for up to 0.5 s");
    verdicts[5].is("well-formed", "not_checked", "no event in ");
    // The hint of the view would say it twice.
    assert!(verdicts.iter().all(|verdict| !verdict.seen("well-formed").contains("no_event")), "{verdicts:?}");
}

#[test]
fn what_the_view_finds_is_a_fault_with_its_advice() {
    let streams = ["data: {}\ndata: {}\n\n", "8\r\ndata: {}\n\n\r\n", "data: a\nb\n\n"];
    let body = r#"{"error": "no stream"}"#;
    let json = serve(move |request, stream| {
        answer(request, stream, &HEAD.replace("text/event-stream", "application/json"), |stream| {
            stream.write_all(body.as_bytes())
        })
    });
    let mut urls = streams.map(|bytes| serve_body(move |_, stream| stream.write_all(bytes.as_bytes()))).to_vec();
    urls.push(json);
    let verdicts = check_all(&urls);
    for (verdict, (finding, advice)) in verdicts.iter().zip([
        ("merged_events", "Write a blank line after each event"),
        ("chunk_sizes", "Do not write the chunk sizes"),
        ("unknown_field (\"b\")", "If it is a line of the data, write `data: ` before it"),
        ("json, once", "Check whether the request must ask for a stream"),
    ]) {
        verdict.is("well-formed", "fault", finding);
        assert!(verdict.todo("well-formed").contains(advice), "{verdict:?}");
        assert_eq!(verdict.status, 1);
    }
    // What is no event stream gets no advice on event streams.
    verdicts[3].is("well-formed", "fault", "It begins with \"{\\\"error\\\": \\\"no stream\\\"}\"");
    assert!(!verdicts[3].has("retry") && !verdicts[3].has("end"), "{:?}", verdicts[3]);
}

#[test]
fn a_stream_that_comes_whole_at_its_end_was_held_back() {
    // Made 0.3 s apart, collected, and sent in one piece.
    let collected = serve_body(|_, stream| {
        pause(900);
        let event = |at: u64| format!("data: {{\"i\":{at},\"ts\":{}}}\n\n", 1_700_000_000_000 + at * 300);
        stream.write_all((0..4).map(event).collect::<String>().as_bytes())
    });
    check(&collected, &["--for", "2"]).is("buffering", "fault", "0.9 s passed between them");
}

#[test]
fn a_broken_stream_is_no_reason_to_blame_anything_else() {
    let cut = serve_body(|_, stream| stream.write_all(b"data: a\n\ndata: b\n\ndata: cu"));
    let broken = serve(|request, stream| {
        let head = HEAD.replace("connection: close", "transfer-encoding: chunked");
        answer(request, stream, &head, |stream| stream.write_all(b"9\r\ndata: 1\n\n\r\n9\r\ndata:"))
    });
    let verdicts = check_all(&[cut, broken]);
    verdicts[0].is("well-formed", "fault", "unfinished");
    for verdict in &verdicts {
        assert_eq!(verdict.verdict("slow-reader"), "ok", "{verdict:?}");
    }
    verdicts[1].is("keep-alive", "not_checked", "the connection broke after");
}
