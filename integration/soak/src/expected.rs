//! What each event is: a function of the seed and of the event's number. A client computes the same event, and compares the
//! two.

use std::fmt::Write;
use std::time::Duration;

use fastrand::Rng;
use sse_wire::{EventId, EventName, FieldError, Head, OwnedEvent};

const KIB: usize = 1024;

/// Parts of texts: some look like the format, some are easily lost, and some have characters of every length.
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

/// The names of events. Without one it is `message`.
const NAMES: [Option<EventName<'static>>; 6] = [
    None,
    None,
    Some(EventName::from_static("price")),
    Some(EventName::from_static(" with a space before it")),
    Some(EventName::from_static("name: colon")),
    Some(EventName::from_static("名前")),
];

const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

/// The events of one run.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    pub seed: u64,
}

impl Series {
    /// The beginning of all ids of this run.
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

    /// Random numbers that depend on the seed and this number alone.
    pub fn chance(self, number: u64) -> Rng {
        Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The event with this number as it is published: without an id, which the replay buffer gives it.
    pub fn published(self, number: u64) -> OwnedEvent {
        let mut chance = self.chance(number);
        let name = chance.choice(NAMES).flatten();
        let data = data(&mut chance);
        let retry = (chance.u32(..100) == 0).then(|| Duration::from_millis(chance.u64(100..400)));
        OwnedEvent::new(Head::new().with_optional_name(name).with_optional_retry(retry), data)
    }

    /// The same event as a client receives it: with its id, and with LF for each line break.
    pub fn arriving(self, number: u64) -> Result<OwnedEvent, FieldError> {
        let (published, id) = (self.published(number), self.id(number));
        let data = published.data().replace("\r\n", "\n").replace('\r', "\n");
        Ok(OwnedEvent::new(published.head().with_id(EventId::new(&id)?), data))
    }
}

fn choose(chance: &mut Rng, of: &[&'static str]) -> &'static str {
    chance.choice(of).copied().unwrap_or_default()
}

/// One line of text, of fewer than so many fragments.
pub fn text(chance: &mut Rng, fragments: usize) -> String {
    (0..chance.usize(..fragments)).map(|_| choose(chance, &FRAGMENTS)).collect()
}

/// Data: mostly small, seldom large, now and then very large.
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

/// One piece of text again and again, with numbers in between, on one line or on many.
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
            let published = Series { seed: 7 }.published(number);
            let others = [Series { seed: 8 }.published(number), Series { seed: 7 }.published(number + 1)];
            let same = others.iter().filter(|other| **other == published).count();
            // Small ones may be the same by chance, such as those without data and name.
            assert!(same == 0 || published.data().len() < 100, "{number}");
        }
    }

    #[test]
    fn there_are_events_of_every_kind() {
        let events: Vec<_> = (1..3000).map(|number| Series { seed: 7 }.published(number)).collect();
        let has = |what: fn(&OwnedEvent) -> bool| events.iter().any(what);
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
