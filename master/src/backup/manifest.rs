//! What a backup says of itself.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use windlass_disk::{RealDisk, safe_write};

use super::copy::failed;
use crate::exit::Failure;

/// The newest format that this program reads, and the one that it writes.
const FORMAT: u32 = 1;

const NAME: &str = "manifest.json";

/// The list of a backup. Without it there is no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) cluster_id: String,
    /// Of the last record.
    pub(super) epoch: u64,
    /// The lsn that its checkpoint holds.
    pub(super) checkpoint: u64,
    /// The lsn of the last fact.
    pub(super) end: u64,
    /// Milliseconds since 1970, for people.
    pub(super) made_ms: u64,
    /// By path in the backup.
    pub(super) files: BTreeMap<String, FileEntry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl Manifest {
    pub(super) fn new(cluster_id: &str, epoch: u64, end: u64) -> Self {
        let (cluster_id, made_ms) = (cluster_id.to_owned(), crate::clock::wall().0);
        Self { format: FORMAT, cluster_id, epoch, checkpoint: end, end, made_ms, files: BTreeMap::new() }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(NAME);
        let text = serde_json::to_vec_pretty(self).expect("it has only text keys, so that it always is JSON");
        safe_write::write_checked(&RealDisk, &path, &text).map_err(|error| failed("write", &path)(error.source))
    }

    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(NAME);
        let read = safe_write::read_checked(&RealDisk, &path).map_err(|error| failed("read", &path)(error.source))?;
        let bad = |why: &str| Failure::Backup { path: path.clone(), why: why.to_owned() };
        let text = match read {
            safe_write::Checked::Missing => return Err(bad("there is none, so that this is no backup")),
            safe_write::Checked::Damaged => return Err(bad("it does not verify")),
            safe_write::Checked::Whole(text) => text,
        };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| bad(&error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(bad(&format!("it has format {}, newer than {FORMAT}; use the newer program", manifest.format)));
        }
        Ok(manifest)
    }
}
