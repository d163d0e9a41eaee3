//! The start: every record from the first on, and an end that is clean, or torn and mended.

use std::path::PathBuf;

use super::cursor::Cursor;
use super::error::{Damage, Error, Result};
use super::segment::{Lsn, RECORD_MAX_BYTES, Record, Tip};
use super::source::Source;
use crate::file::{self, DiskFile, Open};

/// Why a reader of records did not accept one.
pub type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// What the start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The lsn of the last fact; 0 if there is none.
    pub last_lsn: Lsn,
    /// The epoch of the last record; 0 if there is none.
    pub last_epoch: u64,
    /// How many segments there are.
    pub segments: usize,
    /// How many records they hold, empty ones included.
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

/// Gives every record to `each` in order and finds the end. What it returns is durable, also if the
/// process that wrote the last record was killed before its sync.
pub(super) fn recover(
    source: &Source,
    segments: &[Lsn],
    each: &mut dyn FnMut(&Record) -> std::result::Result<(), Refusal>,
) -> Result<(End, Recovered)> {
    let mut scan = Scan { tip: Tip::START, records: 0, last_is_empty: true };
    let (last, earlier) = segments.split_last().expect("the first segment is made before");
    for first_lsn in earlier {
        let mut cursor = scan.segment(source, *first_lsn, each)?;
        if cursor.last_written()?.is_some() {
            return Err(cursor.damage(Damage::Record));
        }
    }
    let mut cursor = scan.segment(source, *last, each)?;
    let torn = mend(&mut cursor, &scan.tip)?;
    cursor.file.fdatasync()?;
    source.disk.sync_dir(&source.dir)?;
    let Scan { tip, records, last_is_empty } = scan;
    let recovered =
        Recovered { last_lsn: tip.next_lsn - 1, last_epoch: tip.epoch, segments: segments.len(), records, torn };
    Ok((End { cursor, first_lsn: *last, tip, last_is_empty }, recovered))
}

struct Scan {
    tip: Tip,
    records: u64,
    last_is_empty: bool,
}

impl Scan {
    /// Goes through one segment up to the place where no record verifies.
    fn segment(
        &mut self,
        source: &Source,
        first_lsn: Lsn,
        each: &mut dyn FnMut(&Record) -> std::result::Result<(), Refusal>,
    ) -> Result<Cursor> {
        let (mut cursor, header) = source.open(first_lsn, Open::Write)?;
        let damage = |what| Error::Damage { file: source.path(first_lsn), offset: 0, what };
        if self.tip == Tip::START && first_lsn > self.tip.next_lsn {
            return Err(damage(Damage::FirstMissing));
        }
        let place = Tip { next_lsn: first_lsn, epoch: self.tip.epoch, prev: header.prev };
        self.tip.check(&place).map_err(damage)?;
        loop {
            let offset = cursor.at;
            let Some(record) = cursor.next(&self.tip)? else {
                return Ok(cursor);
            };
            each(&record).map_err(|why| Error::Refused {
                file: source.path(first_lsn),
                offset,
                lsn: record.first_lsn,
                why,
            })?;
            self.tip = Tip::behind(&record);
            self.records += 1;
            self.last_is_empty = record.entries.is_empty();
        }
    }
}

/// Overwrites a torn record at the end of the last segment with zeros. Torn is what nothing valid
/// follows and what is not longer than one record: only the last can be.
fn mend(cursor: &mut Cursor, tip: &Tip) -> Result<Option<Torn>> {
    let Some(last) = cursor.last_written()? else {
        return Ok(None);
    };
    let bytes = last + 1 - cursor.at;
    if bytes > RECORD_MAX_BYTES as u64 || cursor.later_record(tip, last)?.is_some() {
        return Err(cursor.damage(Damage::Record));
    }
    overwrite(&*cursor.file, cursor.at, bytes)?;
    cursor.refresh()?;
    Ok(Some(Torn { file: cursor.file.path().to_owned(), offset: cursor.at, bytes }))
}

fn overwrite(file: &dyn DiskFile, at: u64, len: u64) -> file::Result<()> {
    let len = usize::try_from(len).expect("it is at most one record");
    file.write_at(at, &vec![0; len])?;
    file.fdatasync()
}
