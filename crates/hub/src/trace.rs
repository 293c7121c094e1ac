//! What a node tells its operator, if the feature `tracing` is on.

use crate::engine::{EngineError, Id};

macro_rules! tell {
    ($level:ident, $($told:tt)+) => {
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "sse_wire_hub", $($told)+)
    };
}

pub(crate) fn failed(error: &EngineError) {
    tell!(warn, %error, "the engine has failed");
    let _ = error;
}

pub(crate) fn recovered() {
    tell!(info, "the engine answers again");
}

pub(crate) fn refused(topic: &str, error: &EngineError) {
    tell!(warn, topic, %error, "the engine refuses a topic");
    let _ = (topic, error);
}

pub(crate) fn opened(topic: &str, newest: &Id) {
    tell!(debug, topic, %newest, "a topic is followed");
    let _ = (topic, newest);
}

pub(crate) fn gone(topic: &str) {
    tell!(warn, topic, "what the subscribers of a topic have seen is gone");
    let _ = topic;
}

pub(crate) fn lagged(topic: &str, is_cut: bool) {
    tell!(debug, topic, is_cut, "a subscriber is further behind than is held");
    let _ = (topic, is_cut);
}

pub(crate) fn not_announced(error: &EngineError) {
    tell!(warn, %error, "the number of subscribers was not told");
    let _ = error;
}

pub(crate) fn shutdown(subscribers: usize) {
    tell!(info, subscribers, "the hub shuts down");
    let _ = subscribers;
}
