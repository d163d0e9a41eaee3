//! Reading committed records while the writer goes on.

use super::cursor::Cursor;
use super::error::{Damage, Error, Result};
use super::segment::{Lsn, Mark, Record, Tip};
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
    /// The first lsn of the segment that is open.
    segment: Lsn,
}

/// A part of an old segment that cannot be read. The records behind it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The first lsn that is lost.
    pub from: Lsn,
    /// The lsn that comes next.
    pub next: Lsn,
}

impl Records {
    pub(super) fn behind(source: Source, mark: &Mark) -> Result<Records> {
        let cursor = source.open_behind(mark, Open::Read)?;
        Ok(Records { source, from: mark.last_lsn + 1, cursor, tip: mark.tip(), segment: mark.segment })
    }

    /// Goes on with the next segment that can be opened, after damage in this one; `None` if there is none, as in the last. What is told
    /// between is lost to this reader, and nothing proves that the segments belong together.
    pub fn skip(&mut self) -> Result<Option<Lost>> {
        let from = self.tip.next_lsn;
        for next in self.source.segments()?.into_iter().filter(|lsn| *lsn > self.segment && *lsn >= from) {
            match self.source.open(next, Open::Read) {
                Ok((cursor, header)) => {
                    (self.cursor, self.segment) = (cursor, next);
                    self.tip = Tip { next_lsn: next, epoch: self.tip.epoch, prev: header.prev };
                    return Ok(Some(Lost { from, next }));
                }
                Err(Error::Damage { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    pub(super) fn open(source: Source, from: Lsn) -> Result<Records> {
        let segments = source.segments()?;
        let first_lsn = segments.iter().rev().find(|lsn| **lsn <= from).or(segments.first());
        let segment = first_lsn.copied().unwrap_or(1);
        let (cursor, header) = source.open(segment, Open::Read)?;
        let tip = Tip { next_lsn: header.first_lsn, epoch: 0, prev: header.prev };
        Ok(Records { source, from, cursor, tip, segment })
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
        let next = self.tip.next_lsn;
        if self.cursor.last_written()?.is_some() || self.segment == next {
            return Err(self.cursor.damage(Damage::Record));
        }
        let (mut cursor, header) = self.source.open(next, Open::Read)?;
        let place = Tip { next_lsn: header.first_lsn, epoch: self.tip.epoch, prev: header.prev };
        self.tip.check(&place).map_err(|what| cursor.damage(what))?;
        let found = cursor.next(&self.tip)?;
        (self.cursor, self.segment) = (cursor, next);
        found.ok_or_else(|| self.cursor.damage(Damage::Record))
    }
}
