//! Reading a record, whole or while a live shim appends to it, and cutting a torn tail.

use super::line;
use crate::file::{self, DiskFile};

/// All whole lines of a record and what follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRead {
    /// The payloads of the whole lines before the end, in order.
    pub lines: Vec<Vec<u8>>,
    /// What follows the last of them.
    pub end: RecordEnd,
}

/// How a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordEnd {
    /// With its last line.
    Clean,
    /// With a line that was not written whole; it counts as absent.
    Torn {
        /// Where it begins, in bytes.
        at: u64,
    },
    /// Something is wrong that no cut explains.
    Damaged(Damaged),
}

/// The place of a line that was once whole and is no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} at byte {at} does not fit its checksum")]
pub struct Damaged {
    /// Where it begins, in bytes.
    pub at: u64,
    /// Its number, counted from 1.
    pub line: usize,
}

/// Reads the bytes of a whole record. Only the last line can be torn: no line feed at its end, or a
/// zero byte in it. Anything else that is wrong is damage.
pub fn read_record(bytes: &[u8]) -> RecordRead {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at as u64;
        let end = match piece_at(bytes, at) {
            Piece::Whole { payload, next } => {
                lines.push(payload.to_vec());
                at = next;
                continue;
            }
            Piece::Torn => RecordEnd::Torn { at: start },
            Piece::Damaged => RecordEnd::Damaged(Damaged { at: start, line: lines.len() + 1 }),
        };
        return RecordRead { lines, end };
    }
    RecordRead { lines, end: RecordEnd::Clean }
}

enum Piece<'a> {
    Whole { payload: &'a [u8], next: usize },
    Torn,
    Damaged,
}

fn piece_at(bytes: &[u8], at: usize) -> Piece<'_> {
    let rest = &bytes[at..];
    let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
        return Piece::Torn;
    };
    match line::decode(&rest[..len]) {
        Some(payload) => Piece::Whole { payload, next: at + len + 1 },
        None if len + 1 == rest.len() && rest[..len].contains(&0) => Piece::Torn,
        None => Piece::Damaged,
    }
}

/// Reads a record and cuts off its torn tail, durably. Only for who holds the lock. The answer says
/// how the record ended before; a damaged one is left as it is.
pub fn cut_torn_tail(file: &dyn DiskFile) -> file::Result<RecordRead> {
    let read = read_record(&file.read_all()?);
    match read.end {
        RecordEnd::Torn { at } => {
            file.truncate(at)?;
            file.fsync()?;
        }
        RecordEnd::Clean | RecordEnd::Damaged(_) => {}
    }
    Ok(read)
}

/// Follows a record that another process appends to. What is not whole yet is left for later.
#[derive(Debug, Clone, Default)]
pub struct RecordTail {
    at: u64,
    lines: usize,
}

/// Why a record could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A line was damaged; the lines before it have been given out.
    #[error("the record is damaged: {0}")]
    Damaged(#[from] Damaged),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] file::Error),
}

impl RecordTail {
    /// A tail that begins at the first line.
    pub fn new() -> RecordTail {
        RecordTail::default()
    }

    /// Where the next line begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// How many lines were given out so far.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Takes the bytes that stand at [`Self::offset`] now and gives the payloads of the new whole
    /// lines. Damage behind whole lines is told by the next call.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
        let mut payloads = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match piece_at(bytes, at) {
                Piece::Whole { payload, next } => {
                    payloads.push(payload.to_vec());
                    at = next;
                }
                Piece::Damaged if payloads.is_empty() => {
                    return Err(Damaged { at: self.at, line: self.lines + 1 });
                }
                Piece::Torn | Piece::Damaged => break,
            }
        }
        self.at += at as u64;
        self.lines += payloads.len();
        Ok(payloads)
    }

    /// Reads what is new in the file and gives the payloads of its whole lines.
    pub fn poll(&mut self, file: &dyn DiskFile) -> Result<Vec<Vec<u8>>, TailError> {
        let new = file.len()?.saturating_sub(self.at);
        let new = usize::try_from(new).expect("a record fits in memory");
        Ok(self.take(&file.read_range(self.at, new)?)?)
    }
}
