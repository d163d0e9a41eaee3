//! Power-safe writes: a small file that is either the old one or the new one, whole, after any cut;
//! and new directories that stay.
//!
//! Called for state files, checkpoints, and for each new directory level. Invariant: when a function
//! here returns, content and name are durable. Deliberately absent: any format but one checksum line;
//! two writers of the same path at once.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::file::{Disk, Error, Open, Result, parent_of};

/// The check line has one length, so it is found from the end and the bytes before it may be any.
const CHECK_LINE: usize = "\n00000000\n".len();

/// Replaces `path` by a file of these bytes. The directory must exist and be durable. A cut leaves at
/// most a file of the same name with a dot before and `.tmp` behind, which the next write replaces.
pub fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_beside(path)?;
    let file = disk.open(&temporary, Open::Truncate)?;
    file.write_at(0, bytes)?;
    file.fsync()?;
    drop(file);
    disk.rename(&temporary, path)?;
    disk.sync_dir(parent_of(path).expect("a path with a file name has a parent"))
}

/// Makes a directory and every missing one above it, each durable before the next is made. The
/// deepest one that exists is synced into its parent too: a process that died between making and
/// syncing leaves exactly that one unproven.
pub fn create_dir_all_synced(disk: &dyn Disk, path: &Path) -> Result<()> {
    let Some(parent) = parent_of(path) else {
        return Ok(());
    };
    if disk.exists(path)? {
        return match disk.sync_dir(parent) {
            // Our own directories are readable to us; this one was there before us.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    create_dir_all_synced(disk, parent)?;
    match disk.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    disk.sync_dir(parent)
}

/// What a checked file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// There is none.
    Missing,
    /// Its checksum does not fit, or it has none.
    Damaged,
    /// The bytes that were written.
    Whole(Vec<u8>),
}

/// Like [`write()`], with a line of eight hexadecimal digits behind the bytes: their CRC-32C.
pub fn write_checked(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut content = bytes.to_vec();
    content.extend_from_slice(&check_line(bytes));
    write(disk, path, &content)
}

/// Reads what [`write_checked`] wrote.
pub fn read_checked(disk: &dyn Disk, path: &Path) -> Result<Checked> {
    let mut content = match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Checked::Missing),
        content => content?,
    };
    let Some(end) = content.len().checked_sub(CHECK_LINE) else {
        return Ok(Checked::Damaged);
    };
    if content[end..] != check_line(&content[..end]) {
        return Ok(Checked::Damaged);
    }
    content.truncate(end);
    Ok(Checked::Whole(content))
}

fn check_line(bytes: &[u8]) -> Vec<u8> {
    format!("\n{:08x}\n", crc32c::crc32c(bytes)).into_bytes()
}

fn temporary_beside(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::new("write", path, io::ErrorKind::InvalidInput.into()));
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".tmp");
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests;
