//! What can go wrong with the journal.

use std::path::PathBuf;

use super::recover::Refusal;
use super::segment::{Lsn, RECORD_MAX_BYTES};
use crate::file;

/// What the functions of the journal return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the journal could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] file::Error),
    /// Something that was acknowledged once is no longer what it was.
    #[error("{} at byte {offset} is damaged: {what}", file.display())]
    Damage {
        /// The segment.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        what: Damage,
    },
    /// A segment is of another cluster.
    #[error("{} belongs to another cluster", .0.display())]
    OtherCluster(PathBuf),
    /// A segment was written by a newer program.
    #[error("{} has format {found}, newer than {}", file.display(), super::FORMAT)]
    NewerFormat {
        /// The segment.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The reader of the records did not accept one, such as for a kind of fact it does not know.
    #[error("the record of lsn {lsn} in {} at byte {offset} is refused", file.display())]
    Refused {
        /// The segment.
        file: PathBuf,
        /// Where the record begins, in bytes.
        offset: u64,
        /// Its first lsn.
        lsn: Lsn,
        /// What the reader said.
        #[source]
        why: Refusal,
    },
    /// The record would be longer than one may be; nothing was written.
    #[error("a record of {bytes} bytes is longer than {RECORD_MAX_BYTES}")]
    TooLarge {
        /// How long it would be.
        bytes: usize,
    },
    /// A record of a later epoch is in the journal; nothing was written.
    #[error("epoch {epoch} is over: the journal is in epoch {newest}")]
    Fenced {
        /// The epoch of the caller.
        epoch: u64,
        /// The epoch of the last record.
        newest: u64,
    },
    /// An append failed before. What is on disk is unknown until the journal is opened again.
    #[error("the journal is broken since an earlier write failed")]
    Broken,
}

impl Error {
    /// Whether the volume is full.
    pub fn is_no_space(&self) -> bool {
        matches!(self, Error::Disk(error) if error.is_no_space())
    }
}

/// What is wrong with a place of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The first segment of all is missing.
    #[error("segments before it are missing")]
    FirstMissing,
    /// A follower needs a segment that is not there.
    #[error("the segment is missing")]
    Missing,
    /// A compressed segment cannot be unpacked.
    #[error("it cannot be unpacked")]
    Compressed,
    /// The header of the segment is not whole.
    #[error("the header does not verify")]
    Header,
    /// The header names another first lsn than the file does.
    #[error("the header says lsn {0}, the name another")]
    Name(Lsn),
    /// No record verifies here, and it is not the torn end of the journal.
    #[error("no record verifies here")]
    Record,
    /// The checksum of the record fits, its entries make no sense.
    #[error("the entries of the record make no sense")]
    Entries,
    /// Records are missing or doubled before this place.
    #[error("lsn {found} stands where {expected} belongs")]
    Lsn {
        /// What follows from the records before.
        expected: Lsn,
        /// What stands there.
        found: Lsn,
    },
    /// The record before is not the one that was there when this was written.
    #[error("it does not follow the record before it")]
    Prev,
    /// The epoch falls.
    #[error("epoch {found} follows epoch {before}")]
    Epoch {
        /// The epoch of the record before.
        before: u64,
        /// What stands there.
        found: u64,
    },
}
