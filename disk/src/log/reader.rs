//! Reading a log, also one that grows meanwhile.

use std::path::Path;

use super::{Entry, Error, LogPaths, Result, index, verify};
use crate::file::{Disk, DiskFile, Open};

/// How many entries are looked at together while bytes are read.
const ENTRIES_AT_ONCE: u64 = 256;

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
    /// Nobody writes it any more: an end that is not whole is damage.
    over: bool,
}

impl LogReader {
    /// Opens the log of `base`, which must exist.
    pub fn open(disk: &dyn Disk, base: &Path) -> Result<LogReader> {
        let paths = LogPaths::of(base);
        let bytes = disk.open(&paths.bytes, Open::Read)?;
        let index = disk.open(&paths.index, Open::Read)?;
        Ok(LogReader { bytes, index, over: false })
    }

    /// The same, of a log that nobody writes any more and of which everything was synced.
    pub fn open_over(disk: &dyn Disk, base: &Path) -> Result<LogReader> {
        Ok(LogReader { over: true, ..LogReader::open(disk, base)? })
    }

    /// How far the log reaches. What stands behind the last whole entry whose data is there is still
    /// being written, or was torn: it does not count, unless the log is over. Then it was there once, and who comes to it is told.
    pub fn extent(&self) -> Result<Extent> {
        let mut entries = index::count(&*self.index)?;
        let len = self.bytes.len()?;
        while entries > 0 {
            match index::read_many(&*self.index, entries - 1, 1)?.pop() {
                Some(Ok(last)) if self.over || last.end() <= len => return Ok(Extent { entries, end: last.end() }),
                Some(Err(_)) if self.over => return Ok(Extent { entries, end: len }),
                Some(_) | None => entries -= 1,
            }
        }
        Ok(Extent::default())
    }

    /// Whether nothing stands behind the last whole entry. What does was torn or damaged, if the log is over.
    pub fn is_whole(&self) -> Result<bool> {
        Ok(self.extent()?.entries == index::count(&*self.index)?)
    }

    /// At most `max` entries from the number `first` on, fewer before one that is damaged. An error if that is the first.
    pub fn entries(&self, first: u64, max: u64) -> Result<Vec<Entry>> {
        let left = self.extent()?.entries.saturating_sub(first);
        let found = index::read_many(&*self.index, first, left.min(max).min(index::BATCH))?;
        let mut entries = Vec::with_capacity(found.len());
        for entry in found {
            match entry {
                Ok(entry) => entries.push(entry),
                Err(why) if entries.is_empty() => return Err(index::damaged(&*self.index, first, why)),
                Err(_) => break,
            }
        }
        Ok(entries)
    }

    /// At most `max` entries from the first that a reader at `offset` has not had: the chunk with
    /// that byte, or a gap there.
    pub fn entries_from(&self, offset: u64, max: u64) -> Result<Vec<Entry>> {
        let is_before = |entry: &Entry| entry.end() <= offset && !(entry.len == 0 && entry.offset == offset);
        let first = self.partition(is_before)?;
        self.entries(first, max)
    }

    /// The number of the chunk that has the byte at `offset`, or will have it.
    pub fn number_at(&self, offset: u64) -> Result<u64> {
        self.partition(|entry| entry.end() <= offset)
    }

    /// The chunk that has the byte at `offset`, and its number; `None` behind the end.
    pub fn chunk_at(&self, offset: u64) -> Result<Option<(u64, Entry)>> {
        let number = self.number_at(offset)?;
        Ok(self.entries(number, 1)?.pop().map(|entry| (number, entry)))
    }

    /// The bytes in `[offset, offset + len)`, fewer at the end of what can be read. Chunks are read whole, to be compared.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let end = self.extent()?.end.min(offset.saturating_add(len as u64));
        let mut bytes = Vec::new();
        let Some((mut number, _)) = self.chunk_at(offset)?.filter(|_| offset < end) else { return Ok(bytes) };
        loop {
            let mut entries = self.entries(number, ENTRIES_AT_ONCE)?;
            entries.retain(|entry| entry.offset < end);
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(bytes) };
            let data = self.data(&entries)?;
            let span = data.len();
            let within = |at: u64| usize::try_from(at.saturating_sub(first.offset)).unwrap_or(span).min(span);
            bytes.extend_from_slice(&data[within(offset)..within(end)]);
            if last.end() >= end {
                return Ok(bytes);
            }
            number += entries.len() as u64;
        }
    }

    /// The bytes of chunks that follow each other. A disk may change what it was given, so that each is compared with its checksum.
    pub fn data(&self, entries: &[Entry]) -> Result<Vec<u8>> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(Vec::new()) };
        let len = usize::try_from(last.end() - first.offset).expect("chunks that are read together fit in memory");
        let data = self.bytes.read_range(first.offset, len)?;
        let mut rest = &data[..];
        for entry in entries.iter().filter(|entry| entry.len > 0) {
            let (chunk, behind) = rest.split_at((entry.len as usize).min(rest.len()));
            if !verify(chunk, entry.data_crc32c) {
                return Err(Error::Changed { bytes: self.bytes.path().to_owned(), offset: entry.offset });
            }
            rest = behind;
        }
        Ok(data)
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
