//! What waits between the loop and the disk thread.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use windlass_core::attempt::{LineBody, LogEnd};

use super::handle::Chunk;

/// The most bytes of chunks that may wait: with less a short stall of the disk would reach the steps, with more a shim could take
/// noticeable memory.
const WAITING_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What a chunk counts besides its bytes, so that a flood of tiny ones is bounded too.
const CHUNK_COST: usize = 256;

/// The disk failed. What was written since the last answer may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk failed")]
pub struct Lost;

/// A line of the record that waits for its index.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) boottime_ns: u64,
    pub(super) wall_ms: i64,
    pub(super) body: LineBody,
}

/// One thing the disk thread shall do.
#[derive(Debug)]
pub(super) enum Work {
    /// Append a line. The answer, if one is wanted, comes when it is synced.
    Line(Line, Option<SyncSender<Result<(), Lost>>>),
    /// Begin the log of a step.
    Begin(u32),
    /// Bytes of a step.
    Chunk(Chunk),
    /// Bytes of a step had to be dropped.
    Dropped { step: u32, at_ns: u64, bytes: u64 },
    /// No more bytes of this step will come.
    End { step: u32, at_ns: u64 },
    /// All logs are over: sync them and say how long they are, by step.
    Seal(SyncSender<Result<Vec<Option<LogEnd>>, Lost>>),
}

/// Both ends share one.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Work>,
    /// Cost of the chunks among them, and of the one in work.
    bytes: usize,
    /// How many things were done.
    done: u64,
    /// The loop found it full and wants to be woken.
    wanted: bool,
    closed: bool,
    lost: bool,
}

/// What the disk thread is given.
pub(super) enum Next {
    Work(Work),
    /// Nothing came in time.
    Quiet,
    /// Nothing will come any more.
    Closed,
}

impl Queue {
    pub(super) fn new() -> rustix::io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { inner: Mutex::default(), filled: Condvar::new(), wake })
    }

    /// Adds what must not be refused. There are only ever a few of these.
    pub(super) fn push(&self, work: Work) {
        self.lock().waiting.push_back(work);
        self.filled.notify_one();
    }

    /// Adds a chunk if there is room; else gives it back, and wakes the loop when there is.
    pub(super) fn offer(&self, chunk: Chunk) -> Result<(), Chunk> {
        let mut inner = self.lock();
        let cost = cost(&chunk);
        if inner.bytes > 0 && inner.bytes + cost > WAITING_MAX_BYTES {
            inner.wanted = true;
            return Err(chunk);
        }
        inner.bytes += cost;
        inner.waiting.push_back(Work::Chunk(chunk));
        self.filled.notify_one();
        Ok(())
    }

    /// How many things the thread has done.
    pub(super) fn done(&self) -> u64 {
        self.lock().done
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lock().lost
    }

    /// Readable when there is room again, or the disk failed.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// For the disk thread: the next thing, waited for at most this long.
    pub(super) fn next(&self, within: Duration) -> Next {
        let empty = |inner: &mut Inner| inner.waiting.is_empty() && !inner.closed;
        let waited = self.filled.wait_timeout_while(self.lock(), within, empty);
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match inner.waiting.pop_front() {
            Some(work) => Next::Work(work),
            None if inner.closed => Next::Closed,
            None => Next::Quiet,
        }
    }

    /// For the disk thread: one thing is done, and this many bytes of chunks do not wait any more.
    pub(super) fn finished(&self, cost: usize) {
        let mut inner = self.lock();
        inner.bytes -= cost;
        inner.done += 1;
        if inner.wanted && inner.bytes <= WAITING_MAX_BYTES / 2 {
            inner.wanted = false;
            self.wake();
        }
    }

    /// For the disk thread: nothing can be promised any more.
    pub(super) fn lose(&self) {
        self.lock().lost = true;
        self.wake();
    }

    fn wake(&self) {
        // It can only fail when it is readable already.
        _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// A panic of the other side leaves nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a chunk counts against the bound.
pub(super) fn cost(chunk: &Chunk) -> usize {
    chunk.data.len() + CHUNK_COST
}
