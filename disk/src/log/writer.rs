//! Writing a log: one chunk at a time, at the end, and going on with one after a crash.

use std::path::Path;

use super::{
    CHUNK_MAX_BYTES, Entry, Error, GapReason, Kind, LogPaths, Result, WINDOW_BYTES, index, line_feeds, verify,
};
use crate::file::{Disk, DiskFile, Open};

/// What was cut off a log when it was opened, in bytes of each file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Of the raw bytes.
    pub bytes: u64,
    /// Of the index.
    pub index: u64,
}

/// The one writer of a log. After an error the chunk counts as not written and may be tried again,
/// unless it was a sync that failed.
#[derive(Debug)]
pub struct LogWriter {
    bytes: Box<dyn DiskFile>,
    index: Box<dyn DiskFile>,
    end: Place,
    /// Runs along for a log that was begun by this writer; others are read again for their digest.
    hasher: Option<blake3::Hasher>,
}

/// How far a log reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    offset: u64,
    line: u64,
    entries: u64,
}

impl LogWriter {
    /// Opens the log of `base`, or begins it. The whole index is checked, and the data of the last
    /// [`WINDOW_BYTES`]; both files are cut at the first chunk that is not whole, durably. What was
    /// kept may still be unsynced if its writer was killed: nothing of it may be acknowledged before
    /// [`Self::sync`]. The directory is the business of the caller.
    pub fn open(disk: &dyn Disk, base: &Path) -> Result<(LogWriter, Cut)> {
        let paths = LogPaths::of(base);
        let bytes = disk.open(&paths.bytes, Open::Create)?;
        let index = disk.open(&paths.index, Open::Create)?;
        let end = whole_part(&*bytes, &*index)?;
        let cut = Cut { bytes: cut_at(&*bytes, end.offset)?, index: cut_at(&*index, index::position(end.entries))? };
        let hasher = (end.offset == 0).then(blake3::Hasher::new);
        Ok((LogWriter { bytes, index, end, hasher }, cut))
    }

    /// How many bytes the log has.
    pub fn end(&self) -> u64 {
        self.end.offset
    }

    /// How many line feeds are in it.
    pub fn lines(&self) -> u64 {
        self.end.line
    }

    /// How many chunks and gaps it has.
    pub fn entries(&self) -> u64 {
        self.end.entries
    }

    /// Appends bytes of a stream and makes their checksum.
    pub fn append(&mut self, kind: Kind, at_ns: u64, data: &[u8]) -> Result<Entry> {
        self.append_bytes(kind, at_ns, data, crc32c::crc32c(data))
    }

    /// Appends bytes of a stream that came with a checksum, which must fit.
    pub fn append_chunk(&mut self, kind: Kind, at_ns: u64, data: &[u8], crc32c: u32) -> Result<Entry> {
        if !verify(data, crc32c) {
            return Err(Error::Checksum { offset: self.end.offset });
        }
        self.append_bytes(kind, at_ns, data, crc32c)
    }

    /// Says that bytes are missing at the end, and how many; 0 if that is not known (yet).
    pub fn gap(&mut self, at_ns: u64, reason: GapReason, dropped: u64) -> Result<Entry> {
        if reason == GapReason::NoGap {
            return Err(Error::Shape { offset: self.end.offset, len: 0 });
        }
        let entry = Entry { dropped, gap: reason, ..self.entry(Kind::Gap, at_ns) };
        self.append_entry(&entry)?;
        Ok(entry)
    }

    /// True if the last that the log says is that bytes are missing, for this reason.
    pub fn ends_with_gap(&self, reason: GapReason) -> Result<bool> {
        let Some(last) = self.end.entries.checked_sub(1) else { return Ok(false) };
        let entry = index::read_one(&*self.index, last)?;
        Ok(entry.kind == Kind::Gap && entry.gap == reason)
    }

    /// Makes all that was appended durable and says up to which offset that is.
    pub fn sync(&mut self) -> Result<u64> {
        self.bytes.fdatasync()?;
        self.index.fdatasync()?;
        Ok(self.end.offset)
    }

    /// The BLAKE3 of all bytes.
    pub fn digest(&self) -> Result<[u8; 32]> {
        if let Some(hasher) = &self.hasher {
            return Ok(*hasher.finalize().as_bytes());
        }
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.end.offset {
            let part = self.bytes.read_range(at, part_len(at, self.end.offset))?;
            if part.is_empty() {
                break;
            }
            hasher.update(&part);
            at += part.len() as u64;
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn append_bytes(&mut self, kind: Kind, at_ns: u64, data: &[u8], data_crc32c: u32) -> Result<Entry> {
        if data.is_empty() || data.len() > CHUNK_MAX_BYTES || kind == Kind::Gap {
            return Err(Error::Shape { offset: self.end.offset, len: data.len() });
        }
        let len = u32::try_from(data.len()).expect("it is at most CHUNK_MAX_BYTES");
        let entry = Entry { len, data_crc32c, ..self.entry(kind, at_ns) };
        self.bytes.write_at(self.end.offset, data)?;
        self.append_entry(&entry)?;
        self.end.offset = entry.end();
        self.end.line += line_feeds(data);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
        Ok(entry)
    }

    fn append_entry(&mut self, entry: &Entry) -> Result<()> {
        self.index.write_at(index::position(self.end.entries), &entry.encode())?;
        self.end.entries += 1;
        Ok(())
    }

    fn entry(&self, kind: Kind, at_ns: u64) -> Entry {
        Entry {
            offset: self.end.offset,
            at_ns,
            line: self.end.line,
            dropped: 0,
            len: 0,
            kind,
            gap: GapReason::NoGap,
            data_crc32c: 0,
        }
    }
}

/// How far index and data are whole and fit each other.
fn whole_part(bytes: &dyn DiskFile, index: &dyn DiskFile) -> Result<Place> {
    let len = bytes.len()?;
    let window = len.saturating_sub(WINDOW_BYTES);
    let mut end = Place::default();
    loop {
        let batch = index::read_many(index, end.entries, index::BATCH)?;
        if batch.is_empty() {
            return Ok(end);
        }
        for entry in batch {
            let Ok(entry) = entry else { return Ok(end) };
            let Some(next) = place_behind(bytes, &entry, end, len, window)? else {
                return Ok(end);
            };
            end = next;
        }
    }
}

/// Where the log ends with this entry; `None` if the entry does not continue it.
fn place_behind(bytes: &dyn DiskFile, entry: &Entry, end: Place, len: u64, window: u64) -> Result<Option<Place>> {
    if entry.offset != end.offset || entry.end() > len || entry.line < end.line {
        return Ok(None);
    }
    let mut line = entry.line;
    if entry.kind != Kind::Gap && entry.end() > window {
        let data = bytes.read_range(entry.offset, entry.len as usize)?;
        if !verify(&data, entry.data_crc32c) {
            return Ok(None);
        }
        line += line_feeds(&data);
    }
    Ok(Some(Place { offset: entry.end(), line, entries: end.entries + 1 }))
}

fn cut_at(file: &dyn DiskFile, end: u64) -> Result<u64> {
    let behind = file.len()?.saturating_sub(end);
    if behind > 0 {
        file.truncate(end)?;
        file.fsync()?;
    }
    Ok(behind)
}

/// How much to read at once of what is left.
fn part_len(at: u64, end: u64) -> usize {
    usize::try_from(end - at).unwrap_or(usize::MAX).min(1024 * 1024)
}
