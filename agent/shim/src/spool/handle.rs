//! The loop's side of the disk thread.

use std::os::fd::BorrowedFd;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use windlass_core::attempt::{LineBody, LogEnd};

use super::queue::{Line, Lost, Queue, Work};
use super::writer::{Files, Writer};
use crate::clock;
use crate::error::Error;

/// Which of a step's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Bytes of a step, as they were read.
#[derive(Debug)]
pub struct Chunk {
    /// Of which step.
    pub step: u32,
    /// Of which stream.
    pub stream: Stream,
    /// Since the step began.
    pub at_ns: u64,
    /// 1 byte to 256 KiB.
    pub data: Vec<u8>,
}

/// Asks the disk thread.
#[derive(Debug)]
pub(crate) struct Spool {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Spool {
    /// Starts the thread, which goes on with the record and writes the logs of so many steps, within their quota together.
    pub(crate) fn start(files: Files<'_>, steps: usize, quota_bytes: u64) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new().map_err(Error::system("eventfd"))?);
        let writer = Writer::new(files, Arc::clone(&queue), steps, quota_bytes);
        let builder = std::thread::Builder::new().name("disk".to_owned());
        let spawned = builder.spawn(move || writer.run());
        let thread = spawned.map_err(|source| Error::System { what: "thread", source })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Appends a line and waits until it is synced. On a full disk that can take for ever.
    pub(crate) fn line(&self, body: LineBody) -> Result<(), Lost> {
        let (reply, answer) = sync_channel(1);
        self.queue.push(Work::Line(now(body), Some(reply)));
        wait(&answer)
    }

    /// Appends a line when it can.
    pub(crate) fn line_later(&self, body: LineBody) {
        self.queue.push(Work::Line(now(body), None));
    }

    /// Begins the log of a step.
    pub(crate) fn begin(&self, step: u32) {
        self.queue.push(Work::Begin(step));
    }

    /// Gives a chunk to the log of its step, or gets it back if too much waits.
    pub(crate) fn offer(&self, chunk: Chunk) -> Result<(), Chunk> {
        self.queue.offer(chunk)
    }

    /// Bytes of a step were dropped because the disk made no progress.
    pub(crate) fn dropped(&self, step: u32, at_ns: u64, bytes: u64) {
        self.queue.push(Work::Dropped { step, at_ns, bytes });
    }

    /// No more bytes of this step will come.
    pub(crate) fn end(&self, step: u32, at_ns: u64) {
        self.queue.push(Work::End { step, at_ns });
    }

    /// Syncs all logs and says how long they are.
    pub(crate) fn seal(&self) -> Result<Vec<Option<LogEnd>>, Lost> {
        let (reply, answer) = sync_channel(1);
        self.queue.push(Work::Seal(reply));
        wait(&answer)
    }

    /// Rises with everything the disk thread has done.
    pub(crate) fn progress(&self) -> u64 {
        self.queue.done()
    }

    /// True from the first failed sync on.
    pub(crate) fn is_lost(&self) -> bool {
        self.queue.is_lost()
    }

    /// Readable when there is room again, or the disk failed.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.queue.descriptor()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // If it panicked, every wait for it has said so.
            _ = thread.join();
        }
    }
}

fn now(body: LineBody) -> Line {
    Line { boottime_ns: clock::boot_ns(), wall_ms: clock::wall_ms(), body }
}

fn wait<T>(answer: &mpsc::Receiver<Result<T, Lost>>) -> Result<T, Lost> {
    answer.recv().unwrap_or(Err(Lost))
}

#[cfg(test)]
impl Spool {
    /// A spool whose disk never does anything.
    pub(crate) fn stuck() -> Self {
        Self { queue: Arc::new(Queue::new().expect("an eventfd")), thread: None }
    }

    /// The disk does all that waits: how many bytes it gets, and how many it is told were dropped.
    pub(crate) fn catch_up(&self) -> (usize, u64) {
        let (mut bytes, mut told) = (0, 0);
        while let super::queue::Next::Work(work) = self.queue.next(std::time::Duration::ZERO) {
            let mut freed = 0;
            match work {
                Work::Chunk(chunk) => {
                    bytes += chunk.data.len();
                    freed = super::queue::cost(&chunk);
                }
                Work::Dropped { bytes, .. } => told += bytes,
                Work::Line(..) | Work::Begin(_) | Work::End { .. } | Work::Seal(_) => {}
            }
            self.queue.finished(freed);
        }
        (bytes, told)
    }
}
