//! What is really the case with one attempt, and what may be said of it.

use std::collections::BTreeMap;
use std::path::Path;

use windlass_core::model::{AgentId, Digest, Failure, Fence, JobKey, Outcome, RunId, Verdict};
use windlass_core::{State, Touched};
use windlass_disk::FaultyDisk;
use windlass_disk::log::{GapReason, Kind, LogReader};

use super::steps::End;

/// What is really the case with an attempt.
#[derive(Debug, Default)]
pub struct Life {
    pub(super) run: Option<RunId>,
    pub(super) job: Option<JobKey>,
    /// Whom it was given to.
    pub agent: Option<AgentId>,
    /// A person or a policy decided what follows: its outcome stays as it is.
    pub(super) settled: Option<Verdict>,
    /// What of it a backup of the master knows: what was shown, how it was settled, and whether it was closed.
    pub(super) saved: (Option<Outcome>, Option<Verdict>, bool),
    /// It was placed after the backup that a master was put back to.
    pub(super) after_backup: bool,
    pub(super) again_is_fine: bool,
    /// Shims that were spawned.
    pub spawned: u32,
    /// Steps that were executed, in order.
    pub(super) execs: Vec<u32>,
    /// How they really ended, and whether somebody made them.
    pub(super) ends: BTreeMap<u32, (End, bool)>,
    /// What they really wrote while a shim listened.
    pub(super) written: BTreeMap<u32, Vec<u8>>,
    /// Processes that live now.
    pub living: usize,
    /// A shim lives.
    pub shim: bool,
    /// Forget was sent.
    pub(super) forgotten: bool,
    /// What is shown.
    pub(super) shown: Option<Outcome>,
    pub closed: bool,
    /// Log bytes that were reserved for it.
    pub quota_bytes: u64,
    /// A bad disk changed its record.
    pub record_damaged: bool,
    /// A bad disk changed one of its logs where it was written.
    pub log_damaged: bool,
    /// Its agent's directory was copied or rolled back while it was open, or its master: what the copy says is believed, and what was
    /// placed since may run again by a person's word (known limits).
    pub tainted: bool,
}

impl Life {
    pub(super) fn is_of(&self, run: &RunId, job: &JobKey) -> bool {
        self.run.as_ref() == Some(run) && self.job.as_ref() == Some(job)
    }

    /// What is wrong with saying that it ended so.
    pub(super) fn is_untrue(&self, outcome: &Outcome) -> Option<String> {
        let last = self.execs.last().and_then(|step| self.ends.get(step));
        let all_well = self.execs.iter().all(|step| matches!(self.ends.get(step), Some((End::Code(0), false))));
        let wrong = match outcome {
            Outcome::Succeeded if !all_well || self.execs.is_empty() => {
                Some(format!("its steps ended {:?}", self.ends))
            }
            Outcome::Failed { how: Failure::Code(code) } if last != Some(&(End::Code(*code), false)) => {
                Some(format!("its last step ended {last:?}"))
            }
            Outcome::Failed { how: Failure::Signal(signal) } if !matches!(last, Some((End::Signal(real), _)) if real == signal) => {
                Some(format!("its last step ended {last:?}"))
            }
            Outcome::NotStarted { .. } if !self.execs.is_empty() => {
                Some(format!("steps {:?} were executed", self.execs))
            }
            Outcome::Unknown { .. } => return None,
            _ => None,
        };
        wrong.or_else(|| (self.living > 0).then(|| format!("{} processes live", self.living)))
    }
}

/// What is shown of an attempt, whether its run is open or was closed just now.
pub(super) fn outcome_of(state: &State, touched: &Touched, run: &RunId, fence: Fence) -> Option<Outcome> {
    let open = state.runs.get(run);
    let run = open.or_else(|| touched.closed.iter().find(|closed| closed.id == *run))?;
    let attempts = run.jobs.iter().flat_map(|job| &job.attempts);
    attempts.filter(|attempt| attempt.fence == fence).find_map(|attempt| attempt.outcome().cloned())
}

/// What is wrong with a stored log.
#[derive(Debug)]
pub(super) enum Wrong {
    /// Its reader refuses.
    Unreadable(windlass_disk::log::Error),
    /// It says something else than what was written.
    Different(String),
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => why.fmt(f),
            Self::Different(why) => why.fmt(f),
        }
    }
}

/// Compares a stored log with what was really written.
pub(super) fn compare(disk: &FaultyDisk, base: &Path, real: &[u8]) -> Result<Digest, Wrong> {
    let reader = LogReader::open_over(disk, base).map_err(Wrong::Unreadable)?;
    let (mut number, mut at, mut open_end) = (0, 0_usize, false);
    loop {
        let entries = reader.entries(number, 1_000).map_err(Wrong::Unreadable)?;
        if entries.is_empty() {
            break;
        }
        number += entries.len() as u64;
        for entry in entries {
            if entry.kind == Kind::Gap {
                at += usize::try_from(entry.dropped).unwrap_or(usize::MAX);
                open_end |= matches!(entry.gap, GapReason::ShimLost | GapReason::PowerLost | GapReason::AgentGone);
                continue;
            }
            let data = reader.data(std::slice::from_ref(&entry)).map_err(Wrong::Unreadable)?;
            if real.get(at..at + data.len()) != Some(&data[..]) {
                let why = format!("the bytes at {} are not those that were written at {at}", entry.offset);
                return Err(Wrong::Different(why));
            }
            at += data.len();
        }
    }
    if at < real.len() && !open_end {
        return Err(Wrong::Different(format!("{at} of {} bytes are there, and no gap says so", real.len())));
    }
    digest(disk, base).map_err(Wrong::Unreadable)
}

/// Of all bytes of a log that is over, and of its gaps, as its reader gives them.
pub(super) fn digest(disk: &FaultyDisk, base: &Path) -> windlass_disk::log::Result<Digest> {
    let reader = LogReader::open_over(disk, base)?;
    let mut said = reader.read(0, usize::MAX)?;
    let mut number = 0;
    loop {
        let entries = reader.entries(number, 1_000)?;
        if entries.is_empty() {
            return Ok(Digest::of(&said));
        }
        number += entries.len() as u64;
        entries.iter().for_each(|entry| said.extend(entry.encode()));
    }
}
