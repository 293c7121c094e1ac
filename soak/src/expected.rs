//! What each event is: a function of the seed and of the event's number, so that whoever receives an event makes the same
//! one again and compares the two whole.

use std::fmt::Write;
use std::time::Duration;

use fastrand::Rng;
use sse_wire::{Event, FieldError};

const KIB: usize = 1024;

/// What texts are made of: what the format could take for its own, what is easily lost, and characters of every length.
const FRAGMENTS: [&str; 16] = [
    " ",
    "  ",
    ":",
    ": ",
    "\t",
    "\0",
    "\u{feff}",
    "data: ",
    "id: 7",
    "event",
    "plain words of English, as most of it is, ",
    "0123456789",
    "é",
    "Grüße, ",
    "日本語",
    "🦀",
];

/// The names that events have; the empty one stands for `message`.
const NAMES: [&str; 6] = ["", "", "price", " with a space before it", "name: colon", "名前"];

const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

/// The events of one run.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    pub seed: u64,
}

impl Series {
    /// What the ids of this run begin with.
    pub fn epoch(self) -> String {
        format!("soak-{}", self.seed)
    }

    /// The id of the event with this number.
    pub fn id(self, number: u64) -> String {
        format!("{}-{number}", self.epoch())
    }

    /// The number of the event with this id, if it is one of this run.
    pub fn number(self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.epoch())?.strip_prefix('-')?.parse().ok()
    }

    /// Chance that depends on the seed and this number alone.
    pub fn chance(self, number: u64) -> Rng {
        Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The event with this number as it is published: without an id, which the replay buffer gives it.
    pub fn published(self, number: u64) -> Result<Event<String>, FieldError> {
        let mut chance = self.chance(number);
        let name = choose(&mut chance, &NAMES);
        let event = Event::new(data(&mut chance)).with_name(name.into())?;
        let retry = (chance.u32(..100) == 0).then(|| Duration::from_millis(chance.u64(100..400)));
        Ok(if let Some(time) = retry { event.with_retry(time) } else { event })
    }

    /// The same event as it arrives: with its id, and with LF for each line break.
    pub fn arriving(self, number: u64) -> Result<Event<String>, FieldError> {
        let published = self.published(number)?;
        let data = published.data().replace("\r\n", "\n").replace('\r', "\n");
        let event = Event::new(data).with_name(published.name().to_owned())?.with_id(self.id(number))?;
        Ok(if let Some(time) = published.retry() { event.with_retry(time) } else { event })
    }
}

/// One of these.
pub fn choose<'a>(chance: &mut Rng, of: &[&'a str]) -> &'a str {
    chance.choice(of).copied().unwrap_or_default()
}

/// One line of text, of less than so many fragments.
pub fn text(chance: &mut Rng, fragments: usize) -> String {
    (0..chance.usize(..fragments)).map(|_| choose(chance, &FRAGMENTS)).collect()
}

/// Mostly small, seldom large, now and then very large.
fn data(chance: &mut Rng) -> String {
    match chance.u32(..2000) {
        0 => large(chance, 1024 * KIB..4096 * KIB),
        1..10 => large(chance, 100 * KIB..500 * KIB),
        10..150 => large(chance, KIB..16 * KIB),
        150..250 => String::new(),
        250..1000 => {
            let lines = chance.usize(1..60);
            (0..lines).map(|_| text(chance, 8) + choose(chance, &LINE_ENDS)).collect()
        }
        _ => text(chance, 20),
    }
}

/// One piece of text over and over, with numbers in between, on one line or on many.
fn large(chance: &mut Rng, size: std::ops::Range<usize>) -> String {
    let size = chance.usize(size);
    let between = if chance.bool() { "" } else { choose(chance, &LINE_ENDS) };
    let piece = text(chance, 400) + between;
    let mut data = String::with_capacity(size + piece.len() + 16);
    while data.len() < size {
        data.push_str(&piece);
        // Writing to a string never fails.
        let _ = write!(data, "{}", data.len());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_depends_on_the_seed_and_the_number_alone() {
        for number in 1..300 {
            assert_eq!(Series { seed: 7 }.arriving(number), Series { seed: 7 }.arriving(number));
            let published = Series { seed: 7 }.published(number).unwrap();
            let others = [Series { seed: 8 }.published(number), Series { seed: 7 }.published(number + 1)];
            let same = others.iter().flatten().filter(|other| **other == published).count();
            // The small ones may be the same by chance: those without data and name are.
            assert!(same == 0 || published.data().len() < 100, "{number}");
        }
    }

    #[test]
    fn there_are_events_of_every_kind() {
        let events: Vec<_> = (1..3000).map(|number| Series { seed: 7 }.published(number).unwrap()).collect();
        let has = |what: fn(&Event<String>) -> bool| events.iter().any(what);
        assert!(has(|event| event.data().len() > 1024 * KIB));
        assert!(has(|event| (100 * KIB..500 * KIB).contains(&event.data().len())));
        assert!(has(|event| event.data().is_empty()));
        assert!(has(|event| event.data().contains("\r\n")));
        assert!(has(|event| event.data().ends_with("\n\n")));
        assert!(has(|event| event.data().starts_with('\u{feff}')));
        assert!(has(|event| event.retry().is_some()));
        assert!(has(|event| event.name() == "message"));
        let bytes: usize = events.iter().map(|event| event.data().len()).sum();
        assert!(bytes / events.len() < 8 * KIB, "{} bytes on average", bytes / events.len());
    }

    #[test]
    fn an_id_is_that_of_its_number() {
        let series = Series { seed: 7 };
        assert_eq!(series.number(&series.id(42)), Some(42));
        assert_eq!(series.number("soak-8-42"), None);
    }
}
