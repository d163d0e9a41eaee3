//! An open file of the faulty disk.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::FaultyDisk;
use super::state::{Handle, State};
use crate::file::{DiskFile, Result};

#[derive(Debug)]
pub(super) struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    handle: Handle,
    sync_failed: AtomicBool,
}

impl FaultyFile {
    pub(super) fn new(disk: FaultyDisk, path: &Path, handle: Handle) -> FaultyFile {
        FaultyFile { disk, path: path.to_owned(), handle, sync_failed: AtomicBool::new(false) }
    }

    fn with<T>(&self, operation: &'static str, act: impl FnOnce(&mut State, Handle) -> io::Result<T>) -> Result<T> {
        self.disk.with(operation, &self.path, |state| act(state, self.handle))
    }

    fn change(&self, operation: &'static str, act: impl FnOnce(&mut State, Handle) -> io::Result<()>) -> Result<()> {
        self.with(operation, |state, handle| {
            if self.sync_failed.load(Ordering::Acquire) {
                return Err(io::Error::other("an earlier sync of this file failed"));
            }
            act(state, handle)
        })
    }

    fn sync(&self, operation: &'static str) -> Result<()> {
        let synced = self.change(operation, State::sync);
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Release);
        }
        synced
    }
}

impl DiskFile for FaultyFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.with("read", |state, handle| {
            let bytes = &state.content(handle)?.bytes;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let len = buffer.len().min(bytes.len() - start);
            buffer[..len].copy_from_slice(&bytes[start..start + len]);
            Ok(len)
        })
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.change("write", |state, handle| state.write(handle, offset, data))
    }

    fn len(&self) -> Result<u64> {
        self.with("stat", |state, handle| Ok(state.content(handle)?.bytes.len() as u64))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.change("truncate", |state, handle| state.resize(handle, len))
    }

    fn fdatasync(&self) -> Result<()> {
        self.sync("fdatasync")
    }

    fn fsync(&self) -> Result<()> {
        self.sync("fsync")
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        let now = self.len()?;
        self.change("preallocate", |state, handle| state.resize(handle, now.max(len)))
    }

    fn try_flock(&self) -> Result<bool> {
        self.with("flock", State::try_flock)
    }

    fn duplicate(&self) -> Result<Box<dyn DiskFile>> {
        self.with("dup", State::duplicate)?;
        let copy = FaultyFile::new(self.disk.clone(), &self.path, self.handle);
        copy.sync_failed.store(self.sync_failed.load(Ordering::Acquire), Ordering::Release);
        Ok(Box::new(copy))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        self.disk.lock().close(self.handle);
    }
}
