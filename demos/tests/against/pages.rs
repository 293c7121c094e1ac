//! Every page of the demos in Chromium. The pictures are under cargo's target directory (`tmp/*.png`).

use std::time::Duration;

use crate::browser::Page;
use crate::support::Demos;

const SECOND: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_millis(100);

/// The demos, and a page of them.
fn open(path: &str, beat: Duration) -> Option<(Demos, Page)> {
    let mut page = Page::open()?;
    let demos = Demos::start(beat);
    page.goto(&format!("{}{path}", demos.url));
    Some((demos, page))
}

#[test]
fn the_index_leads_to_every_page() {
    let Some((_gallery, mut page)) = open("/", BEAT) else { return };
    for path in ["/report", "/numbers", "/clock", "/chat", "/relay", "/feed"] {
        page.wait(&format!("document.querySelector('a[href=\"{path}\"]')"));
    }
    page.screenshot("index");
    page.dark();
    page.screenshot("index-dark");
    page.resize(400, 700);
    page.wait("document.documentElement.scrollWidth <= 400");
}

#[test]
fn the_report_comes_to_its_end_event() {
    let Some((_gallery, mut page)) = open("/report", BEAT) else { return };
    page.fill("#token", "wrong");
    page.click("#subscribe");
    page.wait("document.querySelector('#error').textContent.includes('401')");
    page.fill("#token", "demo-alice");
    page.click("#subscribe");
    page.wait("[...document.querySelectorAll('#events > li')].at(-1)?.textContent.includes('EXCEL_STATUS_END')");
    page.wait_for_text("#status", "closed");
    let events = page.items("#events");
    assert!(events.len() > 3, "{events:?}");
    for (number, event) in (1..).zip(&events) {
        assert!(event.starts_with(&format!("{number} EXCEL_STATUS")), "{event}");
    }
    page.wait("['summary', 'spreadsheet'].every((id) => document.getElementById(id).position === 1)");
    page.wait("!document.querySelector('#download').disabled");
    assert_eq!(page.text("#error"), "");
    page.screenshot("report");
}

#[test]
fn numbers_come_with_ids_and_named_events_beside_them() {
    let Some((demos, mut page)) = open("/numbers", BEAT) else { return };
    page.wait_for_items("#events", 7);
    page.wait_for_items("#statuses", 2);
    page.wait_for_text("#status", "open");
    page.screenshot("numbers");
    for number in page.items("#events") {
        let id = number.split_once(" (id ").unwrap().1.trim_end_matches(')');
        assert!(id.len() == 13 && id.parse::<u64>().is_ok(), "{number}");
    }
    demos.stop();
    page.wait_for_text("#status", "connecting");
}

#[test]
fn the_clock_counts_its_subscribers_up_and_down() {
    let Some((_gallery, mut page)) = open("/clock", BEAT) else { return };
    page.wait_for_text("#subscribers", "1");
    page.click("#more");
    page.wait_for_text("#subscribers", "2");
    page.click("#more");
    page.wait_for_text("#subscribers", "3");
    page.wait_for_items("#events", 3);
    page.screenshot("clock");
    page.click("#fewer");
    page.wait_for_text("#subscribers", "2");
    page.click("#fewer");
    page.wait_for_text("#subscribers", "1");
}

#[test]
fn the_chat_answers_with_text_in_any_script() {
    let Some((_gallery, mut page)) = open("/chat", BEAT) else { return };
    page.fill("#ask", "\u{e9}t\u{e9}\n\u{6f22}\u{5b57} \u{1f980}");
    page.click("#send");
    page.wait("document.querySelector('#answer').textContent.endsWith('\u{2705}\\n')");
    page.wait_for_text("#status", "closed");
    let answer = page.text("#answer");
    assert!(answer.starts_with("You asked:\n\n  \u{e9}t\u{e9}\n\u{6f22}\u{5b57} \u{1f980}\n\n"), "{answer}");
    assert!(answer.contains("\u{1f389}\n- \u{4e2d}\u{6587}\u{3001}\u{65e5}\u{672c}\u{8a9e}"), "{answer}");
    page.wait_for_text("#running", "0");
    page.screenshot("chat");
}

#[test]
fn an_abort_stops_the_chat_at_once() {
    // Slow, so that there is time to abort.
    let Some((_gallery, mut page)) = open("/chat", SECOND * 5) else { return };
    page.click("#send");
    page.wait_for_items("#events", 2);
    page.click("#abort");
    page.wait_for_text("#status", "closed");
    page.wait("fetch('/chat/running').then((counted) => counted.json()).then(({ running }) => running === 0)");
    let pieces = "fetch('/chat/running').then((counted) => counted.json()).then(({ pieces }) => pieces)";
    let pieces = page.evaluate(pieces).as_u64().unwrap();
    // The answer has some fifty.
    assert!((2..20).contains(&pieces), "{pieces}");
    page.wait_for_text("#error", "aborted");
    page.wait_for_text("#running", "0");
    page.screenshot("abort");
}

#[test]
fn the_relay_shows_the_text_alone_and_every_failure() {
    let Some((_gallery, mut page)) = open("/relay", BEAT) else { return };
    page.fill("#ask", "Why?");
    page.click("#send");
    page.wait("document.querySelector('#answer').textContent.endsWith('The end.')");
    page.wait_for_text("#status", "closed");
    assert!(page.items("#events").last().unwrap().starts_with("done"));
    assert_eq!(page.text("#error"), "");
    let answer = page.text("#answer");
    assert!(answer.starts_with("You asked: Why?\n\nA stream") && !answer.contains("second choice"), "{answer}");
    page.screenshot("relay");
    for (model, error, is_refused) in [
        ("demo-unauthorized", "401 Incorrect API key", true),
        ("demo-overloaded", "503 The engine is overloaded", true),
        ("demo-broken", "", false),
        ("demo-malformed", "", false),
    ] {
        page.fill("#model", model);
        page.click("#send");
        page.wait("document.querySelector('#error').textContent");
        page.wait_for_text("#status", "closed");
        let seen = page.text("#error");
        assert!(seen.contains(error), "{model}: {seen}");
        let events = page.items("#events");
        let last = events.last().map_or("", String::as_str);
        assert!(if is_refused { events.is_empty() } else { last.starts_with("error ") }, "{model}: {last}");
    }
    page.screenshot("relay-error");
}

#[test]
fn the_feed_has_no_gaps_and_no_doubles_however_often_it_is_cut() {
    let Some((demos, mut page)) = open("/feed", BEAT) else { return };
    page.wait_for_items("#events", 2);
    for _ in 0..3 {
        let shown = page.items("#events").len();
        page.click("#cut");
        page.wait_for_text("#status", "connecting");
        page.wait_for_items("#events", shown + 10);
        page.wait_for_text("#status", "open");
    }
    assert_eq!(["#gaps", "#doubles", "#told"].map(|counter| page.text(counter)), ["0", "0", "0"]);
    page.click("#restart");
    page.wait_for_text("#told", "1");
    // The whole server, not only its buffer.
    let _gallery = demos.restart();
    page.wait_for_text("#told", "2");
    let shown = page.items("#events").len();
    page.wait_for_items("#events", shown + 5);
    assert_eq!(["#gaps", "#doubles", "#told"].map(|counter| page.text(counter)), ["0", "0", "2"]);
    page.screenshot("feed");
}
