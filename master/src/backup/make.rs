//! `windlass-master backup DIR`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::State;
use windlass_disk::journal::Mark;

use super::copy::{copy, empty_dir, files_below, link, sync_dirs};
use super::manifest::{FileEntry, Manifest};
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::facts::{Checkpoint, Checkpoints, Files, decode, fold};
use crate::identity::Identity;

/// Writes a backup of the data directory into `to`, also while its master runs.
pub fn backup(data: &DataDir, identity: &Identity, files: &Files, to: &Path) -> Result<(), Failure> {
    empty_dir(to)?;
    let (mark, state) = read_to_the_end(files).map_err(Failure::Facts)?;
    let mut manifest = Manifest::new(identity.cluster_id(), mark.epoch, mark.last_lsn);
    let mut add = |path: &Path, entry: FileEntry| {
        let below = path.strip_prefix(to).expect("it was written below");
        manifest.files.insert(below.to_string_lossy().into_owned(), entry);
    };
    for (path, entry) in copy_journal(files, &mark, &to.join("journal"))? {
        add(&path, entry);
    }
    let disk = Arc::new(windlass_disk::RealDisk);
    let checkpoints = Checkpoints::at(disk, &to.join("checkpoints"), files.cluster_id);
    let written = checkpoints.write(&Checkpoint { mark, state: Arc::new(state) });
    written.map_err(|error| Failure::Facts(crate::facts::Error::Journal(error.into())))?;
    for path in files_below(&to.join("checkpoints"))? {
        let entry = super::copy::digest(&path)?;
        add(&path, entry);
    }
    let moved = data.moved_logs(identity, None)?;
    for (path, entry) in copy_rest(data, moved.as_deref(), to)? {
        add(&path, entry);
    }
    sync_dirs(to)?;
    manifest.write(to)?;
    let (count, end) = (manifest.files.len(), manifest.end);
    crate::say(&format!("a backup of {count} files up to fact {end} is in {}; keys are in no backup", to.display()))
}

/// What a start would believe now, and up to where.
pub(super) fn read_to_the_end(files: &Files) -> Result<(Mark, State), crate::facts::Error> {
    let base = files.base()?;
    let mut state = base.as_ref().map_or_else(State::default, |base| base.state.as_ref().clone());
    let (mark, _) = files.source().verify(base.as_ref().map(|base| &base.mark), &mut |record| {
        let facts = record.entries.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        fold(&mut state, &facts);
        Ok(())
    })?;
    Ok((mark, state))
}

type Copied = Vec<(std::path::PathBuf, FileEntry)>;

/// Full segments as they are, and the open one up to the end of a record.
pub(super) fn copy_journal(files: &Files, mark: &Mark, to: &Path) -> Result<Copied, Failure> {
    let journal = |error| Failure::Facts(crate::facts::Error::Journal(error));
    let mut out = Vec::new();
    for (lsn, path) in files.source().files().map_err(journal)? {
        let target = |path: &Path| to.join(path.file_name().expect("a segment has a name"));
        if lsn < mark.segment {
            // It may be compressed while we look.
            let packed = path.with_extension("seg.zst");
            let linked = link(&path, &target(&path)).map(|entry| (target(&path), entry));
            out.push(match linked {
                Err(_) if !path.exists() => (target(&packed), link(&packed, &target(&packed))?),
                linked => linked?,
            });
        } else if lsn == mark.segment {
            out.push((target(&path), copy(&path, &target(&path), Some(mark.offset))?));
        }
    }
    Ok(out)
}

/// Logs, blobs and secrets, which are encrypted. What expires meanwhile may be missing.
fn copy_rest(data: &DataDir, moved: Option<&Path>, to: &Path) -> Result<Copied, Failure> {
    let mut out = copy_logs(data, moved, &to.join("logs"))?;
    let links = files_below(&data.blobs())?.into_iter().filter(|path| !is_unfinished(path)).map(|path| (path, true));
    let copies = files_below(&data.path().join("secrets"))?.into_iter().map(|path| (path, false));
    for (path, never_changes) in links.chain(copies) {
        let target = to.join(path.strip_prefix(data.path()).expect("it is below the data directory"));
        let copied = if never_changes { link(&path, &target) } else { copy(&path, &target, None) };
        match copied {
            Err(_) if !path.exists() => {}
            copied => out.push((target, copied?)),
        }
    }
    Ok(out)
}

/// All logs at their first place, the moved ones too.
fn copy_logs(data: &DataDir, moved: Option<&Path>, to: &Path) -> Result<Copied, Failure> {
    let first = data.logs();
    // By name below their directory, the first place before the other: one may move while we look, but never back.
    let mut names = BTreeSet::new();
    for dir in [Some(first.as_path()), moved].into_iter().flatten() {
        let names_in = |path: PathBuf| path.strip_prefix(dir).expect("it is below").to_owned();
        names.extend(files_below(dir)?.into_iter().filter(|path| is_of_log(path)).map(names_in));
    }
    let mut names: Vec<PathBuf> = names.into_iter().collect();
    // A log grows: what its index names when it is copied first is there when the bytes are copied after it.
    names.sort_by_key(|path| path.extension().is_none_or(|extension| extension != "idx"));
    let mut out = Vec::new();
    for name in names {
        let target = to.join(&name);
        let place =
            || [moved, Some(&first)].into_iter().flatten().map(|dir| dir.join(&name)).find(|path| path.exists());
        while let Some(path) = place() {
            match copy(&path, &target, None) {
                Err(_) if !path.exists() => {}
                copied => {
                    out.push((target, copied?));
                    break;
                }
            }
        }
    }
    Ok(out)
}

/// Beside logs lies a mark, and what is not whole.
fn is_of_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log" || extension == "idx" || extension == "anew")
}

/// A blob that is still being written: the store renames it when it is whole.
fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains('#'))
}
