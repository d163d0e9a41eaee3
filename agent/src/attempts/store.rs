//! The directories of attempts: begun, listed, cancelled, deleted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use windlass_core::model::Fence;
use windlass_disk::{Disk, Open, safe_write};

use super::{AttemptDir, Error, OwnRecord, Result, StateDir};
use crate::host::Host;

/// All attempts of this agent.
#[derive(Clone)]
pub struct Store {
    disk: Arc<dyn Disk>,
    host: Arc<dyn Host>,
    dir: StateDir,
}

/// Who asked to stop, as the shim reads it.
#[derive(Debug, Serialize)]
struct CancelFile<'a> {
    by: &'a str,
    why: &'a str,
}

impl Store {
    /// In this state directory; makes what is missing, durably.
    pub fn open(disk: Arc<dyn Disk>, host: Arc<dyn Host>, dir: &StateDir) -> Result<Self> {
        for part in [dir.attempts(), dir.blobs(), dir.observed()] {
            safe_write::create_dir_all_synced(&*disk, &part)?;
        }
        Ok(Self { disk, host, dir: dir.clone() })
    }

    /// The disk they are on.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The host they are on.
    pub fn host(&self) -> &dyn Host {
        &*self.host
    }

    pub(super) fn shared_host(&self) -> Arc<dyn Host> {
        Arc::clone(&self.host)
    }

    /// The state directory.
    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// The fences that have a directory. Other names are left alone.
    pub fn list(&self) -> Result<Vec<Fence>> {
        let paths = self.disk.read_dir(&self.dir.attempts())?;
        Ok(paths.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect())
    }

    /// Makes the directory of an attempt and its record, with the lock. Nothing is durable before [`Self::sync`].
    pub fn begin(&self, fence: Fence) -> Result<OwnRecord> {
        let dir = self.dir.attempt(fence);
        self.disk.create_dir(dir.path())?;
        let file = self.disk.open(&dir.record(), Open::CreateNew)?;
        if file.try_flock()? {
            OwnRecord::new(file, self.shared_host())
        } else {
            let why = io::Error::new(io::ErrorKind::WouldBlock, "another process has the lock of a file we just made");
            Err(Error::Io { what: "lock", path: dir.record(), why })
        }
    }

    /// Makes the names of a new attempt durable: its files and its directory.
    pub fn sync(&self, fence: Fence) -> Result<()> {
        self.disk.sync_dir(self.dir.attempt(fence).path())?;
        Ok(self.disk.sync_dir(&self.dir.attempts())?)
    }

    /// Asks the shim of an attempt to stop. Asking again changes nothing, asking with force once does.
    pub fn cancel(&self, fence: Fence, force: bool, by: &str, why: &str) -> Result<()> {
        let dir = self.dir.attempt(fence);
        let asked = serde_json::to_vec(&CancelFile { by, why }).expect("two texts are JSON");
        let wanted = [Some(dir.cancel()), force.then(|| dir.cancel_force())];
        for path in wanted.into_iter().flatten() {
            if !self.disk.exists(&path)? {
                safe_write::write(&*self.disk, &path, &asked)?;
            }
        }
        Ok(())
    }

    /// Deletes an attempt, its record last, and what was fetched for it.
    pub fn forget(&self, fence: Fence) -> Result<()> {
        let dir = self.dir.attempt(fence);
        let record = dir.record();
        for path in self.disk.read_dir(dir.path())? {
            if path != record {
                self.remove_any(&path)?;
            }
        }
        if self.disk.exists(&record)? {
            self.disk.remove_file(&record)?;
        }
        self.disk.remove_dir(dir.path())?;
        self.disk.sync_dir(&self.dir.attempts())?;
        self.forget_blobs(fence)
    }

    /// Whether a step of the attempt has a log.
    pub fn has_step_log(&self, dir: &AttemptDir) -> Result<bool> {
        let paths = self.disk.read_dir(dir.path())?;
        Ok(paths.iter().any(|path| step_of(path).is_some()))
    }

    /// The steps that have a log, in order.
    pub fn steps_with_log(&self, dir: &AttemptDir) -> Result<Vec<u32>> {
        let mut steps: Vec<u32> = self.disk.read_dir(dir.path())?.iter().filter_map(|path| step_of(path)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// A file, or a folder that the steps had.
    fn remove_any(&self, path: &Path) -> Result<()> {
        match self.disk.remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                self.host.remove_folder(path).map_err(Error::io("remove", path))
            }
            removed => Ok(removed?),
        }
    }

    fn forget_blobs(&self, fence: Fence) -> Result<()> {
        let suffix = format!(".{fence}");
        for path in self.disk.read_dir(&self.dir.blobs())? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.trim_end_matches(".part").ends_with(&suffix) {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The step whose log this is: `step-07.log` is of step 7.
fn step_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".log")?.parse().ok()
}
