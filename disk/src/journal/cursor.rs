//! A place in a segment, and what stands there.

use super::error::{Damage, Error, Result};
use super::segment::{HEAD_BYTES, HEADER_BYTES, Head, Record, Tip};
use crate::file::{self, DiskFile};

/// How much is read at once.
const PART_BYTES: usize = 1024 * 1024;

/// Goes through a segment record by record.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) file: Box<dyn DiskFile>,
    /// Where the next record begins.
    pub(super) at: u64,
    pub(super) len: u64,
    part: Vec<u8>,
    part_at: u64,
}

impl Cursor {
    /// Before the first record.
    pub(super) fn new(file: Box<dyn DiskFile>) -> file::Result<Cursor> {
        Cursor::at(file, HEADER_BYTES as u64)
    }

    /// Behind a record that ends at this byte.
    pub(super) fn at(file: Box<dyn DiskFile>, at: u64) -> file::Result<Cursor> {
        let len = file.len()?;
        Ok(Cursor { file, at, len, part: Vec::new(), part_at: 0 })
    }

    /// Forgets what was read ahead: the writer may have gone on since.
    pub(super) fn refresh(&mut self) -> file::Result<()> {
        self.part.clear();
        self.len = self.file.len()?;
        Ok(())
    }

    /// The record that begins here and continues `tip`, and steps behind it. `None` if none verifies
    /// here; one that verifies but cannot stand here is damage.
    pub(super) fn next(&mut self, tip: &Tip) -> Result<Option<Record>> {
        let Some(head) = self.verified_head(self.at)? else {
            return Ok(None);
        };
        tip.check(&head.place).map_err(|what| self.damage(what))?;
        let bytes = self.bytes(self.at, head.total)?;
        let record = head.record(bytes).ok_or_else(|| self.damage(Damage::Entries))?;
        self.at += head.total as u64;
        Ok(Some(record))
    }

    /// Where a record with the next lsn or a higher one begins and verifies, from behind the present
    /// place up to `last`. The next lsn itself counts, because an empty record may have it. (A fact that
    /// holds the bytes of a valid record could be taken for one, if the record around it is torn. Text
    /// cannot, since a head has zero bytes.)
    pub(super) fn later_record(&mut self, tip: &Tip, last: u64) -> file::Result<Option<u64>> {
        let mut at = self.at + 8;
        while at <= last {
            let head = Head::decode(self.bytes(at, HEAD_BYTES)?);
            if head.is_some_and(|head| head.place.next_lsn >= tip.next_lsn) && self.verified_head(at)?.is_some() {
                return Ok(Some(at));
            }
            at += 8;
        }
        Ok(None)
    }

    /// Where the last byte stands from here on that is not zero.
    pub(super) fn last_written(&mut self) -> file::Result<Option<u64>> {
        let mut last = None;
        let mut at = self.at;
        while at < self.len {
            let part = self.bytes(at, PART_BYTES)?;
            if let Some(found) = part.iter().rposition(|byte| *byte != 0) {
                last = Some(at + found as u64);
            }
            at += part.len().max(1) as u64;
        }
        Ok(last)
    }

    /// The error that names the present place.
    pub(super) fn damage(&self, what: Damage) -> Error {
        Error::Damage { file: self.file.path().to_owned(), offset: self.at, what }
    }

    fn verified_head(&mut self, at: u64) -> file::Result<Option<Head>> {
        let Some(head) = Head::decode(self.bytes(at, HEAD_BYTES)?) else {
            return Ok(None);
        };
        let verifies = head.verifies(self.bytes(at, head.total)?);
        Ok(verifies.then_some(head))
    }

    /// What stands in `[at, at + len)`, shorter at the end of the file.
    fn bytes(&mut self, at: u64, len: usize) -> file::Result<&[u8]> {
        let in_part = |cursor: &Cursor| {
            let start = usize::try_from(at.checked_sub(cursor.part_at)?).ok()?;
            (start + len <= cursor.part.len()).then_some(start)
        };
        if let Some(start) = in_part(self) {
            return Ok(&self.part[start..start + len]);
        }
        self.part = self.file.read_range(at, len.max(PART_BYTES))?;
        self.part_at = at;
        Ok(&self.part[..len.min(self.part.len())])
    }
}
