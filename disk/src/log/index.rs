//! Entries by number, out of the index file.

use super::{ENTRY_BYTES, Entry, EntryError, Error, Result};
use crate::file::{self, DiskFile};

/// How many entries are read at once.
pub(super) const BATCH: u64 = 4096;

const ENTRY_LEN: u64 = ENTRY_BYTES as u64;

/// Where the entry of this number begins in the index file.
pub(super) fn position(number: u64) -> u64 {
    number * ENTRY_LEN
}

/// How many whole entries the index file has room for.
pub(super) fn count(index: &dyn DiskFile) -> file::Result<u64> {
    Ok(index.len()? / ENTRY_LEN)
}

/// What stands in the places `first..first + count`, fewer at the end of the file.
pub(super) fn read_many(
    index: &dyn DiskFile,
    first: u64,
    count: u64,
) -> file::Result<Vec<std::result::Result<Entry, EntryError>>> {
    let bytes = usize::try_from(count * ENTRY_LEN).expect("a batch fits in memory");
    let bytes = index.read_range(position(first), bytes)?;
    let (entries, _part) = bytes.as_chunks::<ENTRY_BYTES>();
    Ok(entries.iter().map(Entry::decode).collect())
}

/// The entry in this place, which must be whole.
pub(super) fn read_one(index: &dyn DiskFile, number: u64) -> Result<Entry> {
    let entry = read_many(index, number, 1)?.pop().unwrap_or(Err(EntryError::Checksum));
    entry.map_err(|why| damaged(index, number, why))
}

/// The error that names an entry in the middle of the index.
pub(super) fn damaged(index: &dyn DiskFile, entry: u64, why: EntryError) -> Error {
    Error::Damaged { index: index.path().to_owned(), entry, why }
}
