//! The start of the master and its checkpoints: shipped code, compared with what all facts say (I14).

use std::path::Path;
use std::sync::Arc;

use windlass_core::{Recorded, State, Touched};
use windlass_disk::journal::{Journal, Mark};
use windlass_disk::{Disk, FaultyDisk};
use windlass_master::facts::{Checkpoint, Error, Facts, Files, decode};

use super::event::Event;
use super::host::SECOND;
use super::master::Master;
use super::model::Model;
use super::process::Process;
use super::world::World;

pub(super) const JOURNAL: &str = "/master/journal";
pub(super) const CHECKPOINTS: &str = "/master/checkpoints";
const CLUSTER: [u8; 16] = [7; 16];

/// The most that the state may take at the end of a run: keys of a day or two, and what is open.
const STATE_MAX_BYTES: usize = 1024 * 1024;

/// After so much time without a turn the last record is proven whole.
pub(super) const QUIET: u64 = SECOND;

/// Where facts and checkpoints lie.
pub(super) fn files(disk: Arc<dyn Disk>, segment_bytes: u64) -> Files {
    let (journal, checkpoints) = (Path::new(JOURNAL).to_owned(), Path::new(CHECKPOINTS).to_owned());
    Files { disk, journal, checkpoints, cluster_id: CLUSTER, segment_bytes }
}

/// What the master believes at its start, and where it goes on; none if the disk or its own death stopped it.
pub(super) fn start(
    own: &Arc<dyn Disk>,
    disk: &FaultyDisk,
    segment_bytes: u64,
    process: &Process,
    model: &mut Model,
) -> Option<(Journal, State)> {
    match Facts::start(&files(Arc::clone(own), segment_bytes)) {
        Ok((facts, state)) => {
            read_again(&files(Arc::new(disk.clone()), segment_bytes), &state, model);
            Some((facts.into_journal(), state))
        }
        Err(error) => {
            model.start_failed(&error, process.is_alive());
            None
        }
    }
}

/// What all facts up to a place say. The place has the hash of the record before it, which names every byte before it.
#[derive(Debug, Clone)]
pub struct Folded {
    mark: Mark,
    state: State,
}

/// Every way of reading what is there gives the state of the start.
fn read_again(files: &Files, state: &State, model: &mut Model) {
    let checkpoints = files.checkpoints();
    let mut rests = Vec::new();
    for path in checkpoints.files().unwrap_or_default() {
        match checkpoints.read(&path) {
            Ok(checkpoint) => rests.push((path, checkpoint)),
            Err(_) if model.is_damaged(&path) => model.meet("checkpoint passed over"),
            Err(why) => model.complain(format!("I14: {}: {why}", path.display())),
        }
    }
    let mut facts = Vec::new();
    let before = model.folded.take();
    model.starts += 1;
    let from =
        if before.is_none() || model.starts.is_multiple_of(model.fold_all_every) { From::Begin } else { From::There };
    let all = match fold(files, before.as_ref(), from, &mut facts) {
        Ok(None) => fold(files, None, From::Begin, &mut facts),
        all => all,
    };
    let mut end = 0;
    match all {
        Ok(Some(all)) if all.state == *state => {
            end = all.mark.last_lsn;
            model.folded = Some(all);
        }
        Ok(_) => model.complain("I14: the fold of all facts is not what the start believes".to_owned()),
        Err(_) if model.damaged_journal => {
            // What the start read stands behind the damage.
            let base = rests.first().map(|(_, checkpoint)| folded(checkpoint));
            let rest = fold(files, base.as_ref(), From::There, &mut facts);
            end = rest.as_ref().map_or(0, |rest| rest.as_ref().map_or(0, |rest| rest.mark.last_lsn));
            if !gives(state, rest) {
                model.complain("I15: a start that is repeated on damage believes something else".to_owned());
            }
            rests.clear();
        }
        Err(error) => model.complain(format!("I14: all facts cannot be read: {error}")),
    }
    for (path, checkpoint) in rests {
        if !gives(state, fold(files, Some(&folded(&checkpoint)), From::There, &mut Vec::new())) {
            model.complain(format!("I14: {} and the facts behind it are not the state", path.display()));
        }
    }
    model.journal_read(state, end, facts);
}

fn folded(checkpoint: &Checkpoint) -> Folded {
    Folded { mark: checkpoint.mark, state: checkpoint.state.as_ref().clone() }
}

fn gives(state: &State, folded: Result<Option<Folded>, Error>) -> bool {
    matches!(folded, Ok(Some(folded)) if folded.state == *state)
}

/// A fact, its lsn, and what it touched.
pub(super) type Told = (u64, Recorded, Touched);

/// Where the reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// At the first record: all are checked, also those that were folded before.
    Begin,
    /// At the place that was folded up to.
    There,
}

/// Folds what is behind a place, and tells the facts there; none if the journal does not go through that place.
fn fold(files: &Files, before: Option<&Folded>, from: From, told: &mut Vec<Told>) -> Result<Option<Folded>, Error> {
    told.clear();
    let mut state = before.map_or_else(State::default, |before| before.state.clone());
    let mut reached = before.is_none() || from == From::There;
    let first = before.map(|before| &before.mark).filter(|_| from == From::There);
    let (mark, _) = files.source().verify_to(first, &mut |record, behind| {
        if !reached {
            reached = before.is_some_and(|before| before.mark == *behind);
            return Ok(());
        }
        for (entry, lsn) in record.entries.iter().zip(record.first_lsn..) {
            let recorded = decode(entry)?;
            let touched = state.apply(recorded.at, &recorded.fact);
            told.push((lsn, recorded, touched));
        }
        Ok(())
    })?;
    Ok(reached.then_some(Folded { mark, state }))
}

impl Master {
    /// The thread that writes checkpoints takes what was published last.
    pub(super) fn note_turn(&mut self) {
        self.noted = Some(Checkpoint { mark: self.place, state: Arc::new(self.state.clone()) });
    }

    /// It writes that, whatever was decided meanwhile.
    pub(super) fn write_checkpoint(&mut self) {
        let Some(noted) = self.noted.take() else { return };
        let files = files(Arc::clone(&self.own), self.journal.segment_bytes());
        files.checkpoints().write_and_compress(&noted, &self.journal.source());
    }

    /// Nothing happened for a while: the last record is proven whole.
    pub(super) fn prove(&mut self) {
        match self.journal.append_empty(self.state.epoch) {
            Ok(()) => self.unproven = false,
            Err(_) => self.process.kill(),
        }
    }
}

impl World {
    /// A checkpoint is due: much more often than in earnest, because there is less to do.
    pub(super) fn checkpoint(&mut self) {
        let (next, write) =
            (self.rng.between(5 * SECOND, self.span.checkpoint_every()), self.rng.between(0, 2 * SECOND));
        self.after(next, Event::Checkpoint);
        self.with_master(|master, _| master.note_turn());
        self.after(write, Event::WriteCheckpoint);
    }

    /// What the master keeps does not grow with what is over: this is what keys and runs of two days may take.
    pub(super) fn look_at_size(&mut self) {
        let bytes =
            self.master.as_ref().map_or(0, |master| serde_json::to_vec(&master.state).map_or(0, |text| text.len()));
        self.model.state_bytes = bytes as u64;
        if bytes > STATE_MAX_BYTES {
            self.model.complain(format!("I13: the state takes {bytes} bytes at the end"));
        }
    }

    /// The master, or its whole host, ends while a checkpoint is written.
    pub(super) fn die_at_checkpoint(&mut self) {
        let (changes, done, power) = (self.rng.between(0, 12), self.rng.per_mille(500), self.rng.per_mille(700));
        self.with_master(|master, _| {
            master.note_turn();
            master.process.dies_in(changes, done, power);
            master.write_checkpoint();
        });
    }
}
