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
    /// The segment that is read; none before the first record.
    cursor: Option<Cursor>,
    tip: Tip,
    /// The first lsn of the segment that is open, or will be.
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
        Ok(Records { source, from: mark.last_lsn + 1, cursor: Some(cursor), tip: mark.tip(), segment: mark.segment })
    }

    /// Goes on with the next segment that can be opened, after damage in this one; `None` if there is none, as in the last. What is told
    /// between is lost to this reader, and nothing proves that the segments belong together.
    pub fn skip(&mut self) -> Result<Option<Lost>> {
        let (from, open) = (self.tip.next_lsn, self.segment);
        // Where the first ones are missing, the one that was found is the next.
        let is_next = |lsn: Lsn| lsn >= from && (lsn > open || open > from);
        for next in self.source.segments()?.into_iter().filter(|lsn| is_next(*lsn)) {
            match self.source.open(next, Open::Read) {
                Ok((cursor, header)) => {
                    (self.cursor, self.segment) = (Some(cursor), next);
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
        let segment = segments.iter().rev().find(|lsn| **lsn <= from).or(segments.first()).copied().unwrap_or(1);
        let tip = Tip { next_lsn: segment.min(from), ..Tip::START };
        Ok(Records { source, from, cursor: None, tip, segment })
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
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => self.open_first()?,
        };
        let found = self.next_in(&mut cursor);
        let cursor = self.cursor.insert(cursor);
        if let Some(record) = found? {
            return Ok(record);
        }
        let next = self.tip.next_lsn;
        if cursor.last_written()?.is_some() || self.segment == next {
            return Err(cursor.damage(Damage::Record));
        }
        let (mut cursor, header) = self.source.open(next, Open::Read)?;
        let place = Tip { next_lsn: header.first_lsn, epoch: self.tip.epoch, prev: header.prev };
        self.tip.check(&place).map_err(|what| cursor.damage(what))?;
        let found = cursor.next(&self.tip)?;
        self.segment = next;
        let cursor = self.cursor.insert(cursor);
        found.ok_or_else(|| cursor.damage(Damage::Record))
    }

    fn next_in(&self, cursor: &mut Cursor) -> Result<Option<Record>> {
        if let Some(record) = cursor.next(&self.tip)? {
            return Ok(Some(record));
        }
        cursor.refresh()?;
        cursor.next(&self.tip)
    }

    fn open_first(&mut self) -> Result<Cursor> {
        if self.segment > self.tip.next_lsn {
            let file = self.source.path(self.segment);
            return Err(Error::Damage { file, offset: 0, what: Damage::FirstMissing });
        }
        let (cursor, header) = self.source.open(self.segment, Open::Read)?;
        self.tip = Tip { next_lsn: header.first_lsn, epoch: 0, prev: header.prev };
        Ok(cursor)
    }
}
