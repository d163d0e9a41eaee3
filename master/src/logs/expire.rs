//! Removes the logs of runs that have expired. The fact came first; what is missing was removed before.

use std::io::ErrorKind;
use std::path::Path;

use windlass_core::model::ProjectName;
use windlass_disk::{Disk, Result};

/// Removes the logs of all runs of this project with numbers below `below`, and says of how many; what cannot be removed holds up no other. `dir` is where all logs lie.
pub fn expire(disk: &dyn Disk, dir: &Path, project: &ProjectName, below: u64) -> Result<u64> {
    let (mut removed, mut failed) = (0, None);
    for run in inside(disk, &dir.join(project.as_str()))? {
        if number_of(&run).is_some_and(|number| number < below) {
            match remove(disk, &run) {
                Ok(()) => removed += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    failed.map_or(Ok(removed), Err)
}

/// The number of the run whose logs lie there.
pub(super) fn number_of(dir: &Path) -> Option<u64> {
    let name = dir.file_name()?.to_str()?;
    name.parse().ok().filter(|number: &u64| number.to_string() == name)
}

/// A directory with all it holds, or a file. Nothing is followed out of it.
fn remove(disk: &dyn Disk, path: &Path) -> Result<()> {
    if disk.size(path)?.is_some() || disk.read_link(path).is_ok() {
        return missing_is_fine(disk.remove_file(path)).map(drop);
    }
    for path in inside(disk, path)? {
        remove(disk, &path)?;
    }
    missing_is_fine(disk.remove_dir(path)).map(drop)
}

/// What is in a directory; nothing if it is missing.
pub(super) fn inside(disk: &dyn Disk, dir: &Path) -> Result<Vec<std::path::PathBuf>> {
    Ok(missing_is_fine(disk.read_dir(dir))?.unwrap_or_default())
}

/// None if it is missing.
pub(super) fn missing_is_fine<T>(done: Result<T>) -> Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use windlass_disk::{Open, RealDisk};

    use super::*;

    #[test]
    fn what_has_expired_goes_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path().join("logs");
        let make = |path: &str| {
            let path = dir.join(path);
            RealDisk.create_dir_all(path.parent().expect("it has one")).expect("made");
            RealDisk.open(&path, Open::Create).and_then(|file| file.append(b"x")).expect("written");
            path
        };
        let old = [make("shop/7/build.1/step-01.log"), make("shop/41/build.1/step-01.idx")];
        let others = [
            make("shop/42/build.1/step-01.log"),
            make("docs/7/build.1/step-01.log"),
            make("shop/07/notes"),
            make("elsewhere/precious"),
        ];
        std::os::unix::fs::symlink(dir.join("elsewhere"), dir.join("shop/7/link")).expect("a link");
        let shop = ProjectName::new("shop").expect("a name");
        assert_eq!(expire(&RealDisk, &dir, &shop, 42).expect("removed"), 2);
        assert!(!old.iter().any(|path| path.exists()) && !dir.join("shop/7").exists() && !dir.join("shop/41").exists());
        assert!(others.iter().all(|path| path.exists()));
        assert_eq!(expire(&RealDisk, &dir, &shop, 42).expect("again"), 0);
        let none = ProjectName::new("none").expect("a name");
        assert_eq!(expire(&RealDisk, &dir, &none, 42).expect("a project without logs"), 0);
    }
}
