//! The files of an identity: a directory of mode 0700, each file of mode 0600.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use windlass_disk::{Disk, RealDisk, safe_write};

use super::{Error, Result};

pub(super) const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The directory, made if it is missing.
pub(super) fn create_directory(dir: &Path) -> Result<()> {
    if let Some(parent) = dir.parent() {
        safe_write::create_dir_all_synced(&RealDisk, parent)?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_mode(dir, DIRECTORY_MODE)?,
        made => made.map_err(|error| windlass_disk::Error::new("create the directory", dir, error))?,
    }
    // Syncs the name that is there now into its parent.
    Ok(safe_write::create_dir_all_synced(&RealDisk, dir)?)
}

/// Writes a file that only its owner reads. Until the mode is set the directory keeps others out.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    safe_write::write(&RealDisk, path, text.as_bytes())?;
    let private = std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE));
    private.map_err(|error| windlass_disk::Error::new("change the mode of", path, error))?;
    Ok(())
}

/// The text of a file; `None` if there is none. Files and directory must be closed to others.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    if !RealDisk.exists(path)? {
        return Ok(None);
    }
    check_mode(path, FILE_MODE)?;
    let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
    String::from_utf8(RealDisk.read(path)?).map(Some).map_err(|error| damaged(error.to_string()))
}

/// Refuses a symbolic link, and what others than the owner can open.
pub(super) fn check_mode(path: &Path, wanted: u32) -> Result<()> {
    let path = PathBuf::from(path);
    let found = std::fs::symlink_metadata(&path);
    let found = found.map_err(|error| windlass_disk::Error::new("read the mode of", &path, error))?;
    if found.file_type().is_symlink() {
        return Err(Error::Damaged { path, why: "it is a symbolic link".to_owned() });
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Error::Mode { path, mode, wanted }) }
}
