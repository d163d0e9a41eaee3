//! One owner of a directory: the lock of a master's data directory and of an agent's state directory.
//!
//! Called once at the start of either. Invariant: while a `DirLock` lives, nobody else has one of the
//! same directory; it is freed by the kernel with its holder, so a crash leaves none behind.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::file::{self, Disk, DiskFile, Open};

/// The name of the file that carries the lock.
pub const LOCK_FILE: &str = "lock";

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has it.
    #[error("{} is held by another process", .0.display())]
    Held(PathBuf),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] file::Error),
}

/// The lock of a directory; dropping it frees it.
#[derive(Debug)]
pub struct DirLock {
    file: Box<dyn DiskFile>,
}

impl DirLock {
    /// The path of the file that carries the lock.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Locks an existing directory, without waiting.
pub fn lock_dir(disk: &dyn Disk, dir: &Path) -> Result<DirLock, Error> {
    let file = disk.open(&dir.join(LOCK_FILE), Open::Create)?;
    if file.try_flock()? { Ok(DirLock { file }) } else { Err(Error::Held(file.path().to_owned())) }
}

/// Whether somebody holds a lock of this file, as the kernel lists them; the lock is not taken to see that. Meant for tests of programs
/// that start others: until it is executed, a child has a copy of every descriptor, so that a lock outlives for a moment who let it go.
pub fn is_locked(file: &Path) -> io::Result<bool> {
    let place = match std::fs::metadata(file) {
        Ok(found) => {
            let device = found.dev();
            format!(" {:02x}:{:02x}:{} 0 EOF", rustix::fs::major(device), rustix::fs::minor(device), found.ino())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let locks = std::fs::read_to_string("/proc/locks")?;
    Ok(locks.lines().any(|lock| lock.contains(" FLOCK ") && lock.ends_with(&place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealDisk;

    #[test]
    fn a_lock_is_seen_without_being_taken() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join(LOCK_FILE);
        assert!(!is_locked(&file).expect("no file, no lock"));
        let lock = lock_dir(&RealDisk, dir.path()).expect("nobody has it");
        assert!(is_locked(&file).expect("listed"));
        drop(lock);
        assert!(!is_locked(&file).expect("listed"));
    }

    #[test]
    fn a_directory_has_one_owner_until_it_lets_go() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let first = lock_dir(&RealDisk, dir.path()).expect("nobody has it");
        let second = lock_dir(&RealDisk, dir.path());
        assert!(matches!(second, Err(Error::Held(path)) if path == first.path()));
        drop(first);
        lock_dir(&RealDisk, dir.path()).expect("it was let go");
    }

    #[test]
    fn a_missing_directory_cannot_be_locked() {
        let error = lock_dir(&RealDisk, Path::new("/nonexistent/windlass")).expect_err("no such directory");
        assert!(matches!(error, Error::Disk(error) if error.kind() == std::io::ErrorKind::NotFound));
    }
}
