//! Asks a language model, and prints the answer as it comes.
//!
//! ```text
//! cargo run -p sse-wire-client --example llm                                      # a built-in model that repeats you
//! OPENAI_API_KEY=... MODEL=... cargo run -p sse-wire-client --example llm -- http://127.0.0.1:8000/v1/chat/completions
//! ```

mod shared;

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sse_wire_client::{BoxError, ResponseExt};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Delta,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => shared::demos().await? + "/upstream/v1/chat/completions",
    };
    let question = "What are Server-Sent Events?";
    let body = json!({
        "model": std::env::var("MODEL").unwrap_or_else(|_| "demo".into()),
        "messages": [{ "role": "user", "content": question }],
        "stream": true,
    });
    let mut request = reqwest::Client::new().post(url).json(&body);
    if let Ok(key) = std::env::var("OPENAI_API_KEY") {
        request = request.bearer_auth(key);
    }
    let mut events = match request.send().await?.event_stream() {
        Ok(events) => events.with_idle_timeout(Duration::from_secs(120)),
        // The server says why in the body.
        Err(error) => return Err(error.into_message().await.into()),
    };
    while let Some(event) = events.next().await {
        let event = event?;
        if event.data() == "[DONE]" {
            println!();
            return Ok(());
        }
        let chunk: Chunk = event.parse_json()?;
        if let Some(problem) = chunk.error {
            return Err(problem.message.into());
        }
        for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
            print!("{}", choice.delta.content.as_deref().unwrap_or_default());
            std::io::stdout().flush()?;
        }
    }
    // Some servers leave out the last blank line.
    match events.finish().and_then(|block| block.event()) {
        Some(event) if event.data() == "[DONE]" => Ok(()),
        _ => Err("the answer was cut off".into()),
    }
}
