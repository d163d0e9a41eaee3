//! The way of an attempt: GO, step after step, the end of what is left, EXIT. Owned by the shim's main thread.

mod leftovers;
mod supervise;

use std::collections::BTreeMap;
use std::path::PathBuf;

use windlass_core::attempt::{LineBody, Next, Stopping, Why, is_over, next_step, outcome_so_far};
use windlass_core::model::{Envelope, Failure, Fence, NotStarted, Outcome, Step, StepOutcome};

use crate::clock;
use crate::error::Error;
use crate::place::Place;
use crate::process::Fuse;
use crate::secrets::Folder;
use crate::spool::Lost;
use crate::start::Parts;
use crate::step::{Ready, Unfit, Workplace, tolerated};
use crate::stop::Stop;
use crate::turn::Turn;
use crate::watch::Asked;

use supervise::Cause;

/// An attempt that this process carries out.
#[derive(Debug)]
pub(crate) struct Attempt {
    envelope: Envelope,
    workplace: Workplace,
    turn: Turn,
    phase: Phase,
    /// Of the first steps, in order.
    outcomes: Vec<StepOutcome>,
}

#[derive(Debug)]
enum Phase {
    /// GO is not written; the fuse burns.
    BeforeGo(Fuse),
    /// GO is on disk.
    Gone(Stop),
}

impl Attempt {
    pub(crate) fn new(dir: PathBuf, fence: Fence, envelope: Envelope, place: Place, parts: Parts) -> Self {
        let Parts { fuse, tree, spool, watch, pipes, secrets } = parts;
        let turn = Turn { spool, pipes, tree, watch, asked: Asked::Nothing, looked_ns: clock::boot_ns() };
        let folder = Folder::new(&place.secrets);
        let workplace = Workplace { dir, fence, place, secrets, folder };
        Self { envelope, workplace, turn, phase: Phase::BeforeGo(fuse), outcomes: Vec::new() }
    }

    /// Carries it out to VOID or EXIT. If the disk fails, what runs is ended and there is neither.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        let lost = match self.walk() {
            Ok(None) => return Ok(()),
            Ok(Some(outcome)) => match self.finish(outcome) {
                Ok(()) => return Ok(()),
                Err(lost) => lost,
            },
            Err(lost) => lost,
        };
        self.end_leftovers();
        Err(lost.into())
    }

    /// All steps. None if it was voided.
    fn walk(&mut self) -> Result<Option<Outcome>, Lost> {
        loop {
            let stopping = self.look_between_steps();
            match next_step(&self.envelope.steps, &self.outcomes, stopping) {
                Next::Run(number) => {
                    let ready = self.prepare(number, stopping);
                    if !self.go(Some(&ready))? {
                        return Ok(None);
                    }
                    self.carry_out(number, ready)?;
                }
                Next::Skip(number) => {
                    if !self.go(None)? {
                        return Ok(None);
                    }
                    self.note(number, StepOutcome::Skipped, BTreeMap::new())?;
                }
                Next::Done(outcome) => return Ok(if self.go(None)? { Some(outcome) } else { None }),
            }
        }
    }

    /// A cancel counts only as long as a step would still run.
    fn look_between_steps(&mut self) -> Stopping {
        let Phase::Gone(stop) = &mut self.phase else { return Stopping::No };
        if !is_over(&self.envelope.steps, &self.outcomes) || stop.stopping() != Stopping::No {
            let now_ms = clock::boot_ms();
            self.turn.look();
            stop.look(now_ms, self.turn.asked, false);
            stop.begin_cleanup(now_ms);
            stop.look(now_ms, self.turn.asked, false);
        }
        stop.stopping()
    }

    fn prepare(&mut self, number: u32, stopping: Stopping) -> Result<Ready, Unfit> {
        let step = step_of(&self.envelope, number);
        let so_far = outcome_so_far(&self.outcomes, stopping);
        self.workplace.prepare(&self.envelope, number, step, &so_far, self.turn.tree.group())
    }

    /// Before anything is executed: writes GO, or VOID and says false. The first child waits at its gate meanwhile.
    fn go(&mut self, first: Option<&Result<Ready, Unfit>>) -> Result<bool, Lost> {
        if let Phase::Gone(_) = self.phase {
            return Ok(true);
        }
        self.turn.look();
        let void = match (self.turn.asked, first) {
            (Asked::Cancel | Asked::Force, _) => Some(Outcome::Cancelled),
            (Asked::Nothing, _) if self.workplace.secrets.is_none() => {
                Some(Outcome::NotStarted { reason: NotStarted::AgentRestart })
            }
            (Asked::Nothing, Some(Err(Unfit::Setup(why)))) => {
                Some(Outcome::NotStarted { reason: NotStarted::SetupFailed(why.clone()) })
            }
            (Asked::Nothing, Some(Err(Unfit::Exec(_)) | Ok(_)) | None) => None,
        };
        // Dropping the fuse disarms it: from here on a slow disk is waited for.
        self.phase = Phase::Gone(Stop::new(&self.envelope, clock::boot_ms()));
        if let Some(outcome) = void {
            self.turn.spool.line(LineBody::Void { outcome })?;
            return Ok(false);
        }
        self.turn.spool.line(LineBody::Go)?;
        self.phase = Phase::Gone(Stop::new(&self.envelope, clock::boot_ms()));
        Ok(true)
    }

    fn carry_out(&mut self, number: u32, ready: Result<Ready, Unfit>) -> Result<(), Lost> {
        let step = step_of(&self.envelope, number).clone();
        if ready.is_ok() {
            self.turn.spool.begin(number);
        }
        self.turn.spool.line(LineBody::StepStarted { step: number })?;
        let (outcome, outputs) = match ready {
            Ok(ready) => self.execute(number, &step, ready),
            Err(Unfit::Exec(why) | Unfit::Setup(why)) => {
                (StepOutcome::Failed { how: Failure::Exec(why) }, BTreeMap::new())
            }
        };
        self.note(number, tolerated(&step, outcome), outputs)
    }

    /// Opens the gate and waits for the end of the step's first process.
    fn execute(&mut self, number: u32, step: &Step, ready: Ready) -> (StepOutcome, BTreeMap<String, String>) {
        let Ready { waiting, stdout, stderr } = ready;
        self.turn.tree.add(waiting.pid);
        let began_ns = clock::boot_ns();
        self.turn.pipes.add(number, began_ns, stdout, stderr);
        let (leader, report) = waiting.release();
        let (ended, cause) = self.supervise(number, step, leader, began_ns);
        let judged = match cause {
            None => self.workplace.judge(number, step, ended, &report, self.turn.pipes.needles()),
            Some(Cause::Job(Why::Cancelled) | Cause::Disk) => (StepOutcome::Cancelled, BTreeMap::new()),
            Some(Cause::Job(Why::TimedOut) | Cause::Clock) => (StepOutcome::TimedOut, BTreeMap::new()),
        };
        self.workplace.clear_output(number);
        judged
    }

    /// Writes down how a step ended.
    fn note(&mut self, step: u32, outcome: StepOutcome, outputs: BTreeMap<String, String>) -> Result<(), Lost> {
        self.outcomes.push(outcome.clone());
        self.turn.spool.line(LineBody::StepEnded { step, outcome, outputs })
    }

    /// The job is over: the tree is emptied, the logs are sealed, EXIT is written.
    fn finish(&mut self, outcome: Outcome) -> Result<(), Lost> {
        self.end_leftovers();
        self.turn.tree.remove_group();
        self.turn.empty_pipes();
        // Best effort: what is left goes with the attempt's directory.
        _ = std::fs::remove_dir_all(self.workplace.tmp());
        let logs = self.turn.spool.seal()?;
        self.turn.look();
        let was_stopped = matches!(&self.phase, Phase::Gone(stop) if stop.why().is_some());
        let cancel_too_late = self.turn.asked != Asked::Nothing && !was_stopped;
        self.turn.spool.line(LineBody::Exit { outcome, logs, cancel_too_late })
    }
}

/// `next_step` names only steps that exist.
fn step_of(envelope: &Envelope, number: u32) -> &Step {
    let at = usize::try_from(number).expect("it is 32 bits") - 1;
    &envelope.steps[at]
}
