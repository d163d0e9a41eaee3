//! What a release on disk must look like, and how it lives: digests of its files, its hooks, gates and identity.
//!
//! Written before a release becomes visible, read before it becomes a way back. Files that the service itself added are no
//! damage; files that changed or went are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use windlass_core::model::{Digest, ServiceSpec};
use windlass_disk::safe_write::{self, Checked};

use super::error::{Error, Result};
use super::layout::Layout;

/// The manifest of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file; 1.
    pub format: u16,
    /// The release's name.
    pub release: String,
    /// What it was unpacked from.
    pub artifact: Digest,
    /// How it lives here.
    pub spec: ServiceSpec,
    /// Every file and symlink, by path inside the release.
    pub files: Files,
}

/// Files and symlinks by path.
pub type Files = BTreeMap<String, Entry>;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A regular file with this content.
    File(Digest),
    /// A symlink to this.
    Link(String),
}

impl Manifest {
    /// Makes it durable.
    pub fn write(&self, layout: &Layout) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).expect("a manifest is plain JSON");
        Ok(safe_write::write_checked(layout.disk(), &path(layout, &self.release), &bytes)?)
    }

    /// The manifest of a release; none if it was never unpacked here.
    pub fn read(layout: &Layout, release: &str) -> Result<Option<Self>> {
        let path = path(layout, release);
        let damaged = |why: String| Error::Damaged { path: path.clone(), why };
        match safe_write::read_checked(layout.disk(), &path)? {
            Checked::Missing => Ok(None),
            Checked::Damaged => Err(damaged("its checksum does not fit".to_owned())),
            Checked::Whole(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
            }
        }
    }

    /// The manifest of a release whose files lie here as they were unpacked.
    pub fn prove(layout: &Layout, release: &str) -> Result<Self> {
        let not_whole = |why: String| Error::NotWhole { release: release.to_owned(), why };
        let manifest = Self::read(layout, release)?.ok_or_else(|| not_whole("it has no manifest".to_owned()))?;
        let dir = layout.release(release);
        for (path, entry) in &manifest.files {
            matches(&dir.join(path), entry).map_err(|why| not_whole(format!("{path}: {why}")))?;
        }
        Ok(manifest)
    }

    /// Forgets it.
    pub fn remove(layout: &Layout, release: &str) -> Result<()> {
        let path = path(layout, release);
        if layout.disk().exists(&path)? {
            layout.disk().remove_file(&path)?;
        }
        Ok(())
    }
}

fn path(layout: &Layout, release: &str) -> std::path::PathBuf {
    layout.own("manifest").join(format!("{release}.json"))
}

fn matches(path: &Path, entry: &Entry) -> std::result::Result<(), String> {
    let kind = fs::symlink_metadata(path).map_err(|error| error.to_string())?.file_type();
    match entry {
        Entry::File(_) if !kind.is_file() => Err("no regular file".to_owned()),
        Entry::File(wanted) => {
            let found = digest_of(path).map_err(|error| error.to_string())?;
            if found == *wanted { Ok(()) } else { Err("its content changed".to_owned()) }
        }
        Entry::Link(_) if !kind.is_symlink() => Err("no symlink".to_owned()),
        Entry::Link(wanted) => {
            let found = fs::read_link(path).map_err(|error| error.to_string())?;
            if found == Path::new(wanted) { Ok(()) } else { Err("it points elsewhere".to_owned()) }
        }
    }
}

/// The digest of a file, read in pieces.
pub fn digest_of(path: &Path) -> std::io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(path)?)?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}
