//! What differs between tokio and the browser: timers, the clock, and whether futures go to other threads.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use futures_core::Stream;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use tokio::time::Instant;
#[cfg(target_arch = "wasm32")]
pub(crate) use web_time::Instant;

/// The date, for those in headers.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// The date, for those in headers.
#[cfg(target_arch = "wasm32")]
pub(crate) fn now() -> std::time::SystemTime {
    web_time::web::SystemTimeExt::to_std(web_time::SystemTime::now())
}

/// `Send`, except in the browser, where nothing goes to another thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> MaybeSend for T {}

/// `Send`, except in the browser, where nothing goes to another thread.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSend for T {}

#[cfg(not(target_arch = "wasm32"))]
macro_rules! boxed {
    ($($bound:tt)*) => { Box<dyn $($bound)* + Send> };
}
#[cfg(target_arch = "wasm32")]
macro_rules! boxed {
    ($($bound:tt)*) => { Box<dyn $($bound)*> };
}
pub(crate) use boxed;

pub(crate) type BoxFuture<T> = Pin<boxed!(Future<Output = T>)>;
pub(crate) type BoxStream<T> = Pin<boxed!(Stream<Item = T>)>;

/// Whether nothing of the request was sent, since there was no connection.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_before_request(error: &reqwest::Error) -> bool {
    error.is_connect()
}

/// Whether nothing of the request was sent: the browser does not say.
#[cfg(target_arch = "wasm32")]
pub(crate) fn is_before_request(_: &reqwest::Error) -> bool {
    false
}

/// The longest time that a timer is set to: those of browsers have 31 bits of milliseconds.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits for a time of the clock that is [`Instant`].
pub(crate) struct Sleep {
    until: Option<Instant>,
    /// Made when it is polled first: before that there may be no runtime.
    timer: Option<BoxFuture<()>>,
}

impl Sleep {
    /// Waits for so long. What is too long for the clock is for ever.
    pub(crate) fn new(wait: Duration) -> Sleep {
        Sleep { until: Instant::now().checked_add(wait), timer: None }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = self.until.map_or(LONGEST, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| timer(left.min(LONGEST)));
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn timer(wait: Duration) -> BoxFuture<()> {
    Box::pin(tokio::time::sleep(wait))
}

#[cfg(target_arch = "wasm32")]
fn timer(wait: Duration) -> BoxFuture<()> {
    // A fraction of a millisecond would be cut off, and the time not yet come.
    Box::pin(gloo_timers::future::sleep(wait + Duration::from_millis(1)))
}
