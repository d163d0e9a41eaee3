//! The disk thread itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_core::attempt::line::FORMAT;
use windlass_core::attempt::{Line as RecordLine, LogEnd};
use windlass_disk::record::{RecordWriter, WriteError};
use windlass_disk::{Disk, log};

use super::log::{Quota, StepLog};
use super::queue::{Line, Lost, Next, Queue, Work, cost};
use crate::clock;

/// How long log bytes may be unsynced.
const SYNC_EVERY_NS: u64 = 1_000_000_000;

/// The first line, ACCEPTED, is the agent's.
const FIRST_INDEX: u32 = 2;

/// What the thread writes to.
pub(crate) struct Files<'a> {
    pub(crate) disk: Box<dyn Disk>,
    /// The attempt's directory.
    pub(crate) dir: &'a Path,
    /// At its end is ACCEPTED.
    pub(crate) record: RecordWriter,
    /// Between two tries on a full disk.
    pub(crate) pause: Duration,
}

pub(super) struct Writer {
    disk: Box<dyn Disk>,
    dir: PathBuf,
    record: RecordWriter,
    next_index: u32,
    quota: Quota,
    /// By step.
    logs: Vec<Option<StepLog>>,
    synced_ns: u64,
    queue: Arc<Queue>,
    health: Result<(), Lost>,
    /// Between two tries on a full disk.
    pause: Duration,
}

impl Writer {
    pub(super) fn new(files: Files<'_>, queue: Arc<Queue>, steps: usize, quota_bytes: u64) -> Self {
        let Files { disk, dir, record, pause } = files;
        Self {
            disk,
            dir: dir.to_owned(),
            record,
            next_index: FIRST_INDEX,
            quota: Quota::of(quota_bytes, steps),
            logs: (0..steps).map(|_| None).collect(),
            synced_ns: clock::boot_ns(),
            queue,
            health: Ok(()),
            pause,
        }
    }

    /// Until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            match self.queue.next(Duration::from_nanos(SYNC_EVERY_NS)) {
                Next::Work(work) => self.work(work),
                Next::Quiet => {}
                Next::Closed => return,
            }
            if clock::boot_ns() >= self.synced_ns + SYNC_EVERY_NS {
                let synced = self.sync();
                self.note(synced);
            }
        }
    }

    fn work(&mut self, work: Work) {
        let freed = match &work {
            Work::Chunk(chunk) => cost(chunk),
            Work::Line(..) | Work::Begin(_) | Work::Dropped { .. } | Work::End { .. } | Work::Seal(_) => 0,
        };
        match work {
            Work::Line(line, reply) => {
                let written = self.healthy(|this| this.line(line));
                if let Some(reply) = reply {
                    _ = reply.send(written);
                }
            }
            Work::Begin(step) => _ = self.healthy(|this| this.begin(step)),
            Work::Chunk(chunk) => {
                _ = self.healthy(|this| match this.logs.get_mut(at(chunk.step)) {
                    Some(Some(log)) => ok(log.append(chunk, &mut this.quota)),
                    Some(None) | None => Ok(()),
                });
            }
            Work::Dropped { step, at_ns, bytes } => {
                _ = self.healthy(|this| match this.logs.get_mut(at(step)) {
                    Some(Some(log)) => ok(log.dropped(at_ns, bytes)),
                    Some(None) | None => Ok(()),
                });
            }
            Work::End { step, at_ns } => _ = self.healthy(|this| this.end(step, at_ns)),
            Work::Seal(reply) => _ = reply.send(self.healthy(Self::seal)),
        }
        self.queue.finished(freed);
    }

    /// Does it unless the disk failed before, and remembers if it fails now.
    fn healthy<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Lost>) -> Result<T, Lost> {
        self.health?;
        let done = work(self);
        self.note(done.as_ref().map(|_| ()).map_err(|lost| *lost));
        done
    }

    fn note(&mut self, done: Result<(), Lost>) {
        if self.health.is_ok() && done.is_err() {
            self.health = Err(Lost);
            self.queue.lose();
        }
    }

    /// The evidence must get to disk: on a full one it is tried again for ever, while the lock is kept.
    fn line(&mut self, line: Line) -> Result<(), Lost> {
        let Line { boottime_ns, wall_ms, body } = line;
        let line = RecordLine { format: FORMAT, index: self.next_index, boottime_ns, wall_ms, body };
        let payload = serde_json::to_vec(&line).expect("a line has no map with other keys than text");
        loop {
            match self.record.append(&payload) {
                Ok(()) => break,
                Err(WriteError::Disk(error)) if error.is_no_space() => std::thread::sleep(self.pause),
                Err(_) => return Err(Lost),
            }
        }
        self.next_index += 1;
        Ok(())
    }

    fn begin(&mut self, step: u32) -> Result<(), Lost> {
        let base = self.dir.join(format!("step-{step:02}"));
        let log = ok(StepLog::begin(&*self.disk, base))?;
        if let Some(place) = self.logs.get_mut(at(step)) {
            *place = Some(log);
        }
        Ok(())
    }

    fn end(&mut self, step: u32, at_ns: u64) -> Result<(), Lost> {
        let Some(Some(log)) = self.logs.get_mut(at(step)) else { return Ok(()) };
        while !ok(log.finish(&*self.disk, at_ns))? {
            std::thread::sleep(self.pause);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<Vec<Option<LogEnd>>, Lost> {
        self.sync()?;
        let ends = self.logs.iter().map(|log| log.as_ref().map_or(Ok(None), |log| ok(log.end())));
        ends.collect()
    }

    fn sync(&mut self) -> Result<(), Lost> {
        self.synced_ns = clock::boot_ns();
        self.health?;
        self.logs.iter_mut().flatten().try_for_each(|log| ok(log.sync()))
    }
}

fn at(step: u32) -> usize {
    usize::try_from(step).expect("it is 32 bits").wrapping_sub(1)
}

fn ok<T>(result: log::Result<T>) -> Result<T, Lost> {
    result.map_err(|_| Lost)
}
