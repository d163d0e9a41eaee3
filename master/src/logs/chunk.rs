//! What comes for a log, and what became of it.

use bytes::Bytes;
use windlass_core::model::Digest;
use windlass_disk::log::{GapReason, Kind};

/// Consecutive bytes of a log, with the chunks and gaps that they are made of.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Where the data begins.
    pub offset: u64,
    /// The bytes of all pieces.
    pub data: Bytes,
    /// They cover the data exactly.
    pub pieces: Vec<Piece>,
}

impl Chunk {
    /// Where the data ends.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.data.len() as u64)
    }
}

/// One entry of the index to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of one stream.
    Bytes {
        /// Which stream; never [`Kind::Gap`].
        kind: Kind,
        /// Nanoseconds since the start of the step.
        at_ns: u64,
        /// How many.
        len: u32,
        /// Made by the shim.
        crc32c: u32,
    },
    /// Bytes are missing here.
    Gap {
        /// Nanoseconds since the start of the step.
        at_ns: u64,
        /// Why.
        reason: GapReason,
        /// How many; 0: not known.
        dropped: u64,
    },
}

/// What became of a chunk. After a refusal the sender goes on from `want`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What of it was new is stored and can be read.
    Stored,
    /// All of it was known.
    Duplicate,
    /// Bytes before it are missing.
    Gap {
        /// The offset that is due.
        want: u64,
    },
    /// A checksum does not fit; nothing of it was stored.
    Crc {
        /// The offset that is due.
        want: u64,
    },
    /// It is more than the attempt may store; nothing of it was stored.
    Quota {
        /// The offset that is due.
        want: u64,
    },
    /// The volume is full.
    NoSpace {
        /// The offset that is due.
        want: u64,
    },
}

/// What a host says of the end of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEnd {
    /// All of it is there, with this digest.
    Whole(Digest),
    /// The host lost its own tail: what is stored stands, and then a gap.
    Lost(GapReason),
}

/// What became of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealVerdict {
    /// The log is whole, synced, and has this digest.
    Sealed(Sealed),
    /// Bytes are missing.
    Short {
        /// The offset that is due.
        want: u64,
    },
    /// The bytes are not those of the host: the log begins anew from 0.
    Mismatch,
}

/// A log that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Bytes stored.
    pub total: u64,
    /// BLAKE3 of them.
    pub digest: Digest,
    /// Places where bytes are missing.
    pub gaps: u32,
    /// The digest is not the one that the host named, twice.
    pub damaged: bool,
}
