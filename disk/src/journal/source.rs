//! Where the segments stand and whose they are: what every reader and writer needs to know.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cursor::Cursor;
use super::error::{Damage, Error, Result};
use super::follow::Records;
use super::old;
use super::recover::{Recovered, Refusal, verify};
use super::segment::{FORMAT, HEADER_BYTES, Header, Lsn, Mark, Record, Tip, compressed_name, file_name, lsn_of_any};
use crate::file::{Disk, DiskFile, Open};

/// A journal to read from, also on another thread than the one that appends.
#[derive(Clone)]
pub struct Source {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: Arc<Path>,
    pub(super) cluster_id: [u8; 16],
}

/// What behind the name of a segment is not yet one.
const TEMPORARY: &str = ".tmp";

impl Source {
    /// A journal to read from. Nothing is opened or checked yet.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, cluster_id: [u8; 16]) -> Source {
        Source { disk, dir: dir.into(), cluster_id }
    }

    /// The records from the one that holds `lsn` on.
    pub fn read_from(&self, lsn: Lsn) -> Result<Records> {
        Records::open(self.clone(), lsn)
    }

    /// The records behind a place that a start or a commit has named.
    pub fn read_behind(&self, mark: &Mark) -> Result<Records> {
        Records::behind(self.clone(), mark)
    }

    /// Gives every record behind `from`, or all, to `each`, and changes nothing: what a start would find. It may be asked while
    /// another process appends; then it ends at a record that is whole.
    pub fn verify(
        &self,
        from: Option<&Mark>,
        each: &mut dyn FnMut(&Record) -> std::result::Result<(), Refusal>,
    ) -> Result<(Mark, Recovered)> {
        self.verify_to(from, &mut |record, _| each(record))
    }

    /// The same, with the place behind each record.
    pub fn verify_to(
        &self,
        from: Option<&Mark>,
        each: &mut dyn FnMut(&Record, &Mark) -> std::result::Result<(), Refusal>,
    ) -> Result<(Mark, Recovered)> {
        verify(self, from, each)
    }

    /// The files of every segment, rising, with the first lsn of each.
    pub fn files(&self) -> Result<Vec<(Lsn, PathBuf)>> {
        self.segments()?.into_iter().map(|lsn| Ok((lsn, self.path_of(lsn)?))).collect()
    }

    /// Compresses the segments that end before the one that begins with `segment`; returns how many it did. The last one never is.
    pub fn compress_before(&self, segment: Lsn) -> Result<usize> {
        old::compress_before(self, segment)
    }

    pub(super) fn path(&self, first_lsn: Lsn) -> PathBuf {
        self.dir.join(file_name(first_lsn))
    }

    pub(super) fn compressed_path(&self, first_lsn: Lsn) -> PathBuf {
        self.dir.join(compressed_name(first_lsn))
    }

    /// Where the segment is, compressed or not. While it is being replaced it is both.
    fn path_of(&self, first_lsn: Lsn) -> Result<PathBuf> {
        let plain = self.path(first_lsn);
        Ok(if self.disk.exists(&plain)? { plain } else { self.compressed_path(first_lsn) })
    }

    /// The first lsn of every segment, rising.
    pub(super) fn segments(&self) -> Result<Vec<Lsn>> {
        let paths = self.disk.read_dir(&self.dir)?;
        let mut lsns: Vec<Lsn> = paths.iter().filter_map(|path| lsn_of_any(path.file_name()?.to_str()?)).collect();
        lsns.sort_unstable();
        lsns.dedup();
        Ok(lsns)
    }

    /// Removes the segments that a crash left half made.
    pub(super) fn remove_temporaries(&self) -> Result<()> {
        for path in self.disk.read_dir(&self.dir)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.strip_suffix(TEMPORARY).and_then(lsn_of_any).is_some() {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Opens a segment and checks its header. A compressed one can only be read.
    pub(super) fn open(&self, first_lsn: Lsn, how: Open) -> Result<(Cursor, Header)> {
        let (file, header) = self.open_file(first_lsn, how)?;
        Ok((Cursor::new(file)?, header))
    }

    /// Opens the segment that a mark is in, behind the record that it names.
    pub(super) fn open_behind(&self, mark: &Mark, how: Open) -> Result<Cursor> {
        let (file, _) = self.open_file(mark.segment, how)?;
        let cursor = Cursor::at(file, mark.offset)?;
        if cursor.len < mark.offset { Err(cursor.damage(Damage::Record)) } else { Ok(cursor) }
    }

    fn open_file(&self, first_lsn: Lsn, how: Open) -> Result<(Box<dyn DiskFile>, Header)> {
        let path = self.path(first_lsn);
        let missing = || Error::Damage { file: self.path(first_lsn), offset: 0, what: Damage::Missing };
        let file = match self.disk.open(&path, how) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && how == Open::Read => {
                old::open(&*self.disk, &self.compressed_path(first_lsn))?.ok_or_else(missing)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            opened => opened?,
        };
        let path = file.path().to_owned();
        let damage = |what| Error::Damage { file: path.clone(), offset: 0, what };
        let bytes = file.read_range(0, HEADER_BYTES)?;
        let header = Header::decode(&bytes).ok_or_else(|| damage(Damage::Header))?;
        if header.format > FORMAT {
            return Err(Error::NewerFormat { file: path, found: header.format });
        }
        if header.cluster_id != self.cluster_id {
            return Err(Error::OtherCluster(path));
        }
        if header.first_lsn != first_lsn {
            return Err(damage(Damage::Name(header.first_lsn)));
        }
        Ok((file, header))
    }

    /// Makes the file of the segment that continues `tip`, of `len` zeros but for its header. It does
    /// not count before [`Self::publish`], so running out of space here leaves the journal as it was.
    pub(super) fn prepare(&self, tip: &Tip, len: u64) -> Result<()> {
        let temporary = self.temporary(tip.next_lsn);
        let filled = self.fill(&temporary, tip, len);
        if filled.is_err() {
            // What is left of it is in nobody's way but takes space; a start removes it as well.
            let _ = self.disk.remove_file(&temporary);
        }
        filled
    }

    /// Gives a prepared segment its name, durably. If this fails, it is not known whether it has it.
    pub(super) fn publish(&self, first_lsn: Lsn) -> Result<Box<dyn DiskFile>> {
        let path = self.path(first_lsn);
        self.disk.rename(&self.temporary(first_lsn), &path)?;
        self.disk.sync_dir(&self.dir)?;
        Ok(self.disk.open(&path, Open::Write)?)
    }

    fn temporary(&self, first_lsn: Lsn) -> PathBuf {
        self.dir.join(file_name(first_lsn) + TEMPORARY)
    }

    fn fill(&self, temporary: &Path, tip: &Tip, len: u64) -> Result<()> {
        let header = Header { format: FORMAT, cluster_id: self.cluster_id, first_lsn: tip.next_lsn, prev: tip.prev };
        let file = self.disk.open(temporary, Open::Truncate)?;
        file.preallocate(len)?;
        file.write_at(0, &header.encode())?;
        Ok(file.fsync()?)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("dir", &self.dir).finish_non_exhaustive()
    }
}
