//! The thread that owns the view: it folds committed turns with the same code as the engine, and writes what they add.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use windlass_core::{State, Touched};

use super::handle::{Error, Shared};
use super::rows::rows;
use super::store::Store;
use crate::facts::Reader;

/// Between two syncs of the view. What a crash loses of it is read from the journal again.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Between two looks whether a full disk has room again.
const ROOM_AGAIN: Duration = Duration::from_secs(5);

/// Directories that were set aside and are kept for somebody to look at.
const SET_ASIDE_MAX: usize = 2;

pub(super) struct Follow {
    pub(super) dir: PathBuf,
    pub(super) cluster_id: [u8; 16],
    pub(super) reader: Reader,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: CancellationToken,
}

/// A store and the lsn that it has applied, or why there is none.
type Opened = Result<(Store, u64), Error>;

/// Opens the view; what does not open is set aside, and a new one begun. For want of room nothing is set aside.
pub(super) fn open_or_renew(dir: &Path, cluster_id: [u8; 16]) -> Opened {
    match Store::open(dir, cluster_id) {
        Err(error) if error != Error::Full => {
            tracing::warn!(%error, dir = %dir.display(), "the history is set aside and rebuilt from the journal");
            renew(dir, cluster_id)
        }
        opened => opened,
    }
}

fn renew(dir: &Path, cluster_id: [u8; 16]) -> Opened {
    set_aside(dir);
    Store::open(dir, cluster_id)
}

fn set_aside(dir: &Path) {
    let name = |number: usize| dir.with_extension(format!("set-aside-{number}"));
    for number in (0..SET_ASIDE_MAX).rev() {
        let (from, to) = (if number == 0 { dir.to_owned() } else { name(number) }, name(number + 1));
        // An older one gives way; that something is missing here is the usual case.
        let _ = std::fs::remove_dir_all(&to);
        let _ = std::fs::rename(from, to);
    }
}

impl Follow {
    pub(super) fn run(self, mut store: Result<Store, Error>, runtime: &Handle) {
        let mut rebuilds = 0;
        loop {
            let ended = store.and_then(|open| self.follow(Arc::new(open), runtime));
            self.shared.store.store(None);
            match ended {
                Ok(()) => return,
                Err(Error::Full) => {
                    tracing::error!("the disk is full: the history waits for room, everything else goes on");
                    if self.wait_for_room(runtime) == Woken::Stop {
                        return;
                    }
                    store = self.again(open_or_renew(&self.dir, self.cluster_id));
                }
                Err(error) if rebuilds < 3 => {
                    tracing::error!(%error, "the history is set aside and rebuilt from the journal");
                    rebuilds += 1;
                    store = self.again(renew(&self.dir, self.cluster_id));
                }
                Err(error) => {
                    return tracing::error!(%error, rebuilds, "the history stays away; everything else goes on");
                }
            }
        }
    }

    fn again(&self, opened: Opened) -> Result<Store, Error> {
        self.shared.is_full.store(false, Ordering::Release);
        self.shared.applied.send_replace(opened.as_ref().map_or(0, |(_, applied)| *applied));
        opened.map(|(store, _)| store)
    }

    fn wait_for_room(&self, runtime: &Handle) -> Woken {
        self.shared.is_full.store(true, Ordering::Release);
        runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => Woken::Stop,
                () = tokio::time::sleep(ROOM_AGAIN) => Woken::More,
            }
        })
    }

    /// Until the master stops, or the store or the journal fails.
    fn follow(&self, store: Arc<Store>, runtime: &Handle) -> Result<(), Error> {
        let journal = |error: crate::facts::Error| Error::Store(error.to_string());
        let mut follower = self.reader.follow(1).map_err(journal)?;
        let mut state = State::default();
        let mut applied = *self.shared.applied.borrow();
        let mut seen = 0;
        loop {
            let end = self.shared.published.lsn();
            while let Some(turn) = follower.next(end).map_err(journal)? {
                let mut touched = Touched::default();
                for recorded in &turn.facts {
                    touched.merge(state.apply(recorded.at, &recorded.fact));
                }
                seen = turn.last_lsn();
                if seen > applied {
                    store.apply(rows(&state, &touched), seen)?;
                    applied = seen;
                    self.shared.applied.send_replace(applied);
                }
            }
            if self.shared.store.load().is_none() {
                store.sync()?;
                self.shared.store.store(Some(Arc::clone(&store)));
            }
            match self.wait(runtime, seen) {
                Woken::More => {}
                Woken::Sync => store.sync()?,
                Woken::Stop => return store.sync(),
            }
        }
    }

    fn wait(&self, runtime: &Handle, seen: u64) -> Woken {
        runtime.block_on(async {
            tokio::select! {
                _ = self.shared.published.changed(seen) => Woken::More,
                () = self.stop.cancelled() => Woken::Stop,
                () = tokio::time::sleep(SYNC_EVERY) => Woken::Sync,
            }
        })
    }
}

#[derive(PartialEq, Eq)]
enum Woken {
    More,
    Sync,
    Stop,
}
