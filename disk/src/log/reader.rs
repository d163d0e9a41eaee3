//! Reading a log, also one that grows meanwhile.

use std::path::Path;

use super::{Entry, LogPaths, Result, index};
use crate::file::{Disk, DiskFile, Open};

/// How far a log can be read now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many chunks and gaps it has.
    pub entries: u64,
    /// How many bytes they cover.
    pub end: u64,
}

/// A reader of a log; any number of them may read while one writer appends.
#[derive(Debug)]
pub struct LogReader {
    bytes: Box<dyn DiskFile>,
    index: Box<dyn DiskFile>,
}

impl LogReader {
    /// Opens the log of `base`, which must exist.
    pub fn open(disk: &dyn Disk, base: &Path) -> Result<LogReader> {
        let paths = LogPaths::of(base);
        let bytes = disk.open(&paths.bytes, Open::Read)?;
        let index = disk.open(&paths.index, Open::Read)?;
        Ok(LogReader { bytes, index })
    }

    /// How far the log reaches. What stands behind the last whole entry whose data is there is still
    /// being written, or was torn: it does not count.
    pub fn extent(&self) -> Result<Extent> {
        let mut entries = index::count(&*self.index)?;
        let len = self.bytes.len()?;
        while entries > 0 {
            let last = index::read_many(&*self.index, entries - 1, 1)?.pop();
            match last {
                Some(Ok(last)) if last.end() <= len => return Ok(Extent { entries, end: last.end() }),
                Some(_) | None => entries -= 1,
            }
        }
        Ok(Extent::default())
    }

    /// At most `max` entries from the number `first` on.
    pub fn entries(&self, first: u64, max: u64) -> Result<Vec<Entry>> {
        let left = self.extent()?.entries.saturating_sub(first);
        let found = index::read_many(&*self.index, first, left.min(max).min(index::BATCH))?;
        let numbered = (first..).zip(found);
        numbered.map(|(number, entry)| entry.map_err(|why| index::damaged(&*self.index, number, why))).collect()
    }

    /// At most `max` entries from the first that a reader at `offset` has not had: the chunk with
    /// that byte, or a gap there.
    pub fn entries_from(&self, offset: u64, max: u64) -> Result<Vec<Entry>> {
        let is_before = |entry: &Entry| entry.end() <= offset && !(entry.len == 0 && entry.offset == offset);
        let first = self.partition(is_before)?;
        self.entries(first, max)
    }

    /// The chunk that has the byte at `offset`, and its number; `None` behind the end.
    pub fn chunk_at(&self, offset: u64) -> Result<Option<(u64, Entry)>> {
        let number = self.partition(|entry| entry.end() <= offset)?;
        Ok(self.entries(number, 1)?.pop().map(|entry| (number, entry)))
    }

    /// The bytes in `[offset, offset + len)`, fewer at the end of what can be read.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let left = self.extent()?.end.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(len);
        Ok(self.bytes.read_range(offset, len)?)
    }

    /// How many entries from the first on satisfy what all before a point satisfy and none behind.
    fn partition(&self, is_before: impl Fn(&Entry) -> bool) -> Result<u64> {
        let (mut low, mut high) = (0, self.extent()?.entries);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&index::read_one(&*self.index, middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
