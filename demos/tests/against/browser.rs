//! A page in a headless Chromium, by `playwright-core`.

use serde_json::{Value, json};

use crate::foreign::{self, Program};

pub struct Page {
    driver: Program,
}

impl Page {
    /// An empty page in a new browser; `None` if there is no browser, which is then printed.
    pub fn open() -> Option<Page> {
        let chromium = foreign::program("chromium")?;
        Some(Page { driver: foreign::node("browser.mjs", chromium.to_str().unwrap())? })
    }

    pub fn goto(&mut self, url: &str) {
        self.command(&json!(["goto", url]));
    }

    pub fn click(&mut self, selector: &str) {
        self.command(&json!(["click", selector]));
    }

    pub fn fill(&mut self, selector: &str, text: &str) {
        self.command(&json!(["fill", selector, text]));
    }

    /// The value of an expression; a promise is waited for.
    pub fn evaluate(&mut self, script: &str) -> Value {
        self.command(&json!(["evaluate", script]))
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, condition: &str) {
        self.command(&json!(["wait", condition]));
    }

    /// Waits until an element shows exactly this.
    pub fn wait_for_text(&mut self, selector: &str, text: &str) {
        self.wait(&format!("document.querySelector({}).textContent.trim() === {}", json!(selector), json!(text)));
    }

    /// Waits until a list has at least so many items.
    pub fn wait_for_items(&mut self, list: &str, least: usize) {
        self.wait(&format!("document.querySelectorAll({} + ' > li').length >= {least}", json!(list)));
    }

    /// What an element shows.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({}).textContent.trim()", json!(selector)));
        text.as_str().unwrap().to_owned()
    }

    /// What the items of a list show.
    pub fn items(&mut self, list: &str) -> Vec<String> {
        let items =
            format!("[...document.querySelectorAll({} + ' > li')].map((item) => item.textContent)", json!(list));
        serde_json::from_value(self.evaluate(&items)).unwrap()
    }

    /// A screenshot, under cargo's target directory.
    pub fn screenshot(&mut self, name: &str) {
        assert_eq!(self.command(&json!(["faults"])), json!([]), "errors of the page's scripts");
        self.command(&json!(["screenshot", format!("{}/{name}.png", env!("CARGO_TARGET_TMPDIR"))]));
    }

    /// Sets the size of the window, in pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.command(&json!(["resize", width, height]));
    }

    pub fn dark(&mut self) {
        self.command(&json!(["dark"]));
    }

    fn command(&mut self, command: &Value) -> Value {
        self.driver.tell(&command.to_string());
        let mut answer = self.driver.json().expect("the browser has ended");
        assert!(answer["error"].is_null(), "{command}: {}", answer["error"]);
        answer["result"].take()
    }
}
