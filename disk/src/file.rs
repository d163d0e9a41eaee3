//! The `Disk` trait: the only way to files that must survive a crash.
//!
//! Called by everything in this crate, and by master, agent and shim for files of their own.
//! Invariant: nothing is durable before the sync that covers it returned; a new name is durable when
//! the directory it stands in is synced. Deliberately absent: buffering, async, file modes.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// What every operation of a disk returns.
pub type Result<T> = std::result::Result<T, Error>;

/// The operations that make something durable, as errors name them.
pub(crate) const FDATASYNC: &str = "fdatasync";
pub(crate) const FSYNC: &str = "fsync";
pub(crate) const SYNC_DIR: &str = "sync the directory";
pub(crate) const SYNCFS: &str = "syncfs";

/// An operation that failed, and on which path. Decide by [`Error::kind`], never by the text.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct Error {
    /// The operation as a verb, such as `fdatasync`.
    pub operation: &'static str,
    /// The path it was tried on; the old one for a rename.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Error {
    /// Makes the error of one operation on one path.
    pub fn new(operation: &'static str, path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        Error { operation, path, source }
    }

    /// The kind that the operating system gave.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether the volume, or the quota of its user, is full: nothing was done, and it may pass. A sync that says so is another matter,
    /// because what the disk has is unknown then.
    pub fn is_no_space(&self) -> bool {
        let is_sync = [FDATASYNC, FSYNC, SYNC_DIR, SYNCFS].contains(&self.operation);
        !is_sync && matches!(self.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// How a file is opened. All but `Read` may also be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// It must exist; only for reading.
    Read,
    /// It must exist.
    Write,
    /// It is made if it is missing.
    Create,
    /// It must be missing.
    CreateNew,
    /// It is made if it is missing, and emptied otherwise.
    Truncate,
}

/// A file system, or the part of one, that keeps our files. Symbolic links are never followed at the
/// last component by `exists`, `remove_file` and `rename`.
pub trait Disk: Send + Sync {
    /// Opens a file. Its descriptor is close-on-exec.
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>>;
    /// Renames within a directory or across two of the same volume; replaces what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;
    /// Removes a file or a symbolic link.
    fn remove_file(&self, path: &Path) -> Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> Result<()>;
    /// Makes a directory; an existing one is an error of kind `AlreadyExists`.
    fn create_dir(&self, path: &Path) -> Result<()>;
    /// The paths in a directory, sorted.
    fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> Result<()>;
    /// Makes a symbolic link at `path` that points to `to`.
    fn symlink(&self, to: &Path, path: &Path) -> Result<()>;
    /// Where a symbolic link points.
    fn read_link(&self, path: &Path) -> Result<PathBuf>;
    /// Whether anything has this name.
    fn exists(&self, path: &Path) -> Result<bool>;
    /// The length of a file in bytes; none if the name is missing or leads to anything but a file.
    fn size(&self, path: &Path) -> Result<Option<u64>>;

    /// The volume that a directory lies on, to make all of it durable at once; none where that cannot be relied on.
    fn volume(&self, _dir: &Path) -> Result<Option<Box<dyn DiskVolume>>> {
        Ok(None)
    }

    /// Makes a directory and the missing ones above it. Nothing is synced; see
    /// [`crate::safe_write::create_dir_all_synced`].
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        if self.exists(path)? {
            return Ok(());
        }
        if let Some(parent) = parent_of(path) {
            self.create_dir_all(parent)?;
        }
        match self.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// The whole content of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.open(path, Open::Read)?.read_all()
    }
}

/// A volume that is held open. As with a file, after a failed sync every later one fails too.
pub trait DiskVolume: Send + std::fmt::Debug {
    /// Makes everything durable that was written to the volume: contents, lengths and names.
    fn sync(&self) -> Result<()>;
}

/// An open file. Writes that fail may have written a part. After a failed sync every later write and
/// sync of the same handle fails too, because the kernel may have dropped the data and would say
/// nothing the second time.
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// The path it was opened by, for messages.
    fn path(&self) -> &Path;
    /// Reads up to `buffer.len()` bytes from `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;
    /// Writes all of `data` at `offset`.
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()>;
    /// Its length in bytes.
    fn len(&self) -> Result<u64>;
    /// Cuts it, or extends it with zeros.
    fn truncate(&self, len: u64) -> Result<()>;
    /// Makes content and length durable.
    fn fdatasync(&self) -> Result<()>;
    /// Makes content and all metadata durable, but not its name.
    fn fsync(&self) -> Result<()>;
    /// Makes it at least `len` bytes long, with room on the volume for each; what is new reads as
    /// zeros. Where the volume is full it fails here and not at a later write.
    fn preallocate(&self, len: u64) -> Result<()>;
    /// Takes the exclusive lock of the open file without waiting; `false` if another has it. It is
    /// freed when the last descriptor of this open file closes, inherited ones included.
    fn try_flock(&self) -> Result<bool>;
    /// Another descriptor of the same open file, as a child inherits it: the lock is freed when the last of them closes.
    fn duplicate(&self) -> Result<Box<dyn DiskFile>>;
    /// The descriptor, to be inherited or watched; none on a disk that is not the real one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// Writes all of `data` at the end and says where it begins. For one writer at a time.
    fn append(&self, data: &[u8]) -> Result<u64> {
        let end = self.len()?;
        self.write_at(end, data)?;
        Ok(end)
    }

    /// Whether it has no byte.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// What stands in `[offset, offset + len)`, shorter if the file ends before.
    fn read_range(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let read = self.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// All it holds.
    fn read_all(&self) -> Result<Vec<u8>> {
        let len = usize::try_from(self.len()?).expect("a file that is read whole fits in memory");
        self.read_range(0, len)
    }
}

/// The directory that a path stands in; `None` for a root.
pub(crate) fn parent_of(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}
