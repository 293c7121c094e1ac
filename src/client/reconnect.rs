//! How long to wait before connecting again.

use core::time::Duration;

/// When to connect again, and after how long.
///
/// The standard says: wait for the reconnection time, which the server may set by `retry`; then, "optionally, wait some
/// more" ([9.2.3]). So the wait is never shorter than the reconnection time, except for a
/// [ceiling](Reconnect::with_ceiling).
///
/// Whatever a server sends, a client with the rules of [`Reconnect::new`] makes at most 3,600 requests an hour, and less than 100
/// where no connection is [good](Reconnect::with_good_after).
///
/// The wait before the `n`th try in a row is the reconnection time, doubled `n - 1` times, at most the
/// [backoff](Reconnect::with_backoff), and then longer by up to [jitter](Reconnect::with_jitter) percent.
///
/// ```
/// use std::time::Duration;
/// use sse_wire::client::{EventSource, Reconnect};
///
/// let reconnect = Reconnect::new().with_time(Duration::from_secs(1)).with_max_tries(5);
/// let source = EventSource::new().with_reconnect(reconnect);
/// ```
///
/// [9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reconnect {
    time: Duration,
    floor: Duration,
    ceiling: Duration,
    backoff: Duration,
    jitter: u32,
    pub(super) max_tries: u32,
    pub(super) good_after: Duration,
}

impl Reconnect {
    /// 3 seconds, doubled up to a minute for each try that fails, plus up to 25 %; no limit to the number of tries.
    pub fn new() -> Reconnect {
        Reconnect {
            time: Duration::from_secs(3),
            floor: Duration::from_secs(1),
            ceiling: Duration::from_secs(60 * 60),
            backoff: Duration::from_secs(60),
            jitter: 25,
            max_tries: u32::MAX,
            good_after: Duration::from_secs(5),
        }
    }

    /// The same rules with this reconnection time until the server sets one. 3 seconds unless set. Floor and ceiling hold for
    /// it too.
    pub fn with_time(self, time: Duration) -> Self {
        Reconnect { time, ..self }
    }

    /// The same rules with this shortest reconnection time, whatever the server sets: `retry: 0` would make clients connect
    /// in a loop. One second unless set.
    pub fn with_floor(self, floor: Duration) -> Self {
        Reconnect { floor, ..self }
    }

    /// The same rules with this longest time that the server can ask for, by `retry` or by `Retry-After`: `retry: 99999999999`
    /// would make clients wait for ever. One hour unless set; `Duration::MAX` for none, as in the standard.
    ///
    /// Waits that double while connections fail have another limit, the [backoff](Reconnect::with_backoff), and
    /// [jitter](Reconnect::with_jitter) makes any wait longer. If it is less than the [floor](Reconnect::with_floor), the floor
    /// wins.
    pub fn with_ceiling(self, ceiling: Duration) -> Self {
        Reconnect { ceiling, ..self }
    }

    /// The same rules with this longest wait that doubling leads to, while no connection is good. One minute unless set; with
    /// `Duration::ZERO` every wait is the reconnection time.
    pub fn with_backoff(self, longest: Duration) -> Self {
        Reconnect { backoff: longest, ..self }
    }

    /// The same rules with waits that are longer by a random part of this many percent, so that the clients of a server that
    /// was restarted do not all connect at once. 25 unless set.
    pub fn with_jitter(self, percent: u32) -> Self {
        Reconnect { jitter: percent, ..self }
    }

    /// The same rules with this many tries in a row to connect again, counted from the last good connection or the first
    /// request. No limit unless set, as in the standard.
    pub fn with_max_tries(self, tries: u32) -> Self {
        Reconnect { max_tries: tries, ..self }
    }

    /// The same rules, where a connection counts as good once it was open for so long, or has brought an event: then tries and
    /// waits start over. 5 seconds unless set. With zero, every connection that opened was good, also of a server that
    /// closes each at once.
    pub fn with_good_after(self, open_for: Duration) -> Self {
        Reconnect { good_after: open_for, ..self }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect::new()
    }
}

/// The next try to connect, after [`EventSource::disconnected`](super::EventSource::disconnected): its number, and how long to
/// wait before it.
///
/// [`wait`](NextTry::wait) follows the rules of [`Reconnect`]. For rules of your own there are the numbers that it is made of.
///
/// ```
/// use std::time::Duration;
/// use sse_wire::client::NextTry;
///
/// /// Five tries one after the other, then one a minute; but never sooner than the server asks for.
/// fn wait(next: NextTry) -> Duration {
///     let wait = Duration::from_secs(if next.number() <= 5 { 1 } else { 60 });
///     wait.max(next.reconnection_time()).max(next.retry_after())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "wait before the next request"]
pub struct NextTry {
    number: u32,
    reconnection_time: Duration,
    retry_after: Duration,
    shortest: Duration,
    jitter: u32,
}

impl NextTry {
    /// `time`: set by the server's `retry`; `retry_after`: from the header of that name.
    pub(super) fn new(reconnect: &Reconnect, number: u32, time: Option<Duration>, retry_after: Duration) -> NextTry {
        let time = time.unwrap_or(reconnect.time).min(reconnect.ceiling).max(reconnect.floor);
        let retry_after = retry_after.min(reconnect.ceiling);
        let doubled = time.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1)));
        let shortest = doubled.min(reconnect.backoff.max(time)).max(retry_after);
        NextTry { number, reconnection_time: time, retry_after, shortest, jitter: reconnect.jitter }
    }

    /// How long to wait before the request. `random` is any number, for the [jitter](Reconnect::with_jitter).
    #[must_use]
    pub fn wait(&self, random: u32) -> Duration {
        self.shortest.saturating_add(fraction(self.shortest, self.jitter, random))
    }

    /// The number of this try, counted from the last good connection or the first request: the first is 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The reconnection time, as the server or [`Reconnect::with_time`] has set it, within floor and ceiling.
    #[must_use]
    pub fn reconnection_time(&self) -> Duration {
        self.reconnection_time
    }

    /// The pause from the header `Retry-After` of the last response, within the ceiling. Zero if there was none.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

/// A random part of `percent` of `wait`: as much of it as `random` is of 2^32.
fn fraction(wait: Duration, percent: u32, random: u32) -> Duration {
    let most = wait.as_nanos().saturating_mul(percent.into()) / 100;
    let nanoseconds = most.saturating_mul(random.into()) >> 32;
    let seconds = u64::try_from(nanoseconds / 1_000_000_000);
    seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn wait(reconnect: &Reconnect, tries: u32, random: u32) -> Duration {
        NextTry::new(reconnect, tries, None, Duration::ZERO).wait(random)
    }

    #[test]
    fn each_try_waits_twice_as_long_up_to_the_backoff() {
        let reconnect = Reconnect::new().with_time(SECOND).with_backoff(10 * SECOND);
        let waits: Vec<_> = (1..=6).map(|tries| wait(&reconnect, tries, 0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(wait(&reconnect, u32::MAX, 0), 10 * SECOND);
    }

    #[test]
    fn a_backoff_shorter_than_the_reconnection_time_does_not_shorten_it() {
        let reconnect = Reconnect::new().with_time(5 * SECOND).with_backoff(Duration::ZERO);
        assert_eq!(wait(&reconnect, 7, 0), 5 * SECOND);
    }

    #[test]
    fn jitter_only_lengthens_a_wait_and_by_no_more_than_its_percentage() {
        let reconnect = Reconnect::new().with_time(SECOND).with_jitter(50);
        assert_eq!(wait(&reconnect, 1, 0), SECOND);
        let longest = wait(&reconnect, 1, u32::MAX);
        assert!(longest > SECOND * 1499 / 1000 && longest < SECOND * 3 / 2, "{longest:?}");
        assert_eq!(wait(&reconnect.clone().with_jitter(0), 1, u32::MAX), SECOND);
        assert!(wait(&reconnect, 1, u32::MAX / 2).abs_diff(SECOND * 5 / 4) < Duration::from_micros(1));
    }

    #[test]
    fn the_longest_durations_saturate() {
        let unlimited = || Reconnect::new().with_ceiling(Duration::MAX);
        let reconnect = unlimited().with_time(Duration::MAX).with_jitter(u32::MAX);
        assert_eq!(wait(&reconnect, u32::MAX, u32::MAX), Duration::MAX);
        let next = |number| NextTry::new(&unlimited(), number, Some(Duration::from_millis(u64::MAX)), Duration::ZERO);
        assert_eq!(next(3).wait(0), Duration::from_millis(u64::MAX));
        let asked = next(1).wait(u32::MAX);
        assert!(
            asked > Duration::from_millis(u64::MAX) && asked / 5 * 4 <= Duration::from_millis(u64::MAX),
            "{asked:?}"
        );
    }
}
