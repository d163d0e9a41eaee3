//! Old logs move to another directory, on a volume that is large and need not be fast: as they are, so that offsets stay.
//!
//! Invariant: what lies at its first place is whole or has a whole copy; a copy has its name when it was synced and compared.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use windlass_core::model::ProjectName;
use windlass_disk::{Disk, DiskFile, Open, safe_write};

use super::expire::{inside, missing_is_fine, number_of};

/// In the directory that logs move to: whose they are. In the data directory: where they moved to.
const MARK: &str = ".moved-logs";
/// Read, written and compared at once.
const PART_BYTES: usize = 1024 * 1024;

/// Why moved logs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MovedError {
    /// The configuration names another directory than that which has them.
    #[error("old logs lie in {}, and `logs.move_to` names {}", lie.display(), named.display())]
    Elsewhere {
        /// Where they are.
        lie: PathBuf,
        /// What the configuration says.
        named: PathBuf,
    },
    /// The directory has no mark, or that of another master.
    #[error("{} does not hold the old logs of this master", .0.display())]
    NotTheirs(PathBuf),
    /// It is where logs lie anyhow, under another name.
    #[error("{} is a place in the data directory", .0.display())]
    Same(PathBuf),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
}

/// The directory that holds moved logs; none if none ever moved and none is configured. `cluster` tells one master from another.
pub fn moved_dir(
    disk: &dyn Disk,
    data: &Path,
    cluster: &str,
    configured: Option<&Path>,
) -> Result<Option<PathBuf>, MovedError> {
    let lie = read_mark(disk, &data.join(MARK))?.map(PathBuf::from);
    let Some(dir) = lie.as_deref().or(configured) else { return Ok(None) };
    if let Some(named) = configured.filter(|named| *named != dir) {
        return Err(MovedError::Elsewhere { lie: dir.to_owned(), named: named.to_owned() });
    }
    let whose = read_mark(disk, &dir.join(MARK))?;
    match (&lie, whose) {
        (_, Some(whose)) if whose == cluster => {}
        (None, None) => {
            safe_write::create_dir_all_synced(disk, dir)?;
            safe_write::write(disk, &dir.join(MARK), cluster.as_bytes())?;
        }
        // Another master's, or a volume that is not mounted.
        _ => return Err(MovedError::NotTheirs(dir.to_owned())),
    }
    if lie.is_none() {
        // Links and mounts make one place look like two: then moving would be removing.
        if disk.exists(&data.join("logs").join(MARK))? || disk.exists(&data.join(MARK))? {
            disk.remove_file(&dir.join(MARK))?;
            return Err(MovedError::Same(dir.to_owned()));
        }
        safe_write::write(disk, &data.join(MARK), dir.as_os_str().as_encoded_bytes())?;
    }
    Ok(Some(dir.to_owned()))
}

fn read_mark(disk: &dyn Disk, path: &Path) -> Result<Option<String>, windlass_disk::Error> {
    let text = missing_is_fine(disk.read(path))?;
    // An editor may have ended the line.
    Ok(text.map(|text| String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned()))
}

/// Moves the logs of the runs of a project with numbers below `below`, but for those that are open, and says of how many runs there were
/// any. `from` and `to` are where all logs lie, and lay. Stops between two attempts when `stops` says so.
pub fn move_old(
    disk: &dyn Disk,
    (from, to): (&Path, &Path),
    project: &ProjectName,
    below: u64,
    is_open: &dyn Fn(u64) -> bool,
    stops: &dyn Fn() -> bool,
) -> windlass_disk::Result<u64> {
    let mut moved = 0;
    for run in inside(disk, &from.join(project.as_str()))? {
        let Some(number) = number_of(&run).filter(|number| *number < below) else { continue };
        // First what there is, then whether anybody may still write to it: a run may be taken up again at any time.
        let mut attempts = Vec::new();
        for attempt in inside(disk, &run)? {
            attempts.push((inside(disk, &attempt)?, attempt));
        }
        if is_open(number) {
            continue;
        }
        for (files, attempt) in attempts {
            if stops() {
                return Ok(moved);
            }
            // A volume may be unmounted at any time, and below its mount point everything can be written, too.
            disk.open(&to.join(MARK), Open::Read)?;
            move_attempt(disk, &files, from, to)?;
            remove_if_empty(disk, &attempt)?;
        }
        if !is_open(number) {
            remove_if_empty(disk, &run)?;
        }
        moved += 1;
    }
    Ok(moved)
}

fn move_attempt(disk: &dyn Disk, files: &[PathBuf], from: &Path, to: &Path) -> windlass_disk::Result<()> {
    for file in files {
        let target = to.join(file.strip_prefix(from).expect("it lies below"));
        let dir = target.parent().expect("it lies below");
        safe_write::create_dir_all_synced(disk, dir)?;
        copy(disk, file, &target)?;
        disk.sync_dir(dir)?;
    }
    // The index first: a reader that finds none looks at the other place.
    let (indexes, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| file.extension().is_some_and(|it| it == "idx"));
    indexes.into_iter().chain(others).try_for_each(|file| disk.remove_file(file))
}

/// The copy gets its name when it is durable and was compared.
fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> windlass_disk::Result<()> {
    let mut beside = OsString::from(to.as_os_str());
    beside.push(UNFINISHED);
    let source = disk.open(from, Open::Read)?;
    let target = disk.open(Path::new(&beside), Open::Truncate)?;
    let each = |part: &dyn Fn(u64, &[u8]) -> windlass_disk::Result<()>| {
        let mut at = 0;
        loop {
            let bytes = source.read_range(at, PART_BYTES)?;
            if bytes.is_empty() {
                return Ok(at);
            }
            part(at, &bytes)?;
            at += bytes.len() as u64;
        }
    };
    each(&|at, bytes| target.write_at(at, bytes))?;
    target.fsync()?;
    let len =
        each(&|at, bytes| if target.read_range(at, bytes.len())? == bytes { Ok(()) } else { Err(differs(&*target)) })?;
    if target.len()? != len {
        return Err(differs(&*target));
    }
    drop(target);
    disk.rename(Path::new(&beside), to)
}

/// At the end of the name of a copy that is not whole.
const UNFINISHED: &str = ".copy";

fn differs(copy: &dyn DiskFile) -> windlass_disk::Error {
    let why = std::io::Error::new(ErrorKind::InvalidData, "the copy differs from what was copied");
    windlass_disk::Error::new("compare", copy.path(), why)
}

fn remove_if_empty(disk: &dyn Disk, dir: &Path) -> windlass_disk::Result<()> {
    if inside(disk, dir)?.is_empty() {
        missing_is_fine(disk.remove_dir(dir))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use windlass_disk::FaultyDisk;
    use windlass_disk::log::{Kind, LogReader, LogWriter};

    use super::*;

    const FROM: &str = "/data/logs";
    const TO: &str = "/big/logs";

    fn shop() -> ProjectName {
        ProjectName::new("shop").expect("a name")
    }

    fn base(below: &str, run: u64) -> PathBuf {
        Path::new(below).join(format!("shop/{run}/build.1/step-01"))
    }

    /// A disk with the logs of runs 7, 8 and 42.
    fn disk() -> FaultyDisk {
        let disk = FaultyDisk::new();
        for run in [7, 8, 42] {
            let base = base(FROM, run);
            safe_write::create_dir_all_synced(&disk, base.parent().expect("one")).expect("made");
            let (mut log, _) = LogWriter::open(&disk, &base).expect("a log");
            log.append(Kind::Stdout, 1, format!("run {run}").as_bytes()).expect("written");
            log.sync().expect("synced");
            for dir in base.ancestors().skip(1).take(4) {
                disk.sync_dir(dir).expect("synced");
            }
        }
        safe_write::create_dir_all_synced(&disk, Path::new(TO)).expect("made");
        safe_write::write(&disk, &Path::new(TO).join(MARK), b"one").expect("written");
        disk
    }

    fn moves(disk: &FaultyDisk) -> windlass_disk::Result<u64> {
        move_old(disk, (Path::new(FROM), Path::new(TO)), &shop(), 42, &|run| run == 8, &|| false)
    }

    /// What a reader finds, who looks at the first place first.
    fn text(disk: &FaultyDisk, run: u64) -> Option<Vec<u8>> {
        let found = [FROM, TO]
            .into_iter()
            .find(|below| disk.exists(&base(below, run).with_extension("idx")).expect("readable"))?;
        Some(LogReader::open(disk, &base(found, run)).expect("a log").read(0, 99).expect("readable"))
    }

    #[test]
    fn old_logs_move_as_they_are_and_open_or_new_ones_stay() {
        let disk = disk();
        assert_eq!(moves(&disk).expect("moved"), 1);
        assert!(!disk.exists(&Path::new(FROM).join("shop/7")).expect("readable"));
        for run in [8, 42] {
            assert!(disk.exists(&base(FROM, run).with_extension("log")).expect("readable"), "{run} stays");
        }
        for run in [7, 8, 42] {
            assert_eq!(text(&disk, run).expect("there"), format!("run {run}").as_bytes());
        }
        assert_eq!(moves(&disk).expect("nothing to do"), 0);
    }

    #[test]
    fn wherever_the_power_goes_or_the_disk_fails_the_log_is_there_and_moves_later() {
        for operation in 0.. {
            for crashes in [false, true] {
                let disk = disk();
                disk.fail_at(disk.operations() + operation, ErrorKind::Other);
                let done = moves(&disk);
                if crashes {
                    disk.crash(operation);
                } else {
                    disk.spare();
                }
                assert_eq!(text(&disk, 7).expect("it is there"), b"run 7", "operation {operation}, crash {crashes}");
                moves(&disk).expect("later");
                assert_eq!(text(&disk, 7).expect("it is there"), b"run 7");
                assert!(!disk.exists(&base(FROM, 7).with_extension("idx")).expect("readable"));
                if done.is_ok() && crashes {
                    assert!(operation > 10, "it took more than {operation} operations");
                    return;
                }
            }
        }
    }

    #[test]
    fn nothing_moves_to_a_volume_that_is_not_mounted() {
        let disk = disk();
        disk.remove_file(&Path::new(TO).join(MARK)).expect("removed");
        assert_eq!(moves(&disk).expect_err("it has no mark").kind(), ErrorKind::NotFound);
        assert_eq!(text(&disk, 7).expect("it stays"), b"run 7");
        assert!(disk.exists(&base(FROM, 7).with_extension("log")).expect("readable"));
    }

    #[test]
    fn another_name_for_the_first_place_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let data = place.path().join("data");
        std::fs::create_dir_all(data.join("logs")).expect("made");
        let link = place.path().join("big");
        std::os::unix::fs::symlink(data.join("logs"), &link).expect("a link");
        let disk = windlass_disk::RealDisk;
        let found = moved_dir(&disk, &data, "one", Some(&link));
        assert!(matches!(found, Err(MovedError::Same(_))), "{found:?}");
        assert!(!link.join(MARK).exists() && !data.join(MARK).exists());
    }

    #[test]
    fn the_place_is_remembered_and_known_again() {
        let disk = FaultyDisk::new();
        let (data, big) = (Path::new("/data"), Path::new(TO));
        disk.create_dir_all(data).expect("made");
        let place = |cluster: &str, configured: Option<&Path>| moved_dir(&disk, data, cluster, configured);
        assert_eq!(place("one", None).expect("none is configured"), None);
        assert_eq!(place("one", Some(big)).expect("made").as_deref(), Some(big));
        assert_eq!(place("one", None).expect("configured no more, and still there").as_deref(), Some(big));
        assert!(matches!(place("one", Some(Path::new("/other"))), Err(MovedError::Elsewhere { .. })));
        assert!(matches!(place("two", Some(big)), Err(MovedError::NotTheirs(_))));
        disk.remove_file(&big.join(MARK)).expect("as if it was not mounted");
        assert!(matches!(place("one", Some(big)), Err(MovedError::NotTheirs(_))));
    }
}
