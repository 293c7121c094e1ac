//! What happens between the events, for logs and for those who watch.

use crate::Error;

/// What an [`EventSource`](crate::EventSource) does between the events.
#[derive(Debug)]
#[non_exhaustive]
pub enum Activity<'a> {
    /// It makes a request.
    Connecting {
        /// 0 for the first request, and for each try to connect again one more.
        number: u32,
    },
    /// A response has opened the stream.
    Open,
    /// A chunk of the body has come.
    Received {
        /// Its length.
        bytes: usize,
    },
    /// The connection is lost, or could not be made.
    Lost {
        /// Why, and whether the source goes on.
        error: &'a Error,
    },
}

impl Activity<'_> {
    #[cfg(feature = "tracing")]
    pub(crate) fn trace(&self) {
        match self {
            Activity::Connecting { number } => tracing::debug!(number, "connecting"),
            Activity::Open => tracing::debug!("open"),
            Activity::Received { bytes } => tracing::trace!(bytes, "received"),
            Activity::Lost { error } => {
                tracing::warn!(%error, is_final = error.is_final(), "lost");
            }
        }
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn trace(&self) {
        let _ = self;
    }
}
