//! The thread `log writer`: owns every open log, and syncs what was written a few times a second.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use windlass_disk::log::{GapReason, LogPaths};
use windlass_disk::{Disk, DiskVolume, safe_write};

use super::open_log::OpenLog;
use super::registry::Registry;
use super::{Chunk, Error, HostEnd, LogKey, LogState, Result, SealVerdict, Sealed, Verdict};

/// How long written bytes wait for their sync: acknowledgements need not be quick, the agent has the bytes.
const TICK: Duration = Duration::from_millis(100);
/// Up to so many logs are synced one by one, more with one sync of their volume.
const EACH_MAX: usize = 4;
/// A volume whose sync takes longer is not synced as a whole again.
const VOLUME_SYNC_MAX: Duration = Duration::from_secs(1);
/// So many written bytes are synced at once.
const UNSYNCED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What the writer is asked to do. Whoever went away loses only the answer.
pub(super) enum Command {
    Open { key: LogKey, base: PathBuf, quota: u64, reply: oneshot::Sender<Result<watch::Receiver<LogState>>> },
    Append { key: LogKey, chunk: Chunk, reply: oneshot::Sender<Result<Verdict>> },
    Seal { key: LogKey, total: u64, end: HostEnd, reply: oneshot::Sender<Result<SealVerdict>> },
    Abandon { key: LogKey, base: PathBuf, quota: u64, reply: oneshot::Sender<Result<Option<Sealed>>> },
    Close { key: LogKey, reply: oneshot::Sender<Result<()>> },
    Stop { reply: oneshot::Sender<Result<()>> },
}

/// All open logs.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    registry: Registry,
    /// There is no room for new bytes.
    refuses: Arc<AtomicBool>,
    logs: BTreeMap<LogKey, OpenLog>,
    /// The volume of the logs, where all of it can be synced at once.
    volume: Option<Box<dyn DiskVolume>>,
    unsynced_bytes: u64,
    /// Set while something written waits for its sync.
    due: Option<Instant>,
}

impl Writer {
    /// `dir` is where all logs lie; it is made if it is missing.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        registry: Registry,
        refuses: Arc<AtomicBool>,
    ) -> windlass_disk::Result<Self> {
        safe_write::create_dir_all_synced(&*disk, dir)?;
        let volume = disk.volume(dir)?;
        Ok(Self { disk, registry, refuses, logs: BTreeMap::new(), volume, unsynced_bytes: 0, due: None })
    }

    /// Opens or begins a log, and makes durable what it holds.
    pub(super) fn open(&mut self, key: LogKey, base: PathBuf, quota: u64) -> Result<watch::Receiver<LogState>> {
        if let Some(log) = self.logs.get_mut(&key) {
            if log.is_dirty() {
                log.sync(&*self.disk)?;
            }
            return Ok(log.watch());
        }
        let state = self.registry.begin(&base);
        // Nobody waits for a log that was not begun.
        let log =
            OpenLog::open(&*self.disk, base.clone(), quota, state).inspect_err(|_error| self.registry.end(&base))?;
        let watch = log.watch();
        self.logs.insert(key, log);
        Ok(watch)
    }

    /// Works until all handles are gone, it is told to stop, or the disk can no longer be trusted.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<()> {
        loop {
            let next = match self.due {
                Some(due) => timeout_at(due, commands.recv()).await,
                None => Ok(commands.recv().await),
            };
            match next {
                Err(_due) => self.sync()?,
                Ok(Some(Command::Stop { reply })) => {
                    self.sync()?;
                    _ = reply.send(Ok(()));
                    return Ok(());
                }
                Ok(Some(command)) => self.obey(command)?,
                Ok(None) => return self.sync(),
            }
            if self.unsynced_bytes >= UNSYNCED_MAX_BYTES {
                self.sync()?;
            }
        }
    }

    fn obey(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Open { key, base, quota, reply } => answer(reply, self.open(key, base, quota)),
            Command::Append { key, chunk, reply } => answer(reply, self.append(key, &chunk)),
            Command::Seal { key, total, end, reply } => answer(reply, self.seal(key, total, end)),
            Command::Abandon { key, base, quota, reply } => answer(reply, self.abandon(key, base, quota)),
            Command::Close { key, reply } => {
                self.close(key);
                answer(reply, Ok(()))
            }
            Command::Stop { reply } => answer(reply, Ok(())),
        }
    }

    pub(super) fn append(&mut self, key: LogKey, chunk: &Chunk) -> Result<Verdict> {
        let log = self.logs.get_mut(&key).ok_or(Error::NotOpen(key))?;
        let before = log.end();
        if self.refuses.load(Ordering::Acquire) && chunk.end() > before {
            return Ok(Verdict::NoSpace { want: before });
        }
        let verdict = log.append(chunk)?;
        self.unsynced_bytes += log.end() - before;
        if log.is_dirty() && self.due.is_none() {
            self.due = Some(Instant::now() + TICK);
        }
        Ok(verdict)
    }

    fn seal(&mut self, key: LogKey, total: u64, end: HostEnd) -> Result<SealVerdict> {
        let log = self.logs.get_mut(&key).ok_or(Error::NotOpen(key))?;
        let sealed = log.seal(&*self.disk, total, end);
        if sealed.as_ref().is_err_and(Error::is_no_space) {
            // It may have been half begun anew: what is on the disk is opened when the host comes again.
            self.logs.remove(&key);
        }
        sealed
    }

    /// None if no byte of it ever came.
    fn abandon(&mut self, key: LogKey, base: PathBuf, quota: u64) -> Result<Option<Sealed>> {
        if !self.logs.contains_key(&key) && !self.disk.exists(&LogPaths::of(&base).index)? {
            return Ok(None);
        }
        self.open(key, base, quota)?;
        let log = self.logs.get_mut(&key).ok_or(Error::NotOpen(key))?;
        log.end_with(&*self.disk, GapReason::AgentGone).map(Some)
    }

    fn close(&mut self, key: LogKey) {
        if let Some(log) = self.logs.remove(&key) {
            self.registry.end(log.base());
            log.finish(&*self.disk);
        }
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        let dirty: Vec<&mut OpenLog> = self.logs.values_mut().filter(|log| log.is_dirty()).collect();
        match self.volume.take_if(|_| dirty.len() > EACH_MAX) {
            None => dirty.into_iter().try_for_each(|log| log.sync(&*self.disk))?,
            Some(volume) => {
                let begun = Instant::now();
                if let Err(error) = volume.sync() {
                    // It may be a file of somebody else that could not be written; ours say so themselves.
                    tracing::error!(%error, "the volume of the logs cannot be synced; from now on each log is synced by itself");
                    dirty.into_iter().try_for_each(|log| log.sync(&*self.disk))?;
                } else {
                    dirty.into_iter().for_each(OpenLog::synced);
                    // Where others write much to the same volume it would be waited for, too.
                    let took = begun.elapsed();
                    self.volume = (took < VOLUME_SYNC_MAX).then_some(volume);
                    if self.volume.is_none() {
                        let took_ms = took.as_millis();
                        tracing::warn!(
                            took_ms,
                            "the volume of the logs is slow to sync; from now on each log is synced by itself"
                        );
                    }
                }
            }
        }
        self.unsynced_bytes = 0;
        self.due = None;
        Ok(())
    }
}

/// Answers; an error of the disk also ends the writer, because what is on disk is unknown after it, unless there was only no room.
fn answer<T>(reply: oneshot::Sender<Result<T>>, result: Result<T>) -> Result<()> {
    let fatal = match &result {
        Err(error) if error.is_no_space() => Ok(()),
        Err(error @ (Error::Log(_) | Error::Stopped | Error::Thread(_))) => Err(error.clone()),
        Err(Error::NotOpen(_)) | Ok(_) => Ok(()),
    };
    _ = reply.send(result);
    fatal
}
