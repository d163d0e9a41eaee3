//! The handle of the history, and its two threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::store::Store;
use super::{follow, query};
use crate::engine::Published;
use crate::facts::Reader;

/// Queries that may wait. Each takes about a millisecond; a full queue makes the caller wait.
const QUERIES: usize = 64;

/// Why the history does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is being rebuilt from the journal.
    #[error("the history is being rebuilt: {applied} of {last} facts")]
    Rebuilding {
        /// Facts applied so far.
        applied: u64,
        /// Facts there are.
        last: u64,
    },
    /// There is no room for it; it goes on when there is.
    #[error("the master's disk is full; free some space on its data volume: the history goes on by itself then")]
    Full,
    /// sled failed; the directory is set aside and the history rebuilt.
    #[error("the history cannot be read: {0}")]
    Store(String),
    /// The view knows facts that the journal does not have: acknowledged facts are missing there.
    #[error("the history holds facts up to {applied}, the journal ends at {last}: the journal was cut")]
    JournalCut {
        /// What the view applied.
        applied: u64,
        /// Where the journal ends.
        last: u64,
    },
    /// The master is stopping.
    #[error("the history is closed")]
    Closed,
}

/// Asks the history. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    pub(super) shared: Arc<Shared>,
    pub(super) queries: mpsc::Sender<query::Query>,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// None while it is rebuilt.
    pub(super) store: ArcSwapOption<Store>,
    /// It waits for room on its volume.
    pub(super) is_full: AtomicBool,
    /// The lsn of the last fact that the view holds.
    pub(super) applied: watch::Sender<u64>,
    pub(super) published: Published,
}

/// The threads of the history; `join` waits for them.
#[derive(Debug)]
pub struct Threads(Vec<std::thread::JoinHandle<()>>);

impl Threads {
    /// Waits until both have ended.
    pub fn join(self) {
        for thread in self.0 {
            // A panic there was logged where it was caught.
            let _ = thread.join();
        }
    }
}

impl History {
    /// Opens `data_dir/history-1`, or begins it anew, and starts following the journal. `published` has the last committed lsn.
    pub fn start(
        data_dir: &Path,
        cluster_id: [u8; 16],
        reader: Reader,
        published: Published,
        stop: CancellationToken,
    ) -> Result<(Self, Threads), Error> {
        let dir: PathBuf = data_dir.join("history-1");
        let opened = follow::open_or_renew(&dir, cluster_id);
        let applied = opened.as_ref().map_or(0, |(_, applied)| *applied);
        let store = opened.map(|(store, _)| store);
        let last = published.lsn();
        if applied > last {
            return Err(Error::JournalCut { applied, last });
        }
        let shared = Arc::new(Shared {
            store: ArcSwapOption::empty(),
            is_full: AtomicBool::new(false),
            applied: watch::Sender::new(applied),
            published,
        });
        let (queries, receiver) = mpsc::channel(QUERIES);
        let follower = follow::Follow { dir, cluster_id, reader, shared: Arc::clone(&shared), stop };
        let runtime = tokio::runtime::Handle::current();
        let follow = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || follower.run(store, &runtime))
            .map_err(|error| Error::Store(error.to_string()))?;
        let asked = Arc::clone(&shared);
        let answer = std::thread::Builder::new()
            .name("history query".to_owned())
            .spawn(move || query::serve(&asked, receiver))
            .map_err(|error| Error::Store(error.to_string()))?;
        Ok((Self { shared, queries }, Threads(vec![follow, answer])))
    }

    /// The lsn of the last fact that the view holds.
    pub fn applied_lsn(&self) -> u64 {
        *self.shared.applied.borrow()
    }
}
