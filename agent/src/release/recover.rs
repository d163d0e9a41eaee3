//! What an agent does for a target when it starts: a change that was interrupted takes its way back before the agent connects.
//!
//! Called by the agent at its start, once no attempt is held that might still act on the target. Absent: proving that the
//! process tree of a lost shim is gone; that is the business of the attempts, and of the caller.

use std::fs::File;
use std::path::Path;

use windlass_core::model::Change;
use windlass_disk::safe_write::{self, Checked};

use super::error::{Error, Result};
use super::hook;
use super::layout::Layout;
use super::log::{Bounded, Log};
use super::place::{LocalServices, Place};
use super::record;
use super::target::Target;
use super::way_back::{self, Ended};

/// Bytes of `way-back.log`.
const LOG_MAX: usize = 64 * 1024;
/// The change that a record is about, for who finds it interrupted.
const CHANGE_FILE: &str = "change";

/// Keeps the change on the target, durably, before it is touched.
pub fn keep(layout: &Layout, change: &Change) -> Result<()> {
    let bytes = serde_json::to_vec(change).expect("a change is plain JSON");
    Ok(safe_write::write_checked(layout.disk(), &layout.own(CHANGE_FILE), &bytes)?)
}

/// The change that touched this target and was neither committed nor reverted; none if there is none.
pub fn interrupted(layout: &Layout) -> Result<Option<Change>> {
    let Some(generation) = record::look(layout)?.in_flight() else {
        return Ok(None);
    };
    let change = last_change(layout)?.ok_or_else(|| damaged(layout, "it is missing".to_owned()))?;
    if change.generation == generation {
        Ok(Some(change))
    } else {
        Err(damaged(layout, format!("it is of generation {}, the record of {generation}", change.generation)))
    }
}

/// The last change that touched this target; none if none did.
pub fn last_change(layout: &Layout) -> Result<Option<Change>> {
    match safe_write::read_checked(layout.disk(), &layout.own(CHANGE_FILE))? {
        Checked::Whole(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(layout, error.to_string()))
        }
        Checked::Missing => Ok(None),
        Checked::Damaged => Err(damaged(layout, "its checksum does not fit".to_owned())),
    }
}

fn damaged(layout: &Layout, why: String) -> Error {
    Error::Damaged { path: layout.own(CHANGE_FILE), why }
}

/// Takes the way back of the service that this change is about, if any change of it was interrupted. Blocking; what hooks say
/// goes to `way-back.log`.
pub fn recover(known: &Change, local: &LocalServices) -> Result<Option<Ended>> {
    let layout = Layout::new(&Place::of(&known.service, &known.spec, local)?.root);
    let Some(change) = interrupted(&layout)? else {
        return Ok(None);
    };
    let log = open_log(&layout.own("way-back.log"))?;
    let target = Target::of(&change, local, hook::env_of_agent(), &log)?;
    way_back::run(&target).map(Some)
}

fn open_log(path: &Path) -> Result<Log> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    Ok(Log::new(Bounded::new(file, LOG_MAX)))
}
