//! How times are taken, the same way for all.

use std::time::Duration;

/// How much is measured.
pub struct Pace {
    pub rounds: usize,
    /// How long one measurement lasts: the work is repeated until it does.
    pub at_least: Duration,
    /// A contender that has taken this long is left out of the remaining rounds.
    pub enough: Duration,
    /// A contender that takes longer than this for one pass is not measured.
    pub deadline: Duration,
}

impl Pace {
    pub const FULL: Pace = Pace {
        rounds: 7,
        at_least: Duration::from_millis(20),
        enough: Duration::from_secs(2),
        deadline: Duration::from_secs(5),
    };
    pub const QUICK: Pace = Pace {
        rounds: 3,
        at_least: Duration::from_millis(4),
        enough: Duration::from_millis(300),
        deadline: Duration::from_secs(1),
    };
}

/// Does the work once and returns how long it took, without the preparation.
pub type Pass<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// The median time for one pass, of each, in seconds.
///
/// All are measured once in each round, and each round begins with another one. A pass that takes longer than `enough` is
/// done once.
pub fn medians(passes: &mut [Pass<'_>], pace: &Pace) -> Vec<f64> {
    let mut samples = vec![Vec::new(); passes.len()];
    let mut spent = vec![Duration::ZERO; passes.len()];
    // Warms up, and finds how many passes make a measurement.
    let once: Vec<_> = passes.iter_mut().map(|pass| pass()).collect();
    for round in 0..pace.rounds {
        for turn in 0..passes.len() {
            let who = (turn + round) % passes.len();
            if once[who] > pace.enough {
                samples[who] = vec![once[who].as_secs_f64()];
            } else if spent[who] <= pace.enough {
                let repetitions = pace.at_least.as_nanos().div_ceil(once[who].as_nanos().max(1));
                let repetitions = u32::try_from(repetitions).unwrap_or(u32::MAX);
                let total: Duration = (0..repetitions).map(|_| passes[who]()).sum();
                spent[who] += total;
                samples[who].push(total.as_secs_f64() / f64::from(repetitions));
            }
        }
    }
    samples.into_iter().map(median).collect()
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_taken_over_the_rounds() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).total_cmp(&2.0), std::cmp::Ordering::Equal);
    }

    #[test]
    fn all_are_measured() {
        let mut passes: Vec<Pass<'_>> =
            vec![Box::new(|| Duration::from_millis(2)), Box::new(|| Duration::from_secs(60))];
        let times = medians(&mut passes, &Pace::QUICK);
        assert!((times[0] - 0.002).abs() < 1e-6 && (times[1] - 60.0).abs() < 1e-6, "{times:?}");
    }
}
