//! Appending lines, each durable before the next.

use std::fs::File;
use std::path::Path;

use super::line::{self, InvalidPayload};
use crate::file::{self, DiskFile};
use crate::real::RealFile;

/// Why a line could not be appended. If the disk has no space, the same line may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The payload cannot be a line.
    #[error(transparent)]
    Payload(#[from] InvalidPayload),
    /// The disk refused. After a failed sync every later append fails too.
    #[error(transparent)]
    Disk(#[from] file::Error),
}

/// Appends lines to a record that is open for reading and writing, and locked by its opener.
#[derive(Debug)]
pub struct RecordWriter {
    file: Box<dyn DiskFile>,
    tail: Tail,
}

/// Where the last whole line ends, and whether anything may stand behind it.
#[derive(Debug, Clone, Copy)]
enum Tail {
    Whole { end: u64 },
    Ragged { end: u64 },
}

impl RecordWriter {
    /// Goes on behind what the file holds. A torn tail must be cut before; see
    /// [`super::cut_torn_tail`].
    pub fn new(file: Box<dyn DiskFile>) -> file::Result<RecordWriter> {
        let tail = Tail::Whole { end: file.len()? };
        Ok(RecordWriter { file, tail })
    }

    /// Takes over an open file, such as a descriptor inherited with its lock.
    pub fn from_file(file: File) -> file::Result<RecordWriter> {
        RecordWriter::new(Box::new(RealFile::new(file, Path::new("record"))))
    }

    /// The file, to be read or passed on.
    pub fn file(&self) -> &dyn DiskFile {
        &*self.file
    }

    /// Writes one line; when it returns, the line is durable (its file's name is the business of who
    /// made it). After an error the line counts as not written, and what it left is cut by the next
    /// append.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), WriteError> {
        let line = line::encode(payload)?;
        let end = match self.tail {
            Tail::Whole { end } => end,
            Tail::Ragged { end } => {
                self.file.truncate(end)?;
                end
            }
        };
        self.tail = Tail::Ragged { end };
        self.file.write_at(end, &line)?;
        self.file.fdatasync()?;
        self.tail = Tail::Whole { end: end + line.len() as u64 };
        Ok(())
    }

    /// Syncs what the file holds, so that what was found in it may be reported.
    pub fn sync(&self) -> file::Result<()> {
        self.file.fdatasync()
    }
}
