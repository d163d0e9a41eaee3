//! Where the attempt in a directory runs.

use windlass_disk::Disk;
use windlass_shim::Place;

use super::AttemptDir;

/// What was written for its shim; none if it cannot be read, as of an attempt that was not accepted.
pub fn place_of(disk: &dyn Disk, dir: &AttemptDir) -> Option<Place> {
    let text = disk.read(&Place::path_in(dir.path())).ok()?;
    serde_json::from_slice(&text).ok()
}
