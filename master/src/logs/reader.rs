//! The thread `log reader`: opens a log, does what it is asked to, and lets it go. It keeps nothing, so a slow reader costs nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use windlass_disk::Disk;
use windlass_disk::log::{LogPaths, LogReader};

use super::{Error, Result};

/// How many readings may wait; then readers wait for their turn.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&dyn Disk) + Send>;

/// Asks the thread. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Reader(mpsc::Sender<Job>);

impl Reader {
    /// Starts the thread; it ends when all handles are gone.
    pub(super) fn start(disk: Arc<dyn Disk>) -> Result<Self> {
        let (sender, mut jobs) = mpsc::channel::<Job>(WAITING);
        let run = move || {
            while let Some(job) = jobs.blocking_recv() {
                job(&*disk);
            }
        };
        let started = std::thread::Builder::new().name("log reader".to_owned()).spawn(run);
        started.map_err(|error| Error::Thread(Arc::new(error)))?;
        Ok(Self(sender))
    }

    /// What `read` makes of the log at the first of these places that has it; `None` if none does. It may move from one to the next between
    /// two looks, but never back. Of one that `is_over`, an end that is not whole is damage.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        places: [Option<PathBuf>; 2],
        is_over: impl FnOnce() -> bool + Send + 'static,
        read: impl FnOnce(&LogReader) -> windlass_disk::log::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |disk| {
            let over = is_over();
            let found = places.iter().flatten().find_map(|base| open(disk, base, over).transpose());
            _ = reply.send(found.transpose().and_then(|log| log.as_ref().map(read).transpose()));
        });
        self.0.send(job).await.map_err(|_| Error::Stopped)?;
        Ok(answer.await.map_err(|_| Error::Stopped)??)
    }
}

/// None if it is not there, or no more.
fn open(disk: &dyn Disk, base: &Path, over: bool) -> windlass_disk::log::Result<Option<LogReader>> {
    if !disk.exists(&LogPaths::of(base).index)? {
        return Ok(None);
    }
    let open = if over { LogReader::open_over } else { LogReader::open };
    match open(disk, base) {
        Err(windlass_disk::log::Error::Disk(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}
