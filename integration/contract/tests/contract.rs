//! The rules for a client, one test each, checked against the service over HTTP as a contract test suite does it.

mod harness;

use std::time::{Duration, Instant};

use harness::{Server, Service, Test, comment, data, event};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

// The request ------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_default_is_a_get_for_an_event_stream_past_any_cache_with_no_last_event_id() {
    let test = Test::start(json!({})).await;
    let request = test.server.accept().await;
    assert_eq!(request.request_line, "GET / HTTP/1.1");
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("last-event-id"), None);
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn custom_headers_are_sent_with_every_request_and_in_place_of_the_clients_own() {
    let test = Test::start(json!({ "headers": { "x-one": "1", "x-two": "zwei", "cache-control": "max-age=0" } })).await;
    for _ in 0..2 {
        let request = test.accept().await;
        assert_eq!(request.header("x-one"), Some("1"));
        assert_eq!(request.header("x-two"), Some("zwei"));
        assert_eq!(request.header("cache-control"), Some("max-age=0"));
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        request.end().await;
    }
}

#[tokio::test]
async fn post_and_report_send_their_body_and_again_when_they_reconnect() {
    for method in ["POST", "REPORT"] {
        let body = "{\"question\": \"\u{20ac}?\"}";
        let headers = json!({ "content-type": "application/json; charset=utf-8" });
        let test = Test::start(json!({ "method": method, "body": body, "headers": headers })).await;
        for _ in 0..2 {
            let request = test.accept().await;
            assert_eq!(request.request_line, format!("{method} / HTTP/1.1"));
            assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(request.body, body);
            request.break_off();
        }
    }
}

#[tokio::test]
async fn the_initial_last_event_id_is_sent_and_kept_as_if_an_event_had_set_it() {
    let mut test = Test::start(json!({ "lastEventId": "abc" })).await;
    let mut connection = test.accept().await;
    assert_eq!(connection.header("last-event-id"), Some("abc"));
    connection.send("data: 1\n\n").await;
    test.expect([event("message", "1", "abc")]).await;
    connection.end().await;
    assert_eq!(test.accept().await.header("last-event-id"), Some("abc"));
}

// The response -----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_204_stops_the_client() {
    let mut test = Test::start(json!({})).await;
    test.server.accept().await.answer("204 No Content").await;
    test.expect_error("204").await;
    assert!(test.server.is_left_alone().await);
}

#[tokio::test]
async fn a_204_stops_the_client_also_when_it_reconnects() {
    let (mut test, connection) = Test::open().await;
    connection.end().await;
    test.server.accept().await.answer("204 No Content").await;
    test.expect_error("204").await;
    assert!(test.server.is_left_alone().await);
}

#[tokio::test]
async fn another_status_or_type_is_an_error_and_final() {
    for (answer, error) in [
        ("404 Not Found", "404"),
        ("500 Internal Server Error", "500"),
        ("200 OK\r\ncontent-type: text/html", "content type"),
        ("200 OK", "content type"),
    ] {
        let mut test = Test::start(json!({})).await;
        test.server.accept().await.answer(answer).await;
        test.expect_error(error).await;
        assert!(test.server.is_left_alone().await);
    }
}

#[tokio::test]
async fn redirects_are_followed() {
    for status in [301, 307] {
        let target = Server::start().await;
        let mut test = Test::start(json!({})).await;
        test.server.accept().await.answer(&format!("{status} Elsewhere\r\nlocation: {}there", target.url)).await;
        let mut connection = target.accept().await;
        assert_eq!(connection.request_line, "GET /there HTTP/1.1");
        assert_eq!(connection.header("accept"), Some("text/event-stream"));
        connection.open().await;
        connection.send("data: hello\n\n").await;
        test.expect([data("hello")]).await;
    }
}

#[tokio::test]
async fn a_redirect_without_a_location_is_one_error_and_no_loop() {
    for status in [301, 307] {
        for location in ["", "\r\nlocation: ", "\r\nlocation: /"] {
            let mut test = Test::start(json!({})).await;
            test.server.accept().await.answer(&format!("{status} Elsewhere{location}")).await;
            test.expect_error(&status.to_string()).await;
            assert!(test.server.is_left_alone().await);
            assert!(test.was_silent());
        }
    }
}

#[tokio::test]
async fn endless_redirects_are_an_error() {
    let mut test = Test::start(json!({})).await;
    for place in 1..=11 {
        test.server.accept().await.answer(&format!("307 Elsewhere\r\nlocation: /{place}")).await;
    }
    test.expect_error("307").await;
    assert!(test.server.is_left_alone().await);
}

// Connecting again -------------------------------------------------------------------------------------------------

#[tokio::test]
async fn it_reconnects_after_the_end_of_a_stream_without_an_error() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("data: 1\n\n").await;
    connection.end().await;
    test.accept().await.send("data: 2\n\n").await;
    test.expect([data("1"), data("2")]).await;
}

#[tokio::test]
async fn a_new_connection_works_after_a_broken_one() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("id: abc\ndata: 1\n\n").await;
    connection.break_off();
    test.expect([event("message", "1", "abc")]).await;
    test.expect_error("").await;
    test.accept().await.send("id: def\ndata: 2\n\n").await;
    test.expect([event("message", "2", "def")]).await;
}

#[tokio::test]
async fn it_tries_again_when_no_response_comes() {
    let mut test = Test::start(json!({})).await;
    test.server.accept().await.break_off();
    test.expect_error("").await;
    test.accept().await.send("data: 1\n\n").await;
    test.expect([data("1")]).await;
}

#[tokio::test]
async fn it_sends_the_last_id_also_if_later_events_had_none() {
    let (test, mut connection) = Test::open().await;
    connection.send("id: abc\ndata: 1\n\ndata: 2\n\n").await;
    connection.break_off();
    for _ in 0..2 {
        let connection = test.accept().await;
        assert_eq!(connection.header("last-event-id"), Some("abc"));
        connection.break_off();
    }
}

#[tokio::test]
async fn it_sends_no_id_after_an_empty_one() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("id: abc\ndata: 1\n\nid: \ndata: 2\n\n").await;
    test.expect([event("message", "1", "abc"), data("2")]).await;
    connection.break_off();
    assert_eq!(test.accept().await.header("last-event-id"), None);
}

#[tokio::test]
async fn an_unfinished_event_is_discarded_with_its_id() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("id: abc\ndata: 1\n\nid: def\ndata: lost").await;
    test.expect([event("message", "1", "abc")]).await;
    connection.break_off();
    test.expect_error("").await;
    let mut connection = test.accept().await;
    assert_eq!(connection.header("last-event-id"), Some("abc"));
    connection.send("data: 2\n\n").await;
    test.expect([event("message", "2", "abc")]).await;
}

#[tokio::test]
async fn retry_is_obeyed() {
    let (test, mut connection) = Test::open().await;
    connection.send("retry: 700\n\n").await;
    for _ in 0..2 {
        let ended = Instant::now();
        connection.end().await;
        connection = test.accept().await;
        // A client may wait for longer, but not for ever.
        assert!((700..5000).contains(&ended.elapsed().as_millis()), "{:?}", ended.elapsed());
    }
}

#[tokio::test]
async fn the_initial_delay_is_the_wait_until_the_server_sets_another() {
    let test = Test::start(json!({ "initialDelayMs": 400 })).await;
    let connection = test.accept().await;
    let ended = Instant::now();
    connection.end().await;
    test.accept().await;
    // The default is three seconds.
    assert!((400..2500).contains(&ended.elapsed().as_millis()), "{:?}", ended.elapsed());
}

#[tokio::test]
async fn a_read_timeout_is_an_error_and_a_new_connection() {
    let mut test = Test::start(json!({ "readTimeoutMs": 600 })).await;
    let mut connection = test.accept().await;
    // Any byte starts the time over.
    for piece in ["da", "ta", ": ", "1\n", "\n"] {
        connection.send(piece).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    test.expect([data("1")]).await;
    test.expect_error("nothing came").await;
    connection.wait_until_closed().await;
    test.accept().await.send("data: 2\n\n").await;
    test.expect([data("2")]).await;
}

#[tokio::test]
async fn a_response_that_takes_longer_than_the_read_timeout_is_an_error_and_a_new_connection() {
    let mut test = Test::start(json!({ "readTimeoutMs": 300 })).await;
    let connection = test.server.accept().await;
    test.expect_error("nothing came").await;
    connection.wait_until_closed().await;
    test.accept().await;
}

#[tokio::test]
async fn restart_reconnects_at_once_and_without_an_error() {
    let mut test = Test::start(json!({ "initialDelayMs": 60_000 })).await;
    let mut connection = test.accept().await;
    connection.send("id: abc\ndata: 1\n\ndata: lost").await;
    test.expect([event("message", "1", "abc")]).await;
    assert!(test.request(Method::POST, &json!({ "command": "restart" })).await.is_success());
    connection.wait_until_closed().await;
    let mut connection = test.accept().await;
    assert_eq!(connection.header("last-event-id"), Some("abc"));
    connection.send("data: 2\n\n").await;
    test.expect([event("message", "2", "abc")]).await;
}

#[tokio::test]
async fn restart_also_cuts_short_the_wait_for_a_connection() {
    let test = Test::start(json!({ "initialDelayMs": 60_000 })).await;
    test.accept().await.end().await;
    assert!(test.server.is_left_alone().await);
    assert!(test.request(Method::POST, &json!({ "command": "restart" })).await.is_success());
    test.accept().await;
}

#[tokio::test]
async fn restart_does_not_wake_a_client_that_was_told_to_stop() {
    let mut test = Test::start(json!({})).await;
    test.server.accept().await.answer("204 No Content").await;
    test.expect_error("204").await;
    assert!(test.request(Method::POST, &json!({ "command": "restart" })).await.is_success());
    assert!(test.server.is_left_alone().await);
}

// The stream -------------------------------------------------------------------------------------------------------

/// What is sent, and the messages that must follow, in whatever pieces it is sent.
async fn streams(cases: &[(&str, &[Value])]) {
    for (stream, messages) in cases {
        for size in [1, 2, 3, stream.len()] {
            let (mut test, mut connection) = Test::open().await;
            for name in messages.iter().filter_map(|message| message["event"]["type"].as_str()) {
                test.listen(name).await;
            }
            connection.send_in_pieces(stream, size).await;
            test.expect(messages.iter().cloned()).await;
        }
    }
}

#[tokio::test]
async fn names_ids_and_data() {
    streams(&[
        ("data: 1\n\ndata: 2\n\n", &[data("1"), data("2")]),
        ("event: greeting\nid: abc\ndata: Hello\n\n", &[event("greeting", "Hello", "abc")]),
        ("data: Hello\nid: abc\nevent: greeting\n\n", &[event("greeting", "Hello", "abc")]),
        ("event:greeting\ndata:Hello\n\n", &[event("greeting", "Hello", "")]),
        ("event:  greeting\ndata:  Hello\n\n", &[event(" greeting", " Hello", "")]),
        ("event: greeting\ncolor: blue\ndata: Hello\n\n", &[event("greeting", "Hello", "")]),
        ("event: once\ndata: 1\n\ndata: 2\n\n", &[event("once", "1", ""), data("2")]),
        ("id: a\0b\ndata: 1\n\n", &[data("1")]),
        (
            "id: a\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n",
            &[event("message", "1", "a"), event("message", "2", "a"), data("3")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn empty_data_is_data_and_no_data_is_no_event() {
    streams(&[
        ("data:\n\n", &[data("")]),
        ("data\n\ndata\ndata\n\n", &[data(""), data("\n")]),
        ("event: none\nid: abc\n\ndata: 1\n\n", &[event("message", "1", "abc")]),
        ("data: 1\n\n\n\n\ndata: 2\n\n", &[data("1"), data("2")]),
    ])
    .await;
}

#[tokio::test]
async fn lines_end_with_lf_cr_or_crlf_wherever_the_stream_is_cut() {
    for line_end in ["\n", "\r", "\r\n"] {
        let stream = "data: 1\n\ndata:\ndata: 2\n\n\ndata: 3\ndata:\ndata: 4\n\n".replace('\n', line_end);
        streams(&[(&stream, &[data("1"), data("\n2"), data("3\n\n4")])]).await;
    }
    streams(&[("data: 1\r\rdata: 2\n\r\ndata: 3\r\n\n", &[data("1"), data("2"), data("3")])]).await;
}

#[tokio::test]
async fn a_crlf_that_is_cut_in_the_middle_is_one_line_end() {
    let (mut test, mut connection) = Test::open().await;
    for piece in ["data: Hello\r", "\ndata: World\r", "\n\r\ndata: OK\r", "\n", "\r", "\n"] {
        connection.send(piece).await;
    }
    test.expect([data("Hello\nWorld"), data("OK")]).await;
}

#[tokio::test]
async fn an_event_that_ends_in_cr_does_not_wait_for_more() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("data: 1\r\r").await;
    test.expect([data("1")]).await;
}

#[tokio::test]
async fn a_bom_at_the_very_start_of_each_connection_is_dropped_and_any_other_is_content() {
    let stream = "\u{feff}data: \u{feff}1\n\n\u{feff}data: no field\ndata: 2\n\n";
    streams(&[(stream, &[data("\u{feff}1"), data("2")]), ("\u{feff}: hi\n", &[comment("hi")])]).await;

    let (mut test, connection) = Test::open().await;
    connection.end().await;
    test.accept().await.send("\u{feff}data: 1\n\n").await;
    test.expect([data("1")]).await;
}

#[tokio::test]
async fn characters_are_whole_wherever_their_bytes_are_cut() {
    streams(&[(
        "data: \u{e9}\u{20ac}\u{8c46}\u{8150}\u{1f600}\n\n",
        &[data("\u{e9}\u{20ac}\u{8c46}\u{8150}\u{1f600}")],
    )])
    .await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_replaced() {
    let (mut test, mut connection) = Test::open().await;
    connection.send(b"data: a\xffb\xe2\x82c\n\n").await;
    test.expect([data("a\u{fffd}b\u{fffd}c")]).await;
}

#[tokio::test]
async fn comments_are_visible_as_soon_as_their_line_ends() {
    streams(&[
        (":Hello\n", &[comment("Hello")]),
        (": 1\n:2\n:\n", &[comment("1"), comment("2"), comment("")]),
        (":before\ndata: 1\n:within\n\n:after\n", &[comment("before"), comment("within"), data("1"), comment("after")]),
    ])
    .await;
}

#[tokio::test]
async fn large_events_arrive_whole_and_soon() {
    let (mut test, mut connection) = Test::open().await;
    for size in [1, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65536, 1 << 20, 8 << 20] {
        let sent: String = "0123456789abcdef".chars().cycle().take(size).collect();
        connection.send(format!("data: {sent}\n\n")).await;
        let message = test.message().await;
        // Not `assert_eq`, which would print both.
        assert!(message["event"]["data"] == sent.as_str(), "{size} bytes");
    }
}

#[tokio::test]
async fn many_events_arrive_in_order() {
    let (mut test, mut connection) = Test::open().await;
    let stream: Vec<_> = (0..1000).map(|number| format!("id: {number}\ndata: event {number}\n\n")).collect();
    connection.send_in_pieces(stream.concat(), 700).await;
    test.expect((0..1000).map(|number| event("message", &format!("event {number}"), &number.to_string()))).await;
}

#[tokio::test]
async fn an_event_over_the_limit_is_an_error_and_the_next_one_comes() {
    let (mut test, mut connection) = Test::open().await;
    connection.send(format!("data: {}\n\ndata: 2\n\n", "x".repeat(17 << 20))).await;
    test.expect_error("an event is too large (at byte 0 of the event stream, the limit is 16777216 bytes)").await;
    test.expect([data("2")]).await;
}

#[tokio::test]
async fn a_comment_over_the_limit_is_an_error_and_the_next_event_comes() {
    let (mut test, mut connection) = Test::open().await;
    connection.send(format!(": {}\n\ndata: 2\n\n", "x".repeat(33 << 20))).await;
    test.expect_error("a block is too large (at byte 0 of the event stream, the limit is 33554432 bytes)").await;
    test.expect([data("2")]).await;
}

// The service ------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_status_lists_the_capabilities() {
    let response = Service::start().request(Method::GET, "/", &json!(null)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let status: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    for capability in ["comments", "headers", "last-event-id", "post", "read-timeout", "report", "restart"] {
        assert!(status["capabilities"].as_array().unwrap().contains(&capability.into()), "{capability}");
    }
}

#[tokio::test]
async fn several_streams_run_side_by_side_each_with_its_own_callbacks() {
    let (mut test, mut connection) = Test::open().await;
    let (server, callbacks) = (Server::start().await, Server::start().await);
    let parameters = json!({ "streamUrl": server.url, "callbackUrl": callbacks.url });
    let response = test.service.request(Method::POST, "/", &parameters).await;
    assert_ne!(response.headers()["location"], test.stream.as_str());
    let mut other = server.accept().await;
    other.open().await;
    other.send("data: 2\n\n").await;
    let callback = callbacks.accept().await;
    assert_eq!(callback.request_line, "POST /1 HTTP/1.1");
    assert_eq!(callback.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_str::<Value>(&callback.body).unwrap(), data("2"));
    connection.send("data: 1\n\n").await;
    test.expect([data("1")]).await;
    // The receiver of its callbacks refuses: this stream ends, and the other does not.
    callback.answer("410 Gone").await;
    other.wait_until_closed().await;
    assert!(server.is_left_alone().await);
    connection.send("data: 3\n\n").await;
    test.expect([data("3")]).await;
}

#[tokio::test]
async fn delete_stops_the_stream() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("data: 1\n\n").await;
    test.expect([data("1")]).await;
    assert!(test.request(Method::DELETE, &json!(null)).await.is_success());
    connection.wait_until_closed().await;
    assert!(test.server.is_left_alone().await);
    assert!(test.was_silent());
    assert_eq!(test.request(Method::DELETE, &json!(null)).await, StatusCode::NOT_FOUND);
    assert_eq!(test.request(Method::POST, &json!({ "command": "restart" })).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn delete_of_the_root_ends_the_service_with_its_streams() {
    let (mut test, connection) = Test::open().await;
    assert!(test.service.request(Method::DELETE, "/", &json!(null)).await.status().is_success());
    assert!(test.service.process.wait().unwrap().success());
    connection.wait_until_closed().await;
}

#[tokio::test]
async fn only_messages_and_events_that_are_listened_to_are_reported() {
    let (mut test, mut connection) = Test::open().await;
    connection.send("event: greeting\nid: a\ndata: 1\n\ndata: 2\n\nevent: message\ndata: 3\n\n").await;
    test.expect([event("message", "2", "a"), event("message", "3", "a")]).await;
    test.listen("greeting").await;
    test.listen("farewell").await;
    connection.send("event: greeting\ndata: 4\n\nevent: Greeting\ndata: 5\n\nevent: farewell\ndata: 6\n\n").await;
    test.expect([event("greeting", "4", "a"), event("farewell", "6", "a")]).await;
}

#[tokio::test]
async fn a_command_that_is_not_known_is_refused() {
    let (test, _connection) = Test::open().await;
    assert_eq!(test.request(Method::POST, &json!({ "command": "listen" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(test.request(Method::POST, &json!({ "command": "dance" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(test.request(Method::POST, &json!(null)).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn parameters_of_which_no_request_can_be_made_are_refused() {
    let service = Service::start();
    let good = json!({ "streamUrl": "http://127.0.0.1:9/", "callbackUrl": "http://127.0.0.1:9/" });
    for (name, value) in [
        ("streamUrl", json!(null)),
        ("streamUrl", json!("not a URL")),
        ("callbackUrl", json!("not a URL")),
        ("initialDelayMs", json!(-1)),
        ("method", json!("G E T")),
        ("headers", json!({ "na me": "value" })),
        ("headers", json!({ "name": "va\nlue" })),
    ] {
        let mut parameters = good.clone();
        parameters[name] = value;
        let response = service.request(Method::POST, "/", &parameters).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{parameters}");
    }
}

#[tokio::test]
async fn parameters_may_be_null() {
    let parameters = ["tag", "initialDelayMs", "readTimeoutMs", "lastEventId", "headers", "method", "body"];
    let test = Test::start(parameters.into_iter().map(|name| (name.to_owned(), json!(null))).collect()).await;
    assert_eq!(test.server.accept().await.request_line, "GET / HTTP/1.1");
}
