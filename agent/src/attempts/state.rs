//! What the agent must remember over a restart, in one power-safe file.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use windlass_core::model::Fence;
use windlass_disk::Disk;
use windlass_disk::safe_write::{self, Checked};

use super::{Error, Result, StateDir};

const FORMAT: u16 = 1;

/// The agent's memory. What a verb here changed is durable when it returns.
pub struct State {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    written: Written,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    format: u16,
    cluster_id: String,
    max_epoch: u64,
    floor: u64,
    incarnation: u64,
}

impl State {
    /// Reads it. One that is missing, damaged or of another format is begun anew: the master sees that by the incarnation.
    pub fn load(disk: Arc<dyn Disk>, dir: &StateDir, cluster_id: &str) -> Result<Self> {
        let path = dir.state();
        let read = match safe_write::read_checked(&*disk, &path)? {
            Checked::Whole(bytes) => {
                serde_json::from_slice::<Written>(&bytes).ok().filter(|read| read.format == FORMAT)
            }
            Checked::Missing => None,
            Checked::Damaged => {
                tracing::error!(path = %path.display(), "the state file is damaged and begun anew");
                None
            }
        };
        let fresh =
            || Written { format: FORMAT, cluster_id: cluster_id.to_owned(), max_epoch: 0, floor: 0, incarnation: 0 };
        let written = read.unwrap_or_else(fresh);
        if written.cluster_id == cluster_id {
            Ok(Self { disk, path, written })
        } else {
            Err(Error::OtherCluster { found: written.cluster_id, ours: cluster_id.to_owned() })
        }
    }

    /// The highest epoch that was obeyed.
    pub fn max_epoch(&self) -> u64 {
        self.written.max_epoch
    }

    /// Fences up to this one that are not held are refused for ever.
    pub fn floor(&self) -> Fence {
        Fence(self.written.floor)
    }

    /// The number for the next Hello.
    pub fn next_incarnation(&mut self) -> Result<u64> {
        let incarnation = self.written.incarnation + 1;
        self.change(|written| written.incarnation = incarnation)?;
        Ok(incarnation)
    }

    /// Obeys this epoch from now on; a lower one changes nothing.
    pub fn obey(&mut self, epoch: u64) -> Result<()> {
        if epoch > self.written.max_epoch { self.change(|written| written.max_epoch = epoch) } else { Ok(()) }
    }

    /// Raises the floor; a lower one changes nothing.
    pub fn raise_floor(&mut self, floor: u64) -> Result<()> {
        if floor > self.written.floor { self.change(|written| written.floor = floor) } else { Ok(()) }
    }

    fn change(&mut self, change: impl FnOnce(&mut Written)) -> Result<()> {
        let mut next = self.written.clone();
        change(&mut next);
        let bytes = serde_json::to_vec(&next).expect("numbers and a text are JSON");
        safe_write::write_checked(&*self.disk, &self.path, &bytes)?;
        self.written = next;
        Ok(())
    }
}
