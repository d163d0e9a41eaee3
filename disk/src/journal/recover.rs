//! The start: every record from a place on, and an end that is clean, or torn and mended.

use std::path::PathBuf;

use super::cursor::Cursor;
use super::error::{Damage, Error, Result};
use super::segment::{Lsn, Mark, RECORD_MAX_BYTES, Record, Tip};
use super::source::Source;
use crate::file::{self, DiskFile, Open};

/// Why a reader of records did not accept one.
pub type Refusal = Box<dyn std::error::Error + Send + Sync>;

type Each<'e> = &'e mut dyn FnMut(&Record, &Mark) -> std::result::Result<(), Refusal>;

/// What the start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The lsn of the last fact; 0 if there is none.
    pub last_lsn: Lsn,
    /// The epoch of the last record; 0 if there is none.
    pub last_epoch: u64,
    /// How many segments were read.
    pub segments: usize,
    /// How many records were read, empty ones included.
    pub records: u64,
    /// What was cut off at the end.
    pub torn: Option<Torn>,
}

/// A record that was being written when the power went. Nothing rested on it; it is zeros now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where it began, in bytes.
    pub offset: u64,
    /// How many bytes were overwritten with zeros.
    pub bytes: u64,
}

/// The end of the journal: where the writer goes on.
#[derive(Debug)]
pub(super) struct End {
    pub(super) cursor: Cursor,
    pub(super) first_lsn: Lsn,
    pub(super) tip: Tip,
    pub(super) last_is_empty: bool,
}

/// Gives every record behind `from`, or all, to `each` in order and finds the end. What it returns is durable, also if the process that
/// wrote the last record was killed before its sync.
pub(super) fn recover(source: &Source, from: Option<&Mark>, each: Each<'_>) -> Result<(End, Recovered)> {
    let (scan, mut cursor) = Scan::read(source, from, Open::Write, each)?;
    let torn = mend(&mut cursor, &scan.tip)?;
    cursor.file.fdatasync()?;
    source.disk.sync_dir(&source.dir)?;
    let recovered = Recovered { torn, ..scan.found() };
    let Scan { tip, last_is_empty, segment, .. } = scan;
    Ok((End { cursor, first_lsn: segment, tip, last_is_empty }, recovered))
}

/// The same without a change. What a writer may still be writing at the end is left out.
pub(super) fn verify(source: &Source, from: Option<&Mark>, each: Each<'_>) -> Result<(Mark, Recovered)> {
    let (mut scan, mut cursor) = Scan::read(source, from, Open::Read, each)?;
    loop {
        let torn = torn_at(&mut cursor, &scan.tip);
        // A writer may have gone on since the place was read: what is followed by another record is whole by now, or damaged.
        cursor.refresh()?;
        let before = scan.records;
        scan.rest(&mut cursor, source, each)?;
        if scan.records == before {
            let torn = torn?;
            let mark = Mark::of(scan.segment, cursor.at, &scan.tip);
            return Ok((mark, Recovered { torn, ..scan.found() }));
        }
    }
}

struct Scan {
    tip: Tip,
    segment: Lsn,
    segments: usize,
    records: u64,
    last_is_empty: bool,
}

impl Scan {
    /// Reads up to the place where no record verifies in the last segment.
    fn read(source: &Source, from: Option<&Mark>, last: Open, each: Each<'_>) -> Result<(Scan, Cursor)> {
        let lsns = source.segments()?;
        let first = from.map_or(lsns.first().copied().unwrap_or(1), |mark| mark.segment);
        let lsns: Vec<Lsn> = lsns.into_iter().filter(|lsn| *lsn >= first).collect();
        let tip = from.map_or(Tip::START, Mark::tip);
        let mut scan = Scan { tip, segment: first, segments: 0, records: 0, last_is_empty: from.is_none() };
        let how = |lsn: Lsn| if lsns.last().is_none_or(|end| *end == lsn) { last } else { Open::Read };
        let mut cursor = match from {
            Some(mark) => source.open_behind(mark, how(first))?,
            None => scan.open(source, first, how(first))?,
        };
        scan.segments = 1;
        scan.rest(&mut cursor, source, each)?;
        for next in lsns.iter().copied().filter(|lsn| *lsn > first) {
            if cursor.last_written()?.is_some() {
                return Err(cursor.damage(Damage::Record));
            }
            cursor = scan.open(source, next, how(next))?;
            scan.segment = next;
            scan.segments += 1;
            scan.rest(&mut cursor, source, each)?;
        }
        Ok((scan, cursor))
    }

    /// Opens a segment that continues what was read.
    fn open(&self, source: &Source, first_lsn: Lsn, how: Open) -> Result<Cursor> {
        let (cursor, header) = source.open(first_lsn, how)?;
        let damage = |what| Error::Damage { file: cursor.file.path().to_owned(), offset: 0, what };
        if self.tip == Tip::START && first_lsn > self.tip.next_lsn {
            return Err(damage(Damage::FirstMissing));
        }
        let place = Tip { next_lsn: first_lsn, epoch: self.tip.epoch, prev: header.prev };
        self.tip.check(&place).map_err(damage)?;
        Ok(cursor)
    }

    /// Goes through the rest of a segment up to the place where no record verifies.
    fn rest(&mut self, cursor: &mut Cursor, source: &Source, each: Each<'_>) -> Result<()> {
        loop {
            let offset = cursor.at;
            let Some(record) = cursor.next(&self.tip)? else {
                return Ok(());
            };
            self.tip = Tip::behind(&record);
            let behind = Mark::of(self.segment, cursor.at, &self.tip);
            each(&record, &behind).map_err(|why| Error::Refused {
                file: source.path(self.segment),
                offset,
                lsn: record.first_lsn,
                why,
            })?;
            self.records += 1;
            self.last_is_empty = record.entries.is_empty();
        }
    }

    fn found(&self) -> Recovered {
        let Tip { next_lsn, epoch, .. } = self.tip;
        let (segments, records) = (self.segments, self.records);
        Recovered { last_lsn: next_lsn - 1, last_epoch: epoch, segments, records, torn: None }
    }
}

/// Overwrites a torn record at the end of the last segment with zeros.
fn mend(cursor: &mut Cursor, tip: &Tip) -> Result<Option<Torn>> {
    let torn = torn_at(cursor, tip)?;
    if let Some(torn) = &torn {
        overwrite(&*cursor.file, torn.offset, torn.bytes)?;
        cursor.refresh()?;
    }
    Ok(torn)
}

/// What is torn at the end of the last segment. Torn is what nothing valid follows and what is not longer than one record: only the last
/// can be.
fn torn_at(cursor: &mut Cursor, tip: &Tip) -> Result<Option<Torn>> {
    let Some(last) = cursor.last_written()? else {
        return Ok(None);
    };
    let bytes = last + 1 - cursor.at;
    if bytes > RECORD_MAX_BYTES as u64 || cursor.later_record(tip, last)?.is_some() {
        return Err(cursor.damage(Damage::Record));
    }
    Ok(Some(Torn { file: cursor.file.path().to_owned(), offset: cursor.at, bytes }))
}

fn overwrite(file: &dyn DiskFile, at: u64, len: u64) -> file::Result<()> {
    let len = usize::try_from(len).expect("it is at most one record");
    file.write_at(at, &vec![0; len])?;
    file.fdatasync()
}
