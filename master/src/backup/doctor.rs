//! `windlass-master doctor`: says what a start finds, and writes a copy that is cut where the damage begins.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use windlass_core::State;
use windlass_disk::RealDisk;
use windlass_disk::journal::{Error as Journal, Mark as Place};

use super::copy::{copy, empty_dir, files_below, sync_dirs};
use super::make::copy_journal;
use super::mark::Mark;
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::facts::{Checkpoint, Checkpoints, Error, Files, decode, fold};

/// What is not copied: a view that rebuilds itself, and what belongs to one process or one place.
const LEFT_OUT: [&str; 5] = ["journal", "checkpoints", "lock", "listening.json", "ballast"];

/// What can be read of the journal.
struct Found {
    base: Option<Checkpoint>,
    place: Option<Place>,
    state: State,
    facts: u64,
    why: Option<Error>,
}

/// Looks at the data directory of a stopped master; nothing in it is changed. With `to`, writes a copy there that ends before the damage.
pub fn doctor(data: &DataDir, files: &Files, to: Option<&Path>) -> Result<(), Failure> {
    let _lock = data.lock()?;
    let found = read(files)?;
    crate::say(&explain(files, &found)?)?;
    let Some(to) = to else {
        return found.why.map_or(Ok(()), |why| Err(Failure::Facts(why)));
    };
    let Some(place) = found.place else {
        return Err(Failure::Backup { path: to.to_owned(), why: "nothing of the journal can be read".to_owned() });
    };
    write_copy(data, files, &found.state, &place, to)?;
    crate::say(&format!(
        "{} holds everything up to fact {}; started there, a master holds every project until `windlass projects start`",
        to.display(),
        place.last_lsn
    ))
}

/// Reads as a start does, and stops where a start would.
fn read(files: &Files) -> Result<Found, Failure> {
    let base = files.base().map_err(Failure::Facts)?;
    let state = base.as_ref().map_or_else(State::default, |base| base.state.as_ref().clone());
    let place = base.as_ref().map(|base| base.mark);
    let mut found = Found { base, place, state, facts: 0, why: None };
    let from = found.place;
    let (state, place, facts) = (&mut found.state, &mut found.place, &mut found.facts);
    let verified = files.source().verify_to(from.as_ref(), &mut |record, behind| {
        let turn = record.entries.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        fold(state, &turn);
        *facts += turn.len() as u64;
        *place = Some(*behind);
        Ok(())
    });
    match verified {
        Ok((end, _)) => found.place = Some(end),
        Err(Journal::Disk(error)) => return Err(Failure::Facts(Error::Journal(error.into()))),
        Err(why) => found.why = Some(Error::Journal(why)),
    }
    Ok(found)
}

fn explain(files: &Files, found: &Found) -> Result<String, Failure> {
    let mut text = String::new();
    let checkpoints = files.checkpoints();
    let listed = checkpoints.files().map_err(|error| Failure::Facts(Error::Journal(error.into())))?;
    for path in &listed {
        let says = checkpoints.read(path).map_or_else(
            |why| why.to_string(),
            |found| format!("sound, {} runs are not over", found.state.runs.size()),
        );
        let _ = writeln!(text, "checkpoint {}: {says}", path.display());
    }
    let from = found.base.as_ref().map_or(0, |base| base.mark.last_lsn);
    let _ = writeln!(text, "journal: {} facts behind fact {from} can be read", found.facts);
    match &found.why {
        None => text.push_str("a start finds no damage"),
        Some(why) => {
            let _ = writeln!(text, "damage: {}", crate::exit::chain(why));
            let last = found.place.map_or(0, |place| place.last_lsn);
            let _ = writeln!(text, "everything behind fact {last} is lost to a copy that ends there");
            let open: Vec<String> = found.state.runs.keys().map(ToString::to_string).collect();
            let _ = write!(
                text,
                "runs that are not over there: {}",
                if open.is_empty() { "none".to_owned() } else { open.join(", ") }
            );
        }
    }
    Ok(text)
}

fn write_copy(data: &DataDir, files: &Files, state: &State, place: &Place, to: &Path) -> Result<(), Failure> {
    empty_dir(to)?;
    copy_journal(files, place, &to.join("journal"))?;
    let checkpoints = Checkpoints::at(Arc::new(RealDisk), &to.join("checkpoints"), files.cluster_id);
    let written = checkpoints.write(&Checkpoint { mark: *place, state: Arc::new(state.clone()) });
    written.map_err(|error| Failure::Facts(Error::Journal(error.into())))?;
    for path in files_below(data.path())? {
        let below = path.strip_prefix(data.path()).expect("it is below the data directory");
        let first = below.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        if first.is_some_and(|first| !LEFT_OUT.contains(&first.as_str()) && !first.starts_with("history-")) {
            copy(&path, &to.join(below), None)?;
            let mode = std::fs::metadata(&path).map_err(super::copy::failed("read", &path))?.permissions();
            std::fs::set_permissions(to.join(below), mode).map_err(super::copy::failed("write", to))?;
        }
    }
    sync_dirs(to)?;
    Mark { end: place.last_lsn, from: format!("a damaged copy of {}", data.path().display()) }.leave(to)
}
