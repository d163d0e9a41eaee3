//! The file that keeps room for evidence.

use std::path::PathBuf;

use windlass_core::attempt::DiskRoom;
use windlass_core::attempt::ballast::{Ballast as Decided, ballast};
use windlass_disk::{Disk, Open};

use super::StateDir;

/// It need not be there: on a full volume it is not.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    size_bytes: u64,
}

impl Ballast {
    /// Of this size, beside the attempts; 0: none.
    pub fn new(dir: &StateDir, size_bytes: u64) -> Self {
        Self { path: dir.ballast(), size_bytes }
    }

    /// Makes it or gives it up, as core decides. What the disk refuses is tried again by the next call.
    pub fn keep(&self, disk: &dyn Disk, room: DiskRoom) {
        let there = disk.exists(&self.path).unwrap_or(false);
        match ballast(there, self.size_bytes, room) {
            Decided::Leave => {}
            Decided::Make => self.make(disk),
            Decided::GiveUp => _ = self.give_up(disk),
        }
    }

    /// Removes it, so that what is tried next finds room; false if there is none.
    pub fn give_up(&self, disk: &dyn Disk) -> bool {
        let removed = disk.remove_file(&self.path).is_ok();
        if removed {
            tracing::error!("the disk is full: the ballast is given up, so that what happened can be written down");
        }
        removed
    }

    fn make(&self, disk: &dyn Disk) {
        let made = disk.open(&self.path, Open::Truncate).and_then(|file| file.preallocate(self.size_bytes));
        if let Err(error) = made {
            tracing::warn!(%error, "no ballast");
            // A part of it helps nobody.
            _ = disk.remove_file(&self.path);
        }
    }
}
