//! What can go wrong with a log.

use std::path::PathBuf;

use super::EntryError;
use crate::file;

/// What the functions of a log return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused. After a failed sync every later write of the same log fails too.
    #[error(transparent)]
    Disk(#[from] file::Error),
    /// The data is not what its checksum was made of; nothing was written.
    #[error("the checksum of the chunk at {offset} does not fit its data")]
    Checksum {
        /// Where the chunk would have begun.
        offset: u64,
    },
    /// The chunk has no byte, more than [`super::CHUNK_MAX_BYTES`], or bytes in a gap, or the gap has
    /// no reason; nothing was written.
    #[error("the chunk at {offset} cannot be: {len} bytes of its kind")]
    Shape {
        /// Where the chunk would have begun.
        offset: u64,
        /// How many bytes it has.
        len: usize,
    },
    /// The data of a chunk is not what was written.
    #[error("the chunk at {offset} of {} is damaged", bytes.display())]
    Changed {
        /// The file of the raw bytes.
        bytes: PathBuf,
        /// Where the chunk begins.
        offset: u64,
    },
    /// An entry of the index, not one at the end of a log that is still written, is not whole.
    #[error("entry {entry} of {}: {why}", index.display())]
    Damaged {
        /// The index file.
        index: PathBuf,
        /// The number of the entry, counted from 0.
        entry: u64,
        /// What is wrong with it.
        why: EntryError,
    },
}

impl Error {
    /// True if what is stored is not what was written: no try will read it.
    pub fn is_damage(&self) -> bool {
        matches!(self, Error::Changed { .. } | Error::Damaged { .. })
    }
}
