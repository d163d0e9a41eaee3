//! The disk of the operating system.
//!
//! Called by whoever makes an `Arc<dyn Disk>` for a running program. Invariant: every descriptor is
//! close-on-exec, and a handle whose sync failed once never claims to be synced again. Deliberately
//! absent: modes and owners, which are the business of who makes the outermost directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, FlockOperation};

use crate::file::{Disk, DiskFile, DiskVolume, Error, FDATASYNC, FSYNC, Open, Result, SYNC_DIR, SYNCFS};

/// The file system as the operating system shows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(how != Open::Read);
        match how {
            Open::Read | Open::Write => {}
            Open::Create => _ = options.create(true),
            Open::CreateNew => _ = options.create_new(true),
            Open::Truncate => _ = options.create(true).truncate(true),
        }
        let file = options.open(path).map_err(|e| Error::new("open", path, e))?;
        Ok(Box::new(RealFile::new(file, path)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|e| Error::new("rename", from, e))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|e| Error::new("remove", path, e))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).map_err(|e| Error::new("remove the directory", path, e))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        fs::create_dir(path).map_err(|e| Error::new("create the directory", path, e))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>> {
        let list = || -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(path)?;
            entries.map(|entry| Ok(entry?.path())).collect()
        };
        let mut paths = list().map_err(|e| Error::new("read the directory", path, e))?;
        paths.sort();
        Ok(paths)
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        let synced = File::open(path).and_then(|dir| dir.sync_all());
        synced.map_err(|e| Error::new(SYNC_DIR, path, e))
    }

    fn symlink(&self, to: &Path, path: &Path) -> Result<()> {
        std::os::unix::fs::symlink(to, path).map_err(|e| Error::new("symlink", path, e))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf> {
        fs::read_link(path).map_err(|e| Error::new("read the link", path, e))
    }

    fn volume(&self, dir: &Path) -> Result<Option<Box<dyn DiskVolume>>> {
        let kernel = rustix::system::uname();
        if !tells_of_failed_writes(&kernel.release().to_string_lossy()) {
            return Ok(None);
        }
        let file = File::open(dir).map_err(|e| Error::new("open the directory", dir, e))?;
        Ok(Some(Box::new(RealVolume(RealFile::new(file, dir)))))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::new("stat", path, error)),
        }
    }

    fn size(&self, path: &Path) -> Result<Option<u64>> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new("stat", path, error)),
        }
    }
}

/// Before Linux 5.8 syncfs does not say that something could not be written.
fn tells_of_failed_writes(release: &str) -> bool {
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (5, 8)
}

/// A directory that was open before anything was written that its syncs cover, so that they hear of every failure.
#[derive(Debug)]
struct RealVolume(RealFile);

impl DiskVolume for RealVolume {
    fn sync(&self) -> Result<()> {
        self.0.sync(SYNCFS, |dir| Ok(rustix::fs::syncfs(dir)?))
    }
}

/// An open file of the operating system.
#[derive(Debug)]
pub struct RealFile {
    file: File,
    path: PathBuf,
    sync_failed: AtomicBool,
}

impl RealFile {
    /// Takes over an open file, such as an inherited descriptor; `path` only names it in messages.
    pub fn new(file: File, path: &Path) -> RealFile {
        RealFile { file, path: path.to_owned(), sync_failed: AtomicBool::new(false) }
    }

    fn error(&self, operation: &'static str, source: io::Error) -> Error {
        Error::new(operation, &self.path, source)
    }

    fn refuse_after_failed_sync(&self, operation: &'static str) -> Result<()> {
        if self.sync_failed.load(Ordering::Acquire) {
            return Err(self.error(operation, io::Error::other("an earlier sync of this file failed")));
        }
        Ok(())
    }

    fn sync(&self, operation: &'static str, sync: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
        self.refuse_after_failed_sync(operation)?;
        sync(&self.file).map_err(|source| {
            self.sync_failed.store(true, Ordering::Release);
            self.error(operation, source)
        })
    }

    /// Writes zeros behind the end, for file systems that cannot allocate.
    fn extend_by_writing(&self, len: u64) -> Result<()> {
        let zeros = [0; 64 * 1024];
        let mut at = self.len()?;
        while at < len {
            let part = zeros.len().min(usize::try_from(len - at).unwrap_or(usize::MAX));
            self.write_at(at, &zeros[..part])?;
            at += part as u64;
        }
        Ok(())
    }
}

impl DiskFile for RealFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match self.file.read_at(&mut buffer[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error("read", error)),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.refuse_after_failed_sync("write")?;
        self.file.write_all_at(data, offset).map_err(|e| self.error("write", e))
    }

    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| self.error("stat", e))?.len())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.refuse_after_failed_sync("truncate")?;
        self.file.set_len(len).map_err(|e| self.error("truncate", e))
    }

    fn fdatasync(&self) -> Result<()> {
        self.sync(FDATASYNC, File::sync_data)
    }

    fn fsync(&self) -> Result<()> {
        self.sync(FSYNC, File::sync_all)
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.refuse_after_failed_sync("preallocate")?;
        if len == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP) => self.extend_by_writing(len),
            Err(errno) => Err(self.error("preallocate", errno.into())),
        }
    }

    fn try_flock(&self) -> Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(self.error("flock", errno.into())),
        }
    }

    fn duplicate(&self) -> Result<Box<dyn DiskFile>> {
        let file = self.file.try_clone().map_err(|e| self.error("dup", e))?;
        let copy = RealFile::new(file, &self.path);
        copy.sync_failed.store(self.sync_failed.load(Ordering::Acquire), Ordering::Release);
        Ok(Box::new(copy))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_synced_as_a_whole_only_where_the_kernel_tells_of_failures() {
        let rows =
            [("6.18.44-generic", true), ("5.8.0", true), ("5.7.19", false), ("4.19.0-26-amd64", false), ("", false)];
        for (release, tells) in rows {
            assert_eq!(tells_of_failed_writes(release), tells, "{release:?}");
        }
    }

    #[test]
    fn a_volume_can_be_synced() {
        let dir = tempfile::tempdir().expect("a folder");
        if let Some(volume) = RealDisk.volume(dir.path()).expect("it opens") {
            fs::write(dir.path().join("a"), "text").expect("written");
            volume.sync().expect("synced");
        }
    }
}
