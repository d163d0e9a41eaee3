//! Reading and beginning the record of an attempt.

use std::sync::Arc;

use serde::Deserialize;
use windlass_core::attempt::line::FORMAT;
use windlass_core::attempt::{Line, LineBody, RecordEnd};
use windlass_core::model::{Envelope, Fence};
use windlass_disk::record::{self, RecordTail, RecordWriter};
use windlass_disk::{Disk, DiskFile, Open};

use super::{AttemptDir, Error, Result};
use crate::host::Host;

/// A record whose lock we hold.
#[derive(Debug)]
pub struct OwnRecord {
    writer: RecordWriter,
    host: Arc<dyn Host>,
}

impl OwnRecord {
    /// Takes over an open, locked record.
    pub(super) fn new(file: Box<dyn DiskFile>, host: Arc<dyn Host>) -> Result<Self> {
        Ok(Self { writer: RecordWriter::new(file)?, host })
    }

    /// Appends a line with the present times; it is durable when this returns.
    pub fn append(&mut self, index: u32, body: LineBody) -> Result<Arc<Line>> {
        let (boottime_ns, wall_ms) = (self.host.boottime_ns(), self.host.wall_ms());
        let line = Line { format: FORMAT, index, boottime_ns, wall_ms, body };
        let payload = serde_json::to_vec(&line).expect("a line has text keys only, so it is JSON");
        self.writer.append(&payload)?;
        Ok(Arc::new(line))
    }

    /// Appends what another program might.
    #[cfg(test)]
    pub(super) fn append_raw(&mut self, payload: &[u8]) {
        self.writer.append(payload).expect("appended");
    }

    /// The open file, to be inherited: it carries the lock.
    pub fn inheritable(&self) -> Result<Box<dyn DiskFile>> {
        Ok(self.writer.file().duplicate()?)
    }
}

/// Follows a record that a shim appends to.
#[derive(Debug)]
pub struct Follow {
    file: Box<dyn DiskFile>,
    tail: RecordTail,
    damaged: bool,
}

impl Follow {
    /// Begins at the first line.
    pub fn open(disk: &dyn Disk, dir: &AttemptDir) -> Result<Self> {
        let file = disk.open(&dir.record(), Open::Read)?;
        Ok(Self { file, tail: RecordTail::new(), damaged: false })
    }

    /// The lines since the last call, synced. Nothing more comes behind damage: who concludes it reads the record anew.
    pub fn poll(&mut self) -> Result<Vec<Arc<Line>>> {
        if self.damaged {
            return Ok(Vec::new());
        }
        let payloads = match self.tail.poll(&*self.file) {
            Ok(payloads) => payloads,
            Err(record::TailError::Damaged(_)) => {
                self.damaged = true;
                return Ok(Vec::new());
            }
            Err(record::TailError::Disk(error)) => return Err(error.into()),
        };
        if payloads.is_empty() {
            return Ok(Vec::new());
        }
        self.file.fdatasync()?;
        let mut lines = Vec::new();
        for payload in payloads {
            match parse(&payload) {
                Parsed::Line(line) => lines.push(Arc::new(*line)),
                Parsed::Newer(format) => return Err(Error::NewerRecord { path: self.file.path().to_owned(), format }),
                Parsed::Nothing => {
                    self.damaged = true;
                    break;
                }
            }
        }
        Ok(lines)
    }
}

/// How the lines of a record end, with the last line that stands whole behind damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// Whole lines, in order, up to the end or the damage.
    pub whole: Vec<Line>,
    /// What follows them.
    pub end: Ending,
}

/// What follows the whole lines.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Nothing.
    Clean,
    /// A line that was not written whole.
    Torn,
    /// Something that no cut explains.
    Damaged {
        /// The very last line of the file, if it is whole.
        last: Option<Box<Line>>,
    },
    /// A line that only a newer program can read. Nobody concludes such a record.
    Newer {
        /// Of the line.
        format: u16,
    },
}

impl Ending {
    /// As core asks for it.
    pub fn as_evidence(&self) -> RecordEnd<'_> {
        match self {
            Self::Clean => RecordEnd::Clean,
            Self::Torn => RecordEnd::Torn,
            Self::Damaged { last } => RecordEnd::Damaged { last: last.as_deref() },
            Self::Newer { .. } => RecordEnd::Damaged { last: None },
        }
    }
}

/// The lines in the bytes of a whole record.
pub fn read_lines(bytes: &[u8]) -> Lines {
    let read = record::read_record(bytes);
    let mut whole = Vec::new();
    for payload in &read.lines {
        match parse(payload) {
            Parsed::Line(line) => whole.push(*line),
            Parsed::Newer(format) => return Lines { whole, end: Ending::Newer { format } },
            Parsed::Nothing => return Lines { whole, end: Ending::Damaged { last: last_line(bytes) } },
        }
    }
    let end = match read.end {
        record::RecordEnd::Clean => Ending::Clean,
        record::RecordEnd::Torn { .. } => Ending::Torn,
        record::RecordEnd::Damaged(_) => Ending::Damaged { last: last_line(bytes) },
    };
    Lines { whole, end }
}

/// What an attempt was accepted with; none if its record does not begin with ACCEPTED.
pub fn accepted_of(lines: &[Arc<Line>]) -> Option<(Fence, &Envelope)> {
    match &lines.first()?.body {
        LineBody::Accepted { fence, envelope, .. } => Some((*fence, envelope)),
        LineBody::Go
        | LineBody::StepStarted { .. }
        | LineBody::StepEnded { .. }
        | LineBody::Stuck { .. }
        | LineBody::Void { .. }
        | LineBody::Exit { .. } => None,
    }
}

/// The last line of the file, read alone.
fn last_line(bytes: &[u8]) -> Option<Box<Line>> {
    let body = bytes.strip_suffix(b"\n")?;
    let begin = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let alone = record::read_record(&bytes[begin..]);
    match parse(alone.lines.first()?) {
        Parsed::Line(line) => Some(line),
        Parsed::Newer(_) | Parsed::Nothing => None,
    }
}

/// What a payload is.
enum Parsed {
    Line(Box<Line>),
    Newer(u16),
    Nothing,
}

fn parse(payload: &[u8]) -> Parsed {
    /// What every format begins with.
    #[derive(Deserialize)]
    struct Head {
        format: u16,
    }
    match serde_json::from_slice::<Head>(payload) {
        Ok(Head { format }) if format > FORMAT => Parsed::Newer(format),
        Ok(_) => serde_json::from_slice(payload).map_or(Parsed::Nothing, |line| Parsed::Line(Box::new(line))),
        Err(_) => Parsed::Nothing,
    }
}
