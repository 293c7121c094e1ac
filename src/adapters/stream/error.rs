//! Why a stream yields an error.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use crate::ParseError;

/// Why an [`EventStream`](super::EventStream) or a [`BlockStream`](super::BlockStream) yields an error.
///
/// It is an [`Error`] for every `E` that can be displayed, so that `?` turns it into a `Box<dyn Error + Send + Sync>` or an
/// `anyhow::Error`, even if `E` is such a box itself. It is displayed as the error that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamError<E> {
    /// The transport failed, and the stream has ended.
    Transport(E),
    /// A block was refused. The stream goes on after it, unless it was told to
    /// [end there](super::EventStream::end_on_refusal).
    Parse(ParseError),
}

impl<E> From<ParseError> for StreamError<E> {
    fn from(error: ParseError) -> Self {
        StreamError::Parse(error)
    }
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Transport(error) => error.fmt(f),
            StreamError::Parse(error) => error.fmt(f),
        }
    }
}

/// There is no [`source`](Error::source), since `E` need not be an error; [`into_boxed`](StreamError::into_boxed) keeps it.
impl<E: fmt::Debug + fmt::Display> Error for StreamError<E> {}

impl<E: Into<Box<dyn Error + Send + Sync>>> StreamError<E> {
    /// The transport's own error, with its sources, or the [`ParseError`].
    ///
    /// ```
    /// use std::io;
    /// use sse_wire::stream::StreamError;
    ///
    /// let error = StreamError::Transport(io::Error::from(io::ErrorKind::TimedOut)).into_boxed();
    /// assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
    /// ```
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync> {
        match self {
            StreamError::Transport(error) => error.into(),
            StreamError::Parse(error) => error.into(),
        }
    }
}
