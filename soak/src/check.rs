//! The check of every event that a client sees.

use std::sync::Arc;

use sse_wire::Event;

use crate::expected::Series;
use crate::failure::{Failure, shortened};
use crate::report::ClientCounts;
use crate::server::{BEGIN, GONE};

/// Follows one client: which event is next, and is it the one that came?
#[derive(Debug)]
pub struct Checker {
    series: Series,
    /// The number of the newest event that is known of. `None`: the stream has not begun.
    last: Option<u64>,
    counts: Arc<ClientCounts>,
}

impl Checker {
    /// Before the first event.
    pub fn new(series: Series, counts: Arc<ClientCounts>) -> Checker {
        Checker { series, last: None, counts }
    }

    /// The number of the event that is next, as far as anything came yet.
    pub fn next(&self) -> u64 {
        self.last.map_or(0, |last| last + 1)
    }

    /// This event came.
    ///
    /// The first is `begin`; after it, numbers go up by one, but for `gone`, which says that some are lost for good.
    pub fn event<S: AsRef<str>>(&mut self, event: &Event<S>) -> Result<(), Failure> {
        let number = match (event.name(), self.last) {
            (BEGIN, None) => self.marker(event)?,
            (GONE, Some(last)) => {
                let newest = self.marker(event)?;
                if newest <= last {
                    return Err(self.unexpected(format!("an id after {last}"), event));
                }
                self.counts.gone.add(1);
                self.counts.missed.add(newest - last);
                newest
            }
            (_, Some(last)) => self.numbered(last + 1, event)?,
            (_, None) => return Err(self.unexpected("the stream to begin", event)),
        };
        self.last = Some(number);
        self.counts.last.set(number);
        Ok(())
    }

    /// This event was under way when the connection ended: it is the beginning of the one that is next.
    pub fn unfinished<S: AsRef<str>>(&self, event: &Event<S>) -> Result<(), Failure> {
        let Some(last) = self.last else { return Ok(()) };
        if event.name() == GONE {
            return Ok(());
        }
        let expected = self.arriving(last + 1)?;
        // A character that the cut went through.
        let data = event.data().trim_end_matches('\u{fffd}');
        if event.name() == expected.name() && event.id() == expected.id() && expected.data().starts_with(data) {
            Ok(())
        } else {
            Err(Failure::other_event(last + 1, &expected, event))
        }
    }

    /// The number that an event with the newest id as its data carries.
    fn marker<S: AsRef<str>>(&self, event: &Event<S>) -> Result<u64, Failure> {
        let number = event.id().and_then(|id| self.series.number(id));
        match number {
            Some(number) if event.id() == Some(event.data()) && event.retry().is_none() => Ok(number),
            _ => Err(self.unexpected("an id of this run, and the same as data", event)),
        }
    }

    fn numbered<S: AsRef<str>>(&self, number: u64, event: &Event<S>) -> Result<u64, Failure> {
        let expected = self.arriving(number)?;
        if *event != expected {
            return Err(Failure::other_event(number, &expected, event));
        }
        self.counts.events.add(1);
        Ok(number)
    }

    fn arriving(&self, number: u64) -> Result<Event<String>, Failure> {
        self.series.arriving(number).map_err(|error| Failure::error(format!("event {number}"), &error))
    }

    fn unexpected<S: AsRef<str>>(&self, expected: impl std::fmt::Display, event: &Event<S>) -> Failure {
        let seen = format!("{:?} with id {:?} and data {}", event.name(), event.id(), shortened(event.data()));
        Failure::new(format!("event {}", self.next()), expected, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: Series = Series { seed: 7 };

    fn checker(newest: u64) -> Checker {
        let mut checker = Checker::new(SERIES, Arc::default());
        checker.event(&marker(BEGIN, newest)).unwrap();
        checker
    }

    fn marker(name: &str, number: u64) -> Event<String> {
        let id = SERIES.id(number);
        Event::new(id.clone()).with_name(name.to_owned()).unwrap().with_id(id).unwrap()
    }

    #[test]
    fn events_are_checked_one_after_the_other() {
        let mut checker = checker(4);
        for number in 5..50 {
            checker.event(&SERIES.arriving(number).unwrap()).unwrap();
        }
        assert_eq!(checker.counts.events.get(), 45);
    }

    #[test]
    fn a_gap_a_repetition_and_another_event_are_seen() {
        for number in [4, 6, 3] {
            assert!(checker(4).event(&SERIES.arriving(number).unwrap()).is_err(), "{number}");
        }
        let other = SERIES.arriving(6).unwrap().with_id(SERIES.id(5)).unwrap();
        assert!(checker(4).event(&other).is_err());
        assert!(checker(4).event(&marker(BEGIN, 5)).is_err());
    }

    #[test]
    fn a_gap_is_well_if_it_was_told() {
        let mut checker = checker(4);
        checker.event(&marker(GONE, 9)).unwrap();
        checker.event(&SERIES.arriving(10).unwrap()).unwrap();
        assert_eq!(checker.counts.missed.get(), 5);
        assert!(checker.event(&marker(GONE, 10)).is_err());
    }
}
