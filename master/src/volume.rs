//! How full the volume of the data directory is, and what is given up for what must go on.
//!
//! | level | free on the volume, the lesser of | then |
//! |---|---|---|
//! | low | 10 %, 10 GiB | an alarm |
//! | tight | 5 %, 4 GiB | no new runs, no log bytes (agents keep them); reports, cancels and running jobs go on |
//! | stop | 2 %, 1 GiB | the ballast is released to the journal; only reports, cancels, acts of operators |
//!
//! Called by `engine` before it decides, by `http` before it reads a repository, and by its own task once a second, which tells the logs.
//! Invariant: a level is looked at before a decision, never after. Deliberately absent: what the journal does when it finds no room all
//! the same ([`crate::engine`] refuses everything then, and tries again).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_disk::{Disk, Open, RealDisk};

use crate::logs::Logs;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const GIB: u64 = 1 << 30;

/// How full the volume is. The higher, the fuller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is given up.
    Plenty,
    /// Somebody should make room.
    Low,
    /// What is new waits outside.
    Tight,
    /// The ballast goes.
    Stop,
}

impl Level {
    /// With so many bytes in all, and so many free.
    pub fn of(total: u64, free: u64) -> Self {
        let below = |hundredths: u64, most: u64| free < (total / 100 * hundredths).min(most);
        if below(2, GIB) {
            Self::Stop
        } else if below(5, 4 * GIB) {
            Self::Tight
        } else if below(10, 10 * GIB) {
            Self::Low
        } else {
            Self::Plenty
        }
    }
}

/// The volume of a data directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Volume(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    dir: PathBuf,
    ballast_bytes: u64,
}

impl Volume {
    /// Of this directory; the ballast is made by [`Self::watch`].
    pub fn of(dir: &Path, ballast_bytes: u64) -> Self {
        Self(Arc::new(Kept { dir: dir.to_owned(), ballast_bytes }))
    }

    /// How full it is now. A volume that cannot be asked shows itself when something is written.
    pub fn level(&self) -> Level {
        self.space().map_or(Level::Plenty, |(total, free)| Level::of(total, free))
    }

    /// True if nothing new may be begun.
    pub fn is_tight(&self) -> bool {
        self.level() >= Level::Tight
    }

    /// Gives the ballast up, so that the journal finds room; false if there was none.
    pub fn release(&self) -> bool {
        let released = std::fs::remove_file(self.ballast()).is_ok();
        if released {
            tracing::error!("the disk is full: the ballast is released to the journal; free some space");
        }
        released
    }

    /// Looks once a second, tells the logs, and keeps the ballast.
    pub async fn watch(self, logs: Logs) {
        let mut before = Level::Plenty;
        loop {
            let now = self.level();
            logs.refuse_bytes(now >= Level::Tight);
            match now {
                Level::Stop => _ = self.release(),
                Level::Plenty => self.keep_ballast(),
                Level::Low | Level::Tight => {}
            }
            if now > before {
                tracing::error!(level = ?now, dir = %self.0.dir.display(), "the master's disk fills up");
            } else if now < before {
                tracing::info!(level = ?now, "the master's disk has room again");
            }
            before = now;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Makes the ballast where that leaves plenty.
    fn keep_ballast(&self) {
        let Some((total, free)) = self.space() else { return };
        let path = self.ballast();
        if self.0.ballast_bytes == 0
            || path.exists()
            || Level::of(total, free.saturating_sub(self.0.ballast_bytes)) > Level::Plenty
        {
            return;
        }
        let made = RealDisk.open(&path, Open::Create).and_then(|file| file.preallocate(self.0.ballast_bytes));
        if let Err(error) = made {
            tracing::warn!(%error, "there is no ballast");
            _ = std::fs::remove_file(&path);
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.dir.join("ballast")
    }

    /// Bytes in all, and free; none if it cannot be asked.
    pub fn space(&self) -> Option<(u64, u64)> {
        let volume = rustix::fs::statvfs(&self.0.dir).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Some((bytes(volume.f_blocks), bytes(volume.f_bavail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesser_of_a_share_and_an_amount_counts() {
        let small = |free| Level::of(50 * GIB, free * GIB);
        assert_eq!([6, 4, 2, 0].map(small), [Level::Plenty, Level::Low, Level::Tight, Level::Stop]);
        let large = |free| Level::of(10_000 * GIB, free * GIB);
        assert_eq!([11, 9, 3, 0].map(large), [Level::Plenty, Level::Low, Level::Tight, Level::Stop]);
        assert_eq!(Level::of(10_000 * GIB, 50 * GIB), Level::Plenty);
    }

    #[test]
    fn the_ballast_is_there_until_it_is_released() {
        let dir = tempfile::tempdir().expect("a folder");
        let volume = Volume::of(dir.path(), 4096);
        volume.keep_ballast();
        let made = dir.path().join("ballast");
        assert_eq!(made.exists(), volume.level() == Level::Plenty);
        assert_eq!(volume.release(), volume.level() == Level::Plenty);
        assert!(!made.exists());
        assert!(!volume.release());
    }
}
