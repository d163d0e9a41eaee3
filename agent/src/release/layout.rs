//! The folder of a service on a target, and the symlink that decides what runs.
//!
//! ```text
//! root/  current -> releases/r18-4f2a91c0      shared/
//!        releases/r17-90ab12cd/ …              .windlass/ lock record change way-back.log manifest/r18-4f2a91c0.json
//! ```
//! Called by everything in this room. Invariant: `current` is replaced by one rename, so after any cut it names the release
//! before or the release after.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use windlass_disk::{Disk, DiskFile, Open, RealDisk, safe_write};

use super::error::{Error, Result};

/// The folder of one service.
#[derive(Clone)]
pub struct Layout {
    root: PathBuf,
    disk: Arc<dyn Disk>,
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Layout").field(&self.root).finish()
    }
}

/// Held while one job acts on the target; the kernel frees it with its holder.
#[derive(Debug)]
pub struct Lock {
    _file: Box<dyn DiskFile>,
}

impl Layout {
    /// The folder on the real disk. Nothing is made.
    pub fn new(root: &Path) -> Self {
        Self::on(Arc::new(RealDisk), root)
    }

    /// The folder on any disk.
    pub fn on(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { root: root.to_owned(), disk }
    }

    /// The disk that symlink and record go through.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The symlink.
    pub fn current(&self) -> PathBuf {
        self.root.join("current")
    }

    /// All releases.
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// The folder of one release.
    pub fn release(&self, name: &str) -> PathBuf {
        self.releases().join(name)
    }

    /// Where one release is unpacked before it is whole.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.releases().join(format!("{name}.partial"))
    }

    /// A file or folder of our own.
    pub fn own(&self, name: &str) -> PathBuf {
        self.root.join(".windlass").join(name)
    }

    /// Makes what is missing, durably.
    pub fn create(&self) -> Result<()> {
        for dir in [self.releases(), self.root.join("shared"), self.own("manifest")] {
            safe_write::create_dir_all_synced(&*self.disk, &dir)?;
        }
        let own = self.root.join(".windlass");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).map_err(Error::io("set the mode of", &own))
    }

    /// Waits until no other job acts on this target. The folder must have been created.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.own("lock");
        let file = self.disk.open(&path, Open::Create)?;
        if let Some(descriptor) = file.descriptor() {
            rustix::fs::flock(descriptor, FlockOperation::LockExclusive)
                .map_err(|errno| Error::io("lock", &path)(io::Error::from(errno)))?;
        }
        Ok(Lock { _file: file })
    }

    /// The release that `current` points to; none if there is no `current`.
    pub fn linked(&self) -> Result<Option<String>> {
        let current = self.current();
        let outside = |what: String| Error::Outside { path: self.current(), what };
        let to = match self.disk.read_link(&current) {
            Ok(to) => to,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(outside("no symlink".to_owned())),
            Err(error) => return Err(error.into()),
        };
        let name = to.to_str().and_then(|to| to.strip_prefix("releases/")).filter(|name| is_release_name(name));
        name.map(|name| Some(name.to_owned())).ok_or_else(|| outside(format!("it points to {}", to.display())))
    }

    /// Points `current` to a release, in one rename.
    pub fn link(&self, name: &str) -> Result<()> {
        let new = self.root.join(".current.new");
        if self.disk.exists(&new)? {
            self.disk.remove_file(&new)?;
        }
        self.disk.symlink(&Path::new("releases").join(name), &new)?;
        self.disk.rename(&new, &self.current())?;
        Ok(self.disk.sync_dir(&self.root)?)
    }

    /// Removes `current`, if there is one.
    pub fn unlink(&self) -> Result<()> {
        if self.disk.exists(&self.current())? {
            self.disk.remove_file(&self.current())?;
        }
        Ok(self.disk.sync_dir(&self.root)?)
    }

    /// The names of the releases that lie here whole, oldest number first.
    pub fn names(&self) -> Result<Vec<String>> {
        let paths = match self.disk.read_dir(&self.releases()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            paths => paths?,
        };
        let name = |path: &PathBuf| path.file_name()?.to_str().map(str::to_owned);
        let mut names: Vec<String> = paths.iter().filter_map(name).filter(|name| is_release_name(name)).collect();
        names.sort_by_key(|name| release_number(name));
        Ok(names)
    }
}

/// `r18-4f2a91c0`: a number and eight hex digits, so that no name is part of another and none is a path.
pub fn is_release_name(name: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    release_number(name).is_some()
        && name.split_once('-').is_some_and(|(_, digest)| digest.len() == 8 && digest.bytes().all(hex))
}

fn release_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('r')?.split_once('-')?.0;
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R1: &str = "r1-00000001";
    const R2: &str = "r2-00000002";

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let layout = Layout::new(&dir.path().join("srv/shop"));
        layout.create().expect("a new folder");
        (dir, layout)
    }

    #[test]
    fn current_follows_link_and_unlink() {
        let (_dir, layout) = layout();
        assert_eq!(layout.linked().expect("read"), None);
        layout.link(R1).expect("the first");
        layout.link(R2).expect("the second");
        assert_eq!(layout.linked().expect("read").as_deref(), Some(R2));
        assert_eq!(fs::read_link(layout.current()).expect("a symlink"), Path::new("releases").join(R2));
        layout.unlink().expect("there is one");
        layout.unlink().expect("there is none");
        assert_eq!(layout.linked().expect("read"), None);
    }

    #[test]
    fn a_reader_never_finds_current_missing_while_it_is_switched() {
        let (_dir, layout) = layout();
        layout.link(R1).expect("the first");
        std::thread::scope(|scope| {
            let switching = scope.spawn(|| (0..200).try_for_each(|i| layout.link(if i % 2 == 0 { R2 } else { R1 })));
            let mut looks = 0;
            while !switching.is_finished() || looks == 0 {
                let linked = layout.linked().expect("always readable").expect("always there");
                assert!(linked == R1 || linked == R2, "{linked}");
                looks += 1;
            }
            switching.join().expect("no panic").expect("every switch works");
        });
    }

    #[test]
    fn what_a_cut_left_behind_does_not_stop_the_next_switch() {
        let (_dir, layout) = layout();
        std::os::unix::fs::symlink("releases/r9-00000009", layout.root().join(".current.new")).expect("left behind");
        layout.link(R1).expect("it is replaced");
        assert_eq!(layout.linked().expect("read").as_deref(), Some(R1));
    }

    #[test]
    fn a_current_that_is_not_ours_is_named() {
        let (_dir, layout) = layout();
        fs::create_dir(layout.current()).expect("a folder called current");
        assert!(matches!(layout.linked(), Err(Error::Outside { .. })));
        fs::remove_dir(layout.current()).expect("gone");
        std::os::unix::fs::symlink("/opt/other", layout.current()).expect("a foreign link");
        assert!(matches!(layout.linked(), Err(Error::Outside { .. })));
    }

    #[test]
    fn only_names_of_releases_are_names() {
        for good in ["r1-4f2a91c0", "r18-00000000", "r5109-ffffffff"] {
            assert!(is_release_name(good), "{good}");
        }
        for bad in [
            "",
            "r1",
            "r-4f2a91c0",
            "r0-4f2a91c0",
            "r01-4f2a91c0",
            "r1-4f2a91c",
            "r1-4F2A91C0",
            "../r1-4f2a91c0",
            "r1-4f2a91c0.partial",
        ] {
            assert!(!is_release_name(bad), "{bad}");
        }
    }
}
