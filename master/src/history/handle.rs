//! The handle of the history, and its two threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use windlass_core::model::RunId;

use super::keeper::Keeper;
use super::rows::LostRuns;
use super::{follow, query};
use crate::engine::Published;
use crate::facts::{Checkpoints, Reader};

/// So long a start waits for the view to say whether the journal was cut. A view that is slower says it later, and nobody waits.
const OPENING: Duration = Duration::from_secs(1);

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
    /// It did not hold yet what was committed before the question, so that what it does not have proves nothing.
    #[error("the history is behind: {applied} of {last} facts; ask again in a moment")]
    Behind {
        /// Facts applied so far.
        applied: u64,
        /// Facts there were when it was asked.
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
    /// The journal cannot be read, and no checkpoint helps over it.
    #[error("the history cannot be read from the journal: {0}")]
    Journal(String),
    /// It failed too often, or the journal behind it cannot be read.
    #[error("the history is away until the master is started again: {0}")]
    Away(String),
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
    pub(super) store: ArcSwapOption<Keeper>,
    /// It waits for room on its volume.
    pub(super) is_full: AtomicBool,
    /// Why it does not come back by itself.
    pub(super) away: ArcSwapOption<String>,
    /// The lsn of the last fact that the view holds.
    pub(super) applied: watch::Sender<u64>,
    /// A query met a fault of the store.
    pub(super) sick: watch::Sender<Option<Error>>,
    /// The view knows more than the journal.
    pub(super) cut: watch::Sender<Option<Error>>,
    /// Runs that damage took from the journal.
    pub(super) lost: ArcSwap<Vec<LostRuns>>,
    pub(super) published: Published,
}

impl Shared {
    /// Why there is no store to ask.
    pub(super) fn why_not(&self) -> Error {
        match self.away.load_full() {
            Some(why) => Error::Away(why.as_ref().clone()),
            None if self.is_full.load(Ordering::Acquire) => Error::Full,
            None => Error::Rebuilding { applied: *self.applied.borrow(), last: self.published.lsn() },
        }
    }
}

/// The threads of the history; `join` waits for them.
#[derive(Debug)]
pub struct Threads {
    threads: Vec<std::thread::JoinHandle<()>>,
    cut: watch::Receiver<Option<Error>>,
}

impl Threads {
    /// Waits until the view proves that the journal was cut; then the master must end, and somebody must look.
    pub async fn cut(&self) -> Error {
        let mut cut = self.cut.clone();
        let found = cut.wait_for(Option::is_some).await.ok().and_then(|cut| cut.clone());
        match found {
            Some(error) => error,
            // The view has ended in good order: this never happens any more.
            None => std::future::pending().await,
        }
    }

    /// Waits until both have ended.
    pub fn join(self) {
        for thread in self.threads {
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
        checkpoints: Checkpoints,
        published: Published,
        stop: CancellationToken,
    ) -> Result<(Self, Threads), Error> {
        let dir: PathBuf = data_dir.join("history-1");
        let shared = Arc::new(Shared {
            store: ArcSwapOption::empty(),
            is_full: AtomicBool::new(false),
            away: ArcSwapOption::empty(),
            applied: watch::Sender::new(0),
            sick: watch::Sender::new(None),
            cut: watch::Sender::new(None),
            lost: ArcSwap::default(),
            published,
        });
        let (queries, receiver) = mpsc::channel(QUERIES);
        let runtime = tokio::runtime::Handle::current();
        let (opened, opening) = std::sync::mpsc::sync_channel(1);
        let follower =
            follow::Follow { dir, cluster_id, reader, checkpoints, shared: Arc::clone(&shared), stop, runtime };
        let follow = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || follower.run(&opened))
            .map_err(|error| Error::Store(error.to_string()))?;
        if let Ok(Some(cut)) = opening.recv_timeout(OPENING) {
            return Err(cut);
        }
        let asked = Arc::clone(&shared);
        let answer = std::thread::Builder::new()
            .name("history query".to_owned())
            .spawn(move || query::serve(&asked, receiver))
            .map_err(|error| Error::Store(error.to_string()))?;
        let threads = Threads { threads: vec![follow, answer], cut: shared.cut.subscribe() };
        Ok((Self { shared, queries }, threads))
    }

    /// Whether damage of the journal took this run from the history.
    pub fn has_lost(&self, run: &RunId) -> bool {
        self.shared.lost.load().iter().any(|lost| lost.holds(run))
    }

    /// Runs that damage of the journal took from the history.
    pub fn lost(&self) -> Vec<LostRuns> {
        self.shared.lost.load().to_vec()
    }

    /// The lsn of the last fact that the view holds.
    pub fn applied_lsn(&self) -> u64 {
        *self.shared.applied.borrow()
    }
}
