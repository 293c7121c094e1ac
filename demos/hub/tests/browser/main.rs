//! The page in Chromium: each button is pressed, and nothing is missed or comes twice. The pictures are under cargo's target
//! directory (`tmp/hub*.png`).
//!
//! A test whose browser or Redis is not installed prints that, and is skipped; with `DEMOS_REQUIRE=1` and `REDIS_REQUIRE=1` it
//! fails.

use std::env;

use browser::Page;
use hub_demo::Demo;
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "it does more than is needed here")]
#[path = "../../../tests/against/browser.rs"]
mod browser;
#[allow(dead_code, reason = "it does more than is needed here")]
#[path = "../../../tests/against/foreign.rs"]
mod foreign;

/// Where the scripts for the programs are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../foreign");

/// The demo, and its page, which has got some numbers. All of the demo has ended when its runtime is dropped: the tests themselves
/// block while they wait for the browser.
fn open(is_embedded: bool) -> Option<(Runtime, Demo, Page)> {
    let runtime = Runtime::new().unwrap();
    let demo = runtime.block_on(Demo::start(0, is_embedded)).unwrap();
    if !is_embedded && !demo.engine().starts_with("Redis") {
        assert!(env::var_os("REDIS_REQUIRE").is_none(), "{}", demo.engine());
        eprintln!("not tested: {}", demo.engine());
        return None;
    }
    let mut page = Page::open()?;
    page.goto(&format!("http://{}/", demo.address()));
    wait_for_numbers(&mut page, 20);
    Some((runtime, demo, page))
}

/// Waits until all are connected, and each subscriber has got so many numbers more.
fn wait_for_numbers(page: &mut Page, more: u32) {
    page.wait_for_text("#status", "4 of 4 subscribers are connected");
    page.evaluate("window.before = [...document.querySelectorAll('#subscribers tr')].map((row) => Number(row.cells[3].textContent))");
    page.wait(&format!(
        "[...document.querySelectorAll('#subscribers tr')].every((row, at) => Number(row.cells[3].textContent) >= window.before[at] + {more})"
    ));
}

/// Presses a button, and waits until what happened contains this text, which was not there before.
fn press(page: &mut Page, button: &str, then: &str) {
    page.evaluate("document.querySelector('#events').replaceChildren()");
    page.click(button);
    page.wait(&format!("document.querySelector('#events').textContent.includes({then:?})"));
}

/// Checks that the numbers rise, and returns how often one was told that events are gone.
fn gone(page: &mut Page) -> u32 {
    wait_for_numbers(page, 20);
    assert_eq!(["#gaps", "#doubles"].map(|counter| page.text(counter)), ["0", "0"], "{:?}", page.items("#events"));
    page.text("#gone").parse().unwrap()
}

fn returns(page: &mut Page) -> u32 {
    let sum = "[...document.querySelectorAll('#subscribers tr')].reduce((sum, row) => sum + Number(row.cells[4].textContent), 0)";
    page.evaluate(sum).as_u64().unwrap().try_into().unwrap()
}

/// Kills each node, and then both.
fn kill(page: &mut Page) {
    press(page, "#kill-1", "Node 1 is back.");
    assert_eq!((gone(page), returns(page)), (0, 2));
    press(page, "#kill-2", "Node 2 is back.");
    assert_eq!(gone(page), 0);
    let before = returns(page);
    // Now there is none, and the proxy answers 503. All come back all the same.
    page.click("#kill-1");
    press(page, "#kill-2", "Node 2 is back.");
    assert_eq!(gone(page), 0);
    assert!(returns(page) >= before + 4);
}

#[test]
fn with_the_embedded_engine_nothing_is_lost_when_nodes_are_killed() {
    let Some((_runtime, _demo, mut page)) = open(true) else { return };
    assert!(page.text("#engine").contains("embedded"));
    for button in ["#cut", "#promote", "#lose"] {
        page.wait(&format!("document.querySelector('{button}').disabled"));
        assert!(page.text(&format!("#about-{}", &button[1..])).starts_with("Needs Redis"));
    }
    kill(&mut page);
    // Not yet back: it is told why nothing is done.
    page.click("#kill-1");
    page.click("#kill-1");
    page.wait_for_text("#told", "This node is down already. Wait until it is back.");
    page.screenshot("hub-embedded");
}

#[test]
fn with_redis_nothing_is_lost_but_what_redis_has_lost_and_that_is_told() {
    let Some((_runtime, _demo, mut page)) = open(false) else { return };
    kill(&mut page);
    press(&mut page, "#cut", "Redis is reached again.");
    assert_eq!(gone(&mut page), 0);
    press(&mut page, "#promote", "A new replica follows.");
    assert_eq!(gone(&mut page), 0);
    press(&mut page, "#lose", "A new replica follows.");
    assert_eq!(gone(&mut page), 4, "all had seen what was lost");
    page.resize(1000, 1500);
    page.evaluate("scrollTo(0, 0)");
    page.screenshot("hub");
    page.dark();
    page.screenshot("hub-dark");
    page.resize(400, 1600);
    page.wait("document.documentElement.scrollWidth <= 400");
    page.screenshot("hub-narrow");
}
