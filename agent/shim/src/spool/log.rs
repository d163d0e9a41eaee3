//! The log of one step: its head as it comes, and, once the attempt's quota is used up or the disk is full, its tail.

use std::collections::VecDeque;
use std::path::PathBuf;

use windlass_core::attempt::LogEnd;
use windlass_core::model::Digest;
use windlass_disk::Disk;
use windlass_disk::log::{Error, GapReason, Kind, LogWriter};

use super::handle::{Chunk, Stream};

/// The most of its tail that a step keeps.
const TAIL_MAX_BYTES: u64 = 1024 * 1024;

/// Log bytes of an attempt. The steps share the head; each has a tail of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What is left for all steps together.
    pub head_bytes: u64,
    /// For the tail of each step.
    pub tail_bytes: u64,
}

impl Quota {
    /// At most half of the quota is kept for tails.
    pub fn of(quota_bytes: u64, steps: usize) -> Self {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX).max(1);
        let tail_bytes = TAIL_MAX_BYTES.min(quota_bytes / 2 / steps);
        Self { head_bytes: quota_bytes - tail_bytes * steps, tail_bytes }
    }
}

/// A log that is being written.
#[derive(Debug)]
pub struct StepLog {
    base: PathBuf,
    /// None as long as the disk is too full to make the files.
    writer: Option<LogWriter>,
    part: Part,
    dirty: bool,
}

#[derive(Debug)]
enum Part {
    Head,
    Tail(Tail),
}

/// The last bytes, kept in memory until the step is over.
#[derive(Debug)]
struct Tail {
    why: GapReason,
    kept: VecDeque<Chunk>,
    kept_bytes: u64,
    dropped_bytes: u64,
}

/// What a full disk makes of a write.
enum Written {
    Yes,
    NoSpace,
}

impl StepLog {
    /// Makes its two files and syncs the directory they stand in.
    pub fn begin(disk: &dyn Disk, base: PathBuf) -> Result<Self, Error> {
        let mut log = Self { base, writer: None, part: Part::Head, dirty: false };
        if let Written::NoSpace = log.open(disk)? {
            log.part = Part::Tail(Tail::new(GapReason::DiskFull));
        }
        Ok(log)
    }

    /// Stores a chunk, or the part of it that fits, or keeps it as the tail.
    pub fn append(&mut self, mut chunk: Chunk, quota: &mut Quota) -> Result<(), Error> {
        if let Part::Head = self.part {
            let fits = usize::try_from(quota.head_bytes).unwrap_or(usize::MAX).min(chunk.data.len());
            let rest = chunk.data.split_off(fits);
            let Some(rest) = self.append_head(&chunk, rest, quota)? else { return Ok(()) };
            chunk.data = rest;
        }
        self.keep(chunk, quota.tail_bytes)
    }

    /// Bytes were dropped before they came here.
    pub fn dropped(&mut self, at_ns: u64, bytes: u64) -> Result<(), Error> {
        match &mut self.part {
            Part::Tail(tail) => tail.dropped_bytes += bytes,
            Part::Head => match self.gap(at_ns, GapReason::DiskStuck, bytes)? {
                Written::Yes => {}
                Written::NoSpace => {
                    let tail = Tail { dropped_bytes: bytes, ..Tail::new(GapReason::DiskFull) };
                    self.part = Part::Tail(tail);
                }
            },
        }
        Ok(())
    }

    /// Adds the count of what is missing and the tail. Says false if the disk is too full even for the count: try again later.
    pub fn finish(&mut self, disk: &dyn Disk, at_ns: u64) -> Result<bool, Error> {
        if let Written::NoSpace = self.open(disk)? {
            return Ok(false);
        }
        let Part::Tail(mut tail) = std::mem::replace(&mut self.part, Part::Head) else { return Ok(true) };
        if tail.dropped_bytes > 0 {
            if let Written::NoSpace = self.gap(at_ns, tail.why, tail.dropped_bytes)? {
                self.part = Part::Tail(tail);
                return Ok(false);
            }
            tail.dropped_bytes = 0;
        }
        while let Some(chunk) = tail.kept.pop_front() {
            if let Written::NoSpace = self.write(&chunk)? {
                let bytes = |chunk: &Chunk| chunk.data.len() as u64;
                let dropped_bytes = bytes(&chunk) + tail.kept.iter().map(bytes).sum::<u64>();
                self.part = Part::Tail(Tail { dropped_bytes, ..Tail::new(GapReason::DiskFull) });
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Syncs what is new.
    pub fn sync(&mut self) -> Result<(), Error> {
        if let (true, Some(writer)) = (self.dirty, &mut self.writer) {
            writer.sync()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// How long it is. For a log that was finished and synced.
    pub fn end(&self) -> Result<Option<LogEnd>, Error> {
        let end = |writer: &LogWriter| {
            let digest = Some(Digest(writer.digest()?));
            Ok(LogEnd { total: writer.end(), digest })
        };
        self.writer.as_ref().map(end).transpose()
    }

    fn open(&mut self, disk: &dyn Disk) -> Result<Written, Error> {
        if self.writer.is_some() {
            return Ok(Written::Yes);
        }
        let dir = self.base.parent().expect("a log stands in the attempt's directory").to_owned();
        let opened = LogWriter::open(disk, &self.base).and_then(|(writer, _cut)| {
            disk.sync_dir(&dir)?;
            self.writer = Some(writer);
            Ok(())
        });
        written(opened)
    }

    /// Gives back what did not fit; from then on the tail is kept.
    fn append_head(&mut self, chunk: &Chunk, rest: Vec<u8>, quota: &mut Quota) -> Result<Option<Vec<u8>>, Error> {
        let (why, left) = match self.write(chunk)? {
            Written::Yes => {
                quota.head_bytes -= chunk.data.len() as u64;
                (GapReason::Quota, rest)
            }
            Written::NoSpace => (GapReason::DiskFull, [&chunk.data[..], &rest].concat()),
        };
        if left.is_empty() {
            return Ok(None);
        }
        self.part = Part::Tail(Tail::new(why));
        Ok(Some(left))
    }

    /// Puts a chunk behind the tail. The first byte that is lost of it is told at once, without a number.
    fn keep(&mut self, chunk: Chunk, tail_bytes: u64) -> Result<(), Error> {
        let Part::Tail(tail) = &mut self.part else { return Ok(()) };
        let (at_ns, why) = (chunk.at_ns, tail.why);
        let was_whole = tail.dropped_bytes == 0;
        tail.push(chunk, tail_bytes);
        if was_whole && tail.dropped_bytes > 0 {
            // On a full disk the count at the end says it all the same.
            let (Written::Yes | Written::NoSpace) = self.gap(at_ns, why, 0)?;
        }
        Ok(())
    }

    fn write(&mut self, chunk: &Chunk) -> Result<Written, Error> {
        if chunk.data.is_empty() {
            return Ok(Written::Yes);
        }
        let Some(writer) = &mut self.writer else { return Ok(Written::NoSpace) };
        let kind = match chunk.stream {
            Stream::Stdout => Kind::Stdout,
            Stream::Stderr => Kind::Stderr,
        };
        self.dirty = true;
        written(writer.append(kind, chunk.at_ns, &chunk.data))
    }

    fn gap(&mut self, at_ns: u64, why: GapReason, dropped: u64) -> Result<Written, Error> {
        let Some(writer) = &mut self.writer else { return Ok(Written::NoSpace) };
        self.dirty = true;
        written(writer.gap(at_ns, why, dropped))
    }
}

impl Tail {
    fn new(why: GapReason) -> Self {
        Self { why, kept: VecDeque::new(), kept_bytes: 0, dropped_bytes: 0 }
    }

    /// Keeps the last `most` bytes.
    fn push(&mut self, chunk: Chunk, most: u64) {
        self.kept_bytes += chunk.data.len() as u64;
        self.kept.push_back(chunk);
        while self.kept_bytes > most {
            let Some(first) = self.kept.front_mut() else { return };
            let over = usize::try_from(self.kept_bytes - most).unwrap_or(usize::MAX).min(first.data.len());
            first.data.drain(..over);
            if first.data.is_empty() {
                self.kept.pop_front();
            }
            self.kept_bytes -= over as u64;
            self.dropped_bytes += over as u64;
        }
    }
}

fn written<T>(result: Result<T, Error>) -> Result<Written, Error> {
    match result {
        Ok(_) => Ok(Written::Yes),
        Err(Error::Disk(error)) if error.is_no_space() => Ok(Written::NoSpace),
        Err(error) => Err(error),
    }
}
