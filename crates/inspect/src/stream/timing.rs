//! When bytes and events came.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times since the start of the request, and the gaps between events. Empty if the input is a file.
pub struct Timing {
    pub first_byte: Option<Duration>,
    pub first_event: Option<Duration>,
    pub last_event: Option<Duration>,
    pub longest_gap: Duration,
    /// In microseconds.
    gaps: Histogram<u64>,
}

impl Default for Timing {
    fn default() -> Self {
        let Ok(gaps) = Histogram::new(3) else { unreachable!("three digits are allowed") };
        Timing { first_byte: None, first_event: None, last_event: None, longest_gap: Duration::ZERO, gaps }
    }
}

impl Timing {
    /// Notes an event. Returns the gap to the one before.
    pub fn event(&mut self, now: Duration) -> Option<Duration> {
        self.first_event.get_or_insert(now);
        let gap = now.saturating_sub(self.last_event.replace(now)?);
        self.longest_gap = self.longest_gap.max(gap);
        // It grows as it must, and fails only for a gap of thousands of years.
        let _ = self.gaps.record(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX));
        Some(gap)
    }

    /// The gap that this share of all gaps does not exceed.
    pub fn gap(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.gaps.value_at_quantile(quantile)).min(self.longest_gap)
    }

    pub fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_gaps_are_no_longer_than_the_median() {
        let mut timing = Timing::default();
        let mut now = Duration::from_secs(5);
        assert_eq!(timing.event(now), None);
        assert!(!timing.has_gaps());
        for gap in [30, 130, 1080].map(Duration::from_millis) {
            now += gap;
            assert_eq!(timing.event(now), Some(gap));
        }
        let is_about = |share, milliseconds: u64| {
            timing.gap(share).abs_diff(Duration::from_millis(milliseconds)) < Duration::from_millis(2)
        };
        assert!(is_about(0.5, 130) && is_about(0.99, 1080), "{:?}", timing.gap(0.5));
        assert_eq!(
            (timing.longest_gap, timing.first_event),
            (Duration::from_millis(1080), Some(Duration::from_secs(5)))
        );
    }
}
