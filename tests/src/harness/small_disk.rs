//! A volume that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Room for a journal segment and little more.
const OPTIONS: &str = "size=112m,mode=0700";

/// A mounted tmpfs; unmounted when it is dropped.
#[derive(Debug)]
pub(super) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(super) fn mount(at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("the world's folder can be written");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", OPTIONS, "tmpfs"]).arg(at).status();
        assert!(mounted.is_ok_and(|status| status.success()), "root can mount a tmpfs");
        Self(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy, because a process that was just killed may still hold a file.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
