//! `windlass-master restore BACKUP DIR`: everything is verified before anything is written.

use std::path::Path;

use super::copy::{copy, digest, empty_dir, sync_dirs};
use super::manifest::Manifest;
use super::mark::Mark;
use crate::exit::Failure;

/// Writes a backup into an empty directory. Its next start holds everything until a person has looked.
pub fn restore(backup: &Path, to: &Path) -> Result<(), Failure> {
    let manifest = Manifest::read(backup)?;
    for (name, expected) in &manifest.files {
        let path = backup.join(name);
        let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain || digest(&path)? != *expected {
            return Err(Failure::Backup { path, why: "it is not what the manifest names".to_owned() });
        }
    }
    empty_dir(to)?;
    for (name, expected) in &manifest.files {
        let (from, path) = (backup.join(name), to.join(name));
        if copy(&from, &path, None)? != *expected {
            return Err(Failure::Backup { path: from, why: "it changed while it was read".to_owned() });
        }
    }
    sync_dirs(to)?;
    Mark { end: manifest.end, from: backup.display().to_string() }.leave(to)?;
    crate::say(&format!(
        "{} is restored up to fact {}; put `identity/` of cluster {} there, then start the master: every project is held until \
         `windlass projects start`",
        to.display(),
        manifest.end,
        manifest.cluster_id
    ))
}
