//! A disk in memory that forgets: it keeps what was synced and, of the rest, what a seed says.
//!
//! Called by tests and simulations. Invariant: after [`FaultyDisk::crash`] everything that a sync
//! covered is there, and nothing else can be relied on: blocks of unsynced writes, changes of length
//! and names in unsynced directories are kept or lost one by one. Deliberately absent: links that are
//! followed, permissions, times.

mod file;
mod inode;
mod seed;
mod state;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::file::{Disk, DiskFile, DiskVolume, Error, Open, Result, SYNCFS};
use file::FaultyFile;
use inode::Content;
use state::State;

/// A disk in memory whose faults are planned by its user. Clones show the same disk.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

impl FaultyDisk {
    /// An empty disk that only has `/`.
    pub fn new() -> FaultyDisk {
        FaultyDisk::default()
    }

    /// Cuts the power: loses what the seed says of all that was not synced, frees every lock, and
    /// makes every open handle useless. The disk works again afterwards and has no planned fault.
    pub fn crash(&self, seed: u64) {
        self.lock().crash(seed);
    }

    /// Another disk with what this one would have after [`Self::crash`], as a snapshot of a running host is. This one goes on.
    pub fn snapshot(&self, seed: u64) -> FaultyDisk {
        let mut state = self.lock().clone();
        state.crash(seed);
        FaultyDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// How many changes and syncs were asked for so far. Faults are planned by this count.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Plans the power to go during the change or sync of this number, counted from 0 at the making
    /// of the disk. It fails, a write after a part; so does all that follows, until [`Self::crash`].
    pub fn power_off_at(&self, operation: u64) {
        self.lock().power_off_at = Some(operation);
    }

    /// Plans one change or sync to fail, a write after a part. Later ones work again.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        self.lock().failures.insert(operation, kind);
    }

    /// Forgets all faults that are planned.
    pub fn spare(&self) {
        let mut state = self.lock();
        state.failures.clear();
        state.power_off_at = None;
    }

    /// Lets the files have at most this many bytes together; growing beyond fails with `StorageFull`.
    pub fn limit_bytes(&self, capacity: u64) {
        self.lock().capacity = capacity;
    }

    /// Changes a file behind everybody's back, as a bad disk does: durable at once, never counted.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        self.lock().damage(path, change);
    }

    /// What all files together have now.
    pub fn used_bytes(&self) -> u64 {
        self.lock().used_bytes() as u64
    }

    /// What would be left of a file if the power went now and everything unsynced were lost; none if that is its name.
    pub fn synced(&self, path: &Path) -> Option<Vec<u8>> {
        self.lock().synced(path).map(|content| content.durable().to_vec())
    }

    /// Whether nothing of a file could be lost now: its content, and every name that leads to it.
    pub fn is_synced(&self, path: &Path) -> bool {
        self.lock().synced(path).is_some_and(Content::is_synced)
    }

    /// How many bytes of a file are sure to stay; 0 if its name is not.
    pub fn synced_len(&self, path: &Path) -> u64 {
        self.lock().synced(path).map_or(0, |content| content.durable().len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        operation: &'static str,
        path: &Path,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> Result<T> {
        act(&mut self.lock()).map_err(|source| Error::new(operation, path, source))
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>> {
        let opened = self.with("open", path, |state| state.open(path, how))?;
        Ok(Box::new(FaultyFile::new(self.clone(), path, opened)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.with("rename", from, |state| state.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.with("remove", path, |state| state.remove(path, false))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.with("remove the directory", path, |state| state.remove(path, true))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.with("create the directory", path, |state| state.create_dir(path))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>> {
        self.with("read the directory", path, |state| state.read_dir(path))
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.with("sync the directory", path, |state| state.sync_dir(path))
    }

    fn symlink(&self, to: &Path, path: &Path) -> Result<()> {
        self.with("symlink", path, |state| state.symlink(to, path))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf> {
        self.with("read the link", path, |state| state.read_link(path))
    }

    fn volume(&self, dir: &Path) -> Result<Option<Box<dyn DiskVolume>>> {
        Ok(Some(Box::new(FaultyVolume { disk: self.clone(), dir: dir.to_owned() })))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.with("stat", path, |state| state.exists(path))
    }

    fn size(&self, path: &Path) -> Result<Option<u64>> {
        self.with("stat", path, |state| state.size(path))
    }
}

#[derive(Debug)]
struct FaultyVolume {
    disk: FaultyDisk,
    dir: PathBuf,
}

impl DiskVolume for FaultyVolume {
    fn sync(&self) -> Result<()> {
        self.disk.with(SYNCFS, &self.dir, State::sync_all)
    }
}

#[cfg(test)]
mod tests;
