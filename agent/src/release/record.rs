//! The record of a target: what was done to it, one synced line before each act.
//!
//! ```text
//! touched ─▶ stopping ─▶ switching ─▶ switched ─▶ committed
//!    └───────────┴───────────┴───────────┴──▶ returning ─▶ reverted, drained, or stuck
//! drained ─▶ touched, as above
//! ```
//! Called by the built-in steps, the way back and the observer. Invariant: a torn last line counts as absent; damage anywhere
//! else is an error, and the target is stuck. At 64 KiB the record is begun anew with the highest generation and the last line.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_core::model::{Change, DeploymentId};
use windlass_disk::Open;
use windlass_disk::record::{RecordEnd, RecordWriter, WriteError, cut_torn_tail, read_record};

use super::error::{Error, Result};
use super::layout::Layout;

/// A record of this many bytes is begun anew.
const ANEW_AT: u64 = 64 * 1024;

/// What is about to be done, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The target was taken out of traffic, and stays there until it has what its lane wants.
    Drained,
    /// From here the target may be out of traffic.
    Touched,
    /// From here the service may be down.
    Stopping,
    /// From here `current` may point to either release.
    Switching,
    /// `current` points to the new release.
    Switched,
    /// The way back has begun.
    Returning,
    /// The target keeps the release.
    Committed,
    /// The way back is in place and passed its check.
    Reverted,
    /// The way back failed; the target is left drained.
    Stuck,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Of the lane.
    pub generation: u64,
    /// On whose behalf.
    pub deployment: DeploymentId,
    /// What.
    pub mark: Mark,
    /// Release that was linked, for `touched` and `switching`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Release that shall be linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why it is stuck.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Line {
    /// A line about a change.
    pub fn of(change: &Change, mark: Mark) -> Self {
        let (generation, deployment) = (change.generation, change.deployment.clone());
        Self { generation, deployment, mark, from: None, to: None, why: String::new() }
    }

    /// With the releases that it leads from and to.
    #[must_use]
    pub fn between(self, from: Option<&str>, to: Option<&str>) -> Self {
        Self { from: from.map(str::to_owned), to: to.map(str::to_owned), ..self }
    }
}

/// What the lines add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The highest generation of any line; a lower one is refused.
    pub seen: u64,
    /// The last line.
    pub last: Option<Line>,
}

impl State {
    fn fold(&mut self, line: Line) {
        self.seen = self.seen.max(line.generation);
        self.last = Some(line);
    }

    /// Refuses a hand that is too late.
    pub fn admit(&self, generation: u64) -> Result<()> {
        if generation < self.seen { Err(Error::Stale { asked: generation, seen: self.seen }) } else { Ok(()) }
    }

    /// The last mark, if it is of this generation.
    pub fn mark_of(&self, generation: u64) -> Option<Mark> {
        self.last.as_ref().filter(|line| line.generation == generation).map(|line| line.mark)
    }

    /// The generation of a change that was neither committed nor reverted, nor given up as stuck.
    pub fn in_flight(&self) -> Option<u64> {
        let line = self.last.as_ref()?;
        match line.mark {
            Mark::Touched | Mark::Stopping | Mark::Switching | Mark::Switched | Mark::Returning => {
                Some(line.generation)
            }
            Mark::Drained | Mark::Committed | Mark::Reverted | Mark::Stuck => None,
        }
    }
}

/// The record, open for appending. Only for who holds the lock of the target.
#[derive(Debug)]
pub struct TargetRecord {
    writer: RecordWriter,
    state: State,
    path: PathBuf,
}

/// What the record says, for who only looks. A target that was never touched has none.
pub fn look(layout: &Layout) -> Result<State> {
    let path = layout.own("record");
    match layout.disk().read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
        bytes => {
            let read = read_record(&bytes?);
            state_of(&path, &read.lines, read.end)
        }
    }
}

impl TargetRecord {
    /// Opens it, or begins it; a torn tail is cut.
    pub fn open(layout: &Layout) -> Result<Self> {
        let path = layout.own("record");
        let file = layout.disk().open(&path, Open::Create)?;
        layout.disk().sync_dir(&layout.root().join(".windlass"))?;
        let read = cut_torn_tail(&*file)?;
        let state = state_of(&path, &read.lines, read.end)?;
        let record = Self { writer: RecordWriter::new(file)?, state, path };
        if record.writer.file().len()? >= ANEW_AT { record.begun_anew(layout) } else { Ok(record) }
    }

    /// What it says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Appends a line; when this returns, it is durable and the act may follow.
    pub fn append(&mut self, line: Line) -> Result<()> {
        let payload = serde_json::to_vec(&line).expect("a line of a record is plain JSON");
        self.writer.append(&payload).map_err(|error| match error {
            WriteError::Disk(error) => Error::Disk(error),
            WriteError::Payload(error) => Error::Damaged { path: self.path.clone(), why: error.to_string() },
        })?;
        self.state.fold(line);
        Ok(())
    }

    /// Writes highest generation and last line to a new file, which then takes the place of this one.
    fn begun_anew(self, layout: &Layout) -> Result<Self> {
        let new = layout.own("record.new");
        let writer = RecordWriter::new(layout.disk().open(&new, Open::Truncate)?)?;
        let mut anew = Self { writer, state: State::default(), path: self.path };
        if let Some(last) = self.state.last {
            if last.generation < self.state.seen {
                anew.append(Line { generation: self.state.seen, ..last.clone() })?;
            }
            anew.append(last)?;
        }
        layout.disk().rename(&new, &anew.path)?;
        layout.disk().sync_dir(&layout.root().join(".windlass"))?;
        Ok(anew)
    }
}

fn state_of(path: &std::path::Path, lines: &[Vec<u8>], end: RecordEnd) -> Result<State> {
    let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
    if let RecordEnd::Damaged(damage) = end {
        return Err(damaged(damage.to_string()));
    }
    let mut state = State::default();
    for line in lines {
        state.fold(serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::fixture::{change, layout};

    #[test]
    fn the_state_is_the_fold_of_the_lines_and_outlives_a_torn_one() {
        let (_dir, layout) = layout();
        let change = change(&layout);
        assert_eq!(look(&layout).expect("no record yet"), State::default());
        let mut record = TargetRecord::open(&layout).expect("a new record");
        record.append(Line::of(&change, Mark::Touched).between(None, Some(&change.release))).expect("synced");
        record.append(Line::of(&change, Mark::Switching)).expect("synced");
        drop(record);
        let path = layout.own("record");
        let mut bytes = std::fs::read(&path).expect("there is a record");
        bytes.extend_from_slice(b"0000");
        std::fs::write(&path, bytes).expect("torn");
        assert_eq!(look(&layout).expect("whole").mark_of(change.generation), Some(Mark::Switching));
        let record = TargetRecord::open(&layout).expect("cut");
        assert_eq!((record.state().seen, record.state().in_flight()), (change.generation, Some(change.generation)));
    }

    #[test]
    fn a_lower_generation_is_refused_and_an_equal_one_is_not() {
        let state = State { seen: 58, last: None };
        assert!(matches!(state.admit(57), Err(Error::Stale { asked: 57, seen: 58 })));
        assert!(state.admit(58).is_ok() && state.admit(59).is_ok());
    }

    #[test]
    fn a_flipped_byte_in_the_middle_is_damage() {
        let (_dir, layout) = layout();
        let change = change(&layout);
        let mut record = TargetRecord::open(&layout).expect("a new record");
        for mark in [Mark::Touched, Mark::Stopping] {
            record.append(Line::of(&change, mark)).expect("synced");
        }
        let path = layout.own("record");
        let mut bytes = std::fs::read(&path).expect("there is a record");
        bytes[12] ^= 1;
        std::fs::write(&path, bytes).expect("flipped");
        assert!(matches!(look(&layout), Err(Error::Damaged { .. })));
        assert!(matches!(TargetRecord::open(&layout), Err(Error::Damaged { .. })));
    }

    #[test]
    fn a_long_record_is_begun_anew_and_forgets_neither_generation_nor_last_line() {
        let (_dir, layout) = layout();
        let change = change(&layout);
        let mut record = TargetRecord::open(&layout).expect("a new record");
        let mut filler = Line::of(&change, Mark::Stuck);
        filler.why = "x".repeat(30_000);
        for _ in 0..3 {
            record.append(filler.clone()).expect("synced");
        }
        record.append(Line::of(&change, Mark::Committed)).expect("synced");
        let before = record.state().clone();
        drop(record);
        let record = TargetRecord::open(&layout).expect("begun anew");
        assert_eq!(record.state(), &before);
        assert_eq!(look(&layout).expect("whole"), before);
        assert!(std::fs::metadata(layout.own("record")).expect("there").len() < 1_000);
    }
}
