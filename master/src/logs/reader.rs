//! The thread `log reader`: opens a log, does what it is asked to, and lets it go. It keeps nothing, so a slow reader costs nothing.

use std::path::PathBuf;
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

    /// What `read` makes of the log of `base`; `None` if there is no such log.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        base: PathBuf,
        read: impl FnOnce(&LogReader) -> windlass_disk::log::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |disk| {
            let read = || {
                if !disk.exists(&LogPaths::of(&base).index)? {
                    return Ok(None);
                }
                read(&LogReader::open(disk, &base)?).map(Some)
            };
            _ = reply.send(read());
        });
        self.0.send(job).await.map_err(|_| Error::Stopped)?;
        Ok(answer.await.map_err(|_| Error::Stopped)??)
    }
}
