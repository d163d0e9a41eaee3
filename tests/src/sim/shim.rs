//! The shim: shipped lines, logs, next step, stop and ladder, with a loop that plays processes, pipes and the clock.

mod ending;
mod pipes;

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_agent::attempts::AttemptDir;
use windlass_core::attempt::ladder::LEFTOVER_GRACE;
use windlass_core::attempt::{Ladder, Line, LineBody, LogEnd, Next, Rung, Stopping, Why, is_over, next_step};
use windlass_core::mask::{Masker, Needles};
use windlass_core::model::{Duration, Envelope, Fence, Outcome, StepOutcome};
use windlass_disk::record::{RecordWriter, WriteError};
use windlass_disk::{Disk, DiskFile, FaultyDisk};
use windlass_shim::parts::{Asked, Quota, StepLog, Stop, accepted, tolerated};

use super::host::{Clocks, MS, SECOND};
use super::model::Model;
use super::process::{Process, ProcessDisk};
use super::steps::{Script, Tree};
use ending::{climb, judge, step_of};
use pipes::{finish, read};

/// A kernel timer ends a shim that has not written GO by then.
const FUSE_NS: u64 = 30 * SECOND;
/// Between two tries on a full disk.
const FULL_DISK_NS: u64 = 10 * SECOND;

/// A running shim.
pub struct Shim {
    /// Its life.
    pub process: Process,
    fence: Fence,
    dir: AttemptDir,
    disk: ProcessDisk,
    clocks: Clocks,
    born_ns: u64,
    synced_ns: u64,
    next_index: u32,
    asked: Asked,
    phase: Phase,
    job: Option<Job>,
    needles: Arc<Needles>,
}

/// What it carries out.
struct Job {
    envelope: Envelope,
    record: RecordWriter,
    stop: Stop,
    outcomes: Vec<StepOutcome>,
    logs: Vec<Option<StepLog>>,
    quota: Quota,
}

enum Phase {
    Start(Option<Box<dyn DiskFile>>),
    Go,
    Void(Outcome),
    Next,
    Begin(u32),
    Running(Running),
    StepOver(u32, StepOutcome),
    Leftovers(Outcome, Option<Ladder>),
    Exit(Outcome),
    Over,
}

struct Running {
    step: u32,
    began_ns: u64,
    began_boot_ms: u64,
    script: Script,
    written: usize,
    maskers: Box<[Masker; 2]>,
    ending: Option<(Ladder, Option<Why>)>,
}

/// What a turn of its loop says.
enum Flow {
    On,
    Wait(u64),
    Over,
}

/// The disk failed, or the process died.
struct Lost;

/// What a shim sees of the world.
pub struct Around<'a> {
    /// True time.
    pub now: u64,
    /// Of the whole run.
    pub seed: u64,
    /// Its processes.
    pub tree: &'a mut Tree,
    /// Who counts.
    pub model: &'a mut Model,
    /// The disk of its host.
    pub disk: &'a FaultyDisk,
}

impl Shim {
    /// Spawned by the agent with the locked record.
    pub fn new(
        process: Process,
        (fence, dir): (Fence, AttemptDir),
        disk: ProcessDisk,
        clocks: Clocks,
        record: Box<dyn DiskFile>,
        needles: Arc<Needles>,
    ) -> Self {
        let born_ns = clocks.boot_ns();
        let phase = Phase::Start(Some(record));
        Self {
            process,
            fence,
            dir,
            disk,
            clocks,
            born_ns,
            synced_ns: born_ns,
            next_index: 2,
            asked: Asked::Nothing,
            phase,
            job: None,
            needles,
        }
    }

    /// Goes on until it must wait; says for how long, or none if it has left.
    pub fn go_on(&mut self, around: &mut Around<'_>) -> Option<u64> {
        self.look();
        loop {
            if !self.process.is_alive() {
                return None;
            }
            match self.turn(around) {
                Ok(Flow::On) => {}
                Ok(Flow::Wait(ns)) => return Some(ns.clamp(MS, SECOND)),
                Ok(Flow::Over) => return None,
                Err(Lost) => {
                    // What runs is ended, and there is neither VOID nor EXIT.
                    if self.process.is_alive() {
                        around.tree.kill(around.now, None);
                    }
                    return None;
                }
            }
        }
    }

    fn look(&mut self) {
        let there = |path: std::path::PathBuf| self.disk.exists(&path).unwrap_or(false);
        let asked = if there(self.dir.cancel_force()) {
            Asked::Force
        } else if there(self.dir.cancel()) {
            Asked::Cancel
        } else {
            Asked::Nothing
        };
        self.asked = self.asked.max(asked);
    }

    fn turn(&mut self, around: &mut Around<'_>) -> Result<Flow, Lost> {
        self.sync_logs()?;
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Start(record) => self.start(record),
            Phase::Go => self.line(LineBody::Go, Phase::Go, Phase::Next),
            Phase::Void(outcome) => {
                self.line(LineBody::Void { outcome: outcome.clone() }, Phase::Void(outcome), Phase::Over)
            }
            Phase::Next => self.next(around),
            Phase::Begin(step) => self.begin(step, around),
            Phase::Running(running) => self.run(running, around),
            Phase::StepOver(step, outcome) => self.step_over(step, outcome),
            Phase::Leftovers(outcome, ladder) => self.leftovers(outcome, ladder, around),
            Phase::Exit(outcome) => self.exit(outcome, around),
            Phase::Over => Ok(Flow::Over),
        }
    }

    fn start(&mut self, record: Option<Box<dyn DiskFile>>) -> Result<Flow, Lost> {
        let Some(record) = record else { return Ok(Flow::Over) };
        if self.clocks.boot_ns() >= self.born_ns + FUSE_NS {
            self.process.kill();
            return Ok(Flow::Over);
        }
        let (_, envelope) = accepted(&*record).map_err(|_| Lost)?;
        let record = RecordWriter::new(record).map_err(|_| Lost)?;
        let steps = envelope.steps.len();
        let stop = Stop::new(&envelope, self.clocks.boot_ns() / MS);
        let quota = Quota::of(envelope.log_quota_bytes, steps);
        let logs = (0..steps).map(|_| None).collect();
        self.job = Some(Job { envelope, record, stop, outcomes: Vec::new(), logs, quota });
        self.phase = match self.asked {
            Asked::Nothing => Phase::Go,
            Asked::Cancel | Asked::Force => Phase::Void(Outcome::Cancelled),
        };
        Ok(Flow::On)
    }

    /// Appends a line; on a full disk it is tried again.
    fn line(&mut self, body: LineBody, again: Phase, then: Phase) -> Result<Flow, Lost> {
        let now_ns = self.clocks.boot_ns();
        let (index, wall_ms) = (self.next_index, self.clocks.wall_ms());
        let Some(job) = &mut self.job else { return Err(Lost) };
        let is_go = body == LineBody::Go;
        let line = Line { format: 1, index, boottime_ns: now_ns, wall_ms, body };
        let payload = serde_json::to_vec(&line).map_err(|_| Lost)?;
        match job.record.append(&payload) {
            Ok(()) => {
                self.next_index += 1;
                if is_go {
                    job.stop = Stop::new(&job.envelope, now_ns / MS);
                }
                self.phase = then;
                Ok(Flow::On)
            }
            Err(WriteError::Disk(error)) if error.is_no_space() => {
                self.phase = again;
                Ok(Flow::Wait(FULL_DISK_NS))
            }
            Err(_) => Err(Lost),
        }
    }

    fn next(&mut self, around: &mut Around<'_>) -> Result<Flow, Lost> {
        let now_ms = self.clocks.boot_ns() / MS;
        let asked = self.asked;
        let Some(job) = &mut self.job else { return Err(Lost) };
        if !is_over(&job.envelope.steps, &job.outcomes) || job.stop.stopping() != Stopping::No {
            job.stop.look(now_ms, asked, false);
            job.stop.begin_cleanup(now_ms);
            job.stop.look(now_ms, asked, false);
        }
        self.phase = match next_step(&job.envelope.steps, &job.outcomes, job.stop.stopping()) {
            Next::Run(step) => Phase::Begin(step),
            Next::Skip(step) => Phase::StepOver(step, StepOutcome::Skipped),
            Next::Done(outcome) => {
                around.tree.pass(around.now);
                Phase::Leftovers(outcome, None)
            }
        };
        Ok(Flow::On)
    }

    fn begin(&mut self, step: u32, around: &mut Around<'_>) -> Result<Flow, Lost> {
        let base = self.dir.log(step);
        let Some(job) = &mut self.job else { return Err(Lost) };
        let place = job.logs.get_mut(step as usize - 1).ok_or(Lost)?;
        if place.is_none() {
            *place = Some(StepLog::begin(&self.disk, base).map_err(|_| Lost)?);
        }
        let script = Script::of(around.seed, self.fence, step);
        let began_boot_ms = self.clocks.boot_ns() / MS;
        let maskers = Box::new([(); 2].map(|()| Masker::new(Arc::clone(&self.needles))));
        let running = Running { step, began_ns: around.now, began_boot_ms, script, written: 0, maskers, ending: None };
        let flow = self.line(LineBody::StepStarted { step }, Phase::Begin(step), Phase::Running(running))?;
        if let (Flow::On, true) = (&flow, self.process.is_alive()) {
            around.model.runs(self.fence, &self.dir, around.disk);
            around.model.exec(self.fence, step);
            around.tree.exec(step, around.now, Script::of(around.seed, self.fence, step));
        }
        Ok(flow)
    }

    fn run(&mut self, mut running: Running, around: &mut Around<'_>) -> Result<Flow, Lost> {
        let now_ms = self.clocks.boot_ns() / MS;
        let asked = self.asked;
        let step = running.step;
        let ended = around.tree.pass(around.now).filter(|(of, ..)| *of == step);
        let until = ended.map_or(around.now, |(_, at, _)| at);
        let Some(job) = &mut self.job else { return Err(Lost) };
        read(job, &mut running, self.fence, until, around.model)?;
        if ended.is_some() {
            finish(job, &mut running, self.fence, until, around.model)?;
        }
        let plan = step_of(&job.envelope, step);
        if let Some((_, _, end)) = ended {
            let outcome = match &running.ending {
                None => tolerated(plan, judge(end)),
                Some((_, Some(Why::Cancelled))) => StepOutcome::Cancelled,
                Some((_, Some(Why::TimedOut) | None)) => tolerated(plan, StepOutcome::TimedOut),
            };
            around.model.step_ended(self.fence, step, end, running.ending.is_some());
            self.phase = Phase::StepOver(step, outcome);
            return Ok(Flow::On);
        }
        let clock_ms = if plan.timeout.ms() == 0 { u64::MAX } else { running.began_boot_ms + plan.timeout.ms() };
        let news = job.stop.look(now_ms, asked, false);
        let wanted = match (news, job.stop.why()) {
            (Some(grace), Some(why)) => Some((Some(why), grace)),
            (Some(_) | None, _) => (now_ms >= clock_ms).then_some((None, job.envelope.grace)),
        };
        climb(&mut running, wanted, now_ms, around);
        let wait = around.tree.leader_ends_ns(step).map_or(SECOND, |at| at.saturating_sub(around.now));
        let next_write = running.script.writes.get(running.written).map(|(at, _)| running.began_ns + at);
        let wait = wait.min(next_write.map_or(SECOND, |at| at.saturating_sub(around.now)));
        self.phase = Phase::Running(running);
        Ok(Flow::Wait(wait))
    }

    fn step_over(&mut self, step: u32, outcome: StepOutcome) -> Result<Flow, Lost> {
        let Some(job) = &mut self.job else { return Err(Lost) };
        if let Some(Some(log)) = job.logs.get_mut(step as usize - 1)
            && !log.finish(&self.disk, 0).map_err(|_| Lost)?
        {
            self.phase = Phase::StepOver(step, outcome);
            return Ok(Flow::Wait(FULL_DISK_NS));
        }
        let body = LineBody::StepEnded { step, outcome: outcome.clone(), outputs: BTreeMap::new() };
        let flow = self.line(body, Phase::StepOver(step, outcome.clone()), Phase::Next)?;
        if let (Flow::On, Some(job)) = (&flow, &mut self.job) {
            job.outcomes.push(outcome);
        }
        Ok(flow)
    }

    fn leftovers(&mut self, outcome: Outcome, ladder: Option<Ladder>, around: &mut Around<'_>) -> Result<Flow, Lost> {
        around.tree.pass(around.now);
        if around.tree.living() == 0 {
            self.phase = Phase::Exit(outcome);
            return Ok(Flow::On);
        }
        let now_ms = self.clocks.boot_ns() / MS;
        let forced = self.asked == Asked::Force;
        let grace = if forced { Duration::from_ms(0) } else { LEFTOVER_GRACE };
        let (mut ladder, mut due) = match ladder {
            None => {
                let (ladder, first) = Ladder::start(now_ms, grace);
                (ladder, Some(first))
            }
            Some(mut ladder) => {
                let due = ladder.hasten(now_ms, grace);
                (ladder, due)
            }
        };
        let mut stuck = false;
        while let Some(rung) = due {
            match rung {
                Rung::Term => around.tree.term(around.now, None),
                Rung::Kill => around.tree.kill(around.now, None),
                Rung::Stuck => stuck = true,
            }
            due = ladder.due(now_ms);
        }
        let phase = Phase::Leftovers(outcome.clone(), Some(ladder));
        if stuck {
            let survivors = u32::try_from(around.tree.living()).unwrap_or(1);
            let body = LineBody::Stuck { survivors, at: "the simulated host".to_owned() };
            return self.line(body, Phase::Leftovers(outcome, Some(ladder)), phase);
        }
        self.phase = phase;
        let wait = around.tree.next_end_ns().map_or(SECOND, |at| at.saturating_sub(around.now));
        Ok(Flow::Wait(wait.min(ladder.deadline_ms().saturating_sub(now_ms) * MS)))
    }

    fn exit(&mut self, outcome: Outcome, around: &mut Around<'_>) -> Result<Flow, Lost> {
        let Some(job) = &mut self.job else { return Err(Lost) };
        let mut logs: Vec<Option<LogEnd>> = Vec::new();
        for log in &mut job.logs {
            match log {
                None => logs.push(None),
                Some(log) => {
                    log.sync().map_err(|_| Lost)?;
                    logs.push(log.end().map_err(|_| Lost)?);
                }
            }
        }
        let was_stopped = job.stop.why().is_some();
        let cancel_too_late = self.asked != Asked::Nothing && !was_stopped;
        around.model.exits(self.fence, &outcome, around.tree.living());
        let body = LineBody::Exit { outcome: outcome.clone(), logs, cancel_too_late };
        self.line(body, Phase::Exit(outcome), Phase::Over)
    }

    /// Log bytes are unsynced for a second at most.
    fn sync_logs(&mut self) -> Result<(), Lost> {
        let now = self.clocks.boot_ns();
        let Some(job) = &mut self.job else { return Ok(()) };
        if now < self.synced_ns + SECOND {
            return Ok(());
        }
        self.synced_ns = now;
        job.logs.iter_mut().flatten().try_for_each(|log| log.sync().map_err(|_| Lost))
    }
}
