//! What the agent asks of its host beside files that must survive: clocks, room, and the folders of jobs.
//!
//! Called by `attempts` and `work`, which run the same in a simulation with another [`Host`]. Deliberately absent: the `Disk` trait has the
//! evidence, and `work` has its own trait for starting shims.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::clock;

/// The host below an agent.
pub trait Host: std::fmt::Debug + Send + Sync {
    /// `CLOCK_BOOTTIME` in nanoseconds.
    fn boottime_ns(&self) -> u64;
    /// The wall clock in milliseconds since 1970; for people.
    fn wall_ms(&self) -> i64;
    /// The volume of a directory.
    fn volume(&self, dir: &Path) -> io::Result<Volume>;
    /// Makes the folder of a job and those above it, for its user alone; one that is there is fine.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it; links are not followed.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
}

/// How large a volume is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// All of it.
    pub total_bytes: u64,
    /// What its user may still take.
    pub free_bytes: u64,
}

/// The operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealHost;

impl Host for RealHost {
    fn boottime_ns(&self) -> u64 {
        clock::boottime_ns()
    }

    fn wall_ms(&self) -> i64 {
        clock::wall_ms()
    }

    fn volume(&self, dir: &Path) -> io::Result<Volume> {
        let volume = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Ok(Volume { total_bytes: bytes(volume.f_blocks), free_bytes: bytes(volume.f_bavail) })
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }
}
