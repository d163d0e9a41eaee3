//! Hears when something grows in the directories of attempts: a record, a log, or the lock of a dead shim.
//!
//! Invariant: whoever waits here is woken by a change at once, then at most every few milliseconds. An event that the kernel lost costs
//! a second, because everybody looks once a second besides.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// After a change all that follow within this time are one.
const PAUSE: Duration = Duration::from_millis(5);
/// How often the listening thread asks whether it shall end, in nanoseconds.
const ASK_TO_STOP_EVERY_NS: i64 = 100_000_000;
/// How long anybody waits without looking.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches directories.
#[derive(Debug, Clone)]
pub struct Watch {
    inotify: Arc<OwnedFd>,
    grew: watch::Sender<u64>,
}

/// Is told when something grew.
#[derive(Debug, Clone)]
pub struct Growth(watch::Receiver<u64>);

impl Watch {
    /// Begins to listen; a thread of `tasks` hears for all.
    pub fn start(tasks: &Tasks) -> std::io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let watch = Self { inotify: Arc::new(inotify), grew: watch::Sender::new(0) };
        let (heard, stop) = (watch.clone(), tasks.stop().clone());
        tasks.thread("watch", async move { heard.listen(&stop) })?;
        Ok(watch)
    }

    /// Listens to a directory from now on, until it is deleted.
    pub fn add(&self, dir: &Path) -> std::io::Result<()> {
        let events = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
        inotify::add_watch(&*self.inotify, dir, events)?;
        Ok(())
    }

    /// For one who waits.
    pub fn growth(&self) -> Growth {
        Growth(self.grew.subscribe())
    }

    /// Blocks, on its own thread.
    fn listen(&self, stop: &CancellationToken) {
        let within = Timespec { tv_sec: 0, tv_nsec: ASK_TO_STOP_EVERY_NS };
        while !stop.is_cancelled() {
            let mut ready = [PollFd::new(&*self.inotify, PollFlags::IN)];
            match poll(&mut ready, Some(&within)) {
                Ok(0) => {}
                Ok(_) => {
                    drain(&self.inotify);
                    self.grew.send_modify(|count| *count += 1);
                    std::thread::sleep(PAUSE);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "changes are seen once a second only");
                    return;
                }
            }
        }
    }
}

impl Growth {
    /// Waits for a change, at most [`LOOK_EVERY`]. What grew before the last call and was not seen counts.
    pub async fn wait(&mut self) {
        let changed = tokio::time::timeout(LOOK_EVERY, self.0.changed()).await;
        if let Ok(Err(_gone)) = changed {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Takes all events; what they say does not matter, because everybody looks at everything.
fn drain(inotify: &OwnedFd) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(inotify, &mut buffer);
    while events.next().is_ok() {}
}
