//! Appending: one record, one sync; and a new segment when there is no room.

use std::path::Path;
use std::sync::Arc;

use super::error::{Error, Result};
use super::recover::{End, Recovered, Refusal, recover};
use super::segment::{EntryRef, HEADER_BYTES, Lsn, Mark, RECORD_MAX_BYTES, Record, Tip, encode_record, record_bytes};
use super::source::Source;
use crate::file::{Disk, DiskFile};
use crate::safe_write::create_dir_all_synced;

/// What the operator may set.
#[derive(Debug, Clone, Copy)]
pub struct Params {
    /// How long a new segment is. One that must hold a longer record is made longer.
    pub segment_bytes: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params { segment_bytes: 64 * 1024 * 1024 }
    }
}

/// The one writer of the journal.
#[derive(Debug)]
pub struct Journal {
    source: Source,
    params: Params,
    tip: Tip,
    segment: Segment,
    last_is_empty: bool,
    condition: Condition,
}

/// The segment that is written to.
#[derive(Debug)]
struct Segment {
    file: Box<dyn DiskFile>,
    first_lsn: Lsn,
    at: u64,
    len: u64,
}

impl Segment {
    fn has_room(&self, bytes: usize) -> bool {
        self.at + bytes as u64 <= self.len
    }
}

/// What is known of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// It holds what was appended.
    Sound,
    /// A write or a sync failed half-way.
    Broken,
}

impl Journal {
    /// Opens the journal in `dir`, or begins one, and gives every record in it to `each`, in order. The
    /// caller holds the lock of the directory. A torn end is mended; anything else that does not verify,
    /// or that `each` refuses, is an error that names its place, and no segment is changed then.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        cluster_id: [u8; 16],
        params: Params,
        each: impl FnMut(&Record) -> std::result::Result<(), Refusal>,
    ) -> Result<(Journal, Recovered)> {
        Journal::open_behind(disk, dir, cluster_id, params, None, each)
    }

    /// The same, with the records behind `from` alone: what is before it was read once, and is neither read nor checked now.
    pub fn open_behind(
        disk: Arc<dyn Disk>,
        dir: &Path,
        cluster_id: [u8; 16],
        params: Params,
        from: Option<&Mark>,
        mut each: impl FnMut(&Record) -> std::result::Result<(), Refusal>,
    ) -> Result<(Journal, Recovered)> {
        create_dir_all_synced(&*disk, dir)?;
        let source = Source { disk, dir: dir.into(), cluster_id };
        source.remove_temporaries()?;
        if from.is_none() && source.segments()?.is_empty() {
            source.prepare(&Tip::START, params.segment_bytes.max(HEADER_BYTES as u64))?;
            source.publish(Tip::START.next_lsn)?;
        }
        let (end, recovered) = recover(&source, from, &mut |record, _| each(record))?;
        let End { cursor, first_lsn, tip, last_is_empty } = end;
        let segment = Segment { first_lsn, at: cursor.at, len: cursor.len, file: cursor.file };
        let condition = Condition::Sound;
        Ok((Journal { source, params, tip, segment, last_is_empty, condition }, recovered))
    }

    /// The lsn of the last fact; 0 if there is none. All up to it are durable.
    pub fn last_lsn(&self) -> Lsn {
        self.tip.next_lsn - 1
    }

    /// The epoch of the last record; 0 if there is none.
    pub fn last_epoch(&self) -> u64 {
        self.tip.epoch
    }

    /// The BLAKE3 of the last record, which with [`Self::last_lsn`] names all there is.
    pub fn last_hash(&self) -> [u8; 32] {
        self.tip.prev
    }

    /// How long a new segment is.
    pub fn segment_bytes(&self) -> u64 {
        self.params.segment_bytes
    }

    /// The place behind the last record.
    pub fn mark(&self) -> Mark {
        Mark::of(self.segment.first_lsn, self.segment.at, &self.tip)
    }

    /// What to read the journal by, also on other threads.
    pub fn source(&self) -> Source {
        self.source.clone()
    }

    /// Makes sure that one record of `bytes` bytes (see [`record_bytes`]) can be appended without new
    /// space on the volume. That the volume is full shows here, and leaves the journal as it was.
    pub fn reserve(&mut self, bytes: usize) -> Result<()> {
        self.refuse_if_broken()?;
        if bytes > RECORD_MAX_BYTES {
            return Err(Error::TooLarge { bytes });
        }
        if self.segment.has_room(bytes) {
            return Ok(());
        }
        if self.segment.first_lsn == self.tip.next_lsn {
            return self.lengthen(bytes as u64);
        }
        self.next_segment(bytes as u64)
    }

    /// Appends the facts of one turn as one record and syncs it; returns the lsn of the first. After an
    /// error of the disk the journal is broken: the process must end, and start again from the disk.
    /// (If the error is that the volume is full before anything was written, it is not broken; whoever
    /// reserves before never sees that.)
    pub fn append(&mut self, epoch: u64, entries: &[EntryRef<'_>]) -> Result<Lsn> {
        self.refuse_if_broken()?;
        if epoch < self.tip.epoch {
            return Err(Error::Fenced { epoch, newest: self.tip.epoch });
        }
        let bytes = record_bytes(entries.len(), entries.iter().map(|entry| entry.bytes.len()).sum());
        self.reserve(bytes)?;
        let first_lsn = self.tip.next_lsn;
        let record = encode_record(&Tip { epoch, ..self.tip }, entries);
        self.condition = Condition::Broken;
        self.segment.file.write_at(self.segment.at, &record)?;
        self.segment.file.fdatasync()?;
        self.condition = Condition::Sound;
        self.segment.at += record.len() as u64;
        self.tip = Tip { next_lsn: first_lsn + entries.len() as u64, epoch, prev: *blake3::hash(&record).as_bytes() };
        self.last_is_empty = entries.is_empty();
        Ok(first_lsn)
    }

    /// Appends an empty record, which proves the one before it whole for ever; to be called after a
    /// time of quiet and at a clean stop. Where the last record is empty already it does nothing.
    pub fn append_empty(&mut self, epoch: u64) -> Result<()> {
        self.refuse_if_broken()?;
        if self.last_is_empty {
            return Ok(());
        }
        self.append(epoch, &[])?;
        Ok(())
    }

    fn refuse_if_broken(&self) -> Result<()> {
        match self.condition {
            Condition::Sound => Ok(()),
            Condition::Broken => Err(Error::Broken),
        }
    }

    /// Makes the present segment longer: it holds no fact yet, so the next would have the same name.
    /// The sync of the record makes the length durable with it.
    fn lengthen(&mut self, needed: u64) -> Result<()> {
        let len = self.segment.at + needed;
        self.unless_full(self.segment.file.preallocate(len).map_err(Error::from))?;
        self.segment.len = len;
        Ok(())
    }

    fn next_segment(&mut self, needed: u64) -> Result<()> {
        let (at, first_lsn) = (HEADER_BYTES as u64, self.tip.next_lsn);
        let len = self.params.segment_bytes.max(at + needed);
        self.unless_full(self.source.prepare(&self.tip, len))?;
        self.condition = Condition::Broken;
        let file = self.source.publish(first_lsn)?;
        self.condition = Condition::Sound;
        self.segment = Segment { file, first_lsn, at, len };
        Ok(())
    }

    /// A full volume leaves the journal as it was; any other failure breaks it.
    fn unless_full(&mut self, tried: Result<()>) -> Result<()> {
        if tried.as_ref().is_err_and(|error| !error.is_no_space()) {
            self.condition = Condition::Broken;
        }
        tried
    }
}
