//! Copies that are durable, and say the digest of what they copied.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use windlass_disk::{RealDisk, safe_write};

use super::manifest::FileEntry;
use crate::exit::Failure;

const PART_BYTES: usize = 1024 * 1024;

/// Says which file failed, and at what.
pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::File { what, path, source }
}

/// Makes a directory that must be missing or empty.
pub(super) fn empty_dir(dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("make", dir))?;
    match fs::read_dir(dir).map_err(failed("read", dir))?.next() {
        None => Ok(()),
        Some(_) => Err(Failure::NotEmpty(dir.to_owned())),
    }
}

/// Makes the directory of a file to be.
pub(super) fn parent(path: &Path) -> Result<(), Failure> {
    let dir = path.parent().expect("a file below a directory has a parent");
    safe_write::create_dir_all_synced(&RealDisk, dir).map_err(|error| failed("make", dir)(error.source))
}

/// Copies the first `len` bytes, or all there are, and syncs them.
pub(super) fn copy(from: &Path, to: &Path, len: Option<u64>) -> Result<FileEntry, Failure> {
    let source = File::open(from).map_err(failed("read", from))?;
    parent(to)?;
    let mut target = File::options().write(true).create_new(true).open(to).map_err(failed("write", to))?;
    let mut rest = source.take(len.unwrap_or(u64::MAX));
    let (mut hasher, mut bytes, mut part) = (blake3::Hasher::new(), 0, vec![0; PART_BYTES]);
    loop {
        let read = rest.read(&mut part).map_err(failed("read", from))?;
        if read == 0 {
            break;
        }
        hasher.update(&part[..read]);
        target.write_all(&part[..read]).map_err(failed("write", to))?;
        bytes += read as u64;
    }
    target.sync_all().map_err(failed("sync", to))?;
    Ok(FileEntry { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// A second name for a file that never changes; a copy where that is not possible.
pub(super) fn link(from: &Path, to: &Path) -> Result<FileEntry, Failure> {
    parent(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => digest(to),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failed("read", from)(error)),
        Err(_) => copy(from, to, None),
    }
}

/// What there is in a file.
pub(super) fn digest(path: &Path) -> Result<FileEntry, Failure> {
    let mut file = File::open(path).map_err(failed("read", path))?;
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(&mut file, &mut hasher).map_err(failed("read", path))?;
    Ok(FileEntry { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// The files below a directory, sorted; none if it is missing.
pub(super) fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut out = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed("read", &dir))?,
        };
        for entry in entries {
            let entry = entry.map_err(failed("read", &dir))?;
            let kind = entry.file_type().map_err(failed("read", &entry.path()))?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                out.push(entry.path());
            }
        }
    }
    out.sort();
    Ok(out)
}

/// Makes the names in a directory and in all below it durable.
pub(super) fn sync_dirs(dir: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(dir).map_err(failed("read", dir))? {
        let entry = entry.map_err(failed("read", dir))?;
        if entry.file_type().map_err(failed("read", &entry.path()))?.is_dir() {
            sync_dirs(&entry.path())?;
        }
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}
