//! The check of every event that a client gets.

use std::sync::Arc;

use sse_wire::{Event, OwnedEvent};

use crate::expected::Series;
use crate::failure::{Failure, shortened};
use crate::report::ClientCounts;
use crate::server::{BEGIN, GONE};

/// Follows one client: compares each event with the one that must be next.
#[derive(Debug)]
pub struct Checker {
    series: Series,
    /// The number of the last event that came. `None`: the stream has not begun.
    last: Option<u64>,
    counts: Arc<ClientCounts>,
}

impl Checker {
    /// Before the first event.
    pub fn new(series: Series, counts: Arc<ClientCounts>) -> Checker {
        Checker { series, last: None, counts }
    }

    /// The number of the next event.
    pub fn next(&self) -> u64 {
        self.last.map_or(0, |last| last + 1)
    }

    /// Checks the event that came.
    ///
    /// The first is `begin`. After it, numbers go up by one, unless `gone` says that some events are lost.
    pub fn event(&mut self, event: Event<'_>) -> Result<(), Failure> {
        let number = match (event.event_name(), self.last) {
            (Some(BEGIN), None) => self.marker(event)?,
            (Some(GONE), Some(last)) => {
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

    /// Checks the event that the connection has cut: it must be the beginning of the next one.
    pub fn unfinished(&self, event: Event<'_>) -> Result<(), Failure> {
        let Some(last) = self.last else { return Ok(()) };
        if event.event_name() == Some(GONE) {
            return Ok(());
        }
        let expected = self.arriving(last + 1)?;
        let expected = expected.as_event();
        // The cut may have split a character.
        let data = event.data().trim_end_matches('\u{fffd}');
        if event.name() == expected.name() && event.id() == expected.id() && expected.data().starts_with(data) {
            Ok(())
        } else {
            Err(Failure::other_event(last + 1, expected, event))
        }
    }

    /// The number in the id of `begin` or `gone`, whose data is the same id.
    fn marker(&self, event: Event<'_>) -> Result<u64, Failure> {
        let number = event.id().and_then(|id| self.series.number(id));
        match number {
            Some(number) if event.id() == Some(event.data()) && event.retry().is_none() => Ok(number),
            _ => Err(self.unexpected("an id of this run, and the same as data", event)),
        }
    }

    fn numbered(&self, number: u64, event: Event<'_>) -> Result<u64, Failure> {
        let expected = self.arriving(number)?;
        if event != expected {
            return Err(Failure::other_event(number, expected.as_event(), event));
        }
        self.counts.events.add(1);
        Ok(number)
    }

    fn arriving(&self, number: u64) -> Result<OwnedEvent, Failure> {
        self.series.arriving(number).map_err(|error| Failure::error(format!("event {number}"), &error))
    }

    fn unexpected(&self, expected: impl std::fmt::Display, event: Event<'_>) -> Failure {
        let seen = format!("{:?} with id {:?} and data {}", event.name(), event.id(), shortened(event.data()));
        Failure::new(format!("event {}", self.next()), expected, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sse_wire::{EventId, EventName, Head};

    const SERIES: Series = Series { seed: 7 };

    fn checker(newest: u64) -> Checker {
        let mut checker = Checker::new(SERIES, Arc::default());
        check(&mut checker, &marker(BEGIN, newest)).unwrap();
        checker
    }

    fn check(checker: &mut Checker, event: &OwnedEvent) -> Result<(), Failure> {
        checker.event(event.as_event())
    }

    fn marker(name: EventName<'_>, number: u64) -> OwnedEvent {
        let id = SERIES.id(number);
        OwnedEvent::new(Head::from(name).with_id(EventId::new(&id).unwrap()), &*id)
    }

    #[test]
    fn events_are_checked_one_after_the_other() {
        let mut checker = checker(4);
        for number in 5..50 {
            check(&mut checker, &SERIES.arriving(number).unwrap()).unwrap();
        }
        assert_eq!(checker.counts.events.get(), 45);
    }

    #[test]
    fn a_gap_a_repetition_and_another_event_are_failures() {
        for number in [4, 6, 3] {
            assert!(check(&mut checker(4), &SERIES.arriving(number).unwrap()).is_err(), "{number}");
        }
        let (other, id) = (SERIES.arriving(6).unwrap(), SERIES.id(5));
        assert!(checker(4).event(other.as_event().with_id(EventId::new(&id).unwrap())).is_err());
        assert!(check(&mut checker(4), &marker(BEGIN, 5)).is_err());
    }

    #[test]
    fn a_gap_is_allowed_if_the_client_was_told() {
        let mut checker = checker(4);
        check(&mut checker, &marker(GONE, 9)).unwrap();
        check(&mut checker, &SERIES.arriving(10).unwrap()).unwrap();
        assert_eq!(checker.counts.missed.get(), 5);
        assert!(check(&mut checker, &marker(GONE, 10)).is_err());
    }
}
