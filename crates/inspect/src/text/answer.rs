//! Writes the text as it comes, and keeps count.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use memchr::memchr3_iter;
use serde_json::{Map, Value, json};
use sse_wire::Event;

use super::piece::{Part, pieces, said};
use crate::view::{Escaped, Human, seconds};

/// How many values an event may have.
const MAX_VALUES: usize = 1 << 16;

/// How many tool calls keep their name, and how much of it is kept.
const MAX_TOOLS: usize = 1000;
const MAX_NAME_LEN: usize = 100;

/// How many numbers of the usage are kept.
const MAX_NUMBERS: usize = 20;

/// The shortest time in which pieces are counted by the second.
const SHORTEST: Duration = Duration::from_millis(100);

/// An answer so far. The text itself is not kept.
#[derive(Default)]
pub struct Answer {
    /// Whether the text is for a terminal, which it must not control.
    is_escaped: bool,
    /// What the last piece belonged to.
    current: Option<(u64, Part)>,
    /// The names of the tool calls, by the numbers of choice and call.
    tools: HashMap<(u64, u64), String>,
    is_line_begun: bool,
    counts: [u64; 3],
    first: Option<Duration>,
    last: Option<Duration>,
    longest_gap: Duration,
    reason: Option<String>,
    usage: Map<String, Value>,
    is_ended: bool,
}

impl Answer {
    /// `is_escaped`: whether characters that can control a terminal are escaped.
    pub fn new(is_escaped: bool) -> Answer {
        Answer { is_escaped, ..Answer::default() }
    }

    /// Whether pieces came, but no end.
    pub fn is_unfinished(&self) -> bool {
        !self.is_ended && self.counts.iter().any(|&count| count > 0)
    }

    /// Writes what the event adds to the answer. Reasoning and tool calls have a line before them that says so.
    pub fn event(
        &mut self,
        out: &mut dyn Write,
        event: Event<'_>,
        now: Option<Duration>,
        human: Option<&Human>,
    ) -> io::Result<()> {
        self.is_ended |= event.data() == "[DONE]";
        let Some(data) = parse(event.data()) else { return Ok(()) };
        for (number, part, text) in pieces(&data) {
            self.head(out, number, &part, human)?;
            self.count(&part, now);
            if self.is_escaped {
                // Line ends are a part of the text.
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        out.write_all(b"\n")?;
                    }
                    Escaped(line.as_bytes()).write(out)?;
                }
            } else {
                out.write_all(text.as_bytes())?;
            }
            if !text.is_empty() {
                self.is_line_begun = !text.ends_with('\n');
            }
        }
        let said = said(&data);
        self.is_ended |= said.is_end;
        if let Some(reason) = said.reason {
            self.reason = Some(reason.chars().take(100).collect());
        }
        // Anthropic counts the input at the start and the output at the end.
        for (name, value) in said.usage.and_then(Value::as_object).into_iter().flatten() {
            if value.is_number() && (self.usage.len() < MAX_NUMBERS || self.usage.contains_key(name)) {
                self.usage.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    /// Ends the last line.
    pub fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_line_begun { out.write_all(b"\n") } else { Ok(()) }
    }

    pub fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let [text, reasoning, tools] = self.counts;
        if text + reasoning + tools == 0 {
            return writeln!(
                out,
                "pieces: none: no event is a part of an answer of OpenAI, Anthropic, Gemini or the like"
            );
        }
        writeln!(out, "pieces: text {text}, reasoning {reasoning}, tools {tools}")?;
        if let Some(first) = self.first {
            write!(out, "first piece: {:.3} s", first.as_secs_f64())?;
            if let Some(rate) = self.rate() {
                let gap = self.longest_gap.as_secs_f64();
                write!(out, ", then {rate:.1} pieces a second, longest gap {gap:.3} s")?;
            }
            writeln!(out)?;
        }
        if let Some(reason) = &self.reason {
            writeln!(out, "end of the answer: {}", Escaped(reason.as_bytes()))?;
        }
        if !self.usage.is_empty() {
            let usage = Value::Object(self.usage.clone()).to_string();
            writeln!(out, "usage, as the service counts: {}", Escaped(usage.as_bytes()))?;
        }
        Ok(())
    }

    pub fn json(&self) -> Value {
        let [text, reasoning, tools] = self.counts;
        json!({
            "text_pieces": text,
            "reasoning_pieces": reasoning,
            "tool_pieces": tools,
            "first_piece": self.first.map(seconds),
            "pieces_per_second": self.rate(),
            "longest_gap": self.first.map(|_| seconds(self.longest_gap)),
            "end": self.reason,
            "usage": (!self.usage.is_empty()).then_some(&self.usage),
        })
    }

    fn head(&mut self, out: &mut dyn Write, number: u64, part: &Part, human: Option<&Human>) -> io::Result<()> {
        let is_same = match (&self.current, part) {
            (Some((current, Part::Tool(before, _))), Part::Tool(index, name)) => {
                *current == number && before == index && name.is_none()
            }
            (Some((current, before)), part) => *current == number && before == part,
            (None, part) => number == 0 && *part == Part::Text,
        };
        if !is_same {
            self.end(out)?;
            let choice = if number > 0 { format!(" of choice {number}") } else { String::new() };
            let name = match part {
                Part::Text => String::from("text"),
                Part::Reasoning => String::from("reasoning"),
                Part::Tool(index, name) => {
                    let known = self.tools.get(&(number, *index));
                    let name = name.as_ref().or(known).cloned().unwrap_or_else(|| index.to_string());
                    format!("tool {}", Escaped(name.as_bytes()))
                }
            };
            let head = format!("[{name}{choice}]");
            match human {
                Some(human) => human.dim(out, &head)?,
                None => out.write_all(head.as_bytes())?,
            }
            out.write_all(b"\n")?;
            self.is_line_begun = false;
        }
        if let Part::Tool(index, Some(name)) = part
            && (self.tools.len() < MAX_TOOLS || self.tools.contains_key(&(number, *index)))
        {
            self.tools.insert((number, *index), name.chars().take(MAX_NAME_LEN).collect());
        }
        self.current = Some((number, part.clone()));
        Ok(())
    }

    fn count(&mut self, part: &Part, now: Option<Duration>) {
        self.counts[match part {
            Part::Text => 0,
            Part::Reasoning => 1,
            Part::Tool(..) => 2,
        }] += 1;
        if let Some(now) = now {
            self.first.get_or_insert(now);
            if let Some(last) = self.last.replace(now) {
                self.longest_gap = self.longest_gap.max(now.saturating_sub(last));
            }
        }
    }

    /// Pieces a second, after the first.
    fn rate(&self) -> Option<f64> {
        let time = self.last?.saturating_sub(self.first?);
        let pieces = self.counts.iter().sum::<u64>().saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "no answer has so many pieces")]
        (time >= SHORTEST).then(|| (pieces as f64 / time.as_secs_f64() * 10.0).round() / 10.0)
    }
}

/// The data as JSON, unless it has more values than any answer: each takes many times the memory of its text.
fn parse(data: &str) -> Option<Value> {
    let is_many = data.len() > MAX_VALUES && memchr3_iter(b',', b'[', b'{', data.as_bytes()).count() > MAX_VALUES;
    if is_many { None } else { serde_json::from_str(data).ok() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn piece(answer: &mut Answer, text: &str, at: u64) -> String {
        let mut out = Vec::new();
        let data = json!({"choices": [{"delta": {"content": text}}]}).to_string();
        answer.event(&mut out, Event::new(&data), Some(Duration::from_millis(at)), None).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_cannot_control_a_terminal() {
        let text = "a\u{1b}[2Jb\nc\u{202e}d";
        assert_eq!(piece(&mut Answer::new(true), text, 0), "a\\u{1b}[2Jb\nc\\u{202e}d");
        assert_eq!(piece(&mut Answer::new(false), text, 0), text);
    }

    #[test]
    fn pieces_a_second_need_some_time() {
        let mut answer = Answer::new(false);
        for (at, rate) in [(0, None), (1, None), (99, None), (500, Some(6.0))] {
            piece(&mut answer, "x", at);
            assert_eq!(answer.rate(), rate, "{at} ms");
        }
    }
}
