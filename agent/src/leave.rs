//! `windlass-agent leave`: this host is no agent any more. Its identity goes first, so that whatever cuts it short leaves none behind that
//! could be used; what is left goes when it is called again. Releases and workspaces stay: they belong to services and jobs.

use std::fs;
use std::io;
use std::path::Path;

use windlass_core::model::Fence;
use windlass_disk::{Disk, Open, RealDisk};

use crate::app;
use crate::attempts::StateDir;
use crate::exit::{DISK, Failure, NOT_NOW};
use crate::pause;

/// Leaves; with `discard` also where the master was not told how attempts ended.
pub fn leave(state_dir: &Path, discard: bool) -> Result<(), Failure> {
    let dir = pause::enrolled(state_dir)?;
    let _owner = app::own(dir.path())?;
    let held = held(&dir)?;
    let live: Vec<&Fence> = held.iter().filter(|(_, is_live)| *is_live).map(|(fence, _)| fence).collect();
    if let Some(fence) = live.first() {
        let text = format!("{} attempts still run on this host, the first is {fence}", live.len());
        return Err(Failure::new(NOT_NOW, text)
            .hint("start the agent until `windlass-agent status` says that it holds nothing"));
    }
    if !held.is_empty() && !discard {
        let text = format!("{} attempts are held here, and the master may not know how they ended", held.len());
        let hint = "start the agent until `windlass-agent status` says that it holds nothing; or leave with --discard";
        return Err(Failure::new(NOT_NOW, text).hint(hint));
    }
    forget(&dir)?;
    pause::told(
        "this host is no agent any more, its key is gone; the master knows it until `windlass agents remove NAME --reason T`",
    )
}

/// The attempts, and whether a shim carries them out.
fn held(dir: &StateDir) -> Result<Vec<(Fence, bool)>, Failure> {
    let list = || -> Result<Vec<(Fence, bool)>, windlass_disk::Error> {
        if !RealDisk.exists(&dir.attempts())? {
            return Ok(Vec::new());
        }
        let paths = RealDisk.read_dir(&dir.attempts())?;
        let fences = paths.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok());
        fences.map(|fence| Ok((fence, is_live(&dir.attempt(fence).record())?))).collect()
    };
    list().map_err(|error| Failure::new(DISK, error))
}

/// Its lock is not free.
fn is_live(record: &Path) -> Result<bool, windlass_disk::Error> {
    match RealDisk.open(record, Open::Read) {
        Ok(file) => Ok(!file.try_flock()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The key first; the certificate, by which an agent is known to be here, last.
fn forget(dir: &StateDir) -> Result<(), Failure> {
    remove(&dir.key())?;
    sync(&dir.identity())?;
    for path in [dir.attempts(), dir.blobs(), dir.state(), dir.observed(), dir.paused(), dir.ballast(), dir.socket()] {
        remove(&path)?;
    }
    sync(dir.path())?;
    remove(&dir.ca())?;
    remove(&dir.cert())?;
    sync(&dir.identity())
}

/// A file, or a folder with all that is in it; what is not there is gone already.
fn remove(path: &Path) -> Result<(), Failure> {
    let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync(dir: &Path) -> Result<(), Failure> {
    let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| failed("sync", dir, &error))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(DISK, format!("cannot {what} {}: {error}", path.display()))
        .hint("`windlass-agent leave` again goes on where this ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::fixture::{BOOT, accepted, exit, fixture, wait_until_free};

    #[test]
    fn leaving_erases_the_identity_and_asks_before_evidence_goes() {
        let fixture = fixture();
        let dir = fixture.store.dir();
        leave(dir.path(), true).expect_err("no agent is enrolled here");
        fs::create_dir(dir.identity()).expect("made");
        for file in [dir.ca(), dir.cert(), dir.key(), dir.paused(), dir.state()] {
            fs::write(file, "x").expect("written");
        }
        fs::create_dir_all(dir.observed()).expect("the observer has a folder");
        let record = fixture.attempt(Fence(7), vec![accepted(Fence(7), BOOT), exit(Vec::new())]);
        let running = leave(dir.path(), true).expect_err("a shim has the lock");
        assert!(running.text.contains("still run"), "{}", running.text);
        drop(record);
        wait_until_free(&dir.attempt(Fence(7)).record());
        let asked = leave(dir.path(), false).expect_err("the master may not know");
        assert!(asked.hint.is_some_and(|hint| hint.contains("--discard")));
        assert!(dir.key().exists() && dir.attempt(Fence(7)).record().exists(), "nothing was done");

        fs::remove_file(dir.key()).expect("cut short behind the key");
        leave(dir.path(), true).expect("it goes on");
        for gone in [dir.key(), dir.cert(), dir.ca(), dir.attempts(), dir.state(), dir.paused()] {
            assert!(!gone.exists(), "{}", gone.display());
        }
        leave(dir.path(), true).expect_err("no agent is enrolled here any more");
    }

    #[test]
    fn a_host_whose_agent_runs_does_not_leave() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = StateDir::new(folder.path());
        fs::create_dir(dir.identity()).expect("made");
        fs::write(dir.cert(), "x").expect("written");
        let owner = app::own(dir.path()).expect("nobody has it");
        let failure = leave(dir.path(), true).expect_err("somebody has it");
        assert_eq!(failure.code, NOT_NOW);
        assert!(dir.cert().exists());
        drop(owner);
    }
}
