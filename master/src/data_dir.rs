//! The master's data directory: what lies where, who holds it.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use windlass_disk::RealDisk;
use windlass_disk::lock::{self, DirLock};

use crate::clock::wall;
use crate::config::OldLogs;
use crate::exit::Failure;
use crate::identity::Identity;
use crate::logs::moved_dir;

/// Paths in the data directory.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory at `path`; it need not exist yet.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the directory, for its owner alone.
    pub fn create(&self) -> Result<(), Failure> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|source| Failure::File { what: "make", path: self.0.clone(), source })
    }

    /// Takes the lock: one master for one directory.
    pub fn lock(&self) -> Result<DirLock, Failure> {
        lock::lock_dir(&RealDisk, &self.0).map_err(|error| match error {
            lock::Error::Held(_) => Failure::Locked(self.0.clone()),
            lock::Error::Disk(error) => Failure::File { what: "lock", path: self.0.clone(), source: error.source },
        })
    }

    /// Opens the identity that `init` made.
    pub fn identity(&self) -> Result<Identity, Failure> {
        let dir = self.identity_dir();
        if !Identity::exists(&dir) {
            return Err(Failure::NoMaster(self.0.clone()));
        }
        Ok(Identity::open(&dir, wall())?)
    }

    /// Keys and certificates.
    pub fn identity_dir(&self) -> PathBuf {
        self.0.join("identity")
    }

    /// Facts.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// States at the end of a turn, for a fast start.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// Logs of steps.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Where old logs moved to, if any did or are to: at another place.
    pub fn moved_logs(&self, identity: &Identity, configured: Option<&OldLogs>) -> Result<Option<PathBuf>, Failure> {
        let configured = configured.map(|old| old.dir.as_path());
        Ok(moved_dir(&RealDisk, &self.0, identity.cluster_id(), configured)?)
    }

    /// Artifacts.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// Bare clones.
    pub fn git(&self) -> PathBuf {
        self.0.join("git")
    }

    /// Where it was said what is listened on, for whoever started the master with port 0.
    pub fn listening(&self) -> PathBuf {
        self.0.join("listening.json")
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
