//! What must hold: a world model that counts real execs, processes and bytes, and compares all that is believed, sent or shown with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use windlass_core::fact::AgentFact;
use windlass_core::model::{AgentId, Attempt, Digest, Fence, JobKey, Outcome, RunId, UnknownReason, Verdict, Work};
use windlass_core::{Answer, Fact, Recorded, State, Touched};
use windlass_disk::log::LogPaths;
use windlass_disk::{Disk, FaultyDisk};
use windlass_proto::convert::Assignments;

use super::checkpoints::{Folded, JOURNAL, Told};
use super::event::LinkId;
use super::life::{Life, compare, digest, outcome_of};
use super::process::Complaints;

/// Everything that is known to be true, and everything that was found wrong.
#[derive(Debug, Default)]
pub struct Model {
    /// Of processes, about locks.
    pub complaints: Complaints,
    /// The present session of each agent, as the master decided.
    pub sessions: BTreeMap<AgentId, u64>,
    /// The session of each link that was let in.
    pub links: BTreeMap<LinkId, u64>,
    /// Fences that were put in this life of the master.
    pub sent: BTreeSet<Fence>,
    /// Attempts.
    pub lives: BTreeMap<Fence, Life>,
    /// Runs by their idempotency key.
    pub runs: BTreeMap<String, RunId>,
    /// The master's journal was damaged behind its back: refusing it is right.
    pub damaged_journal: bool,
    /// Checkpoints and logs of the master that were, without extensions.
    pub damaged: BTreeSet<PathBuf>,
    /// Agents of whose files one was: that they are quarantined is right.
    pub doubted: BTreeSet<AgentId>,
    /// Agents whose directory was copied or rolled back: that they are quarantined is right.
    pub suspects: BTreeSet<AgentId>,
    /// Placements are marked, because a backup was made.
    marks: bool,
    /// The next start reads a backup.
    forgot: bool,
    now: u64,
    violations: Vec<String>,
    acked: BTreeMap<(Fence, u32), u64>,
    pub(super) epochs: BTreeMap<AgentId, u64>,
    newest_fence: Option<Fence>,
    answered: u64,
    believed: Option<(u64, State)>,
    /// Starts of the master so far.
    pub(super) starts: u64,
    /// One start in so many reads the journal from its first record.
    pub(super) fold_all_every: u64,
    /// What all facts said at the last start.
    pub(super) folded: Option<Folded>,
    /// What the state of the master took at the end.
    pub state_bytes: u64,
    /// What came of damage, and how often.
    pub met: BTreeMap<&'static str, u64>,
    /// The last start found damage, and said so.
    pub(super) refuses: bool,
    /// Where logs lie that are whole.
    sealed: BTreeMap<(Fence, u32), (PathBuf, Digest)>,
}

impl Model {
    /// Something is not as it must be.
    pub fn complain(&mut self, what: String) {
        self.violations.push(format!("{:.6}: {what}", self.now as f64 / 1e9));
    }

    /// Whether a checkpoint, or the log of this base, was damaged.
    pub fn is_damaged(&self, base: &Path) -> bool {
        self.damaged.contains(base)
    }

    /// Whether it may be that an agent is not what it says.
    pub fn is_doubtful(&self, agent: AgentId) -> bool {
        self.suspects.contains(&agent) || self.doubted.contains(&agent)
    }

    pub(super) fn has_damaged_record(&self, fence: Fence) -> bool {
        self.lives.get(&fence).is_some_and(|life| life.record_damaged)
    }

    /// Damage was seen.
    pub fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    /// Time passes.
    pub fn pass(&mut self, now: u64) {
        self.now = now;
    }

    /// What was found wrong so far.
    pub fn violations(&mut self) -> Vec<String> {
        let mut told = std::mem::take(&mut *self.complaints.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.violations.append(&mut told);
        std::mem::take(&mut self.violations)
    }

    /// The session that was let in on a link.
    pub fn session_of(&self, link: LinkId) -> Option<u64> {
        self.links.get(&link).copied()
    }

    // --- the master ---

    /// The journal could not be opened.
    pub fn start_failed(&mut self, error: &windlass_master::facts::Error, alive: bool) {
        if error.is_damage() && alive {
            self.refuses = self.damaged_journal;
            self.meet("start refused");
            if !self.damaged_journal {
                self.complain(format!("I15: the master refuses a journal that nobody damaged: {error}"));
            }
        }
    }

    /// A backup of the master was made: what is placed from now on it will not know.
    pub fn backed_up(&mut self) {
        self.marks = true;
        for life in self.lives.values_mut() {
            life.saved = (life.shown.clone(), life.settled, life.closed);
        }
    }

    /// The master was put back to its backup. What it answered and believed since is gone, by a person's word.
    pub fn restored(&mut self) {
        (self.marks, self.forgot, self.answered, self.believed) = (false, true, 0, None);
        self.acked.clear();
        self.sent.clear();
        self.sealed.clear();
        (self.damaged_journal, self.folded) = (false, None);
        for life in self.lives.values_mut() {
            (life.shown, life.settled, life.closed) = std::mem::take(&mut life.saved);
            life.tainted |= life.after_backup || !life.closed;
        }
    }

    /// The last fact that was seen to be committed. After a restore all that is read was seen long ago.
    fn known_lsn(&self) -> u64 {
        let known = self.believed.as_ref().map_or(0, |(lsn, _)| *lsn);
        if self.forgot { u64::MAX } else { known }
    }

    /// What a start read, with the facts of a commit that nobody lived to see. Nothing that was answered may be missing, and the fold
    /// is what was believed.
    pub(super) fn journal_read(&mut self, state: &State, lsn: u64, facts: Vec<Told>) {
        let known = self.known_lsn();
        let (mut news, mut touched) = (Vec::new(), Touched::default());
        for (_, recorded, changed) in facts.into_iter().filter(|(lsn, ..)| *lsn > known) {
            touched.merge(changed);
            news.push(recorded);
        }
        if lsn < self.answered {
            self.complain(format!("I4: facts up to {} were answered, the journal ends at {lsn}", self.answered));
        }
        let differs = |(at, believed): &(u64, State)| *at == lsn && believed != state;
        if self.believed.as_ref().is_some_and(differs) {
            self.complain(format!("I14: the fold of the journal at {lsn} is not the state"));
        }
        self.forgot = false;
        self.committed(&news, state, &touched, lsn);
    }

    /// Facts are durable and believed.
    pub fn committed(&mut self, recorded: &[Recorded], state: &State, touched: &Touched, lsn: u64) {
        for (fence, run) in &touched.attempts {
            if let Some(outcome) = outcome_of(state, touched, run, *fence) {
                self.show(*fence, outcome);
            }
        }
        for Recorded { fact, .. } in recorded {
            match fact {
                Fact::JobPlaced { run, job, attempt, agent, fence, envelope, .. } => {
                    self.lives.entry(*fence).or_default().quota_bytes = envelope.log_quota_bytes;
                    self.placed(state, (run, job), *attempt, *agent, *fence);
                }
                Fact::Settled { fence, settlement, .. } => {
                    self.lives.entry(*fence).or_default().settled = Some(settlement.verdict);
                }
                Fact::Agent(AgentFact::Quarantined { agent, why }) if !self.is_doubtful(*agent) => {
                    self.complain(format!("I7: the honest agent {agent} is quarantined: {why:?}"));
                }
                Fact::Agent(AgentFact::Quarantined { agent, .. }) if self.doubted.contains(agent) => {
                    self.meet("agent quarantined");
                }
                Fact::JobClosed { fence } => self.lives.entry(*fence).or_default().closed = true,
                _ => {}
            }
        }
        self.believed = Some((lsn, state.clone()));
    }

    fn placed(&mut self, state: &State, (run, job): (&RunId, &JobKey), number: Attempt, agent: AgentId, fence: Fence) {
        if state.agents.get(&agent).is_some_and(|agent| agent.paused.is_some()) {
            self.complain(format!("{run} {job} is placed on the agent {agent}, which is paused"));
        }
        if self.newest_fence.is_some_and(|newest| newest >= fence) {
            self.complain(format!("I8: fence {fence} does not rise"));
        }
        self.newest_fence = Some(fence);
        let idempotent = state.job(run, job).is_some_and(|job| match &job.plan.work {
            Work::Steps(work) => work.idempotent,
            Work::Deploy(_) => false,
        });
        let earlier: Vec<Fence> =
            self.lives.iter().filter(|(_, life)| life.is_of(run, job)).map(|(fence, _)| *fence).collect();
        for before in earlier {
            let unknown =
                matches!(self.lives.get(&before).and_then(|life| life.shown.as_ref()), Some(Outcome::Unknown { .. }));
            let open = self.lives.get(&before).is_some_and(|life| life.shown.is_none());
            let (again, tainted) = self
                .lives
                .get(&before)
                .map_or((false, false), |life| (life.settled == Some(Verdict::Again), life.tainted));
            if (open && !tainted) || (unknown && !idempotent && !again) {
                self.complain(format!("I3: {run} {job} gets attempt {number} although {before} may run"));
            }
        }
        let again = self.lives.values().any(|life| life.is_of(run, job) && life.settled == Some(Verdict::Again));
        let (marks, suspect) = (self.marks, self.suspects.contains(&agent));
        let life = self.lives.entry(fence).or_default();
        (life.run, life.job, life.agent) = (Some(run.clone()), Some(job.clone()), Some(agent));
        life.again_is_fine = idempotent || again;
        life.after_backup = marks;
        life.tainted = suspect;
    }

    fn show(&mut self, fence: Fence, outcome: Outcome) {
        let life = self.lives.entry(fence).or_default();
        let before = life.shown.replace(outcome.clone());
        match &before {
            None => {}
            Some(before) if *before == outcome => {}
            Some(Outcome::Unknown { .. }) if life.settled.is_none() => {}
            Some(before) => self.violations.push(format!("I5: attempt {fence} was {before}, is {outcome}")),
        }
        let wrong = life.is_untrue(&outcome);
        let is_new = before.as_ref() != Some(&outcome);
        if is_new && outcome == (Outcome::Unknown { reason: UnknownReason::EvidenceDamaged }) {
            *self.met.entry("evidence damaged").or_default() += 1;
        }
        if let (Some(wrong), false) = (wrong, life.tainted) {
            self.complain(format!("I6: attempt {fence} is shown as {outcome}, but {wrong}"));
        }
    }

    /// Answers and effects of everything up to here have left.
    pub fn answered(&mut self, lsn: u64, disk: &FaultyDisk) {
        self.answered = self.answered.max(lsn);
        self.journal_must_be_synced(disk, "I4: an answer leaves");
    }

    /// What leaves now rests on facts.
    pub fn journal_must_be_synced(&mut self, disk: &FaultyDisk, what: &str) {
        let Ok(paths) = disk.read_dir(Path::new(JOURNAL)) else { return };
        let last = paths.iter().rev().find(|path| path.extension().is_some_and(|end| end == "seg"));
        if last.is_some_and(|last| !disk.is_synced(last)) {
            self.complain(format!("{what} before the journal is synced"));
        }
    }

    /// What an agent is told.
    pub fn assigned(&mut self, set: &Assignments, disk: &FaultyDisk) {
        self.journal_must_be_synced(disk, "I4: assignments leave");
        for put in &set.put {
            self.sent.insert(put.fence);
            if self.lives.get(&put.fence).is_none_or(|life| life.run.is_none()) {
                self.complain(format!("I4: {} is put, and was never placed", put.fence));
            }
        }
        for fence in &set.forget {
            let life = self.lives.entry(*fence).or_default();
            life.forgotten = true;
            if life.run.is_some() && !life.closed {
                self.complain(format!("I10: forget {fence} is sent before it is closed"));
            }
        }
    }

    /// The master refused what an honest agent said.
    pub fn refused(&mut self, answer: &Answer) {
        match answer {
            Answer::Refused(windlass_core::Refusal::Hole { fence, want, got }) if !self.has_damaged_record(*fence) => {
                self.complain(format!("I2: line {got} of {fence} came, {want} was due"));
            }
            _ => {}
        }
    }

    // --- logs ---

    /// The master says that bytes are durable.
    pub fn log_acked(&mut self, fence: Fence, step: u32, durable: u64, base: &Path, disk: &FaultyDisk) {
        let before = self.acked.get(&(fence, step)).copied().unwrap_or(0);
        let tainted = self.lives.get(&fence).is_some_and(|life| life.tainted);
        if durable < before && !self.is_damaged(base) && !tainted {
            self.complain(format!("I9: log {step} of {fence} was durable to {before}, now to {durable}"));
        }
        if durable < before && self.is_damaged(base) {
            self.meet("log stored again");
        }
        self.acked.insert((fence, step), durable);
        let quota = self.lives.get(&fence).map_or(0, |life| life.quota_bytes);
        if quota > 0 && durable > quota {
            self.complain(format!("I13: log {step} of {fence} has {durable} bytes, {quota} were allowed"));
        }
        if durable > 0 && disk.synced_len(&LogPaths::of(base).bytes) < durable {
            self.complain(format!("I4: log {step} of {fence} is acknowledged to {durable}, which is not synced"));
        }
    }

    /// The master begins a log anew, because its bytes were proven wrong.
    pub fn begun_anew(&mut self, fence: Fence, step: u32) {
        self.acked.remove(&(fence, step));
        if !self.lives.get(&fence).is_some_and(|life| life.tainted) {
            self.complain(format!("I9: log {step} of {fence} is not what its host says"));
        }
    }

    /// A log is whole: its bytes are those that were written, with explicit gaps.
    pub fn sealed(&mut self, fence: Fence, step: u32, base: &Path, disk: &FaultyDisk, damaged: bool) {
        let sound = self.lives.get(&fence).filter(|life| !life.tainted);
        let Some(real) = sound.and_then(|life| life.written.get(&step)).cloned() else {
            return;
        };
        let changed = self.lives.get(&fence).is_some_and(|life| life.log_damaged);
        match compare(disk, base, &real) {
            Ok(digest) => _ = self.sealed.insert((fence, step), (base.to_owned(), digest)),
            Err(_) if damaged && changed => {}
            Err(why) => self.complain(format!("I9: log {step} of {fence}: {why}")),
        }
    }

    /// What was whole is read as it was, or refused where a bad disk changed it.
    pub fn look_at_sealed(&mut self, disk: &FaultyDisk) {
        for ((fence, step), (base, sealed)) in std::mem::take(&mut self.sealed) {
            match digest(disk, &base) {
                Ok(read) if read == sealed => {}
                Ok(_) => self.complain(format!("I15: log {step} of {fence} is not read as it was sealed")),
                Err(why) if self.is_damaged(&base) && why.is_damage() => self.meet("log not read"),
                Err(why) => self.complain(format!("I15: log {step} of {fence}: {why}")),
            }
        }
    }

    /// Logs of runs with lower numbers may be gone.
    pub fn expired(&mut self, project: &Path, below: u64) {
        let number = |base: &Path| base.strip_prefix(project).ok()?.iter().next()?.to_str()?.parse::<u64>().ok();
        self.sealed.retain(|_, (base, _)| number(base).is_none_or(|number| number >= below));
    }

    // --- people ---

    /// A run was answered 2xx for a key.
    pub fn run_made(&mut self, key: &str, run: &RunId) {
        match self.runs.get(key) {
            Some(known) if known != run => self.complain(format!("I17: key {key} made {known} and {run}")),
            Some(_) => {}
            None => _ = self.runs.insert(key.to_owned(), run.clone()),
        }
    }
}
