//! The thread that keeps the view: it folds committed turns with the same code as the engine, and writes what they add.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fold::{Fold, Mended};
use super::handle::{Error, Shared};
use super::keeper::{Keeper, Opened};
use super::rows::{LostRuns, all, deployment_key, expired, removed, rows};
use super::store::Changes;
use super::{key, store};
use crate::facts::{Checkpoint, Checkpoints, Follower, Reader, TurnRead};

/// Between two syncs of the view. What a crash loses of it is read from the journal again.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Between two looks whether a full disk has room again.
const ROOM_AGAIN: Duration = Duration::from_secs(5);

/// Directories that were set aside and are kept for somebody to look at.
const SET_ASIDE_MAX: usize = 2;

/// More rebuilds than this in an hour are no accident.
const REBUILDS_MAX: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);

/// Turns are applied together up to so many rows: a batch of its own for each would make a rebuild take hours.
const BATCH_ROWS: usize = 2_000;

pub(super) struct Follow {
    pub(super) dir: PathBuf,
    pub(super) cluster_id: [u8; 16],
    pub(super) reader: Reader,
    pub(super) checkpoints: Checkpoints,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: CancellationToken,
    pub(super) runtime: Handle,
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

/// When the view was rebuilt lately.
#[derive(Default)]
struct Rebuilds(VecDeque<Instant>);

impl Rebuilds {
    /// Counts one more, unless there were too many within the hour.
    fn one_more(&mut self) -> bool {
        let now = Instant::now();
        self.0.retain(|at| now.duration_since(*at) < HOUR);
        let may = self.0.len() < REBUILDS_MAX;
        self.0.push_back(now);
        may
    }
}

impl Follow {
    /// Until the master stops. `opened` hears once whether the view proves that the journal was cut.
    pub(super) fn run(self, opened: &SyncSender<Option<Error>>) {
        let mut rebuilds = Rebuilds::default();
        loop {
            let caught = catch_unwind(AssertUnwindSafe(|| self.open_and_follow(opened)));
            let ended = caught.unwrap_or_else(|_| Err(Error::Store("its thread panicked".to_owned())));
            self.shared.store.store(None);
            match ended {
                Ok(()) => return,
                Err(error @ Error::JournalCut { .. }) => {
                    let _ = opened.try_send(Some(error.clone()));
                    return drop(self.shared.cut.send_replace(Some(error)));
                }
                Err(Error::Full) => {
                    tracing::error!("the disk is full: the history waits for room, everything else goes on");
                    if self.wait_for_room() == Woken::Stop {
                        return;
                    }
                }
                Err(error @ Error::Store(_)) if rebuilds.one_more() => {
                    tracing::error!(%error, dir = %self.dir.display(), "the history is set aside and rebuilt");
                    set_aside(&self.dir);
                }
                Err(error) => return self.stay_away(&error),
            }
            self.shared.applied.send_replace(0);
        }
    }

    fn stay_away(&self, error: &Error) {
        tracing::error!(%error, "the history stays away; everything else goes on");
        self.shared.away.store(Some(Arc::new(error.to_string())));
    }

    fn wait_for_room(&self) -> Woken {
        self.shared.is_full.store(true, Ordering::Release);
        let woken = self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => Woken::Stop,
                () = tokio::time::sleep(ROOM_AGAIN) => Woken::More,
            }
        });
        self.shared.is_full.store(false, Ordering::Release);
        woken
    }

    fn open_and_follow(&self, opened: &SyncSender<Option<Error>>) -> Result<(), Error> {
        let Opened { keeper, applied, closed } = Keeper::open(&self.dir, self.cluster_id)?;
        let last = self.shared.published.lsn();
        if applied > last {
            return Err(Error::JournalCut { applied, last });
        }
        // The start has gone on by itself if it was too late, or if this is not the first time.
        let _ = opened.try_send(None);
        self.shared.applied.send_replace(applied);
        self.shared.sick.send_replace(None);
        let lost = keeper.call(|store| store.get(&key::meta(key::LOST)))?;
        let lost: Vec<LostRuns> = lost.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        self.shared.lost.store(Arc::new(lost));
        let base = self.checkpoints.newest(|lsn| lsn <= applied).map_err(|error| Error::Journal(error.to_string()))?;
        let view = View { follow: self, keeper, fold: Fold::from(base.as_ref()), applied, changes: Changes::default() };
        view.follow(base.as_ref())?;
        // Whoever opens the directory next must find it free.
        self.shared.store.store(None);
        closed.wait();
        Ok(())
    }
}

/// An open view that follows the journal.
struct View<'f> {
    follow: &'f Follow,
    keeper: Keeper,
    fold: Fold,
    applied: u64,
    changes: Changes,
}

impl View<'_> {
    /// Until the master stops, or the store or the journal fails.
    fn follow(mut self, base: Option<&Checkpoint>) -> Result<(), Error> {
        let shared = &self.follow.shared;
        let mut follower = match base {
            Some(base) => self.follow.reader.follow_behind(&base.mark).map_err(|error| journal(&error))?,
            None => self.follow.reader.follow(1).map_err(|error| journal(&error))?,
        };
        let mut synced = Instant::now();
        loop {
            while let Some(turn) = self.next(&mut follower)? {
                self.take(&turn);
                if self.changes.rows.len() >= BATCH_ROWS || !self.changes.expired.is_empty() {
                    self.apply()?;
                    if self.follow.stop.is_cancelled() {
                        return self.keeper.call(store::Store::sync);
                    }
                    if synced.elapsed() >= SYNC_EVERY {
                        self.keeper.call(store::Store::sync)?;
                        synced = Instant::now();
                    }
                }
            }
            self.apply()?;
            if shared.store.load().is_none() {
                self.keeper.call(store::Store::sync)?;
                shared.store.store(Some(Arc::new(self.keeper.clone())));
            }
            match self.wait() {
                Woken::More => {}
                Woken::Sync => self.keeper.call(store::Store::sync)?,
                Woken::Sick(error) => return Err(error),
                Woken::Stop => return self.keeper.call(store::Store::sync),
            }
        }
    }

    /// The next committed turn. A segment that is damaged is passed over, if a checkpoint behind it says what was believed there.
    fn next(&mut self, follower: &mut Follower) -> Result<Option<TurnRead>, Error> {
        loop {
            let error = match follower.next(self.follow.shared.published.lsn()) {
                Err(error) if error.is_damage() => error,
                read => return read.map_err(|error| journal(&error)),
            };
            let skipped = follower.skip().map_err(|error| journal(&error))?;
            let lost = skipped.ok_or_else(|| journal(&error))?;
            let until = self.follow.checkpoints.oldest(|lsn| lsn + 1 >= lost.next);
            let until = until.map_err(|error| Error::Journal(error.to_string()))?.ok_or_else(|| journal(&error))?;
            tracing::error!(%error, from = lost.from, next = lost.next, "facts are lost to the history; everything else goes on");
            self.fold.begin_gap(until);
        }
    }

    fn take(&mut self, turn: &TurnRead) {
        let (touched, mended) = self.fold.turn(turn);
        let ordinals = self.follow.shared.published.state();
        if self.fold.seen > self.applied {
            self.changes.add(rows(&ordinals, &self.fold.state, &touched), removed(&ordinals, &touched));
            self.changes.expired.extend(expired(&self.fold.state, &touched));
            if let Some(mended) = mended {
                self.write_over(mended);
            }
        }
    }

    /// Behind a gap: the state as it was written, over all that was found.
    fn write_over(&mut self, mended: Mended) {
        let ordinals = self.follow.shared.published.state();
        let gone = mended.deployments.iter().filter_map(|id| deployment_key(&ordinals, id));
        self.changes.removed.extend(gone);
        self.changes.rows.extend(rows(&ordinals, &self.fold.state, &all(&self.fold.state)));
        let mut lost = self.follow.shared.lost.load().to_vec();
        for runs in mended.runs.into_iter().filter(|runs| !lost.contains(runs)).collect::<Vec<_>>() {
            tracing::error!(%runs, "lost to the history by damage of the journal");
            lost.push(runs);
        }
        let json = serde_json::to_vec(&lost).expect("names and numbers are JSON");
        self.changes.rows.push((key::meta(key::LOST), json));
        self.follow.shared.lost.store(Arc::new(lost));
    }

    /// Writes what was taken, and how far that is.
    fn apply(&mut self) -> Result<(), Error> {
        let seen = self.fold.seen;
        if seen <= self.applied {
            return Ok(());
        }
        let mut changes = std::mem::take(&mut self.changes);
        let expired = std::mem::take(&mut changes.expired);
        if !expired.is_empty() {
            // What goes may have come with the same facts, and may be much.
            let written = std::mem::take(&mut changes);
            self.keeper.call(move |store| store.apply(written, None))?;
            for runs in expired {
                while self.keeper.call(move |store| store.expire(runs))? {}
            }
        }
        self.keeper.call(move |store| store.apply(changes, Some(seen)))?;
        self.applied = seen;
        self.follow.shared.applied.send_replace(seen);
        Ok(())
    }

    fn wait(&self) -> Woken {
        let shared = &self.follow.shared;
        let mut sick = shared.sick.subscribe();
        self.follow.runtime.block_on(async {
            tokio::select! {
                _ = shared.published.changed(self.fold.seen) => Woken::More,
                () = self.follow.stop.cancelled() => Woken::Stop,
                Ok(error) = sick.wait_for(Option::is_some) => Woken::sick(error.as_ref()),
                () = tokio::time::sleep(SYNC_EVERY) => Woken::Sync,
            }
        })
    }
}

fn journal(error: &crate::facts::Error) -> Error {
    Error::Journal(error.to_string())
}

#[derive(PartialEq, Eq)]
enum Woken {
    More,
    Sync,
    Sick(Error),
    Stop,
}

impl Woken {
    fn sick(error: Option<&Error>) -> Self {
        error.cloned().map_or(Self::More, Self::Sick)
    }
}
