//! What is watched, over a restart of the agent: the newest change of each lane, in `observed/` of the state directory.

use std::io;
use std::path::{Path, PathBuf};

use windlass_core::model::{Change, LaneId};
use windlass_disk::safe_write::{self, Checked};
use windlass_disk::{Disk, RealDisk};

use crate::release::error::{Error, Result};

fn path(dir: &Path, lane: &LaneId) -> PathBuf {
    dir.join(format!("{}@{}.json", lane.service, lane.environment))
}

/// Remembers a change.
pub(super) fn keep(dir: &Path, change: &Change) -> Result<()> {
    safe_write::create_dir_all_synced(&RealDisk, dir)?;
    let bytes = serde_json::to_vec(change).expect("a change is plain JSON");
    Ok(safe_write::write_checked(&RealDisk, &path(dir, &change.deployment.lane), &bytes)?)
}

/// All changes that are remembered. A damaged file is named in the log and passed over: the next change writes it anew.
pub fn kept(dir: &Path) -> Result<Vec<Change>> {
    let paths = match RealDisk.read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        paths => paths?,
    };
    let mut changes = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
        match read(path) {
            Ok(change) => changes.push(change),
            Err(error) => tracing::error!(%error, "what was watched is forgotten"),
        }
    }
    Ok(changes)
}

fn read(path: &Path) -> Result<Change> {
    let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
    match safe_write::read_checked(&RealDisk, path)? {
        Checked::Whole(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string())),
        Checked::Missing => Err(damaged("it is gone".to_owned())),
        Checked::Damaged => Err(damaged("its checksum does not fit".to_owned())),
    }
}
