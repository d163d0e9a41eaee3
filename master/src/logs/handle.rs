//! The handle to the logs: verbs for writers and for readers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use windlass_core::State;
use windlass_disk::Disk;
use windlass_disk::log::{Entry, GapReason, LogPaths, LogReader};

use super::reader::Reader;
use super::registry::Registry;
use super::tail::Tail;
use super::writer::{Command, Writer};
use super::{Chunk, Error, HostEnd, LogKey, LogName, LogPhase, LogState, Result, SealVerdict, Sealed, Verdict};

/// How many commands may wait for the writer: 16 MiB of the largest chunks. A full queue makes the agents' bytes wait, never control.
const WAITING: usize = 64;

/// The logs of a master. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs {
    dir: Arc<PathBuf>,
    /// Where old logs moved to.
    moved: Option<Arc<PathBuf>>,
    registry: Registry,
    commands: mpsc::Sender<Command>,
    reader: Reader,
    refuses: Arc<AtomicBool>,
    failure: watch::Receiver<Option<Error>>,
}

/// A log that is open for writing.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The offset to go on from; everything before it is durable.
    pub stored: u64,
    /// Tells when more is durable.
    pub state: watch::Receiver<LogState>,
}

/// What there is of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How far it is.
    pub state: LogState,
    /// Chunks and gaps.
    pub entries: u64,
    /// Line feeds in it up to the beginning of its last chunk.
    pub lines: u64,
    /// Where bytes are missing.
    pub gaps: Vec<Entry>,
}

impl Logs {
    /// Opens the logs under `dir`: those of open attempts are checked at their ends, cut at the last whole chunk and synced before
    /// anything of them is acknowledged.
    pub fn start(disk: Arc<dyn Disk>, dir: PathBuf, state: &State) -> Result<Self> {
        let registry = Registry::default();
        let refuses = Arc::new(AtomicBool::new(false));
        let mut writer = Writer::new(Arc::clone(&disk), &dir, registry.clone(), Arc::clone(&refuses))?;
        for (fence, place) in &state.attempts {
            let Some((_, attempt)) = state.attempt(*fence) else { continue };
            for (step, at) in (1..).zip(&attempt.steps) {
                let base = LogName::of(place, step).base(&dir);
                if at.sealed.is_none() && disk.exists(&LogPaths::of(&base).index)? {
                    writer.open(LogKey { fence: *fence, step }, base, attempt.envelope.log_quota_bytes)?;
                }
            }
        }
        let reader = Reader::start(disk)?;
        let (commands, failure) = start_writer(writer)?;
        Ok(Self { dir: Arc::new(dir), moved: None, registry, commands, reader, refuses, failure })
    }

    /// Logs that are not there are looked for here: this is where old ones moved to.
    #[must_use]
    pub fn and_moved(self, dir: Option<PathBuf>) -> Self {
        Self { moved: dir.map(Arc::new), ..self }
    }

    /// Whether new bytes are refused for want of room: the agents keep them.
    pub fn refuse_bytes(&self, refuse: bool) {
        self.refuses.store(refuse, Ordering::Release);
    }

    /// Opens or begins a log for writing. `quota` is how long it may become, in bytes.
    pub async fn open(&self, key: LogKey, name: &LogName, quota: u64) -> Result<Opened> {
        let base = name.base(&self.dir);
        let state = self.ask(|reply| Command::Open { key, base, quota, reply }).await?;
        let stored = state.borrow().durable;
        Ok(Opened { stored, state })
    }

    /// Adds a chunk at the end of an open log; what was stored can be read at once and is durable when the log's state says so.
    pub async fn append(&self, key: LogKey, chunk: Chunk) -> Result<Verdict> {
        self.ask(|reply| Command::Append { key, chunk, reply }).await
    }

    /// The host says how long the log is, and how it ends. A log that is found whole stays open until
    /// [`Self::close`].
    pub async fn seal(&self, key: LogKey, total: u64, end: HostEnd) -> Result<SealVerdict> {
        self.ask(|reply| Command::Seal { key, total, end, reply }).await
    }

    /// The host holds it no more: what is stored stands, and then the gap `AGENT_GONE`. None if no byte of it ever came. It stays
    /// open until [`Self::close`]; harmless if it is repeated.
    pub async fn abandon(&self, key: LogKey, name: &LogName, quota: u64) -> Result<Option<Sealed>> {
        let base = name.base(&self.dir);
        self.ask(|reply| Command::Abandon { key, base, quota, reply }).await
    }

    /// The fact that the log is sealed is committed: followers are told, its files are let go. Harmless if it is not open.
    pub async fn close(&self, key: LogKey) -> Result<()> {
        self.ask(|reply| Command::Close { key, reply }).await
    }

    /// Syncs everything and ends the writer.
    pub async fn stop(&self) -> Result<()> {
        self.ask(|reply| Command::Stop { reply }).await
    }

    /// Waits until the disk fails; then nothing more can be acknowledged and the master must end with exit code 74.
    pub async fn failed(&self) -> Error {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        match failed {
            Some(error) => error,
            // The writer ended in good order: this never happens any more.
            None => std::future::pending().await,
        }
    }

    /// What there is of a log; `None` if no byte of it ever came.
    pub async fn summary(&self, name: &LogName) -> Result<Option<Summary>> {
        let found = self.with(name, summary_of).await?;
        let open = self.registry.find(&name.base(&self.dir));
        Ok(found.map(|found| match open {
            Some(state) => Summary { state: LogState { end: found.state.end.max(state.end), ..state }, ..found },
            None => found,
        }))
    }

    /// At most `len` bytes from `offset`; empty behind the end.
    pub async fn read(&self, name: &LogName, offset: u64, len: usize) -> Result<Bytes> {
        let read = self.with(name, move |reader| reader.read(offset, len)).await?;
        Ok(read.unwrap_or_default().into())
    }

    /// At most `max` chunks and gaps, from the number `first` on.
    pub async fn entries(&self, name: &LogName, first: u64, max: u64) -> Result<Vec<Entry>> {
        Ok(self.with(name, move |reader| reader.entries(first, max)).await?.unwrap_or_default())
    }

    /// At most `max` chunks and gaps, from the one with the byte at `offset` on.
    pub async fn entries_from(&self, name: &LogName, offset: u64, max: u64) -> Result<Vec<Entry>> {
        Ok(self.with(name, move |reader| reader.entries_from(offset, max)).await?.unwrap_or_default())
    }

    /// What `read` makes of the log on the reader's thread; `None` if there is no such log.
    pub async fn with<T: Send + 'static>(
        &self,
        name: &LogName,
        read: impl FnOnce(&LogReader) -> windlass_disk::log::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let base = name.base(&self.dir);
        // First the state, then the files: one that nobody writes and that is there was over before we came.
        let (registry, first) = (self.registry.clone(), base.clone());
        let over = move || registry.find(&first).is_none();
        self.reader.with([Some(base), self.moved_base(name)], over, read).await
    }

    /// Reads from `offset` on, and follows the log until it is sealed. A log that does not exist yet is waited for.
    pub async fn tail(&self, name: &LogName, offset: u64) -> Result<Tail> {
        let base = name.base(&self.dir);
        // First the state, then the files: a log whose files are there although nobody writes it was over before we came.
        let state = self.registry.follow(&base);
        let exists = self.reader.with([Some(base), self.moved_base(name)], || false, |_| Ok(())).await?.is_some();
        let is_over = exists && state.borrow().phase == LogPhase::Absent;
        let state = (!is_over).then_some(state);
        Ok(Tail::new(self.clone(), name.clone(), offset, state))
    }

    /// Where the log lies if it has moved; none if none ever did.
    fn moved_base(&self, name: &LogName) -> Option<PathBuf> {
        self.moved.as_ref().map(|dir| name.base(dir))
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

type Started = (mpsc::Sender<Command>, watch::Receiver<Option<Error>>);

fn start_writer(writer: Writer) -> Result<Started> {
    let (commands, received) = mpsc::channel(WAITING);
    let (failed, failure) = watch::channel(None);
    let thread = |error| Error::Thread(Arc::new(error));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(thread)?;
    let run = move || {
        if let Err(error) = runtime.block_on(writer.run(received)) {
            tracing::error!(%error, "the logs cannot be written");
            failed.send_replace(Some(error));
        }
    };
    std::thread::Builder::new().name("log writer".to_owned()).spawn(run).map_err(thread)?;
    Ok((commands, failure))
}

fn summary_of(reader: &LogReader) -> windlass_disk::log::Result<Summary> {
    let mut gaps = Vec::new();
    let (mut entries, mut lines, mut end) = (0, 0, 0);
    loop {
        let some = reader.entries(entries, u64::MAX)?;
        let Some(last) = some.last() else { break };
        (lines, end) = (last.line, last.end());
        entries += some.len() as u64;
        gaps.extend(some.into_iter().filter(|entry| entry.gap != GapReason::NoGap));
    }
    // A log that is not open is over, and everything of it was synced.
    let state = LogState { end, durable: end, phase: LogPhase::Sealed };
    Ok(Summary { state, entries, lines, gaps })
}
