//! The BOM at the start of another server's stream.

use bytes::Bytes;

use super::Piece;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Drops the BOM at the start of raw bytes, if something was sent before them.
///
/// Clients ignore a BOM only at the very start of a stream. Later it would become a part of the first field's name, and the
/// field would be lost.
#[derive(Debug)]
pub(super) struct RawStart {
    /// Whether anything was sent.
    sent: bool,
    /// How many bytes of a BOM the raw bytes have begun with, which were not sent. None: what begins them is known.
    bom_len: Option<usize>,
}

impl RawStart {
    pub(super) fn new() -> Self {
        RawStart { sent: false, bom_len: Some(0) }
    }

    pub(super) fn set_sent(&mut self) {
        self.sent = true;
    }

    /// The same piece, without a BOM if that is where raw bytes begin. Part of a BOM is held until it is complete.
    pub(super) fn without_bom(&mut self, piece: Piece) -> Piece {
        match piece {
            Piece::Raw(bytes) => Piece::Raw(self.raw_without_bom(bytes)),
            Piece::Blocks(bytes) if bytes.is_empty() => {
                self.bom_len = Some(0);
                Piece::END_BLOCK
            }
            piece => piece,
        }
    }

    fn raw_without_bom(&mut self, bytes: Bytes) -> Bytes {
        let Some(held) = self.bom_len.filter(|_| !bytes.is_empty()) else { return bytes };
        let rest = &BOM[held..];
        if !self.sent {
            self.bom_len = None;
            bytes
        } else if bytes.starts_with(rest) {
            self.bom_len = None;
            bytes.slice(rest.len()..)
        } else if rest.starts_with(&bytes) {
            self.bom_len = Some(held + bytes.len());
            Bytes::new()
        } else {
            self.bom_len = None;
            if held == 0 { bytes } else { [&BOM[..held], &bytes].concat().into() }
        }
    }
}
