//! Making files beneath one open folder, part by part, without ever following a symlink: whoever swaps a folder for a symlink
//! meanwhile makes us fail, never write elsewhere.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fchmod, mkdirat, openat, symlinkat};
use rustix::io::Errno;

use super::names::Parts;

/// A new folder and what is made in it.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Beneath {
    /// Makes the folder; it must be missing.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        rustix::fs::mkdir(path, Mode::from_raw_mode(0o755))?;
        let root = rustix::fs::open(path, FOLDER, Mode::empty())?;
        fchmod(&root, Mode::from_raw_mode(0o755))?;
        Ok(Self { root })
    }

    /// Makes a folder and those above it, where they are missing.
    pub(super) fn folder(&self, parts: &[String]) -> io::Result<OwnedFd> {
        let mut dir = self.root.try_clone()?;
        for part in parts {
            dir = enter(&dir, part)?;
        }
        Ok(dir)
    }

    /// Makes a file that must be missing.
    pub(super) fn file(&self, parts: &Parts, executable: bool) -> io::Result<File> {
        let (name, above) = parts.split_last().expect("a file has a name");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.folder(above)?, name.as_str(), flags, Mode::from_raw_mode(0o600))?;
        fchmod(&file, Mode::from_raw_mode(if executable { 0o755 } else { 0o644 }))?;
        Ok(File::from(file))
    }

    /// Makes a symlink that must be missing.
    pub(super) fn link(&self, parts: &Parts, target: &str) -> io::Result<()> {
        let (name, above) = parts.split_last().expect("a symlink has a name");
        Ok(symlinkat(target, self.folder(above)?, name.as_str())?)
    }

    /// Makes everything durable: one sync of the file system, because one for each of many files takes minutes.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.root)?)
    }
}

fn enter(dir: &OwnedFd, part: &str) -> io::Result<OwnedFd> {
    match openat(dir, part, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {
            mkdirat(dir, part, Mode::from_raw_mode(0o755))?;
            let made = openat(dir, part, FOLDER, Mode::empty())?;
            fchmod(&made, Mode::from_raw_mode(0o755))?;
            Ok(made)
        }
        opened => Ok(opened?),
    }
}
