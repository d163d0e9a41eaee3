//! The mark of a data directory that is not what its master left: a restored backup, or a copy that was cut. The next start holds
//! everything until a person has looked.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use windlass_disk::{RealDisk, safe_write};

use super::copy::failed;
use crate::exit::Failure;

/// It counts as long as no start has written a fact behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The lsn of the last fact when it was made.
    pub end: u64,
    /// Where the directory comes from, for people.
    pub from: String,
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("restored")
}

impl Mark {
    /// Leaves it in a data directory.
    pub(super) fn leave(&self, data_dir: &Path) -> Result<(), Failure> {
        let path = path(data_dir);
        let text = serde_json::to_vec(self).expect("a text and a number are JSON");
        safe_write::write_checked(&RealDisk, &path, &text).map_err(|error| failed("write", &path)(error.source))
    }

    /// Finds it. One that is damaged counts: to hold everything once too often harms nobody.
    pub fn find(data_dir: &Path, last_lsn: u64) -> Result<Option<Self>, Failure> {
        let path = path(data_dir);
        let read = safe_write::read_checked(&RealDisk, &path).map_err(|error| failed("read", &path)(error.source))?;
        let mark = match read {
            safe_write::Checked::Missing => return Ok(None),
            safe_write::Checked::Damaged => Self { end: last_lsn, from: "an unknown place".to_owned() },
            safe_write::Checked::Whole(text) => serde_json::from_slice(&text)
                .unwrap_or_else(|_| Self { end: last_lsn, from: "an unknown place".to_owned() }),
        };
        Ok(Some(mark).filter(|mark| mark.end >= last_lsn))
    }

    /// The first start has recorded that everything is held.
    pub fn remove(data_dir: &Path) -> Result<(), Failure> {
        let path = path(data_dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", &path)),
        }
    }
}
