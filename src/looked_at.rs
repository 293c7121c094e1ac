//! Counts the bytes that are looked at, for tests of how often each byte is read.

use core::cell::Cell;

/// How many bytes were looked at, and what for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookedAt {
    /// For line ends.
    pub(crate) for_line_ends: usize,
    /// To be decoded as UTF-8.
    pub(crate) as_text: usize,
}

std::thread_local!(static COUNT: Cell<LookedAt> = const { Cell::new(LookedAt { for_line_ends: 0, as_text: 0 }) });

pub(crate) fn for_line_ends(bytes: usize) {
    let count = COUNT.get();
    COUNT.set(LookedAt { for_line_ends: count.for_line_ends + bytes, ..count });
}

pub(crate) fn as_text(bytes: usize) {
    let count = COUNT.get();
    COUNT.set(LookedAt { as_text: count.as_text + bytes, ..count });
}

/// Bytes looked at by this thread while `work` ran.
pub(crate) fn during(work: impl FnOnce()) -> LookedAt {
    let before = COUNT.get();
    work();
    let after = COUNT.get();
    LookedAt { for_line_ends: after.for_line_ends - before.for_line_ends, as_text: after.as_text - before.as_text }
}
