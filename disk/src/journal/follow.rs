//! Reading committed records while the writer goes on.

use super::cursor::Cursor;
use super::error::{Damage, Result};
use super::segment::{Lsn, Record, Tip};
use super::source::Source;
use crate::file::Open;

/// Records in order, from a place on. It remembers where it is, so that a view which follows the
/// journal asks again with each new end.
#[derive(Debug)]
pub struct Records {
    source: Source,
    from: Lsn,
    cursor: Cursor,
    tip: Tip,
}

impl Records {
    pub(super) fn open(source: Source, from: Lsn) -> Result<Records> {
        let segments = source.segments()?;
        let first_lsn = segments.iter().rev().find(|lsn| **lsn <= from).or(segments.first());
        let (cursor, header) = source.open(first_lsn.copied().unwrap_or(1), Open::Read)?;
        let tip = Tip { next_lsn: header.first_lsn, epoch: 0, prev: header.prev };
        Ok(Records { source, from, cursor, tip })
    }

    /// The next record that holds a fact up to `end`, which must be committed: the last lsn that the
    /// writer has returned, or one before. `None` if there is none yet. Empty records are left out.
    pub fn up_to(&mut self, end: Lsn) -> Result<Option<Record>> {
        while self.tip.next_lsn <= end {
            let record = self.next_committed()?;
            self.tip = Tip::behind(&record);
            if !record.entries.is_empty() && record.next_lsn() > self.from {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The record at the present place, which is known to be somewhere: here, if what was read ahead is
    /// stale, or else in the next segment.
    fn next_committed(&mut self) -> Result<Record> {
        if let Some(record) = self.cursor.next(&self.tip)? {
            return Ok(record);
        }
        self.cursor.refresh()?;
        if let Some(record) = self.cursor.next(&self.tip)? {
            return Ok(record);
        }
        if self.cursor.last_written()?.is_some() || self.is_first_of_segment() {
            return Err(self.cursor.damage(Damage::Record));
        }
        let (mut cursor, header) = self.source.open(self.tip.next_lsn, Open::Read)?;
        let place = Tip { next_lsn: header.first_lsn, epoch: self.tip.epoch, prev: header.prev };
        self.tip.check(&place).map_err(|what| cursor.damage(what))?;
        let found = cursor.next(&self.tip)?;
        self.cursor = cursor;
        found.ok_or_else(|| self.cursor.damage(Damage::Record))
    }

    /// Whether the segment that is open is the one that would be opened next.
    fn is_first_of_segment(&self) -> bool {
        *self.cursor.file.path() == self.source.path(self.tip.next_lsn)
    }
}
