//! Writes the text as it comes, and keeps count.

use std::io::{self, Write};
use std::time::Duration;

use memchr::memchr3_iter;
use serde_json::{Value, json};
use sse_wire::Event;

use super::piece::{Part, end, pieces};
use crate::view::{Escaped, Human, seconds};

/// How many values an event may have.
const MAX_VALUES: usize = 1 << 16;

/// An answer so far. The text itself is not kept.
#[derive(Default)]
pub struct Answer {
    /// What the last piece belonged to.
    current: Option<(u64, Part)>,
    is_line_begun: bool,
    counts: [u64; 3],
    first: Option<Duration>,
    last: Option<Duration>,
    longest_gap: Duration,
    reason: Option<String>,
    usage: Option<Value>,
}

impl Answer {
    /// Writes what the event adds to the answer. Reasoning and tool calls have a line before them that says so.
    pub fn event(
        &mut self,
        out: &mut dyn Write,
        event: Event<'_>,
        now: Option<Duration>,
        human: Option<&Human>,
    ) -> io::Result<()> {
        let Some(data) = parse(event.data()) else { return Ok(()) };
        for (number, part, text) in pieces(&data) {
            self.head(out, number, &part, human)?;
            self.count(&part, now);
            // Line ends are a part of the text; what else could control the terminal is escaped.
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    out.write_all(b"\n")?;
                }
                Escaped(line.as_bytes()).write(out)?;
            }
            if !text.is_empty() {
                self.is_line_begun = !text.ends_with('\n');
            }
        }
        let (reason, usage) = end(&data);
        if let Some(reason) = reason {
            self.reason = Some(reason.chars().take(100).collect());
        }
        if let Some(usage) = usage {
            self.usage = Some(numbers(usage));
        }
        Ok(())
    }

    /// Ends the last line.
    pub fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_line_begun { out.write_all(b"\n") } else { Ok(()) }
    }

    pub fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let [text, reasoning, tools] = self.counts;
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
        if let Some(usage) = &self.usage {
            writeln!(out, "usage, as the service counts: {}", Escaped(usage.to_string().as_bytes()))?;
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
            "usage": self.usage,
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
                Part::Tool(_, Some(name)) => format!("tool {}", Escaped(name.as_bytes())),
                Part::Tool(index, None) => format!("tool {index}"),
            };
            let head = format!("[{name}{choice}]");
            match human {
                Some(human) => human.dim(out, &head)?,
                None => out.write_all(head.as_bytes())?,
            }
            out.write_all(b"\n")?;
            self.is_line_begun = false;
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
        let time = self.last?.saturating_sub(self.first?).as_secs_f64();
        let pieces = self.counts.iter().sum::<u64>().saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "no answer has so many pieces")]
        (time > 0.0).then(|| (pieces as f64 / time * 10.0).round() / 10.0)
    }
}

/// The data as JSON, unless it has more values than any answer: each takes many times the memory of its text.
fn parse(data: &str) -> Option<Value> {
    let is_many = data.len() > MAX_VALUES && memchr3_iter(b',', b'[', b'{', data.as_bytes()).count() > MAX_VALUES;
    if is_many { None } else { serde_json::from_str(data).ok() }
}

/// The numbers of an object, so that it is small whatever the service sends.
fn numbers(usage: &Value) -> Value {
    let members = usage.as_object().into_iter().flatten();
    members.filter(|(_, value)| value.is_number()).take(10).map(|(name, value)| (name.clone(), value.clone())).collect()
}
