//! When a keep-alive is due.

use core::future::Future;
use core::pin::Pin;
use core::task::Context;
use core::time::Duration;

pin_project_lite::pin_project! {
    /// Measures for how long nothing was sent.
    #[derive(Debug)]
    pub(super) struct KeepAlive<F, M> {
        period: Duration,
        make_sleep: M,
        // None: the period begins at the next poll.
        #[pin]
        sleep: Option<F>,
    }
}

impl<F: Future, M: FnMut(Duration) -> F> KeepAlive<F, M> {
    pub(super) fn new(period: Duration, make_sleep: M) -> Self {
        KeepAlive { period, make_sleep, sleep: None }
    }

    /// Whether the period is over, once: then the next one begins. If it is not, the task is woken when it is.
    pub(super) fn poll_is_due(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.as_mut().project();
        if this.sleep.is_none() {
            let sleep = (this.make_sleep)(*this.period);
            this.sleep.set(Some(sleep));
        }
        let is_due = this.sleep.as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
        if is_due {
            self.restart();
        }
        is_due
    }

    /// The period begins at the next poll.
    pub(super) fn restart(self: Pin<&mut Self>) {
        self.project().sleep.set(None);
    }
}
