//! The log of a step: raw bytes in `.log`, an index of their chunks in `.idx`; one format on both sides.
//!
//! An entry of the index has 48 bytes, little-endian: `offset u64 | at_ns u64 since step start | line
//! u64 (line feeds before) | dropped u64 | len u32 | kind u8 | gap u8 | 0 u16 | data crc32c u32 | entry
//! crc32c u32`. A gap has length 0 and an offset.
//!
//! Called by the shim and the master, which write, and by the agent and the master's readers.
//! Invariant: the chunks cover the bytes without hole or overlap, an offset names one byte for ever,
//! and no reader is given a byte whose entry or data is not whole. Deliberately absent: streams joined
//! from many steps, masking, quotas, and the syncing of the directory the two files stand in.

mod entry;
mod error;
mod index;
mod reader;
mod writer;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use entry::{ENTRY_BYTES, Entry, EntryError, GapReason, Kind};
pub use error::{Error, Result};
pub use reader::{Extent, LogReader};
pub use writer::{Cut, LogWriter};

/// The most bytes one chunk may have.
pub const CHUNK_MAX_BYTES: usize = 256 * 1024;

/// The most bytes of one log that may be unsynced, so the part at its end that is checked at a start.
pub const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// Where the two files of a log stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPaths {
    /// The raw bytes.
    pub bytes: PathBuf,
    /// The index of their chunks.
    pub index: PathBuf,
}

impl LogPaths {
    /// The files of `base`, which is a path without an extension, such as `…/step-01`.
    pub fn of(base: &Path) -> LogPaths {
        let with = |extension: &str| {
            let mut path = OsString::from(base);
            path.push(extension);
            PathBuf::from(path)
        };
        LogPaths { bytes: with(".log"), index: with(".idx") }
    }
}

/// Whether the data of a chunk is what its checksum was made of.
pub fn verify(data: &[u8], crc32c: u32) -> bool {
    crc32c::crc32c(data) == crc32c
}

fn line_feeds(data: &[u8]) -> u64 {
    data.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests;
