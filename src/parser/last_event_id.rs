//! The last event ID, which outlives blocks, chunks and connections.

use alloc::string::String;

use bytestring::ByteString;

use super::block::{SMALL_CAPACITY, give_back};

/// The last event ID, in memory of the parser's own: a part of a chunk would keep all of the chunk alive.
#[derive(Clone, Debug)]
pub(super) struct LastEventId {
    pub(super) text: String,
    /// The same text for shared events, once one needed it; empty before.
    shared: ByteString,
}

impl LastEventId {
    pub(super) fn new(text: String) -> Self {
        LastEventId { text, shared: ByteString::new() }
    }

    pub(super) fn set(&mut self, id: &str) {
        if self.text != id {
            give_back(&mut self.text, SMALL_CAPACITY);
            self.text.push_str(id);
            self.shared = ByteString::new();
        }
    }

    #[inline(always)]
    pub(super) fn shared(&mut self) -> Option<ByteString> {
        if self.text.is_empty() {
            return None;
        }
        if self.shared.is_empty() {
            self.shared = ByteString::from(&*self.text);
        }
        Some(self.shared.clone())
    }
}
